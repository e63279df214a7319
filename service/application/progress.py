"""
How far a job is. Every answer that shows a percentage comes from here.

The order is the point (see `core.jobs.progress`): the board first, the record after it, and ``shown`` raised before
a client gets a number that was made from the record alone. Since the record is read last, it is at least as new as the
hint, and includes whatever other readers have already shown.
"""

import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from service.application.context import Caller, ServiceContext
from service.application.following import BOARD_INTERVAL
from service.application.lookup import checked_id, visible_job
from service.application.reads import Look
from service.core.errors import Expired, NotFound, RepriseError, StoreError
from service.core.jobs.job import Job
from service.core.jobs.progress import must_note, shown

WAIT_INTERVAL = 0.5  # seconds between two looks at a job whose end is waited for
RECORD_INTERVAL = 1.0  # seconds after which the record of a job that is followed is read in any case
KEEPALIVE_INTERVAL = 10.0  # seconds without news after which a follower is told that there is none


@dataclass(frozen=True, slots=True)
class View:
    """A job, and the percentage that may be shown with it."""

    job: Job
    percent: float


async def view_job(caller: Caller, job_id: str) -> View:
    """
    Look at a job; its percentage is safe to be answered.

    Raises `NotFound`, `Expired`, and `StoreError` if the reading could not be made safe: then nothing may be shown.
    """
    return await _view(caller, job_id, await caller.context.reads.look(checked_id(job_id)))


async def view_of(context: ServiceContext, job: Job) -> View:
    """Look at a job that a write has just returned. Raises as `view_job` does."""
    return await _view(Caller(context, job.tenant), job.job_id, await context.reads.look(job.job_id))


async def wait_for_end(caller: Caller, job_id: str, seconds: float) -> View:
    """
    Look at a job when it has ended, after so many seconds, or when this process is about to end: its server would
    otherwise be stopped in the middle of the request.

    Raises as `view_job` does, and `TooManyStreams` or `Busy` if there is something to wait for and no place.
    """
    context, clock = caller.context, caller.context.clock
    deadline = clock.monotonic() + seconds
    view = await view_job(caller, job_id)
    if view.job.final or seconds <= 0:
        return view
    with context.following.take_place(caller.tenant):
        async with context.following.follow(job_id, WAIT_INTERVAL) as poller:
            while not context.stopping() and (left := deadline - clock.monotonic()) > 0:
                if left < BOARD_INTERVAL:
                    await clock.sleep(left)
                elif isinstance(read := await poller.tick(), RepriseError):
                    raise read
                elif read is not None and visible_job(caller, job_id, read.job).final:
                    break
    return await view_job(caller, job_id)


async def follow_job(caller: Caller, job_id: str, *, floor: float, seconds: float) -> AsyncGenerator[View | None, None]:
    """
    Yield what there is to say about a job for `seconds`: a view for each change, and None where nothing has changed.

    No percentage is below `floor` or below the one before it. Ends after the view of an ended job, when the job is
    gone, or when this process is about to end: another one goes on from the last reading. A store that is away costs
    freshness: the next look may succeed.
    """
    context, clock = caller.context, caller.context.clock
    end = clock.monotonic() + seconds
    spoke_at, number, told = -math.inf, 0, None
    async with context.following.follow(job_id, RECORD_INTERVAL) as poller:
        # Its own first: what the poller has read last may be older than what this client was told elsewhere.
        read: Look | RepriseError | None = await _look(caller, job_id)
        while (now := clock.monotonic()) < end and not context.stopping():
            if isinstance(read, Look) and read.number > number:
                number = read.number
                try:
                    view = await _view(caller, job_id, read)
                except StoreError:
                    pass  # this one is not told
                except (NotFound, Expired):
                    return
                else:
                    if view.job.final:
                        yield view
                        return
                    floor = max(floor, view.percent)
                    news = (view.job.state, view.job.attempt, floor)
                    if news != told:
                        told, spoke_at = news, now
                        yield View(view.job, floor)
            if now - spoke_at >= KEEPALIVE_INTERVAL:
                spoke_at = now
                yield None
            read = await poller.tick()


async def _look(caller: Caller, job_id: str) -> Look | RepriseError:
    try:
        return await caller.context.reads.look(job_id)
    except StoreError as error:
        return error


async def _view(caller: Caller, job_id: str, look: Look) -> View:
    """Make a look safe to be answered to this tenant."""
    job = visible_job(caller, job_id, look.job)
    percent = shown(job, look.hint)
    if must_note(job, look.hint):
        await caller.context.reads.note_shown(look, percent)
    return View(job, percent)
