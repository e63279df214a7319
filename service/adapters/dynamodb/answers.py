"""What an answer of the table says about a job: whether a write was ours, and why another one was refused."""

from service.adapters.dynamodb.conditions import Change
from service.adapters.dynamodb.items import job_from_item, job_pk, stamp_of
from service.adapters.dynamodb.table import Refusal, Table
from service.adapters.dynamodb.values import Item
from service.core.errors import Definite, Fenced, IllegalTransition, Indefinite, NotFound, StoreError
from service.core.jobs.job import Job
from service.core.jobs.lease import Event
from service.core.jobs.queue import same_order
from service.telemetry import emit, events


def ours(item: Item, change: Change) -> bool:
    """Tell whether the item has the stamp of this write."""
    return change.stamp is not None and stamp_of(item) == change.stamp


def as_submitted(there: Item | None, job: Job) -> Job:
    """Return the job under this id, if it is the one that was submitted; raises `IllegalTransition` if it is not."""
    if there is not None and same_order(found := job_from_item(there), job):
        return found
    raise IllegalTransition("Another job has this id.")


def as_holder(answer: Job | Refusal) -> Job:
    """Return the job after a write of its holder; raises `Fenced` if that was refused."""
    if isinstance(answer, Job):
        return answer
    raise Fenced


def as_watcher(answer: Job | Refusal) -> Job:
    """Return the job after a write of a watcher; raises `IllegalTransition` if that was refused."""
    if isinstance(answer, Job):
        return answer
    raise IllegalTransition("The lease has not lapsed: it was renewed, taken over or ended since it was seen.")


def cannot(event: Event, refusal: Refusal) -> IllegalTransition | NotFound:
    """Return the error of a step that was refused."""
    if refusal.item is None:
        return NotFound()
    return IllegalTransition(f"a lease that is {job_from_item(refusal.item).state} cannot {event}")


def readable_job(item: Item) -> Job | None:
    """Read a job, or None if it is damaged: one such item must not keep all others from being rescued."""
    try:
        return job_from_item(item)
    except Definite as error:
        emit(events.AWS_FAILURE, service="dynamodb", operation="read", reason=error.detail)
        return None


class DynamoMoves:
    """Writes to a job that may be repeated, because of their stamps. A part of the store, which makes the table."""

    _table: Table

    async def _move(self, job_id: str, change: Change) -> Job | Refusal:
        """Write; our own stamp in the item means that it is done, whatever the answer was."""
        try:
            answer = await self._table.update(job_pk(job_id), change)
        except Indefinite:
            there = await self._read_back(job_id)
            if there is None or not ours(there, change):
                raise
            return job_from_item(there)
        if not isinstance(answer, Refusal):
            return job_from_item(answer)
        if answer.item is not None and ours(answer.item, change):
            return job_from_item(answer.item)
        return answer

    async def _read_back(self, job_id: str) -> Item | None:
        """Return the item after an indefinite answer; None also if it cannot be read, because then nothing is known."""
        try:
            return await self._table.get(job_pk(job_id))
        except StoreError:
            return None
