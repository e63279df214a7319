"""
`/metrics`, as Prometheus reads it: requests by route, what happened, and how things are.

Three sources, one document. Requests are measured by litestar's own middleware, by the template of their route. What
happened is what was said (`service.telemetry`), counted by the table in `counters`. How things are is read
when somebody asks, from what `/v1/status` reads too. Each application has a registry of its own: nothing is global.

The document names no tenant, id, file or address.
"""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from litestar import Litestar, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.plugins.prometheus import PrometheusConfig, PrometheusMiddleware
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from service.application.admission import Admission, Counts
from service.application.context import ServiceContext
from service.telemetry import subscribe
from service.telemetry.events import Event
from service.web.http.authentication import Guard
from service.web.operations.counters import COUNTERS, Counted

HTTP = "reprise_http"
SECONDS: tuple[float, ...] = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, math.inf)
FEW = 32  # series of a counter that are shown as 0 before anything was counted, so that the first one is an increase
FRESH = 5.0  # seconds for which a count of the queue is good enough: scraping must not become a load on the store
PATIENCE = 2.0  # seconds for which a scrape waits for that count

CIRCUIT_STATES = ("closed", "half-open", "open")
RESOURCES = ("memory", "disk", "cpu")
UNKNOWN = Counts(queued=None, running=None, elsewhere=None)


class Metrics:
    """Those of one application. `note` may be called on any thread."""

    def __init__(self, context: ServiceContext, admission: Admission) -> None:
        self._context, self._admission = context, admission
        self.registry = CollectorRegistry()
        self.http = OfRequests(registry=self.registry)
        self._counting: dict[Event, list[tuple[Counted, Counter]]] = {}
        for counted in COUNTERS:
            counter = Counter(counted.name, counted.about, tuple(counted.labels), registry=self.registry)
            _begin(counter, counted.labels)
            for event in counted.events:
                self._counting.setdefault(event, []).append((counted, counter))
        ProcessCollector(registry=self.registry)
        self._counts, self._until = UNKNOWN, -math.inf

    def note(self, event: Event, fields: Mapping[str, object]) -> None:
        """Count an event."""
        for counted, counter in self._counting.get(event, ()):
            if counted.counts(fields):
                labels = counted.values(event, fields)
                (counter.labels(*labels) if labels else counter).inc(counted.amount(fields))

    async def document(self) -> bytes:
        """Everything as it is now, in the text format."""
        now = readings(self._context, self._admission, await self._queue())
        return generate_latest(Families((*map(_without_times, self.registry.collect()), *now)))

    @asynccontextmanager
    async def lifespan(self, _: Litestar) -> AsyncIterator[None]:
        """Count for as long as the application answers."""
        with subscribe(self.note):
            yield

    async def _queue(self) -> Counts:
        clock = self._context.clock
        if clock.monotonic() >= self._until:
            self._counts, self._until = UNKNOWN, clock.monotonic() + FRESH
            try:
                async with asyncio.timeout(PATIENCE):
                    self._counts = await self._admission.counts()
            except TimeoutError:
                pass  # what is not known is left out
        return self._counts


# ── how things are ───────────────────────────────────────────────────────────────────────────────────────────────

Samples = Iterable[tuple[tuple[str, ...], float | None]]

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "reprise_info": ("1, with the version.", ("version",)),
    "reprise_circuit_state": ("1 for the state that the circuit of a service is in.", ("service", "state")),
    "reprise_redis_degraded": ("1 while progress comes from DynamoDB because Redis is away, or was never there.", ()),
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


