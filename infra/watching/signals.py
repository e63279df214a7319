"""
Which metrics the service's log carries, and which of these start workers.

The service writes them into its lines (`service/telemetry/embedded_metrics.py`), and CloudWatch Logs takes them out:
no filter, no agent and no permission is wanted. Their names are in ``service/metrics.json``, which it reads too. A
count costs nothing until its event happens; those of `QUEUE` always do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.facts import METRICS, ServiceMetric


def namespace(stack: str) -> str:
    """Return the namespace of a stack's metrics; they have no dimensions."""
    return f"Reprise/{stack}"


SIGNALS: tuple[ServiceMetric, ...] = METRICS
QUEUE: tuple[ServiceMetric, ...] = tuple(it for it in METRICS if it.value is not None)
"""
Numbers of the whole service, once a minute from each process that converts: the same ones, so their statistic is the
maximum, and a sum would count each job as often as there are processes.
"""


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
