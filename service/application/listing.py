"""
What a tenant has, in pages: its jobs and its uploads, newest first.

The store lists ids, which may be a moment old; each is then read as a single one would be, strongly consistent and with
its progress, and what is gone, expired or in another state is left out. A page looks at a bounded number of entries:
one that filters may be short, or empty, and still have a next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from service.application.context import Caller
from service.application.progress import View, view_job
from service.core.errors import Definite, Expired, NotFound, Unavailable
from service.core.jobs.job import Job, State
from service.core.listing import MOST_ON_A_PAGE, Entry, cursor_of, place_in
from service.core.upload import PendingUpload, Upload
from service.core.webhooks.notification import Progress

ROUNDS: Final = 5  # reads of the store for one page
PENDING, COMPLETE = "pending", "complete"  # states of an upload

T = TypeVar("T")
Listed = Callable[[str, int | None, int], Awaitable[Sequence[Entry]]]
Look = Callable[[Sequence[str]], Awaitable[Sequence[T | None]]]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list. `next` is the cursor of the rest, None if nothing is left."""

    found: Sequence[T]
    next: str | None


async def list_jobs(caller: Caller, states: Collection[State], limit: int, cursor: str | None) -> Page[View]:
    """List the jobs of a tenant in one of `states` (none given: in any). Raises `InvalidRequest`, `StoreError`."""

    async def look(job_ids: Sequence[str]) -> Sequence[View | None]:
        views = await asyncio.gather(*(_view(caller, job_id) for job_id in job_ids))  # read together, see `reads`
        return [view if view and (not states or view.job.state in states) else None for view in views]

    return await _page(caller.tenant, caller.context.jobs.listed_jobs, look, (limit, bool(states)), cursor)


async def list_uploads(
    caller: Caller, states: Collection[str], limit: int, cursor: str | None
) -> Page[Upload | PendingUpload]:
    """List the uploads of a tenant, `PENDING` and `COMPLETE` ones. Raises `InvalidRequest`, `StoreError`."""
    context = caller.context

    async def look(upload_ids: Sequence[str]) -> Sequence[Upload | PendingUpload | None]:
        found, now = await context.uploads.look_up_uploads(upload_ids), context.clock.wall()
        return [_visible(caller, found.get(upload_id), states, now) for upload_id in upload_ids]

    return await _page(caller.tenant, context.uploads.listed_uploads, look, (limit, bool(states)), cursor)


async def list_notifications(caller: Caller, state: Progress, limit: int, cursor: str | None) -> Page[Job]:
    """List the jobs of a tenant whose notification is `PENDING` or `DEAD`. Raises `InvalidRequest`, `StoreError`."""

    async def listed(tenant: str, before: int | None, most: int) -> Sequence[Entry]:
        return await caller.context.jobs.listed_notifications(tenant, before, most, dead=state is Progress.DEAD)

    async def look(job_ids: Sequence[str]) -> Sequence[Job | None]:
        jobs = [view.job if view else None for view in await asyncio.gather(*(_view(caller, one) for one in job_ids))]
        return [job if job and job.notification and job.notification.state is state else None for job in jobs]

    return await _page(caller.tenant, listed, look, (limit, False), cursor)


async def _page(tenant: str, listed: Listed, look: Look[T], wanted: tuple[int, bool], cursor: str | None) -> Page[T]:
    limit, filtered = wanted
    before, found = None if cursor is None else place_in(cursor), list[T]()
    at_once = MOST_ON_A_PAGE if filtered else limit
    for _ in range(ROUNDS):
        entries = await listed(tenant, before, at_once)
        for entry, thing in zip(entries, await look([entry.name for entry in entries]), strict=True):
            before = entry.place
            if thing is not None:
                found.append(thing)
            if len(found) == limit:
                return Page(found, cursor_of(before))
        if len(entries) < at_once:
            return Page(found, None)
    return Page(found, None if before is None else cursor_of(before))


async def _view(caller: Caller, job_id: str) -> View | None:
    try:
        return await view_job(caller, job_id)
    except (NotFound, Expired):
        return None
    except Definite as error:
        if isinstance(error, Unavailable):
            raise
        return None  # its record is damaged, which was logged; the others are shown


def _visible(
    caller: Caller, upload: Upload | PendingUpload | None, states: Collection[str], now: float
) -> Upload | PendingUpload | None:
    if upload is None or upload.tenant != caller.tenant or upload.expires_at <= now:
        return None
    state = COMPLETE if isinstance(upload, Upload) else PENDING
    return upload if not states or state in states else None
