"""
Metrics for CloudWatch in the lines of the log themselves: its embedded metric format (EMF), which needs no agent.

The line of an event that is counted says so in `_aws`, and CloudWatch Logs makes metrics of it as it arrives. A count
that comes with its event is lost by no kill, wants no timer, and stays in the log as its own proof. What is counted is
``service/metrics.json``, a data file because alarms, scaling and dashboard of the infrastructure program rest on the
same names, and the two programs may not import each other.
"""

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).resolve().parents[1] / "metrics.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedMetric:
    """How often an event happens, or what `value`, a field of it, is; only where each field is `at_least` so much."""

    name: str
    event: str
    value: str | None = None
    at_least: Mapping[str, float] = field(default_factory=dict)
    unit: str = "Count"

    def of(self, fields: Mapping[str, Any]) -> float | None:
        """Return the value of one event with these fields; None if it does not count."""
        if any(not _number(fields.get(name), least) for name, least in self.at_least.items()):
            return None
        found = 1.0 if self.value is None else fields.get(self.value)
        return found if _number(found, float("-inf")) else None


METRICS: Final = tuple(
    EmbeddedMetric(**entry) for entry in json.loads(FILE.read_text(encoding="utf-8"))["metrics"]
)  # of the service, in the order of the file


class MetricsInLines:
    """A processor of structlog, between those that add fields and the renderer."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._of: dict[str, list[EmbeddedMetric]] = {}
        for metric in METRICS:
            self._of.setdefault(metric.event, []).append(metric)

    def __call__(self, _: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Add the metrics of this event, if it has any."""
        found = [(metric, metric.of(event)) for metric in self._of.get(event["event"], ())]
        counted = [metric for metric, value in found if value is not None]
        if counted:
            event.update({metric.name: value for metric, value in found if value is not None})
            event["_aws"] = {
                "Timestamp": int(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": self._namespace,
                        "Dimensions": [[]],
                        "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in counted],
                    }
                ],
            }
        return event


def _number(value: object, least: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= least
