"""
How long to wait before a repetition: one formula, and every place that uses it by name.

    delay(n) = full * (1 - jitter + jitter * draw),    full = min(cap, first * factor ** (n - 1))

This is the capped exponential backoff of the AWS Architecture Blog ("Exponential Backoff And Jitter", 2015): `jitter` 1
is its "full jitter", 0.5 its "equal jitter", 0 none at all. Jitter keeps processes that were refused together from
coming back together. It is left out where one process talks to a connection of its own, and where the request takes
longer than the pause.

How often something is repeated is not decided here: that depends on what bounds it (a count, a lease, nothing).
"""

from dataclasses import dataclass

MAX_EXPONENT = 64  # far beyond any cap below; without it the power overflows a float after 1,024 doublings


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """
    Delays that grow from `first` to `cap` (seconds), multiplied by `factor` each time.

    `jitter` is the share of each delay that is left to chance, from 0 to 1.
    """

    first: float
    factor: float = 2.0
    cap: float
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.first <= self.cap and 1 <= self.factor <= 10 and 0 <= self.jitter <= 1):
            raise ValueError("Backoff needs 0 <= first <= cap, 1 <= factor <= 10 and 0 <= jitter <= 1")

    def delay(self, attempt: int, draw: float = 0.0) -> float:
        """
        Return the seconds to wait after the `attempt`-th failure, counted from 1; `draw` is uniform in [0, 1).

        No count overflows.
        """
        full = min(self.cap, self.first * self.factor ** min(max(attempt, 1) - 1, MAX_EXPONENT))
        return full * (1 - self.jitter + self.jitter * draw)


# A job that is given back after a fault. Long enough that a storage in trouble is not asked by every job at once; short
# enough that `MAX_STORE_FAULTS` of them are about a quarter of an hour. No job is ever due later than `cap` from now.
JOB_FAULT = Backoff(first=0.5, cap=60.0, jitter=0.5)

# The worker's search for work, after a failure of the store. The cap is how late a worker can be when it is over.
WORKER_SCAN = Backoff(first=0.5, cap=5.0, jitter=0.5)

# A renewal of the lease: constant and short, because trust runs out in seconds, and each try may be the one in time.
LEASE_RENEWAL = Backoff(first=0.25, factor=1.0, cap=0.25)

# The record of an outcome, while the lease lasts: constant and short for the same reason.
OUTCOME_RECORD = Backoff(first=0.1, factor=1.0, cap=0.1)

# DynamoDB: what was throttled or met another transaction, beyond what botocore repeats itself.
DYNAMODB_CALL = Backoff(first=0.1, cap=12.0, jitter=0.5)

# A GetObject that broke in the middle: a dropped connection is replaced at once, an S3 in trouble gets seconds.
S3_READ = Backoff(first=0.1, cap=5.0)

# CompleteMultipartUpload: 0.2, 0.5 and 1 second, after about as many repetitions as botocore would make.
S3_COMPLETION = Backoff(first=0.2, factor=2.5, cap=1.0)

# The connection that shows others that this worker lives: they wait for a quarter of a second before they believe that
# it does not, so that the first tries follow at once. The cap is how late it is back after an outage.
REDIS_PRESENCE = Backoff(first=0.01, cap=1.0)

# The connection that listens for wake-ups. While it is away a worker polls, so that being late costs little.
REDIS_LISTENER = Backoff(first=0.5, cap=2.0)
