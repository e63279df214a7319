"""What a worker promises, through kills, freezes and trouble."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.core.errors import BadMedia, Fenced, FfmpegStalled, Indefinite, Unavailable
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.progress import Hint
from service.core.jobs.trust import LeasePolicy
from service.core.naming import input_key
from service.testing.transcoder import converted
from service.worker import steps
from tests.unit.worker.world import Instance, Troubled, World, in_virtual_time

LEASE = 6.0


def final(job: Job) -> bool:
    """Whether it has ended."""
    return job.final


def running(job: Job) -> bool:
    """Whether it is in the middle."""
    return job.state is State.RUNNING and job.percent > 0


def held_by(owner: str) -> Callable[[Job], bool]:
    """Whether `owner` has it."""
    return lambda job: job.owner == owner


async def only_the_output_is_left(world: World, job: Job) -> bool:
    """Whether there is an input and its output, and nothing else."""
    return job.output is not None and set(world.objects.objects) == {input_key(job.upload_id), job.output.key}


def rises(readings: list[float]) -> bool:
    """Whether it never falls."""
    return all(before <= after for before, after in pairwise(readings))


@pytest.mark.requirement("1.2", "1.7", "2.7", "3.1")
@in_virtual_time
async def test_a_submitted_job_is_converted() -> None:
    """An accepted job ends as succeeded, with its bytes under a key of its own, and reads 100 only then."""
    world = World()
    instance = world.start("a")
    await world.submit()

    readings = await world.until(final)
    await world.settle()

    job = await world.job()
    assert job.state is State.SUCCEEDED
    assert job.output is not None
    assert job.output.key == "results/job1/1/song.mp3"
    assert world.objects.objects[job.output.key].data == converted(instance.transcoder.started[0])
    assert rises(readings)
    assert readings[-1] == 100
    assert readings.count(100) == 1


@pytest.mark.requirement("1.6", "2.5", "6.7")
@pytest.mark.parametrize("at", [0.3, 2.0, 5.0, 9.7])
@in_virtual_time
async def test_a_killed_worker_is_replaced(at: float) -> None:
    """After a kill at any moment another worker makes progress within lease + 2 s, and readings never fall."""
    world = World()
    first = world.start("a")
    await world.submit()
    await world.clock.sleep(at)
    world.start("b")
    before = await world.until(lambda _: True)
    first.kill()
    killed = world.clock.monotonic()

    after = await world.until(lambda job: job.attempt == 2)
    taken = world.clock.monotonic()
    rest = await world.until(final)

    job = await world.job()
    assert taken - killed <= LEASE + 2
    assert (job.state, job.attempt, job.lease.lapses) == (State.SUCCEEDED, 2, 1)
    assert rises(before + after + rest)
    await world.settle()
    assert await only_the_output_is_left(world, job)


@pytest.mark.parametrize("thaws", [True, False], ids=["frozen", "killed"])
@pytest.mark.parametrize("step", [step.__name__ for step in steps.CONVERSION])
@pytest.mark.requirement("1.6", "1.9", "6.7")
@in_virtual_time
async def test_worker_killed_or_frozen_after_any_step_leaves_one_ended_job(step: str, thaws: bool) -> None:
    """A worker killed or frozen right after any step of its attempt leaves a job that ends once, and nothing else."""
    world = World()
    victim: list[Instance] = []

    def dies_after(done: steps.Step) -> steps.Step:
        async def then_die(work: steps.Work, before: object) -> object:
            result = await done(work, before)
            if victim and work.heartbeat.holding.owner == "a" and done.__name__ == step:
                victim[0].kill()
                await work.ports.clock.sleep(0)
            return result

        then_die.__name__ = done.__name__
        return then_die

    victim.append(world.start("a", plan=tuple(dies_after(each) for each in steps.CONVERSION)))
    await world.submit()
    await world.clock.sleep(0.2)
    world.start("b")

    await world.until(final)
    job = await world.job()
    assert job.state is State.SUCCEEDED
    assert job.attempt == (1 if step == "record" else 2)
    if thaws:
        victim[0].freezer.thaw()
    await world.clock.sleep(60)

    assert await world.job() == job
    assert await only_the_output_is_left(world, job)


class Late:
    """Holds back one call until told, and carries it out even if its caller has given up; a `patient` one waits."""

    def __init__(self, held: str, *, patient: bool = False) -> None:
        self._held, self._patient = held, patient
        self.reached, self.go, self.done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.answer: Exception | None = None
        self.result: Any = None

    async def trouble(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if name != self._held or self.reached.is_set():
            return await call()
        try:
            await asyncio.shield(asyncio.create_task(self._later(call)))
        except asyncio.CancelledError:
            if self._patient:
                await self.done.wait()
            raise
        if self.answer is not None:
            raise self.answer
        return self.result

    async def _later(self, call: Callable[[], Awaitable[Any]]) -> None:
        self.reached.set()
        await self.go.wait()
        try:
            self.result = await call()
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets it if it still waits
            self.answer = error
        finally:
            self.done.set()


@pytest.mark.requirement("6.7")
@pytest.mark.parametrize(
    ("write", "successor"),
    [*((write, "b") for write in ("renew", "release", "fail", "succeed")), ("release", "a"), ("fail", "a")],
)
@in_virtual_time
async def test_a_late_write_of_a_replaced_worker_is_refused(write: str, successor: str) -> None:
    """Any write that arrives after its worker was replaced is refused while the other runs: the fence, not luck."""
    world = World()
    late = Late(write)
    failures: dict[str, list[Exception]] = {"fail": [BadMedia()], "release": [FfmpegStalled()]}
    fails = failures.get(write, [])
    frozen = world.start("a", jobs=Troubled(world.jobs, late.trouble), fails=fails)
    await world.submit()
    await late.reached.wait()
    if successor == "b":
        frozen.freezer.freeze()
        world.start("b", seconds=30)
    # Else the same process takes its own job again: same owner, other attempt.
    await world.until(lambda job: job.attempt == 2 and job.lease.beat > 2)
    before = await world.job()

    late.go.set()
    await late.done.wait()

    assert isinstance(late.answer, Fenced)
    after = await world.job()
    assert (after.state, after.owner, after.attempt, after.output) == (before.state, successor, 2, None)


@in_virtual_time
async def test_output_of_a_replaced_worker_is_deleted() -> None:
    """A worker whose output appears after another finished deletes it itself when its record is refused."""
    world = World()
    late = Late("receive", patient=True)
    zombie = world.start("a", objects=Troubled(world.objects, late.trouble))
    await world.submit()
    await late.reached.wait()
    zombie.freezer.freeze()
    world.start("b")
    await world.until(final)
    await world.clock.sleep(1)  # the other has tidied up by now
    late.go.set()
    await late.done.wait()
    assert len(world.objects.objects) == 3, "the zombie's object has to be there for this test to mean anything"
    zombie.freezer.thaw()
    await world.settle()

    assert await only_the_output_is_left(world, await world.job())


@in_virtual_time
async def test_a_heartbeat_does_not_cross_the_record() -> None:
    """While the answer to the record is slow, no heartbeat is sent that would take the finished job for a lost one."""
    world, sent = World(), list[str]()

    async def trouble(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        sent.append(name)
        result = await call()
        if name == "succeed":
            await world.clock.sleep(4)
            sent.append("answered")
        return result

    world.start("a", jobs=Troubled(world.jobs, trouble))
    await world.submit()
    await world.until(final)
    await world.settle()

    assert sent[sent.index("succeed") :][:2] == ["succeed", "answered"]
    assert await only_the_output_is_left(world, await world.job())


@pytest.mark.requirement("6.7")
@in_virtual_time
async def test_a_thawed_worker_changes_nothing() -> None:
    """A worker frozen past its lease and thawed after another finished is refused; its output is not served."""
    world = World()
    zombie = world.start("a")
    await world.submit()
    await world.until(running)
    zombie.freezer.freeze()
    world.start("b")
    await world.until(final)
    finished = await world.job()

    zombie.freezer.thaw()
    await world.clock.sleep(60)
    await world.settle()

    assert await world.job() == finished
    assert finished.attempt == 2
    assert await only_the_output_is_left(world, finished)


@in_virtual_time
async def test_worker_that_overslept_and_was_not_replaced_goes_on() -> None:
    """A worker that overslept its lease, alone, renews and finishes the same attempt."""
    world = World()
    only = world.start("a")
    await world.submit()
    await world.until(running)
    only.freezer.freeze()
    await world.clock.sleep(60)
    only.freezer.thaw()

    await world.until(final)
    await world.settle()

    job = await world.job()
    assert (job.state, job.attempt) == (State.SUCCEEDED, 1)


@pytest.mark.requirement("6.7")
@in_virtual_time
async def test_stopped_worker_releases_its_jobs_at_once() -> None:
    """After SIGTERM another worker goes on within a second, and no attempt counts as lapsed."""
    world = World()
    first = world.start("a")
    await world.submit()
    await world.until(running)
    world.start("b")

    began = world.clock.monotonic()
    stopping = asyncio.create_task(first.stop())
    await world.until(lambda job: job.attempt == 2)
    assert world.clock.monotonic() - began < 1
    await stopping

    await world.until(final)
    await world.settle()
    job = await world.job()
    assert (job.state, job.lease.lapses, job.lease.faults) == (State.SUCCEEDED, 0, 0)
    assert first.transcoder.stopped
    assert await only_the_output_is_left(world, job)


@in_virtual_time
async def test_stopping_during_a_claim_leaves_no_lease_behind() -> None:
    """A claim that is under way at SIGTERM is seen through and handed back, not left to lapse."""
    world = World()

    async def slow(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        result = await call()
        if name == "claim":
            await world.clock.sleep(1)
        return result

    worker = world.start("a", jobs=Troubled(world.jobs, slow))
    await world.submit()
    await world.until(lambda job: job.state is State.RUNNING)
    await worker.stop()

    assert (await world.job()).state is State.QUEUED


@pytest.mark.requirement("3.5")
@in_virtual_time
async def test_a_handover_that_comes_second_does_not_cost_the_output() -> None:
    """A release that is refused because the record was first leaves the recorded output alone."""
    world = World()
    succeeding = asyncio.Event()

    async def crossing(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if name == "release":
            await succeeding.wait()  # SIGTERM came before the output was published; its release travels slowly
        result = await call()
        if name == "succeed":
            succeeding.set()
            await world.clock.sleep(1)  # and the answer to the record travels even more slowly
        return result

    worker = world.start("a", jobs=Troubled(world.jobs, crossing))
    await world.submit()
    await world.clock.sleep(9.9)  # 0.1 s before the end of the conversion
    with capture_logs() as logs:
        await worker.stop()

    assert "job.succeeded" in [log["event"] for log in logs], "the attempt waited for the answer, and knows"
    job = await world.job()
    assert job.state is State.SUCCEEDED
    assert await only_the_output_is_left(world, job)


@in_virtual_time
async def test_job_whose_workers_die_at_different_points_is_finished() -> None:
    """A job whose workers are killed more often than a job may lapse, but now sooner and now later, succeeds."""
    world = World()
    await world.submit()
    for number in range(2 * LeasePolicy().max_lapses):
        doomed = world.start(f"doomed{number}", seconds=100)
        await world.until(held_by(f"doomed{number}"))
        await world.clock.sleep(2 + 18 * (number % 2))
        doomed.kill()
    world.start("survivor")

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt) == (State.SUCCEEDED, 2 * LeasePolicy().max_lapses + 1)
    assert job.lease.lapses == 1


@in_virtual_time
async def test_job_that_kills_its_workers_ends_as_exhausted() -> None:
    """A job whose attempts lapse too often fails with `attempts_exhausted`, and other jobs go on."""
    world = World()
    await world.submit()
    for number in range(LeasePolicy().max_lapses):
        doomed = world.start(f"doomed{number}")
        await world.until(held_by(f"doomed{number}"))
        doomed.kill()
    world.start("survivor")

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt) == (State.FAILED, LeasePolicy().max_lapses)
    assert job.failure is not None
    assert job.failure.code == "attempts_exhausted"

    await world.submit(job_id="job2", upload_id="upload2")
    await world.until(final, job_id="job2")
    assert (await world.job("job2")).state is State.SUCCEEDED


@in_virtual_time
async def test_a_running_job_is_cancelled_within_a_heartbeat() -> None:
    """Cancelling a running job stops its conversion within one heartbeat."""
    world = World()
    instance = world.start("a")
    await world.submit()
    await world.until(running)

    asked = world.clock.monotonic()
    await world.jobs.cancel("job1", world.clock.wall())
    await world.until(final)

    assert world.clock.monotonic() - asked <= 2.1
    assert (await world.job()).state is State.CANCELLED
    assert instance.transcoder.stopped
    await world.settle()


@in_virtual_time
async def test_cancelling_does_not_need_the_worker_that_was_asked() -> None:
    """A running job whose worker is dead when it is cancelled ends as cancelled, and leaves nothing but its input."""
    world = World()
    first = world.start("a")
    await world.submit()
    await world.until(running)
    first.kill()
    await world.jobs.cancel("job1", world.clock.wall())
    world.start("b")

    await world.until(final, within=LEASE + 4)

    await world.settle()
    assert ((await world.job()).state, (await world.job()).attempt) == (State.CANCELLED, 2)
    assert set(world.objects.objects) == {input_key("upload1")}


@in_virtual_time
async def test_a_job_handed_back_after_it_was_cancelled_is_over() -> None:
    """A worker that is stopped before it has heard of a cancellation ends the job all the same, with no other one."""
    world = World()
    instance = world.start("a")
    await world.submit()
    await world.until(running)
    await world.jobs.cancel("job1", world.clock.wall())

    await instance.stop()

    assert (await world.job()).state is State.CANCELLED
    assert set(world.objects.objects) == {input_key("upload1")}


@pytest.mark.requirement("6.5", "6.6")
@in_virtual_time
async def test_a_stall_is_tried_once_more() -> None:
    """A conversion that stalled is repeated once; if it stalls again the job fails and says so."""
    world = World()
    world.start("a", fails=[FfmpegStalled()])
    await world.submit()
    await world.until(final)
    once = await world.job()
    assert (once.state, once.attempt, once.lease.faults) == (State.SUCCEEDED, 2, 1)

    world.instances[0].transcoder.fails += [FfmpegStalled(), FfmpegStalled()]
    await world.submit(job_id="job2", upload_id="upload2")
    await world.until(final, job_id="job2")
    twice = await world.job("job2")
    assert twice.failure is not None
    assert twice.failure.code == "transcode_stalled"
    await world.settle()


@pytest.mark.requirement("6.5")
@in_virtual_time
async def test_bad_media_fails_at_once() -> None:
    """Bad media is the client's to know: no second attempt, and the diagnostics are in the job."""
    world = World()
    world.start("a", fails=[BadMedia("It ends in the middle.", diagnostics={"exit_code": 183})])
    await world.submit()
    await world.until(final)

    job = await world.job()
    assert (job.state, job.attempt) == (State.FAILED, 1)
    assert job.failure is not None
    assert (job.failure.code, job.failure.diagnostics) == ("bad_media", {"exit_code": 183})
    await world.settle()


