"""
The steps of an attempt, one short function each, and the plans that put them in order.

A step is given the work in hand and what the step before it returned. Each may be the last one that this process ever
takes: what it leaves behind is either invisible (parts of an unfinished multipart upload, an object under a key that no
record names) or final (the record).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from service.core.backoff import OUTCOME_RECORD
from service.core.errors import Fenced, Indefinite, ObjectChanged, StoreError
from service.core.jobs.job import Job, Output
from service.core.media.formats import OUTPUT_FORMATS
from service.core.naming import output_key, result_prefix
from service.ports.objects import NotStored, Stored
from service.ports.transcoder import Draft, Order
from service.telemetry import emit, events
from service.worker.context import WorkerPorts
from service.worker.heartbeat import Heartbeat, TrustEnded


class Recorded(Enum):
    """Whether the record names the output."""

    NO = "no"
    MAYBE = "maybe"  # the write was sent, and its answer has not come or was lost
    YES = "yes"


@dataclass(slots=True)
class Work:
    """What one attempt has in hand, and what its end and its clean-up have to know."""

    ports: WorkerPorts
    heartbeat: Heartbeat
    job: Job
    started: float  # monotonic seconds
    order: Order = field(init=False)
    draft: Draft | None = None  # to be discarded unless it is recorded; None before the conversion has ended
    published: bool = False
    recorded: Recorded = Recorded.NO

    def __post_init__(self) -> None:
        """Derive the order from the job."""
        self.order = order_of(self.job)


Step = Callable[[Work, Any], Awaitable[object]]  # the second argument is what the step before returned
Plan = tuple[Step, ...]


def order_of(job: Job) -> Order:
    """Return what to convert in the present attempt of `job`."""
    return Order(
        job_id=job.job_id,
        attempt=job.attempt,
        input_key=job.input_key,
        input_etag=job.input_etag,
        input_size=job.input_size,
        source=job.source,
        target=job.target,
        output_key=output_key(job.job_id, job.attempt, job.filename),
        filename=job.filename,
        content_type=OUTPUT_FORMATS[job.target.format].content_type,
        local=job.source.needs_seeking,
    )


async def inspect(work: Work, _: None) -> Order:
    """Check that the input is still there, and still the same. Raises `ObjectGone`, `ObjectChanged`."""
    job = work.job
    found = await work.ports.objects.head(job.input_key)
    if found.etag != job.input_etag or found.size != job.input_size:
        raise ObjectChanged(f"the input has changed since it was uploaded: {job.input_key}")
    work.heartbeat.path = "local" if work.order.local else "streaming"
    return work.order


async def convert(work: Work, order: Order) -> Draft:
    """Convert the input object to the parts of an output that is not visible yet."""
    work.draft = draft = await work.ports.transcoder.convert(order, work.heartbeat.saw, work.heartbeat.trusted)
    work.heartbeat.path = str(draft.facts.get("path", work.heartbeat.path))
    return draft


async def publish(work: Work, draft: Draft) -> Output:
    """
    Make the output exist, complete, under a key that carries the attempt. Still no record names it.

    It may be swept away in the same moment, by the end of a job that was cancelled, deleted or taken over meanwhile:
    the lease tells that from a loss. Raises `Fenced` and `CancelRequested` then.
    """
    try:
        stored: Stored = await draft.publish()
    except NotStored as error:
        async with work.heartbeat.quiet:
            await work.heartbeat.renew()
        emit(events.S3_NOT_WHOLE, key=error.key, size=error.size, found=None)
        raise
    work.published = True
    return Output(key=stored.key, size=stored.size, etag=stored.etag, report=report_of(draft))


def report_of(draft: Draft) -> Mapping[str, Any]:
    """Return what a draft says of how it was made."""
    report = draft.facts.get("report")
    return report if isinstance(report, Mapping) else {}


async def record(work: Work, output: Output) -> None:
    """
    Make the job `succeeded` and its output visible, in one conditional write.

    What is finished is not thrown away: it is tried whatever this worker believes about its lease, because the fence
    decides. Raises `Fenced`, and `TrustEnded` when the store could not be reached for too long.
    """
    clock, policy, failures = work.ports.clock, work.heartbeat.policy, 0
    # Quiet, because a heartbeat that crosses the record would be refused by it and look like the loss of the lease.
    async with work.heartbeat.quiet:
        with suppress(TrustEnded):
            await work.heartbeat.renew()  # a replaced worker learns of it here; and the record carries the path taken
        left = policy.ask_for
        while left > 0:
            began, patience = clock.monotonic(), max(work.heartbeat.trust_left, policy.last_try)
            before = work.recorded
            work.recorded = Recorded.MAYBE  # once it is sent, only an answer can tell; a cancellation is none
            try:
                async with asyncio.timeout(patience):
                    work.job = await work.ports.leases.succeed(work.heartbeat.holding, output, clock.wall())
            except TimeoutError:
                emit(events.WORKER_TROUBLE, where="record", reason="no answer")
            except Fenced:
                work.recorded = Recorded.NO  # `succeed` recognises its own earlier effect: this is certain
                raise
            except StoreError as error:
                if not isinstance(error, Indefinite):
                    work.recorded = before
                emit(events.WORKER_TROUBLE, where="record", reason=error.detail)
                failures += 1
                await clock.sleep(OUTCOME_RECORD.delay(failures))
            else:
                work.recorded = Recorded.YES
                return
            left -= min(clock.monotonic() - began, patience + policy.overslept)  # a freeze does not count
        raise TrustEnded


CONVERSION: Plan = (inspect, convert, publish, record)


async def clean_up(work: Work) -> None:
    """
    Leave nothing that no record names, after the last step or the one that failed.

    The draft is discarded unless it was, or may have been, recorded; what a conversion without a draft has left is
    being removed already. A job that reached its end also loses what earlier attempts, killed in the middle, have
    left.
    """
    try:
        if work.draft is None:
            await work.ports.transcoder.wait_for_cleanup(work.order)
        elif work.recorded is Recorded.NO:
            await work.draft.discard()
        if work.job.final and work.job.attempt > 1:
            prefix, keep = result_prefix(work.job.job_id), work.job.output.key if work.job.output else None
            found = await work.ports.objects.delete_prefix(prefix, keep=keep)
            if found:
                emit(events.S3_SWEPT, prefix=prefix, found=list(found))
    except StoreError as error:
        emit(events.WORKER_TROUBLE, where="tidy", reason=error.detail)
