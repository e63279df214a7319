"""What the service says about itself as data: `resources.json`, `permissions.json` and `metrics.json` of `service`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE = Path(__file__).resolve().parents[1] / "service"

RESOURCES: Mapping[str, Any] = json.loads((SERVICE / "resources.json").read_text(encoding="utf-8"))
TABLE: Mapping[str, Any] = RESOURCES["table"]["definition"]
TIME_TO_LIVE: Mapping[str, Any] = RESOURCES["table"]["time_to_live"]
BUCKET: Mapping[str, Any] = RESOURCES["bucket"]
(INDEX,) = TABLE["GlobalSecondaryIndexes"]


@dataclass(frozen=True, slots=True)
class Permission:
    """An action that the service takes on a kind of resource, and the roles that take it. `when` is a condition."""

    action: str
    resource: str
    roles: frozenset[str]
    when: str | None


PERMISSIONS: tuple[Permission, ...] = tuple(
    Permission(row["action"], row["resource"], frozenset(row["roles"]), row.get("when"))
    for row in json.loads((SERVICE / "permissions.json").read_text(encoding="utf-8"))["actions"]
)


@dataclass(frozen=True, slots=True)
class ServiceMetric:
    """A metric that the service's log carries: how often `event` was, or what `value`, a field of it, was."""

    name: str
    event: str
    value: str | None


METRICS: tuple[ServiceMetric, ...] = tuple(
    ServiceMetric(row["name"], row["event"], row.get("value"))
    for row in json.loads((SERVICE / "metrics.json").read_text(encoding="utf-8"))["metrics"]
)
