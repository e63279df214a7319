"""
Which events of the service's log are counted, as metrics of their own, and which of these start workers.

The service writes a JSON object a line, its name in `event` (service/telemetry; a test holds the names and fields to
that file). A filter without a default value costs nothing until its event happens; those of `QUEUE` always do.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signal:
    """A metric: how often this event was said, or what `value`, a field of it, was. `only` is a further condition."""

    metric: str
    event: str
    says: frozenset[str]  # which of api and worker say it
    value: str | None = None
    only: str = ""

    @property
    def pattern(self) -> str:
        """As CloudWatch Logs filters."""
        condition = f'$.event = "{self.event}"'
        return f"{{ ({condition}) && ({self.only}) }}" if self.only else f"{{ {condition} }}"

    @property
    def amount(self) -> str:
        """What a line adds to the metric."""
        return "1" if self.value is None else f"$.{self.value}"


API, WORKER = frozenset({"api"}), frozenset({"worker"})
BOTH = API | WORKER

COUNTS: tuple[Signal, ...] = (
    Signal("JobsAccepted", "job.accepted", API),
    Signal("JobsClaimed", "job.claimed", WORKER),
    Signal("JobsSucceeded", "job.succeeded", WORKER),
    Signal("JobsFailed", "job.failed", WORKER),
    Signal("JobsTakenOver", "job.taken_over", WORKER),
    Signal("JobsExhausted", "job.exhausted", WORKER),
    Signal("WritesRefused", "job.lost", WORKER),
    Signal("ServerErrors", "request.done", API, only="$.status >= 500"),
    Signal("AwsFailures", "aws.failure", BOTH),
    Signal("CircuitsOpened", "circuit.opened", BOTH),
    Signal("Unexpected", "service.unexpected", BOTH),
    Signal("CannotStart", "service.problem", BOTH),
)

QUEUE_EVENT = "queue.depth"
QUEUE: tuple[Signal, ...] = (
    Signal("QueuedJobs", QUEUE_EVENT, WORKER, value="queued"),
    Signal("RunningJobs", QUEUE_EVENT, WORKER, value="running"),
    Signal("QueueAgeSeconds", QUEUE_EVENT, WORKER, value="oldest_seconds"),
)
"""
Numbers of the whole service, once a minute from each process that converts: the same ones, so their statistic is the
maximum, and a sum would count each job as often as there are processes.
"""

SIGNALS: tuple[Signal, ...] = (*COUNTS, *QUEUE)


@dataclass(frozen=True, slots=True)
class Trigger:
    """
    `metric` above `threshold` starts workers.

    `steps`: from how far above the threshold, to how far, so many more; the last one has no end.
    """

    name: str
    metric: str
    threshold: float
    steps: Sequence[tuple[float, float | None, int]]


TRIGGERS = (
    Trigger("length", "QueuedJobs", 0, ((0, 10, 1), (10, None, 4))),
    Trigger("age", "QueueAgeSeconds", 60, ((0, 240, 1), (240, None, 4))),
)
