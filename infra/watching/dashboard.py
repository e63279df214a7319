"""The dashboard: jobs, faults, the API, the table, the queue and the workers, one picture each."""

import json
from collections.abc import Mapping, Sequence

from infra.watching.signals import QUEUE

WIDTH, HEIGHT = 12, 6
FAULTS = (
    "JobsFailed",
    "JobsTakenOver",
    "WritesRefused",
    "JobsExhausted",
    "AwsFailures",
    "CircuitsOpened",
    "Unexpected",
)

Dimensions = Mapping[str, str]


def body(
    *, title: str, region: str, namespace: str, table: str, api: Dimensions, worker: Dimensions | None, runner: bool
) -> str:
    """As CloudWatch takes it. `runner`: the API's metrics are App Runner's, else those of ECS."""
    ours = [[namespace, name] for name in ("JobsAccepted", "JobsClaimed", "JobsSucceeded")]
    throttles = ("ReadThrottleEvents", "WriteThrottleEvents", "ConsumedWriteCapacityUnits")
    pictures = [
        ("Jobs", ours, "Sum"),
        ("Faults", [[namespace, name] for name in FAULTS], "Sum"),
        ("API", _api(namespace, api, runner=runner), "Sum" if runner else "Average"),
        ("Table", [["AWS/DynamoDB", name, "TableName", table] for name in throttles], "Sum"),
        ("Queue", [[namespace, signal.name] for signal in QUEUE], "Maximum"),
    ]
    if worker:
        pictures.append(("Workers", _of("AWS/ECS", ("CPUUtilization", "MemoryUtilization"), worker), "Average"))
    widgets = [_text(title)]
    for index, (name, metrics, statistic) in enumerate(pictures):
        widgets.append({
            "type": "metric",
            "x": WIDTH * (index % 2),
            "y": 2 + HEIGHT * (index // 2),
            "width": WIDTH,
            "height": HEIGHT,
            "properties": {
                "title": name,
                "region": region,
                "metrics": metrics,
                "stat": statistic,
                "period": 300,
                "view": "timeSeries",
            },
        })  # fmt: skip
    return json.dumps({"widgets": widgets}, sort_keys=True)


def _text(title: str) -> dict[str, object]:
    return {"type": "text", "x": 0, "y": 0, "width": 2 * WIDTH, "height": 2, "properties": {"markdown": title}}


def _api(namespace: str, dimensions: Dimensions, *, runner: bool) -> Sequence[Sequence[str]]:
    if runner:
        names = ("Requests", "4xxStatusResponses", "5xxStatusResponses", "ActiveInstances")
        return _of("AWS/AppRunner", names, dimensions)
    return [*_of("AWS/ECS", ("CPUUtilization", "MemoryUtilization"), dimensions), [namespace, "ServerErrors"]]


def _of(namespace: str, names: Sequence[str], dimensions: Dimensions) -> Sequence[Sequence[str]]:
    flat = [part for pair in sorted(dimensions.items()) for part in pair]
    return [[namespace, name, *flat] for name in names]


def link(region: str, name: str) -> str:
    """Where a browser sees it."""
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard/{name}"
