"""
Numbers for Prometheus: counters that follow from the events, and gauges that are read at each scrape.

The only module that imports prometheus_client. What is counted stands in `counters`; what is read is handed in as
`Readings`. Each `EventMetrics` has a registry of its own: nothing is global. The document names no tenant, id, file or
address.
"""

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from service.core.limits.capacity import Load, WorkerStatus
from service.telemetry.counters import COUNTERS, Counted
from service.telemetry.events import Event
from service.telemetry.logging import subscribe

__all__ = [
    "CONTENT_TYPE_LATEST",
    "GAUGES",
    "EventMetrics",
    "Readings",
    "RequestFamilies",
]

HTTP, APP = "reprise_http", "reprise"
SECONDS: tuple[float, ...] = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, math.inf)
BOUNDS = tuple(map(floatToGoString, SECONDS))  # as Prometheus writes them
MAX_ZEROS = 32  # series of a counter that are shown as 0 before anything was counted: the first event is an increase

CIRCUIT_STATES = ("closed", "half-open", "open")
RESOURCES = ("memory", "disk", "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """How things are at this moment. None is what is not known, or does not exist in this process; it is left out."""

    version: str
    circuits: Mapping[str, str]  # backing service → closed, open or half-open
    redis_degraded: bool
    confined: Mapping[str, bool]  # what can confine ffmpeg → whether it does
    worker: WorkerStatus | None  # None: this process does not convert
    load: Load
    uploads: int | None  # being received by this process; None: it receives none
    max_uploads: int | None
    queued: int | None  # of the whole service
    running: int | None
    max_queued: int


class EventMetrics:
    """The counters of one application, and its document. `note` may be called on any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counting: dict[Event, list[tuple[Counted, Counter]]] = {}
        for counted in COUNTERS:
            counter = Counter(counted.name, counted.about, tuple(counted.labels), registry=self.registry)
            _show_zeros(counter, counted.labels)
            for event in counted.events:
                self._counting.setdefault(event, []).append((counted, counter))
        ProcessCollector(registry=self.registry)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what is emitted meanwhile."""
        with subscribe(self.note, self._counting):
            yield

    def note(self, event: Event, fields: Mapping[str, object]) -> None:
        """Count an event."""
        for counted, counter in self._counting.get(event, ()):
            if counted.counts(fields):
                labels = counted.values(event, fields)
                (counter.labels(*labels) if labels else counter).inc(counted.amount(fields))

    def document(self, readings: Readings) -> bytes:
        """Return counters and gauges in Prometheus' text format; its type is `CONTENT_TYPE_LATEST`."""
        return generate_latest(_Families((*map(_without_times, self.registry.collect()), *_gauges(readings))))


class RequestFamilies(Collector):
    """
    What is measured of requests. Those for addresses that do not exist are `reprise_problems_total` alone.

    Plain numbers until a scrape, all on the thread of the event loop: series of prometheus_client take a lock for each
    of five numbers, which a poll would pay for.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._running: dict[tuple[str, str], int] = {}
        # By method, path and status: how many took up to each of `SECONDS`, and all of their seconds.
        self._ended: dict[tuple[str, str, int], tuple[list[int], list[float]]] = {}
        registry.register(self)

    def begun(self, method: str, path: str) -> None:
        """Note that a request is being answered."""
        self._running[method, path] = self._running.get((method, path), 0) + 1

    def ended(self, method: str, path: str, status: int, seconds: float) -> None:
        """Note that it was answered, and how long that took."""
        self._running[method, path] -= 1
        if (found := self._ended.get((method, path, status))) is None:
            found = self._ended[method, path, status] = [0] * len(SECONDS), [0.0]
        found[0][bisect_left(SECONDS, seconds)] += 1
        found[1][0] += seconds

    def collect(self) -> Iterable[Metric]:
        """Make families of all that is known."""
        labels = ("method", "path", "status_code", "app_name")
        count = CounterMetricFamily(f"{HTTP}_requests", "Requests, by the template of their route.", labels=labels)
        time = HistogramMetricFamily(f"{HTTP}_request_duration_seconds", "Until the last byte.", labels=labels)
        running = GaugeMetricFamily(
            f"{HTTP}_requests_in_progress", "Requests being answered (status unknown).", labels=labels
        )
        errors = CounterMetricFamily(f"{HTTP}_requests_error", "Answers of 500 and above.", labels=labels)
        for (method, path, status), (counts, total) in self._ended.items():
            values = (method, path, str(status), APP)
            upto = [*itertools.accumulate(counts)]
            count.add_metric(values, upto[-1])
            time.add_metric(values, [*zip(BOUNDS, upto, strict=True)], total[0])
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                errors.add_metric(values, upto[-1])
        for (method, path), now in self._running.items():
            running.add_metric((method, path, str(int(HTTPStatus.OK)), APP), now)
        return [count, time, running, errors]


# ── gauges ───────────────────────────────────────────────────────────────────────────────────────────────────────

Samples = Iterable[tuple[tuple[str, ...], float | None]]

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "reprise_info": ("1, with the version.", ("version",)),
    "reprise_circuit_state": ("1 for the state that the circuit of a service is in.", ("service", "state")),
    "reprise_redis_degraded": ("1 while progress comes from DynamoDB because Redis is away, or was never there.", ()),
    "reprise_sandbox_confined": ("1 for what confines ffmpeg in this container, 0 for what is missing.", ("by",)),
    "reprise_conversions_running": ("Conversions running in this container.", ()),
    "reprise_conversion_slots": ("Conversions that this container can do at once; 0: it only answers requests.", ()),
    "reprise_short_of": ("1 while this container begins nothing new for want of it.", ("resource",)),
    "reprise_uploads_running": ("Uploads that this container is receiving.", ()),
    "reprise_upload_slots": ("Uploads that this container receives at once at most.", ()),
    "reprise_queue_jobs": ("Jobs of the whole service, up to its limit; left out while it is unknown.", ("state",)),
    "reprise_queue_limit": ("Jobs that may wait in the whole service.", ()),
    "reprise_memory_used_ratio": ("Memory in use that cannot be dropped, of what this container may have.", ()),
    "reprise_disk_free_bytes": ("Bytes left in the scratch folder.", ()),
    "reprise_cpu_pressure_ratio": ("Share of the last ten seconds in which something waited for a CPU.", ()),
}


def _gauges(now: Readings) -> Iterator[Metric]:
    worker, circuits = now.worker, {**now.circuits, "redis": "open" if now.redis_degraded else "closed"}
    values: Mapping[str, Samples] = {
        "reprise_info": [((now.version,), 1)],
        "reprise_circuit_state": [
            ((service, state), float(state == found)) for service, found in circuits.items() for state in CIRCUIT_STATES
        ],
        "reprise_redis_degraded": [((), float(now.redis_degraded))],
        "reprise_sandbox_confined": [((by,), float(on)) for by, on in now.confined.items()],
        "reprise_conversions_running": [((), worker.active if worker else 0)],
        "reprise_conversion_slots": [((), worker.slots if worker else 0)],
        "reprise_short_of": [((what,), float(worker is not None and what in worker.short_of)) for what in RESOURCES],
        "reprise_uploads_running": [((), now.uploads)],
        "reprise_upload_slots": [((), now.max_uploads)],
        "reprise_queue_jobs": [(("queued",), now.queued), (("running",), now.running)],
        "reprise_queue_limit": [((), now.max_queued)],
        "reprise_memory_used_ratio": [((), now.load.memory)],
        "reprise_disk_free_bytes": [((), now.load.disk_free)],
        "reprise_cpu_pressure_ratio": [((), now.load.cpu)],
    }
    for name, (about, labels) in GAUGES.items():
        family = GaugeMetricFamily(name, about, labels=labels)
        for label_values, value in values[name]:
            if value is not None:
                family.add_metric(label_values, value)
        yield family


@dataclass(frozen=True, slots=True)
class _Families(Collector):
    """Families of metrics that were read already."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        return self.families


def _without_times(metric: Metric) -> Metric:
    """Leave out when each series was begun: that is half of the document, and the process' start says as much."""
    metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
    return metric


def _show_zeros(counter: Counter, labels: Mapping[str, frozenset[str]]) -> None:
    """Show a counter at 0 before anything was counted. One without labels does so by itself."""
    if labels and math.prod(len(values) for values in labels.values()) <= MAX_ZEROS:
        for values in itertools.product(*(sorted(values) for values in labels.values())):
            counter.labels(*values)