@pytest.mark.requirement("6.3")
@in_virtual_time
async def test_short_trouble_of_the_store_is_ridden_out() -> None:
    """A store that is away for less than a lease costs nothing: the same attempt goes on."""
    world = World()
    away = False

    async def trouble(_: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if away:
            raise Unavailable
        return await call()

    world.start("a", jobs=Troubled(world.jobs, trouble))
    await world.submit()
    await world.until(running)
    away = True
    await world.clock.sleep(2.5)
    away = False

    await world.until(final)
    job = await world.job()
    assert (job.state, job.attempt) == (State.SUCCEEDED, 1)
    await world.settle()


@in_virtual_time
async def test_a_worker_cut_off_from_the_store_pauses_before_its_lease_ends() -> None:
    """A worker that cannot renew pauses its own conversion before any other can take the job over."""
    world = World()
    cut = asyncio.Event()

    async def hang(_: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if cut.is_set():
            await asyncio.Event().wait()
        return await call()

    island = world.start("a", seconds=20, jobs=Troubled(world.jobs, hang))
    await world.submit()
    await world.until(running)
    cut.set()
    at = world.clock.monotonic()
    while not island.transcoder.paused and world.clock.monotonic() - at < LEASE:
        await world.clock.sleep(0.05)

    assert island.transcoder.paused


@in_virtual_time
async def test_a_lost_answer_to_the_record_is_no_lost_output() -> None:
    """If the record was written but its answer lost, the job stays succeeded and its file is not tidied away."""
    world = World()
    lose = [True]

    async def trouble(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        result = await call()
        if name == "succeed" and lose.pop() if lose else False:
            raise Indefinite
        return result

    world.start("a", jobs=Troubled(world.jobs, trouble))
    await world.submit()
    await world.until(final)
    await world.settle()

    job = await world.job()
    assert (job.state, job.attempt) == (State.SUCCEEDED, 1)
    assert await only_the_output_is_left(world, job)


@in_virtual_time
async def test_an_output_that_may_be_recorded_is_kept() -> None:
    """If the answer to the record is lost and the store stays away, the output is kept, for the record may name it."""
    world = World()
    gone = False

    async def trouble(name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        nonlocal gone
        if gone:
            raise Unavailable
        result = await call()
        if name == "succeed":
            gone = True
            raise Indefinite
        return result

    world.start("a", jobs=Troubled(world.jobs, trouble))
    await world.submit()
    await world.until(final)
    await world.clock.sleep(600)  # for longer than a worker without a lease asks

    assert await only_the_output_is_left(world, await world.job())


@pytest.mark.parametrize("skew", [3600.0, -3600.0])
@in_virtual_time
async def test_worker_with_a_wrong_clock_loses_no_job(skew: float) -> None:
    """A worker whose wall clock is an hour off neither takes over living jobs nor keeps jobs from being done."""
    world = World()
    world.start("right")
    world.start("wrong", skew=skew)
    for number in range(4):
        await world.submit(job_id=f"job{number}", upload_id=f"upload{number}")
    for number in range(4):
        await world.until(final, job_id=f"job{number}")
        job = await world.job(f"job{number}")
        assert (job.state, job.lease.lapses) == (State.SUCCEEDED, 0)
    await world.settle()


@pytest.mark.requirement("2.6", "6.4")
@in_virtual_time
async def test_losing_all_of_redis_lowers_no_reading() -> None:
    """Whether Redis is there, flushed or away, what clients read never falls."""
    world = World()
    world.start("a", seconds=20)
    await world.submit()
    readings = await world.until(lambda job: job.percent > 30)
    world.board.flush()
    readings += await world.until(lambda job: job.percent > 50)
    world.board.away = True
    readings += await world.until(lambda job: job.percent > 70)
    world.board.away = False
    readings += await world.until(final)

    assert rises(readings)
    assert readings[-1] == 100
    await world.settle()


@pytest.mark.requirement("2.8", "4.5")
@in_virtual_time
async def test_many_jobs_on_many_workers_keep_apart() -> None:
    """Every one of many jobs on several workers is converted once, and its progress is its own."""
    world = World()
    for name in "abc":
        world.start(name, seconds=3)
    ids = [f"job{number}" for number in range(12)]
    for number, job_id in enumerate(ids):
        await world.submit(job_id=job_id, upload_id=f"upload{number}")
    histories = await asyncio.gather(*(world.until(final, job_id=job_id) for job_id in ids))
    await world.settle()

    assert all(rises(history) and history[-1] == 100 for history in histories)
    assert [(await world.job(job_id)).attempt for job_id in ids] == [1] * 12


@pytest.mark.requirement("2.3")
@in_virtual_time
async def test_the_board_is_refreshed_several_times_a_second() -> None:
    """While a conversion runs, the board gets a new reading at least three times a second."""
    world = World()
    times: list[float] = []
    publish = world.board.publish

    async def noted(job_id: str, hint: Hint, *, again: bool = False) -> bool:
        times.append(world.clock.monotonic())
        return await publish(job_id, hint, again=again)

    world.board.publish = noted  # type: ignore[method-assign]
    world.start("a", seconds=8)
    await world.submit()
    await world.until(final)
    await world.settle()

    middle = [time for time in times if 1 < time <= 7]
    assert len(middle) >= 3 * 6
    assert max(after - before for before, after in pairwise(middle)) < 0.5
