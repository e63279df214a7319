"""What `ports.webhooks.Outbox` promises, and that each end of a job fills it in the same step."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest

from service.core.errors import Fenced, IllegalTransition, NotFound
from service.core.jobs.job import Job
from service.core.jobs.lease import Holding
from service.core.jobs.queue import job_id_for
from service.core.listing import place_of
from service.core.webhooks.notification import FARTHEST, LEASE, Progress
from service.ports.webhooks import Outbox
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import HOLDERS_WRITES, Jobs
from service.testing.factories import a_failure, a_job

TENANT, OTHER, SILENT = "tenant1", "tenant2", "tenant3"  # the last one is not to be notified

End = Callable[["Records", Job], Awaitable[Job]]


class Records(Jobs, Outbox, Protocol):
    """The store under test: the outbox is a part of the records."""


async def _cancel_queued(store: Records, job: Job) -> Job:
    await store.release(job.holding, NOON, fault=False)
    return await store.cancel(job.job_id, NOON)


ENDS: dict[str, Callable[[Records, Job], Awaitable[object]]] = {
    **{name: HOLDERS_WRITES[name] for name in ("succeed", "fail", "stop")},
    "exhaust": lambda store, job: store.exhaust(job.lease, a_failure(), NOON),
    "cancel_queued": _cancel_queued,
}


def named(unique: str, tenant: str = TENANT) -> str:
    """The id of a job of a tenant."""
    return job_id_for(tenant, unique)


async def an_ended_job(store: Records, unique: str, how: str = "succeed", tenant: str = TENANT) -> Job:
    """A job that has come to its end in this way, at noon."""
    await store.submit(a_job(job_id=named(unique, tenant), tenant=tenant))
    held = await store.claim(named(unique, tenant), "worker1", NOON)
    await ENDS[how](store, held)
    ended = await store.get(held.job_id)
    assert ended is not None
    return ended


class OutboxContract:
    """Needs the fixture ``store``: an empty one that notifies `TENANT` and `OTHER`."""

    @pytest.mark.parametrize("how", list(ENDS))
    async def test_end_of_a_job_is_in_the_outbox_at_once(self, store: Records, how: str) -> None:
        """The write that ends a job, whichever it is, makes its notification; a tenant without endpoint gets none."""
        job, silent = await an_ended_job(store, "a", how), await an_ended_job(store, "b", how, SILENT)

        assert job.final
        assert (job.notice.state, job.notice.attempt, job.lease.due_at) == (Progress.PENDING, 0, NOON)
        assert await store.due(TENANT, NOON, 10) == [job.job_id]
        assert await store.due(OTHER, NOON, 10) == []
        assert silent.final
        assert silent.notification is None
        assert await store.due(SILENT, NOON, 10) == []
        assert not await store.claimable(NOON, 10)
        assert await store.running() == []

    async def test_job_that_goes_on_is_not_in_the_outbox(self, store: Records) -> None:
        """A job that waits, runs, or is only asked to stop has no notification, and none can be taken."""
        await store.submit(a_job(job_id=named("a")))
        assert await store.due(TENANT, NOON, 10) == []
        await store.claim(named("a"), "worker1", NOON)
        asked = await store.cancel(named("a"), NOON)

        assert asked.notification is None
        assert await store.due(TENANT, NOON, 10) == []
        for call in (store.take(named("a"), "worker1", NOON), store.resend(named("a"), NOON)):
            with pytest.raises(IllegalTransition):
                await call

    async def test_one_of_many_notifiers_takes_a_notification(self, store: Records) -> None:
        """Of all that try to take a notification one gets it; a lease later it is due again."""
        job = await an_ended_job(store, "a")

        tries = (store.take(job.job_id, f"worker{n}", NOON) for n in range(4))
        answers = await asyncio.gather(*tries, return_exceptions=True)

        (taken,) = (answer for answer in answers if isinstance(answer, Job))
        assert [type(one) for one in answers].count(IllegalTransition) == 3
        assert (taken.notice.attempt, taken.notice.tries, taken.lease.due_at) == (1, 1, NOON + LEASE)
        assert await store.due(TENANT, NOON + LEASE - 0.01, 10) == []
        assert await store.due(TENANT, NOON + LEASE, 10) == [job.job_id]
        again = await store.take(job.job_id, "worker5", NOON + LEASE)
        assert again.notice.attempt == 2
        with pytest.raises(NotFound):
            await store.take(named("nobody"), "worker1", NOON)

    async def test_replaced_notifier_is_refused(self, store: Records) -> None:
        """A notifier whose notification was taken by another, or sent again, records nothing, by no verb."""
        job = await an_ended_job(store, "a")
        old = await store.take(job.job_id, "worker1", NOON)
        held = old.notice.holding(job.job_id)
        taken = await store.take(job.job_id, "worker1", NOON + LEASE)

        for holding in (held, Holding(job.job_id, "worker2", 2)):
            for write in (
                store.deliver(holding, NOON),
                store.postpone(holding, NOON, "timeout"),
                store.bury(holding, "timeout", NOON),
            ):
                with pytest.raises(Fenced):
                    await write
        assert await store.get(job.job_id) == taken
        await store.resend(job.job_id, NOON)
        with pytest.raises(Fenced):
            await store.deliver(taken.notice.holding(job.job_id), NOON)

    async def test_attempt_in_vain_is_repeated_later(self, store: Records) -> None:
        """What was postponed is due then and not before, and says why; what was delivered is never due again."""
        job = await an_ended_job(store, "a")
        first = await store.take(job.job_id, "worker1", NOON)
        later = await store.postpone(first.notice.holding(job.job_id), NOON + 5, "status_500")

        assert first.notifying(first.notice.postponed("status_500"), NOON + 5) == later
        assert await store.get(job.job_id) == later
        with pytest.raises(IllegalTransition):
            await store.take(job.job_id, "worker1", NOON + 4)
        second = await store.take(job.job_id, "worker2", NOON + 5)
        assert (second.notice.attempt, second.notice.tries) == (2, 2)
        done = await store.deliver(second.notice.holding(job.job_id), NOON + 6)
        assert second.notifying(second.notice.delivered(NOON + 6), NOON + 6) == done
        assert await store.get(job.job_id) == done
        assert await store.due(TENANT, NOON + 2 * FARTHEST, 10) == []
        with pytest.raises(IllegalTransition):
            await store.take(job.job_id, "worker1", NOON + 1000)

    async def test_wrong_clock_delays_nothing_for_ever(self, store: Records) -> None:
        """What a clock that runs years ahead has postponed is due all the same."""
        job = await an_ended_job(store, "a")
        taken = await store.take(job.job_id, "worker1", NOON)
        await store.postpone(taken.notice.holding(job.job_id), NOON + 1e8, "timeout")

        assert await store.due(TENANT, NOON + 1, 10) == [job.job_id]
        assert (await store.take(job.job_id, "worker1", NOON + 1)).notice.attempt == 2

    async def test_dead_notification_is_listed_and_sent_again(self, store: Records) -> None:
        """What was given up is due no more, but listed; sent again it has all of its tries and leaves the list."""
        job = await an_ended_job(store, "a")
        taken = await store.take(job.job_id, "worker1", NOON)
        dead = await store.bury(taken.notice.holding(job.job_id), "status_410", NOON + 1)

        assert taken.notifying(taken.notice.buried("status_410", NOON + 1), NOON + 1) == dead
        assert await store.get(job.job_id) == dead
        assert await store.due(TENANT, NOON + 1000, 10) == []
        (entry,) = await store.listed_notifications(TENANT, None, 10, dead=True)
        assert (entry.name, entry.place) == (job.job_id, place_of(NOON + 1, job.job_id))

        again = await store.resend(job.job_id, NOON + 2)
        assert dead.notifying(dead.notice.resent(), NOON + 2) == again
        assert (again.notice.state, again.notice.attempt, again.notice.tries) == (Progress.PENDING, 1, 0)
        assert await store.listed_notifications(TENANT, None, 10, dead=True) == []
        assert await store.due(TENANT, NOON + 2, 10) == [job.job_id]
        assert await store.get(job.job_id) == await store.resend(job.job_id, NOON + 2)
        with pytest.raises(NotFound):
            await store.resend(named("nobody"), NOON)

    async def test_lists_come_in_pages(self, store: Records) -> None:
        """Pending and dead ones of a tenant are listed in pages, each once, also those of one moment."""
        for n in range(5):
            await an_ended_job(store, f"dead{n}")
            taken = await store.take(named(f"dead{n}"), "worker1", NOON)
            await store.bury(taken.notice.holding(named(f"dead{n}")), "timeout", NOON)
        for n in range(5):
            await an_ended_job(store, f"pending{n}")
            await an_ended_job(store, f"other{n}", tenant=OTHER)

        for dead, kind in ((True, "dead"), (False, "pending")):
            expected = sorted((place_of(NOON, named(f"{kind}{n}")), named(f"{kind}{n}")) for n in range(5))
            found, before = [], None
            while page := await store.listed_notifications(TENANT, before, 2, dead=dead):
                assert len(page) <= 2
                found += [(entry.place, entry.name) for entry in page]
                before = page[-1].place
            assert found == expected[::-1]
        assert len(await store.due(TENANT, NOON, 3)) == 3

    async def test_deleted_job_takes_its_notification_along(self, store: Records) -> None:
        """When a client deletes a job, there is nothing more to be told of it."""
        job = await an_ended_job(store, "a")
        await store.delete(job.job_id)

        assert await store.due(TENANT, NOON, 10) == []
        with pytest.raises(NotFound):
            await store.take(job.job_id, "worker1", NOON)
