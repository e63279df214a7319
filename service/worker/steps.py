"""
The steps of an attempt, one short function each; `STEPS` is their order.

Each step may be the last one that this process ever takes: what it leaves behind is either invisible (parts of an
unfinished multipart upload, an object under a key that no record names) or final (the record).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from service.core.errors import Fenced, Indefinite, ObjectChanged, StoreError
from service.core.job import Job, Output
from service.core.media.formats import OUTPUT_FORMATS
from service.core.naming import output_key, result_prefix
from service.ports.objects import Stored
from service.ports.transcoder import Draft, Order
from service.telemetry import emit, events
from service.worker.context import WorkerPorts
from service.worker.heartbeat import Heartbeat, TrustEnded


@dataclass(slots=True)
class Work:
    """What one attempt has in hand."""

    ports: WorkerPorts
    heartbeat: Heartbeat
    job: Job
    started: float  # monotonic seconds
    order: Order | None = None
    draft: Draft | None = None
    stored: Stored | None = None
    recorded: bool = False
    maybe_recorded: bool = False


Step = Callable[[Work], Awaitable[None]]


async def inspect(work: Work) -> None:
    """Is the input still there, and still the same? Decide on the path."""
    job = work.job
    found = await work.ports.objects.head(job.input_key)
    if found.etag != job.input_etag or found.size != job.input_size:
        raise ObjectChanged(f"the input has changed since it was uploaded: {job.input_key}")
    work.order = Order(
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
    work.heartbeat.path = "local" if work.order.local else "streaming"


async def convert(work: Work) -> None:
    """From the input object through ffmpeg to the parts of an output that nobody can see yet."""
    if work.order is None:
        raise RuntimeError("convert without inspect")
    work.draft = await work.ports.transcoder.convert(work.order, work.heartbeat.saw)
    work.heartbeat.path = str(work.draft.facts.get("path", work.heartbeat.path))


async def publish(work: Work) -> None:
    """Make the output exist, complete, under a key that carries the attempt. Still no record names it."""
    if work.draft is None:
        raise RuntimeError("publish without convert")
    work.stored = await work.draft.publish()


async def record(work: Work) -> None:
    """The one conditional write that makes the job `succeeded` and the output visible."""
    if work.stored is None:
        raise RuntimeError("record without publish")
    output = Output(key=work.stored.key, size=work.stored.size, etag=work.stored.etag)
    # Quiet, because a heartbeat that crosses the record would be refused by it and look like the loss of the lease.
    async with work.heartbeat.quiet:
        await work.heartbeat.renew()  # a replaced worker learns of it here; and the record carries the path taken
        while True:
            work.heartbeat.check()
            before = work.maybe_recorded
            work.maybe_recorded = True  # once it is sent, only an answer can tell; a cancellation is none
            try:
                async with asyncio.timeout(work.heartbeat.trust_left):
                    work.job = await work.ports.jobs.succeed(work.heartbeat.holding, output, work.ports.clock.wall())
            except TimeoutError:
                raise TrustEnded from None
            except Fenced:
                work.maybe_recorded = False  # `succeed` recognises its own earlier effect: this is certain
                raise
            except StoreError as error:
                work.maybe_recorded = before or isinstance(error, Indefinite)
                emit(events.WORKER_TROUBLE, where="record", reason=error.detail)
                await work.ports.clock.sleep(0.1)
            else:
                work.recorded = True
                return


STEPS: tuple[Step, ...] = (inspect, convert, publish, record)


async def tidy(work: Work) -> None:
    """
    After the last step, or the one that failed: leave nothing that no record names.

    An own draft is discarded unless it was, or may have been, recorded; what a conversion without a draft has left is
    being cleared away already. A job that reached its end also loses what earlier attempts, killed in the middle, have
    left.
    """
    try:
        if work.order is not None and work.draft is None:
            await work.ports.transcoder.cleared(work.order)
        if work.draft is not None and not work.recorded and not work.maybe_recorded:
            await work.draft.discard()
        if work.job.final and work.job.attempt > 1:
            prefix, keep = result_prefix(work.job.job_id), work.job.output.key if work.job.output else None
            found = await work.ports.objects.delete_prefix(prefix, keep=keep)
            if found:
                emit(events.S3_SWEPT, prefix=prefix, found=list(found))
    except StoreError as error:
        emit(events.WORKER_TROUBLE, where="tidy", reason=error.detail)
