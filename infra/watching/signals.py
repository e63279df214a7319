"""
Which events of the service's log are counted, as metrics of their own.

The service writes a JSON object a line, its name in `event` (service/telemetry; a test holds the names and fields to
that file). A filter without a default value costs nothing until its event happens.
"""

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

SIGNALS: tuple[Signal, ...] = (
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

QUEUE_EVENT = "queue.reading"
"""
The event that would tell how much waits, with `queued` and `running` (jobs of the whole service) and `oldest_seconds`
(how long the oldest of those that are due has waited; 0 if none is), once a minute, from each API process.

The service does not say it yet. Until it does, and `QUEUE_IS_SAID` says so, there is no metric of the queue's length or
age: `JobsAccepted` without `JobsClaimed` is the alarm, and CPU is what the workers are scaled on. A test holds the
two together.
"""
QUEUE_IS_SAID = False

QUEUE: tuple[Signal, ...] = (
    Signal("QueuedJobs", QUEUE_EVENT, API, value="queued"),
    Signal("RunningJobs", QUEUE_EVENT, API, value="running"),
    Signal("QueueAgeSeconds", QUEUE_EVENT, API, value="oldest_seconds"),
)


def signals(*, queue: bool = QUEUE_IS_SAID) -> tuple[Signal, ...]:
    """All that are counted."""
    return (*SIGNALS, *QUEUE) if queue else SIGNALS
