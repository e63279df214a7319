"""
A job as server-sent events.

The stream is bounded, because App Runner cuts every request at 120 s; browsers reconnect by themselves, perhaps to
another container, and send the last ``id`` back. The id *is* the percentage, so whoever answers knows below what the
reading must not fall. The board is looked at four times a second. When it has something new, and once a second
in any case, the job is read by the rules of `service.web.progress`, and only what these rules gave is sent.
"""

import math
from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.params import HeaderParameter
from litestar.response import Stream
from litestar.response.sse import ServerSentEventMessage

from service.core.errors import Expired, NotFound, StoreError
from service.core.progress import TOP
from service.web.dependencies import Config, Deps, WebDependencies
from service.web.http.problems import documented
from service.web.http.schemas import job_document, progress_document
from service.web.lookup import HttpRequest, JobId, find_job, tenant_of
from service.web.progress import View, view

LOOK_SECONDS = 0.25  # at the board
READ_SECONDS = 1.0  # of the record, at the latest
KEEPALIVE_SECONDS = 10.0
RETRY_MILLISECONDS = 1000

LastEventId = Annotated[
    str | None, HeaderParameter(name="Last-Event-ID", description="Sent by browsers when they reconnect.")
]


class Events(Controller):
    """`/v1/jobs/{job_id}/events`."""

    path = "/jobs/{job_id:str}/events"
    tags = ("jobs",)

    @get(
        media_type="text/event-stream",
        operation_id="followJob",
        summary="A job as server-sent events",
        response_description="Events `progress` (on every change) and, at the end, `done` with the job as GET answers "
        "it. A stream that ends without `done` has reached its time limit: connect again.",
        responses=documented(NotFound, Expired),
    )
    async def follow(
        self,
        request: HttpRequest,
        deps: Deps,
        config: Config,
        job_id: JobId,
        last_event_id: LastEventId = None,
    ) -> Stream:
        """Follow a job. The percentage never falls, also not over reconnects that send `Last-Event-ID`."""
        tenant = tenant_of(request)
        await find_job(deps, tenant, job_id)  # so that 404 and 410 are answers, not streams
        # Not litestar's ServerSentEvent: that fetches its first piece from a thread, for which there is no need.
        return Stream(
            encoded(deps, tenant, job_id, floor_of(last_event_id), config.events_seconds),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )


async def encoded(
    deps: WebDependencies, tenant: str, job_id: str, floor: float, seconds: float
) -> AsyncGenerator[bytes, None]:
    """The stream as it goes over the wire."""
    yield ServerSentEventMessage(data=None, retry=RETRY_MILLISECONDS).encode()
    async for message in messages(deps, tenant, job_id, floor, seconds):
        yield message.encode()


async def messages(
    deps: WebDependencies, tenant: str, job_id: str, floor: float, seconds: float
) -> AsyncGenerator[ServerSentEventMessage, None]:
    """What there is to say about a job for `seconds`, never below `floor`. Ends with ``done``, or if it is gone."""
    clock = deps.clock
    end = clock.monotonic() + seconds
    read_at = spoke_at = -math.inf
    hint, said = None, None
    while (now := clock.monotonic()) < end:
        try:
            latest = await deps.board.read(job_id)
            if latest != hint or now - read_at >= READ_SECONDS:
                hint, read_at = latest, now
                seen = await view(deps, tenant, job_id)
                if seen.job.final:
                    yield done(seen)
                    return
                seen = View(seen.job, max(floor, seen.percent))
                floor = seen.percent
                message = progress(seen)
                if message.data != said:
                    said, spoke_at = message.data, now
                    yield message
        except StoreError:
            read_at = now  # costs freshness; the next look may succeed, and the client reconnects in any case
        except (NotFound, Expired):
            return
        if now - spoke_at >= KEEPALIVE_SECONDS:
            spoke_at = now
            yield ServerSentEventMessage(data=None, comment="still here")
        await clock.sleep(LOOK_SECONDS)


def progress(seen: View) -> ServerSentEventMessage:
    """One reading."""
    data = msgspec.json.encode(progress_document(seen))
    return ServerSentEventMessage(data=data, event="progress", id=f"{seen.percent:.1f}")


def done(seen: View) -> ServerSentEventMessage:
    """The last word."""
    data = msgspec.json.encode(job_document(seen))
    return ServerSentEventMessage(data=data, event="done", id=f"{seen.percent:.1f}")


def floor_of(last_event_id: str | None) -> float:
    """The percentage that a reconnecting client has already seen; nought for anything that is not one."""
    try:
        seen = float(last_event_id or 0)
    except ValueError:
        return 0.0
    return min(seen, TOP) if seen >= 0 else 0.0  # 100 is for finished jobs only, whatever a client sends