def readings(context: ServiceContext, admission: Admission, counts: Counts) -> Iterator[Metric]:
    """The gauges, with what is known of them."""
    config, crew, load, degraded = context.config, context.worker_status(), admission.load(), context.board.degraded
    circuits = {**context.circuits(), "redis": "open" if degraded else "closed"}
    values: Mapping[str, Samples] = {
        "reprise_info": [((config.version,), 1)],
        "reprise_circuit_state": [
            ((service, state), float(state == now)) for service, now in circuits.items() for state in CIRCUIT_STATES
        ],
        "reprise_redis_degraded": [((), float(degraded))],
        "reprise_conversions_running": [((), crew.active if crew else 0)],
        "reprise_conversion_slots": [((), crew.slots if crew else 0)],
        "reprise_short_of": [((what,), float(crew is not None and what in crew.short_of)) for what in RESOURCES],
        "reprise_uploads_running": [((), admission.uploads)],
        "reprise_upload_slots": [((), config.max_uploads)],
        "reprise_queue_jobs": [(("queued",), counts.queued), (("running",), counts.running)],
        "reprise_queue_limit": [((), config.max_queued)],
        "reprise_memory_used_ratio": [((), load.memory)],
        "reprise_disk_free_bytes": [((), load.disk_free)],
        "reprise_cpu_pressure_ratio": [((), load.cpu)],
    }
    for name, (about, labels) in GAUGES.items():
        family = GaugeMetricFamily(name, about, labels=labels)
        for label_values, value in values[name]:
            if value is not None:
                family.add_metric(label_values, value)
        yield family


@dataclass(frozen=True, slots=True)
class Families(Collector):
    """Readings that were taken already."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        """Hand them out."""
        return self.families


def _without_times(metric: Metric) -> Metric:
    """When each series was begun is half of the document, and the start of the process says as much."""
    metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
    return metric


def _begin(counter: Counter, labels: Mapping[str, frozenset[str]]) -> None:
    """Show a counter at 0. One without labels does so by itself."""
    if labels and math.prod(len(values) for values in labels.values()) <= FEW:
        for values in itertools.product(*(sorted(values) for values in labels.values())):
            counter.labels(*values)


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Measured(PrometheusMiddleware):
    """litestar's middleware, which keeps its metrics in one global registry otherwise."""

    _config: "OfRequests"

    def request_count(self, labels: dict[str, str | int | float]) -> Counter:
        return self._config.count

    def request_time(self, labels: dict[str, str | int | float]) -> Histogram:
        return self._config.time

    def requests_in_progress(self, labels: dict[str, str | int | float]) -> Gauge:
        return self._config.in_progress

    def requests_error_count(self, labels: dict[str, str | int | float]) -> Counter:
        return self._config.errors


@dataclass
class OfRequests(PrometheusConfig):
    """What is measured of requests. Those for addresses that do not exist are `reprise_problems_total` alone."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    app_name: str = "reprise"
    prefix: str = HTTP
    group_path: bool = True  # by the template of the route: an id must never become a label
    middleware_class: type[PrometheusMiddleware] = Measured

    def __post_init__(self) -> None:
        labels = ("method", "path", "status_code", "app_name")
        common: dict[str, Any] = {"labelnames": labels, "registry": self.registry}
        self.count = Counter(f"{HTTP}_requests", "Requests, by the template of their route.", **common)
        self.time = Histogram(f"{HTTP}_request_duration_seconds", "Until the last byte.", buckets=SECONDS, **common)
        self.in_progress = Gauge(f"{HTTP}_requests_in_progress", "Requests being answered (status unknown).", **common)
        self.errors = Counter(f"{HTTP}_requests_error", "Answers of 500 and above.", **common)


# ── the address ──────────────────────────────────────────────────────────────────────────────────────────────────


@get(
    "/",
    operation_id="getMetrics",
    summary="What happened and how things are, for Prometheus",
    tags=["health"],
    media_type="text/plain",
)
async def show(metrics: NamedDependency[SkipValidation[Metrics]]) -> Response[bytes]:
    """Counters since this process began, and readings of this moment."""
    return Response(await metrics.document(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def metrics_route(metrics: Metrics, guards: Sequence[Guard], security: list[dict[str, list[str]]] | None) -> Router:
    """`/metrics`, for whoever the guards let in."""
    provide = {"metrics": Provide(lambda: metrics, sync_to_thread=False)}
    return Router("/metrics", route_handlers=[show], dependencies=provide, guards=list(guards), security=security)
