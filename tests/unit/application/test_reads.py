"""Reads of jobs that requests share."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from service.application.config import ServiceConfig
from service.application.progress import view_job
from service.core.errors import Busy, Definite, NotFound, TooManyStreams, Unavailable
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.testing.clock import settle, turns
from service.testing.factories import a_job
from tests.unit.application.world import JOB, ServiceWorld

OTHERS = tuple(f"another{number:09}" for number in range(3))


class Slow:
    """Records that answer when they are told to, each call as the records are at that moment; `calls` are their ids."""

    def __init__(self, world: ServiceWorld) -> None:
        self._jobs = world.jobs
        self.calls: list[Sequence[str]] = []
        self.gates: list[asyncio.Event] = []
        self._plain = (world.jobs.get, world.jobs.get_many)
        world.jobs.get = self._get  # type: ignore[method-assign]
        world.jobs.get_many = self._get_many  # type: ignore[method-assign]

    async def _get(self, job_id: str) -> Job | None:
        return (await self._read([job_id])).get(job_id)

    async def _get_many(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        return await self._read(job_ids)

    async def _read(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        self.calls.append(tuple(job_ids))
        self.gates.append(asyncio.Event())
        found = await self._plain[1](job_ids)
        await self.gates[-1].wait()
        return found


async def test_requests_during_a_read_wait_for_the_next_one_together() -> None:
    """What is asked while a job is being read is answered by one further read, which begins when that has ended."""
    world = ServiceWorld()
    world.running(percent=10.0)
    slow = Slow(world)
    first = asyncio.create_task(world.context.reads.look(JOB))
    await settle()
    world.jobs.jobs[JOB] = world.jobs.jobs[JOB].renewed(50.0, None)  # after the read, before the next requests
    later = [asyncio.create_task(world.context.reads.look(JOB)) for _ in range(50)]
    await settle()
    assert slow.calls == [(JOB,)]

    slow.gates[0].set()
    await settle()
    slow.gates[1].set()
    percents = [look.job.percent for look in await asyncio.gather(*later) if look.job]

    assert (before := (await first).job)
    assert before.percent == 10.0
    assert percents == [50.0] * 50, "a client that asked after another was told 50 would be told less"
    assert slow.calls == [(JOB,), (JOB,)]


@pytest.mark.parametrize("rounds", range(24))
async def test_a_request_at_the_end_of_all_reads_is_answered(rounds: int) -> None:
    """Whenever a request comes while two reads come to their end, a reader is at work or is begun for it."""
    world = ServiceWorld()
    world.running()
    slow = Slow(world)
    looks = [asyncio.create_task(world.context.reads.look(JOB))]
    await settle()
    looks.append(asyncio.create_task(world.context.reads.look(OTHERS[0])))
    await settle()
    assert slow.calls == [(JOB,), (OTHERS[0],)], "two readers are at work"

    async def ask_later() -> None:
        await turns(rounds)
        await world.context.reads.look(OTHERS[1])

    for gate in slow.gates:
        gate.set()
    late = asyncio.create_task(ask_later())
    await settle()
    for gate in slow.gates:
        gate.set()
    await settle()

    assert late.done(), "nobody reads for this request"
    await asyncio.gather(*looks)


async def test_requests_that_come_one_round_after_the_other_are_read_together() -> None:
    """A read waits for the requests that are on their way already: those of clients that were just answered."""
    world = ServiceWorld()
    world.running()
    slow = Slow(world)

    async def ask(rounds: int) -> None:
        await turns(rounds)
        await world.context.reads.look(JOB)

    asked = [asyncio.create_task(ask(rounds)) for rounds in range(4)]
    await settle()
    slow.gates[0].set()
    await settle()

    assert all(task.done() for task in asked), "one of them needs another read"
    assert slow.calls == [(JOB,)]


async def test_one_read_serves_all_jobs_that_are_asked_about_at_a_moment() -> None:
    """Requests about several jobs at one moment are one call to the records, each with its own answer."""
    world = ServiceWorld()
    for job_id in OTHERS:
        world.running(job_id=job_id)
    slow = Slow(world)
    looks = [asyncio.create_task(world.context.reads.look(job_id)) for job_id in (*OTHERS, JOB)]
    await settle()
    slow.gates[0].set()

    found = [look.job.job_id if look.job else None for look in await asyncio.gather(*looks)]
    assert found == [*OTHERS, None]
    assert slow.calls == [(*OTHERS, JOB)]


async def test_a_slow_read_of_one_job_does_not_hold_up_another() -> None:
    """While the read of a job hangs, another job is read, and a third one after that."""
    world = ServiceWorld()
    slow = Slow(world)
    hanging = asyncio.create_task(world.context.reads.look(JOB))
    await settle()
    for number, job_id in enumerate(OTHERS, start=1):
        look = asyncio.create_task(world.context.reads.look(job_id))
        await settle()
        slow.gates[number].set()
        await look
    assert not hanging.done()
    slow.gates[0].set()
    await hanging


async def test_a_request_that_goes_away_takes_no_answer_from_others() -> None:
    """A request that is cancelled in the middle of a shared read leaves the others their answer."""
    world = ServiceWorld()
    world.running()
    slow = Slow(world)
    leaving, staying = (asyncio.create_task(world.context.reads.look(JOB)) for _ in range(2))
    await settle()
    leaving.cancel()
    await settle()
    slow.gates[0].set()
    assert (await staying).job is not None


async def test_a_failure_is_told_to_all_that_waited_and_the_next_read_works() -> None:
    """Every request that waited for a read hears why it failed; the next one reads anew."""
    world = ServiceWorld()
    world.running()
    plain = world.jobs.get

    async def away(_: str) -> Any:
        raise Unavailable

    world.jobs.get = away  # type: ignore[method-assign,assignment]
    answers = await asyncio.gather(*(world.context.reads.look(JOB) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    world.jobs.get = plain  # type: ignore[method-assign]
    assert (await world.context.reads.look(JOB)).job is not None


async def test_a_damaged_record_is_an_error_of_its_own_job_alone() -> None:
    """A record that cannot be read fails the requests about it, and no others that were read with it."""
    world = ServiceWorld()
    world.running()
    world.running(job_id=OTHERS[0])
    plain = world.jobs.get

    async def damaged(job_id: str) -> Job | None:
        if job_id == OTHERS[0]:
            raise Definite("it cannot be read")
        return await plain(job_id)

    async def many(_: Sequence[str]) -> Mapping[str, Job]:
        raise Definite("one cannot be read")

    world.jobs.get = damaged  # type: ignore[method-assign]
    world.jobs.get_many = many  # type: ignore[method-assign,assignment]
    reads = world.context.reads
    good, bad = await asyncio.gather(reads.look(JOB), reads.look(OTHERS[0]), return_exceptions=True)
    assert not isinstance(good, BaseException)
    assert isinstance(bad, Definite)


async def test_a_job_that_was_deleted_elsewhere_is_not_shown_again() -> None:
    """A job that was shown as ended and then deleted through another container is unknown to the next request."""
    world = ServiceWorld()
    world.succeeded()
    assert (await view_job(world.caller(), JOB)).job.state is State.SUCCEEDED
    await world.jobs.delete(JOB)
    with pytest.raises(NotFound):
        await view_job(world.caller(), JOB)


async def test_a_request_after_a_deletion_is_not_answered_by_a_read_that_began_before() -> None:
    """A request that begins when a job is deleted waits for a new read, although one from before is under way."""
    world = ServiceWorld()
    world.succeeded()
    slow = Slow(world)
    reading = asyncio.create_task(world.context.reads.look(JOB))
    await settle()
    await world.jobs.delete(JOB)
    gone = asyncio.create_task(view_job(world.caller(), JOB))
    await settle()
    slow.gates[0].set()
    assert (await reading).job is not None
    await settle()
    for gate in slow.gates:
        gate.set()
    with pytest.raises(NotFound):
        await gone


async def test_what_is_shown_from_the_record_is_noted_once_for_all() -> None:
    """Fifty requests that are answered from one read of the record raise `shown` with one write, before they answer."""
    world = ServiceWorld()
    world.running(percent=40.0)
    notes: list[float] = []
    plain = world.jobs.note_shown

    async def note(job_id: str, percent: float) -> None:
        notes.append(percent)
        await plain(job_id, percent)

    world.jobs.note_shown = note  # type: ignore[method-assign]
    views = await asyncio.gather(*(view_job(world.caller(), JOB) for _ in range(50)))
    assert {view.percent for view in views} == {40.0}
    assert notes == [40.0]


async def test_followers_of_one_job_share_its_poller() -> None:
    """A hundred followers of a job cost the records and the board as much as one, and the last one ends the polling."""
    world = ServiceWorld(config=ServiceConfig(max_streams=100, max_streams_per_tenant=100))
    world.jobs.jobs[JOB] = a_job(job_id=JOB, tenant="")
    slow = Slow(world)
    following = world.context.following

    async def follow() -> None:
        async with following.follow(JOB, 1.0) as poller:
            while True:
                await poller.tick()

    followers = [asyncio.create_task(follow()) for _ in range(100)]
    for number in range(3):
        await world.clock.advance(1.0)
        slow.gates[number].set()
    await settle()
    assert len(slow.calls) == 3
    for follower in followers:
        follower.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    await world.clock.advance(5.0)
    assert len(slow.calls) == 3
    assert world.clock.asleep == 0


def test_places_are_limited_per_tenant_and_process() -> None:
    """A tenant beyond its places is told so, a full process says that it is busy, and a place is given back once."""

    async def places() -> None:
        world = ServiceWorld(config=ServiceConfig(max_streams=3, max_streams_per_tenant=2))
        following = world.context.following
        mine = [following.take_place("a") for _ in range(2)]
        with pytest.raises(TooManyStreams):
            following.take_place("a")
        following.take_place("b")
        with pytest.raises(Busy):
            following.take_place("b")
        mine[0].release()
        mine[0].release()
        following.take_place("a")
        with pytest.raises(TooManyStreams):
            following.take_place("a")

    asyncio.run(places())
