"""Which spans the service opens, and under which: seen by a tracer that writes them down."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import structlog

from service.adapters.dynamodb.items import job_from_item, job_to_item
from service.application.admission import Admission
from service.application.jobs import ConversionRequest, accept_job
from service.core.jobs.job import Job
from service.telemetry import configure_logging, emit, events
from service.telemetry.tracing import Kind, span, traced_by
from service.testing.factories import a_job
from service.worker.steps import CONVERSION
from tests.unit.application.world import UPLOAD, ServiceWorld
from tests.unit.worker.world import World, in_virtual_time

WANTED = ConversionRequest(upload_id=UPLOAD, format="mp3")
CONTEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_current: ContextVar[str] = ContextVar("current", default="")


@dataclass(slots=True)
class Notebook:
    """A tracer; `opened` has the name, the kind and the parent of each span."""

    opened: list[tuple[str, Kind, str]] = field(default_factory=list)
    noted: dict[str, str | int] = field(default_factory=dict)

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None, attributes: Mapping[str, str | int]) -> Iterator[None]:
        """Write down what is opened."""
        self.opened.append((name, kind, parent or _current.get()))
        self.noted |= attributes
        token = _current.set(name)
        try:
            yield
        finally:
            _current.reset(token)

    def note(self, attributes: Mapping[str, str | int]) -> None:
        """Write down what is noted."""
        self.noted |= attributes

    def carried(self) -> str | None:
        """Return a name instead of a context."""
        return _current.get() or None

    def ids(self) -> Mapping[str, str]:
        """Return the name of the span instead of its ids."""
        return {"trace_id": "trace", "span_id": _current.get()} if _current.get() else {}


async def test_accepted_job_carries_the_context_of_its_request() -> None:
    """The record of a job names the span in which it was accepted, which is a child of the request's."""
    world = ServiceWorld()
    world.upload()
    notebook = Notebook()
    with traced_by(notebook), span("request"):
        job = await accept_job(world.caller(), Admission(world.context), WANTED, None)
    assert ("job", "producer", "request") in notebook.opened
    assert job.trace == "job"
    assert notebook.noted["job_id"] == job.job_id


def test_line_inside_a_span_names_it() -> None:
    """What is logged inside of a span has its ids, what is logged outside, or without a tracer, has none."""
    before, stream = structlog.get_config(), io.StringIO()
    configure_logging(level="info", form="json", stream=stream)
    try:
        with traced_by(Notebook()):
            emit(events.JOB_STOPPED)
            with span("attempt"):
                emit(events.JOB_STOPPED)
        with span("attempt"):
            emit(events.JOB_STOPPED)
    finally:
        structlog.configure(**before)
    outside, inside, off = map(json.loads, stream.getvalue().splitlines())
    assert (inside["trace_id"], inside["span_id"]) == ("trace", "attempt")
    assert not {"trace_id", "span_id"} & {*outside, *off}


async def test_job_carries_nothing_where_nothing_is_traced() -> None:
    """Without a tracer a record has no context, and no attribute for it."""
    world = ServiceWorld()
    world.upload()
    job = await accept_job(world.caller(), Admission(world.context), WANTED, None)
    assert job.trace is None
    assert "trace" not in job_to_item(job, 4)


def test_context_survives_the_record() -> None:
    """What was accepted in one container is read in another; a record of an earlier release has none."""
    job = a_job(trace=CONTEXT)
    assert job_from_item(job_to_item(job, 4)).trace == CONTEXT
    assert job_from_item(job_to_item(a_job(), 4)).trace is None


@in_virtual_time
async def test_attempt_goes_on_with_the_trace_of_its_job() -> None:
    """Below the context in the record is the attempt, and below that each step; the outcome is noted."""
    notebook, world = Notebook(), World()
    with traced_by(notebook):
        world.start("a")
        await world.submit(trace=CONTEXT)
        await world.until(ended)
        await world.settle()
    assert notebook.opened == [
        ("attempt", "consumer", CONTEXT),
        *((step.__name__, "internal", "attempt") for step in CONVERSION),
    ]
    assert notebook.noted == {"job_id": "job1", "attempt": 1, "outcome": "succeeded"}


def ended(job: Job) -> bool:
    """Whether it has ended."""
    return job.final
