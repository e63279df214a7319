"""
What the load is: of the whole service as far as the store tells, and of the container that answers.

Readiness says whether requests can be served; this says how much there is to do. It answers 200 also when the store is
away, with nulls for what only the store knows.
"""

from typing import Annotated

import msgspec
from litestar import get
from msgspec import Meta

from service.web.http.parameters import AdmissionDep, ContextDep
from service.web.http.responses import documented

Share = Annotated[float, Meta(ge=0, description="0 to 1")]


class QueueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Of the whole service."""

    queued: Annotated[int | None, Meta(description="jobs that wait; counted up to `limit`; null: cannot be told")]
    running: Annotated[int | None, Meta(description="jobs that are being converted by any container")]
    limit: Annotated[int, Meta(description="with so many waiting, new ones are refused with 429")]


class ConversionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Of the container that answers."""

    slots: Annotated[int, Meta(description="conversions that it can do at once; 0: it only answers requests")]
    active: int
    short_of: Annotated[list[str], Meta(description="why it takes no more: memory, disk, cpu")]


class UploadStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Of the container that answers."""

    active: int
    limit: int


class LoadStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Readings of the container that answers; null where the platform tells nothing."""

    memory: Annotated[Share | None, Meta(description="in use, of what it may have")]
    disk_free: Annotated[int | None, Meta(description="bytes in the scratch folder")]
    cpu: Annotated[Share | None, Meta(description="of the last ten seconds in which something waited for a CPU")]


class StatusDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to do, and with what."""

    instance: str
    queue: QueueStatus
    conversions: ConversionStatus
    uploads: UploadStatus
    load: LoadStatus
    circuits: Annotated[dict[str, str], Meta(description="of each backing service: closed, open or half-open")]
    degraded: Annotated[list[str], Meta(description="what we go on without at the moment")]


@get("/status", operation_id="getStatus", summary="How busy the service is", tags=["health"], responses=documented())
async def status(context: ContextDep, admission: AdmissionDep) -> StatusDocument:
    """The queue, this container's conversions and uploads, its readings, and the circuits of the backing services."""
    config, counts, load = context.config, await admission.counts(), admission.load()
    worker = admission.worker_status()
    circuits = dict(context.circuits())
    degraded = [name for name, state in circuits.items() if state != "closed"]
    return StatusDocument(
        instance=config.instance,
        queue=QueueStatus(queued=counts.queued, running=counts.running, limit=config.max_queued),
        conversions=ConversionStatus(
            slots=worker.slots if worker else 0,
            active=worker.active if worker else 0,
            short_of=list(worker.short_of) if worker else [],
        ),
        uploads=UploadStatus(active=admission.uploads, limit=config.max_uploads),
        load=LoadStatus(memory=load.memory, disk_free=load.disk_free, cpu=load.cpu),
        circuits=circuits,
        degraded=[*degraded, *(["redis"] if context.board.degraded else [])],
    )
