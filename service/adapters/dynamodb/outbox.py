"""
The outbox in DynamoDB: `ports.webhooks.Outbox`. It is no table of its own but a place in the sparse index.

A job that has ended and whose tenant is to be notified is listed under ``notify#<tag of the tenant>`` by when its
notification is due, and under ``undelivered#<tag>`` once it was given up; what was delivered is in no queue. With a
queue for each tenant, the backlog of one is never in the way of another's. Behind its milliseconds a due time has
digits of the job's id, so that no two are alike and pages can begin after any of them (`core.listing`).

It costs a job two write units more at its end (its place in the index changes), and six for each attempt.

An older release ends jobs without a notification, and neither sees nor touches those that are there.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from service.adapters.dynamodb.answers import DynamoMoves, as_holder
from service.adapters.dynamodb.conditions import Change
from service.adapters.dynamodb.items import job_from_item, job_id_of
from service.adapters.dynamodb.table import Entries, Refusal
from service.adapters.dynamodb.values import Scalar
from service.core.errors import IllegalTransition, NotFound
from service.core.jobs.job import Job
from service.core.jobs.lease import Holding
from service.core.jobs.queue import tag_in, tag_of_tenant
from service.core.listing import Entry, place_of
from service.core.webhooks.notification import FARTHEST, LEASE, Progress, is_due
from service.ports.time import Ids

NOTIFY: Final = "notify#"
UNDELIVERED: Final = "undelivered#"
_PLACES: Final = Decimal(10) ** 15  # in a second

# Only what is due is taken, and of all who try one gets it: taking makes it due later.
MAY_BE_TAKEN = "#notice = :pending AND (#due_at <= :now OR #due_at > :farthest)"

# The fence of a notifier: it has taken the notification, and no other has since, nor has its tenant sent it again.
IS_TAKEN_BY_US = "#notice = :pending AND #notice_owner = :owner AND #notice_attempt = :attempt"

HAS_ONE = "attribute_exists(#notice)"


@dataclass(frozen=True, slots=True)
class Announcing:
    """Which tenants are notified, by their tags, and what in this process is told of each new notification."""

    tags: Collection[str] = frozenset()
    listeners: list[Callable[[Job], None]] = field(default_factory=list)

    def notice(self, job_id: str, now: float) -> Mapping[str, Scalar]:
        """Return what the end of this job adds to its item; nothing if its tenant has no endpoint."""
        if (tag := tag_in(job_id)) not in self.tags:
            return {}
        return {
            "queue": NOTIFY + tag,
            "due_at": moment(job_id, now),
            "notice": Progress.PENDING.value,
            "notice_attempt": 0,
            "notice_tries": 0,
        }

    def tell(self, job: Job) -> None:
        """Tell of a notification that was just made, or is to be sent again."""
        if job.notification is not None and job.notification.state is Progress.PENDING:
            for listener in self.listeners:
                listener(job)


class DynamoOutbox(DynamoMoves):
    """A part of the store of jobs."""

    _announcing: Announcing
    _ids: Ids

    async def due(self, tenant: str, now: float, limit: int) -> Sequence[str]:
        now += 0.001  # for the digits behind the milliseconds

        def enough(found: Entries) -> bool:
            return sum(is_due(due_at, now) for due_at, _ in found) >= limit

        found = await self._table.keys_in(NOTIFY + tag_of_tenant(tenant), enough, page=limit)
        return [job_id_of(pk) for due_at, pk in found if is_due(due_at, now)][:limit]

    async def take(self, job_id: str, owner: str, now: float) -> Job:
        change = Change(
            MAY_BE_TAKEN,
            "SET #due_at = :due_at, #notice_attempt = #notice_attempt + :one, #notice_tries = #notice_tries + :one, "
            "#notice_owner = :owner, #stamp = :stamp",
            {
                "pending": Progress.PENDING.value,
                "now": moment(job_id, now),
                "farthest": now + FARTHEST,
                "due_at": moment(job_id, now + LEASE),
                "owner": owner,
                "one": 1,
                "stamp": self._ids.new(),
            },
        )
        return _as_asked(await self._move(job_id, change))

    async def deliver(self, holding: Holding, now: float) -> Job:
        update = (
            "SET #notice = :delivered, #notice_at = :now, #due_at = :due_at, #stamp = :stamp "
            "REMOVE #queue, #notice_owner, #notice_error"
        )
        return await self._record(holding, update, now, {"delivered": Progress.DELIVERED.value, "now": now})

    async def postpone(self, holding: Holding, due_at: float, error: str) -> Job:
        update = "SET #due_at = :due_at, #notice_error = :error, #stamp = :stamp REMOVE #notice_owner"
        return await self._record(holding, update, due_at, {"error": error})

    async def bury(self, holding: Holding, error: str, now: float) -> Job:
        update = (
            "SET #notice = :dead, #notice_at = :now, #queue = :queue, #due_at = :due_at, #notice_error = :error, "
            "#stamp = :stamp REMOVE #notice_owner"
        )
        queue = UNDELIVERED + tag_in(holding.key)
        values: dict[str, Scalar] = {"dead": Progress.DEAD.value, "now": now, "queue": queue, "error": error}
        return await self._record(holding, update, now, values)

    async def resend(self, job_id: str, now: float) -> Job:
        change = Change(
            HAS_ONE,
            "SET #notice = :pending, #queue = :queue, #due_at = :due_at, #notice_tries = :zero, #stamp = :stamp "
            "REMOVE #notice_owner, #notice_at",
            {
                "pending": Progress.PENDING.value,
                "queue": NOTIFY + tag_in(job_id),
                "due_at": moment(job_id, now),
                "zero": 0,
                "stamp": self._ids.new(),
            },
        )
        job = _as_asked(await self._move(job_id, change))
        self._announcing.tell(job)
        return job

    async def listed_notifications(self, tenant: str, before: int | None, limit: int, *, dead: bool) -> Sequence[Entry]:
        queue = (UNDELIVERED if dead else NOTIFY) + tag_of_tenant(tenant)
        edge = None if before is None else Decimal(before) / _PLACES
        found = await self._table.last_in(queue, limit, before=edge)
        return [Entry(int(due_at * _PLACES), job_id_of(pk)) for due_at, pk in found]

    async def _record(self, holding: Holding, update: str, due_at: float, values: Mapping[str, Scalar]) -> Job:
        """Write what became of an attempt, by the notifier that made it."""
        fence: dict[str, Scalar] = {
            "pending": Progress.PENDING.value,
            "owner": holding.owner,
            "attempt": holding.attempt,
        }
        common: dict[str, Scalar] = {"due_at": moment(holding.key, due_at), "stamp": self._ids.new()}
        return as_holder(await self._move(holding.key, Change(IS_TAKEN_BY_US, update, {**fence, **common, **values})))


def moment(job_id: str, seconds: float) -> Decimal:
    """Return a time in seconds with the digits of this job behind its milliseconds."""
    return Decimal(place_of(seconds, job_id)) / _PLACES


def _as_asked(answer: Job | Refusal) -> Job:
    if isinstance(answer, Job):
        return answer
    if answer.item is None:
        raise NotFound
    job = job_from_item(answer.item)  # raises `Definite` if it is damaged
    raise IllegalTransition(
        "This job has no notification." if job.notification is None else "The notification is not due."
    )
