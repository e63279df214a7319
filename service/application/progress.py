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
from service.application.lookup import checked_id, find_job, visible_job
from service.core.errors import Expired, NotFound, StoreError
from service.core.jobs.job import Job
from service.core.jobs.progress import must_note, shown

WAIT_INTERVAL = 0.5  # seconds between two looks at a job whose end is waited for
BOARD_INTERVAL = 0.25  # seconds between two looks at the board, for a job that is followed
RECORD_INTERVAL = 1.0  # seconds after which its record is read in any case
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
    context = caller.context
    hint = await context.board.read(checked_id(job_id))
    job = visible_job(caller, job_id, await context.jobs.get(job_id))
    percent = shown(job, hint)
    if must_note(job, hint):
        await context.jobs.note_shown(job_id, percent)
    return View(job, percent)


async def view_of(context: ServiceContext, job: Job) -> View:
    """Look at a job that a write has just returned. Raises as `view_job` does."""
    return await view_job(Caller(context, job.tenant), job.job_id)


async def wait_for_end(caller: Caller, job_id: str, seconds: float) -> View:
    """
    Look at a job when it has ended, after so many seconds, or when this process is about to end: its server would
    otherwise be stopped in the middle of the request. Raises as `view_job` does.
    """
    clock = caller.context.clock
    deadline = clock.monotonic() + seconds
    job = await find_job(caller, job_id)
    while not (job.final or caller.context.stopping()) and (left := deadline - clock.monotonic()) > 0:
        await clock.sleep(min(WAIT_INTERVAL, left))
        job = await find_job(caller, job_id)
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
    read_at = spoke_at = -math.inf
    hint, told = None, None
    while (now := clock.monotonic()) < end and not context.stopping():
        try:
            latest = await context.board.read(job_id)
            if latest != hint or now - read_at >= RECORD_INTERVAL:
                hint, read_at = latest, now
                view = await view_job(caller, job_id)
                if view.job.final:
                    yield view
                    return
                floor = max(floor, view.percent)
                news = (view.job.state, view.job.attempt, floor)
                if news != told:
                    told, spoke_at = news, now
                    yield View(view.job, floor)
        except StoreError:
            read_at = now
        except (NotFound, Expired):
            return
        if now - spoke_at >= KEEPALIVE_INTERVAL:
            spoke_at = now
            yield None
        await clock.sleep(BOARD_INTERVAL)
