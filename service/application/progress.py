"""
Reading how far a job is. Every answer that shows a percentage comes from here.

The order is the point (see `service.core.progress`): the board first, the record after it, and ``shown`` raised before
anybody hears a number that was made from the record alone. Since the record is read last, it is at least as new as
the hint, and includes whatever other readers have already shown.
"""

from dataclasses import dataclass

from service.application.context import WebDependencies
from service.application.lookup import checked_id, visible
from service.core.job import Job
from service.core.progress import must_note, shown


@dataclass(frozen=True, slots=True)
class View:
    """A job, and the percentage that may be shown with it."""

    job: Job
    percent: float


async def view(deps: WebDependencies, tenant: str, job_id: str) -> View:
    """
    A job and its percentage, safe to be answered.

    Raises `NotFound`, `Expired`, and `StoreError` if the reading could not be made safe: then nothing may be shown.
    """
    hint = await deps.board.read(checked_id(job_id))
    job = visible(deps, tenant, job_id, await deps.jobs.get(job_id))
    percent = shown(job, hint)
    if must_note(job, hint):
        await deps.jobs.note_shown(job_id, percent)
    return View(job, percent)


async def view_of(deps: WebDependencies, job: Job) -> View:
    """The same for a job that a write has just returned."""
    return await view(deps, job.tenant, job.job_id)
