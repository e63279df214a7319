"""
A job as server-sent events.

The stream is bounded, because App Runner cuts every request at 120 s; browsers reconnect by themselves, perhaps to
another container, and send the last ``id`` back. The id *is* the percentage, so the container that answers knows
below what the reading must not fall. What is sent, and when, is decided by `service.application.progress`; here it
becomes events.
"""

import contextlib
import weakref
from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.params import HeaderParameter
from litestar.response import Stream
from litestar.response.sse import ServerSentEventMessage

from service.application.context import Caller
from service.application.following import Place
from service.application.lookup import find_job
from service.application.progress import View, follow_job
from service.core.errors import Busy, TooManyStreams
from service.core.jobs.progress import TOP
from service.web.http.parameters import CallerDep, ConfigDep, JobId
from service.web.http.responses import READ, documented
from service.web.http.schemas import job_document, progress_document

RETRY_MILLISECONDS = 1000

LastEventId = Annotated[
    str | None, HeaderParameter(name="Last-Event-ID", description="Sent by browsers when they reconnect.")
]


class JobEventsController(Controller):
    """`/v1/jobs/{job_id}/events`."""

    path = "/jobs/{job_id:str}/events"
    tags = ("jobs",)

    @get(
        media_type="text/event-stream",
        operation_id="followJob",
        summary="A job as server-sent events",
        response_description="Events `progress` (on every change) and, at the end, `done` with the job as GET answers "
        "it. A stream that ends without `done` has reached its time limit: connect again.",
        responses=documented(*READ, TooManyStreams, Busy),
    )
    async def follow(
        self, caller: CallerDep, config: ConfigDep, job_id: JobId, last_event_id: LastEventId = None
    ) -> Stream:
        """Follow a job. The percentage never falls, also not over reconnects that send `Last-Event-ID`."""
        await find_job(caller, job_id)  # so that 404 and 410 are answers, not streams
        place = caller.context.following.take_place(caller.tenant)
        stream = encoded(caller, job_id, place, floor_of(last_event_id), config.events_seconds)
        weakref.finalize(stream, place.release)  # of a stream that never begins, because the client has gone
        # Not litestar's ServerSentEvent: that fetches its first piece from a thread, for which there is no need.
        return Stream(
            stream,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )


async def encoded(
    caller: Caller, job_id: str, place: Place, floor: float, seconds: float
) -> AsyncGenerator[bytes, None]:
    """Yield the stream as it goes over the wire."""
    with place:
        yield ServerSentEventMessage(data=None, retry=RETRY_MILLISECONDS).encode()
        async with contextlib.aclosing(follow_job(caller, job_id, floor=floor, seconds=seconds)) as views:
            async for view in views:
                yield message(view).encode()


def message(view: View | None) -> ServerSentEventMessage:
    """Say a change as an event, and that there is none as a comment."""
    if view is None:
        return ServerSentEventMessage(data=None, comment="still here")
    return done(view) if view.job.final else progress(view)


def progress(seen: View) -> ServerSentEventMessage:
    """Say one reading."""
    data = msgspec.json.encode(progress_document(seen))
    return ServerSentEventMessage(data=data, event="progress", id=percent_id(seen))


def done(seen: View) -> ServerSentEventMessage:
    """Say how the job ended: the last event of the stream."""
    data = msgspec.json.encode(job_document(seen))
    return ServerSentEventMessage(data=data, event="done", id=percent_id(seen))


def percent_id(seen: View) -> str:
    """Write the id of an event: the percentage, which a client that reconnects sends back."""
    return f"{seen.percent:.1f}"


def floor_of(last_event_id: str | None) -> float:
    """Return the percentage that a reconnecting client has already seen; 0 for anything that is not one."""
    try:
        seen = float(last_event_id or 0)
    except ValueError:
        return 0.0
    return min(seen, TOP) if seen >= 0 else 0.0  # 100 is for finished jobs only, whatever a client sends
