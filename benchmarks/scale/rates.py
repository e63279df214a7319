"""
How often workers die in life, and where that was read; and how the scenes make enough of it happen to measure.

At these rates 1,000 workers lose one in ten hours, so that no scene of minutes would see any. The scene `faults`
therefore lets happen in its minutes what happens to its workers in a month, and at least `ENOUGH` of each kind. What a
death costs is added to the bill at the real rate.
"""

from dataclasses import dataclass

MONTH = 730.0  # hours
ENOUGH = 20


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of 1,000 workers end in this way in a month."""

    name: str
    of_thousand: float
    source: str

    def in_month(self, workers: int) -> float:
        """Return how many of so many workers end in this way in a month."""
        return self.of_thousand * workers / 1000

    def played(self, workers: int) -> int:
        """Return how many end in the scene."""
        return max(ENOUGH, round(self.in_month(workers)))


# Without a warning. "In each cluster's first year, it's typical that 1,000 individual machine failures will occur", of
# the 1,800 servers of a cluster: 0.56 a machine and year.
KILLED = Rate(
    "killed",
    1000 * 1000 / 1800 / 12,
    "Jeff Dean at Google I/O 2008, as Data Center Knowledge reported on 30 May 2008 (“Failure Rates in Google Data "
    "Centers”): 1,000 machine failures in the first year of a cluster of 1,800 servers",
)
# With SIGTERM before. Fargate Spot has no figure of its own.
STOPPED = Rate(
    "stopped",
    50.0,
    "AWS, Spot Instance Advisor: the average frequency of interruption across all regions and instance types is below "
    "5 % a month; 5 % is taken, and deployments come on top",
)
RATES = (KILLED, STOPPED)
