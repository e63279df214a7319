"""What the janitor promises, in virtual time: it takes what nobody will ever want, and nothing else."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.core.errors import Definite, Indefinite, TimeExceeded, Unavailable
from service.core.jobs.lease import State
from service.core.jobs.trust import LeasePolicy
from service.core.naming import input_key, output_key
from service.core.orphans import SLACK, settle
from service.testing.clock import SeededIds
from service.testing.factories import A_DAY, a_job, a_pending_upload, a_running_job, an_output, an_upload
from service.testing.virtual_time import VirtualClock
from service.worker import janitor as module
from service.worker.janitor import Janitor, JanitorConfig, JanitorPorts
from tests.unit.worker.world import World, in_virtual_time

GRACE = 3600.0
INTERVAL = 300.0
UNNAMED = output_key("gone", 1, "song.mp3")


def a_janitor(
    world: World,
    *,
    seed: int = 0,
    page: int = 250,
    max_queued: int = 250,
    skew: float = 0.0,
    grace: float = GRACE,
) -> Janitor:
    """The janitor of one container."""
    ports = JanitorPorts(
        jobs=world.jobs,
        leases=world.jobs,
        uploads=world.jobs,
        objects=world.objects,
        clock=VirtualClock(skew),
        ids=SeededIds(seed),
    )
    config = JanitorConfig(interval=INTERVAL, grace=grace, page=page, max_queued=max_queued)
    return Janitor(ports, config)


async def rounds(world: World, *janitors: Janitor, seconds: float = GRACE + 2 * INTERVAL) -> int:
    """All janitors go round for so long; returns how many things they removed."""
    cleaned = 0
    for _ in range(int(seconds / INTERVAL)):
        for janitor in janitors:
            cleaned += (await janitor.round()).cleaned
        await world.clock.sleep(INTERVAL)
    return cleaned


def left(world: World) -> set[str]:
    """The keys of all that is in the bucket."""
    return {*world.objects.objects, *world.objects.unfinished.values()}


@in_virtual_time
async def test_janitor_that_is_not_on_duty_leaves_the_rounds_to_others() -> None:
    """Of many containers a few go through the bucket, and one that comes on duty begins with its next round."""
    world = World()
    world.objects.put(UNNAMED, b"x")
    duty: list[bool] = []
    ports = a_janitor(world)._ports
    task = asyncio.create_task(Janitor(ports, JanitorConfig(interval=INTERVAL, grace=GRACE), lambda: bool(duty)).run())

    await world.clock.sleep(GRACE + 3 * INTERVAL)
    assert left(world) == {UNNAMED}
    duty.append(True)
    await world.clock.sleep(GRACE + 3 * INTERVAL)

    assert left(world) == set()
    task.cancel()


@pytest.mark.requirement("7.16")
@in_virtual_time
async def test_leftovers_of_a_killed_attempt_disappear() -> None:
    """After the grace, what killed and fenced attempts have left is gone and said, and the recorded output is there."""
    world = World()
    done = a_running_job(attempt=3)
    done = done.succeeded(an_output(done), world.clock.wall())
    world.jobs.jobs["job1"] = replace(done, expires_at=world.clock.wall() + A_DAY)
    assert done.output is not None
    for attempt in (1, 3):
        world.objects.put(output_key("job1", attempt, "song.mp3"), b"x")
    parts_left = output_key("job1", 2, "song.mp3")
    await world.objects.begin_parts(parts_left)
    world.objects.put(UNNAMED, b"x")

    with capture_logs() as logs:
        await rounds(world, a_janitor(world))

    assert left(world) == {done.output.key}
    expected = {
        (output_key("job1", 1, "song.mp3"), "object", "not_named"),
        (parts_left, "transfer", "not_named"),
        (UNNAMED, "object", "no_record"),
    }
    for event in ("janitor.found", "janitor.cleaned"):
        said = [(log["key"], log["kind"], log["reason"]) for log in logs if log["event"] == event]
        assert len(said) == len(expected)
        assert set(said) == expected


@in_virtual_time
async def test_janitor_spares_what_is_younger_than_its_grace() -> None:
    """Before the grace is over nothing goes, however often it was seen to belong to nobody."""
    world = World()
    world.objects.put(UNNAMED, b"x")
    janitor = a_janitor(world)

    assert await rounds(world, janitor, seconds=GRACE) == 0
    assert left(world) == {UNNAMED}

    assert await rounds(world, janitor) == 1
    assert left(world) == set()


@in_virtual_time
async def test_a_running_attempt_keeps_its_parts_and_its_output() -> None:
    """Parts and an output that is not recorded yet survive for as long as their attempt runs; older ones do not."""
    world = World()
    world.jobs.jobs["job1"] = a_running_job(attempt=2)
    present, former = (output_key("job1", attempt, "song.mp3") for attempt in (2, 1))
    for key in (present, former):
        await world.objects.begin_parts(key)
        world.objects.put(key, b"published, not recorded")

    await rounds(world, a_janitor(world), seconds=5 * GRACE)

    assert left(world) == {present}
    assert list(world.objects.unfinished.values()) == [present]


@in_virtual_time
async def test_an_upload_that_is_not_recorded_yet_survives() -> None:
    """What came a moment before its record, or still grows part by part, is not taken."""
    world, early, slow = World(), input_key("early"), input_key("slow")
    janitor = a_janitor(world)
    world.objects.put(early, b"x")
    transfer = await world.objects.begin_parts(slow)
    for number in range(1, 6):
        await rounds(world, janitor, seconds=GRACE - INTERVAL)
        world.jobs.uploads["early"] = an_upload(upload_id="early", key=early, expires_at=world.clock.wall() + A_DAY)
        await world.objects.put_part(slow, transfer, number, b"still coming")
    assert left(world) == {early, slow}

    await rounds(world, janitor)

    assert left(world) == {early}, "and then nobody sent any more"


@pytest.mark.requirement("7.16")
@in_virtual_time
async def test_janitor_removes_abandoned_and_expired_uploads() -> None:
    """An upload never completed, and one whose time is over, lose their bytes; one that a job still reads does not."""
    world = World()
    now = world.clock.wall()
    for name in ("pending", "complete", "needed"):
        world.objects.put(input_key(name), b"x")
    transfer = await world.objects.begin_parts(input_key("awaited"))
    for name in ("pending", "awaited"):
        key = input_key(name)
        pending = a_pending_upload(upload_id=name, key=key, transfer=transfer, expires_at=now + 60)
        await world.jobs.begin_upload(pending)
    for name in ("complete", "needed"):
        await world.jobs.put_upload(an_upload(upload_id=name, key=input_key(name), expires_at=now + 60))
    await world.jobs.submit(a_job(input_key=input_key("needed"), due_at=now + 1e6))
    janitor = a_janitor(world)

    await rounds(world, janitor, seconds=SLACK)
    assert len(left(world)) == 4

    await rounds(world, janitor)
    assert left(world) == {input_key("needed")}

    await world.jobs.cancel("job1", now)
    await rounds(world, janitor)
    assert left(world) == set()


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
@in_virtual_time
async def test_janitor_with_a_wrong_clock_removes_nothing_early(skew: float) -> None:
    """A janitor whose clock is an hour wrong takes no bytes of a record that has not expired."""
    world, end = World(), World().clock.wall() + 4 * GRACE
    job = a_running_job()
    world.jobs.jobs["job1"] = replace(job.succeeded(an_output(job), 0.0), expires_at=end)
    world.jobs.uploads["upload1"] = an_upload(expires_at=end)
    world.objects.put(output_key("job1", 1, "song.mp3"), b"x")
    world.objects.put(input_key("upload1"), b"x")

    # With a grace shorter than the error of the clock, so that it is not the grace that saves them.
    await rounds(world, a_janitor(world, skew=skew, grace=INTERVAL), seconds=4 * GRACE)

    assert len(left(world)) == 2


@in_virtual_time
async def test_two_janitors_do_not_disturb_each_other() -> None:
    """Several at once, beside workers whose first one is killed, end with exactly what the record names."""
    world = World()
    first = world.start("a")
    await world.submit()
    await world.jobs.put_upload(an_upload(expires_at=world.clock.wall() + A_DAY))
    await world.clock.sleep(3)
    await world.objects.begin_parts(output_key("job1", 1, "song.mp3"))  # as a real one would have
    first.kill()
    world.start("b")
    world.objects.put(UNNAMED, b"x")
    await world.until(lambda job: job.state is State.SUCCEEDED)
    await world.settle()
    world.objects.put(output_key("job1", 1, "song.mp3"), b"by a zombie, after all was tidied")

    await rounds(world, a_janitor(world, seed=1), a_janitor(world, seed=2))

    job = await world.job()
    assert job.output is not None
    assert left(world) == {input_key("upload1"), job.output.key}


@pytest.mark.parametrize(
    ("verb", "moment"),
    [(verb, "before") for verb in ("survey", "open_transfers", "parts", "delete", "abort_parts")]
    + [("delete", "after"), ("abort_parts", "after")],
)
@in_virtual_time
async def test_trouble_in_the_middle_of_a_round_loses_nothing(verb: str, moment: str) -> None:
    """Whichever call of a round fails, what is owned stays, and what is not is gone a few rounds later."""
    world = World()
    world.jobs.jobs["job1"] = a_running_job()
    present = output_key("job1", 1, "song.mp3")
    keys = [output_key(f"gone{number}", 1, "song.mp3") for number in range(4)]
    for key in (present, *keys):
        world.objects.put(key, b"x")
    await world.objects.begin_parts(input_key("gone"))
    troubles, most = 0, 1 if moment == "after" else 20  # after the effect there is nothing left to fail with

    async def trouble(said: str, key: str, when: str) -> None:
        nonlocal troubles
        if (said, when) == (verb, moment) and troubles < most and (verb != "delete" or "gone2" in key):
            troubles += 1
            raise Unavailable(verb)

    world.objects.trouble = trouble
    janitor = a_janitor(world)
    failed = 0
    for _ in range(60):
        try:
            await janitor.round()
        except Unavailable:
            failed += 1
        await world.clock.sleep(INTERVAL)

    assert failed == most
    assert left(world) == {present}


@in_virtual_time
async def test_janitor_spares_what_an_unreadable_record_may_need() -> None:
    """A damaged record holds up nobody else, and nothing that may be its own is taken."""
    world = World()
    damaged = output_key("damaged", 1, "song.mp3")
    for key in (damaged, UNNAMED):
        world.objects.put(key, b"x")
    get = world.jobs.get

    async def damaging(job_id: str) -> Any:
        if job_id == "damaged":
            raise Definite("no such attribute")
        return await get(job_id)

    world.jobs.get = damaging  # type: ignore[method-assign]
    await rounds(world, a_janitor(world))

    assert left(world) == {damaged}


@in_virtual_time
async def test_janitor_goes_on_after_an_object_that_it_may_not_delete() -> None:
    """A key that S3 refuses to delete is said, and everything after it is cleaned all the same."""
    world = World()
    refused, *others = (output_key(f"gone{number}", 1, "song.mp3") for number in range(6))
    for key in (refused, *others):
        world.objects.put(key, b"x")

    async def trouble(verb: str, key: str, when: str) -> None:
        if (verb, key, when) == ("delete", refused, "before"):
            raise Definite("DeleteObjects: AccessDenied")

    world.objects.trouble = trouble
    with capture_logs() as logs:
        await rounds(world, a_janitor(world, page=2), seconds=6 * GRACE)

    assert left(world) == {refused}
    assert refused in {log["where"] for log in logs if log["event"] == "janitor.trouble"}


@in_virtual_time
async def test_janitor_rounds_are_bounded_and_reach_every_object() -> None:
    """A round looks at no more than a page of each kind, and yet everything is reached in the end."""
    world, owned = World(), output_key("a", 1, "song.mp3")
    world.jobs.jobs["a"] = a_running_job(job_id="a")
    for number in range(6):
        world.objects.put(f"{owned}{number}", b"x")  # more than a page of what stays, before all that goes
        await world.objects.begin_parts(f"{owned}{number}")
    for number in range(25):
        world.objects.put(output_key(f"gone{number}", 1, "song.mp3"), b"x")
        await world.objects.begin_parts(output_key(f"gone{number}", 1, "song.mp3"))
        await world.objects.begin_parts(input_key("gone"))  # a key may have several
    janitor = a_janitor(world, page=4)

    first = await janitor.round()
    await rounds(world, janitor, seconds=8 * GRACE)

    assert first.looked <= 3 * 4 + 25
    assert left(world) == {f"{owned}{number}" for number in range(6)}


@in_virtual_time
async def test_janitor_spares_all_inputs_while_the_queue_is_too_long_to_read() -> None:
    """Where it cannot be told which inputs are needed, none is taken."""
    world = World()
    world.objects.put(input_key("gone"), b"x")
    for number in range(3):
        await world.jobs.submit(a_job(job_id=f"job{number}"))

    await rounds(world, a_janitor(world, max_queued=2))
    assert left(world) == {input_key("gone")}

    await rounds(world, a_janitor(world, max_queued=3))
    assert left(world) == set()


@pytest.mark.requirement("7.16")
@in_virtual_time
async def test_janitor_goes_on_after_unexpected_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble of the stores and errors of its own are said, and the next round comes, each container's at its time."""
    world = World()
    monkeypatch.setattr(module, "settle", _failing_once(settle))
    world.objects.put(UNNAMED, b"x")
    calls: list[float] = []

    async def trouble(verb: str, key: str, when: str) -> None:
        if verb == "survey" and key == "results/":
            calls.append(world.clock.monotonic())
            if len(calls) == 2:
                raise Indefinite("no answer")

    world.objects.trouble = trouble
    with capture_logs() as logs:
        task = asyncio.create_task(a_janitor(world).run())
        await world.clock.sleep(3 * GRACE)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    events = {log["event"] for log in logs}
    assert {"service.unexpected", "janitor.trouble", "janitor.round", "janitor.cleaned"} <= events
    assert left(world) == set()
    gaps = {round(later - earlier, 3) for earlier, later in pairwise(calls)}
    assert len(gaps) > 3, "not in step with others"
    assert all(0.9 * INTERVAL <= gap <= 1.1 * INTERVAL for gap in gaps)


def _failing_once(real: Any) -> Any:
    failures = iter([RuntimeError("a mistake")])

    def failing(*args: Any, **kwargs: Any) -> Any:
        for failure in failures:
            raise failure
        return real(*args, **kwargs)

    return failing


@in_virtual_time
async def test_nothing_is_left_of_a_job_that_kills_its_workers() -> None:
    """A job whose every attempt was killed in the middle of its output ends, and in the end only its input is there."""
    world = World()
    await world.submit()
    await world.jobs.put_upload(an_upload(expires_at=world.clock.wall() + A_DAY))
    for attempt in range(1, LeasePolicy().max_lapses + 1):
        worker = world.start(f"worker{attempt}")
        await world.until(lambda job, attempt=attempt: job.attempt == attempt)  # type: ignore[misc]
        await world.objects.begin_parts(output_key("job1", attempt, "song.mp3"))
        worker.kill()
    world.start("the last")
    await world.until(lambda job: job.final)

    await rounds(world, a_janitor(world))

    failure = (await world.job()).failure
    assert failure is not None
    assert failure.code == "attempts_exhausted"
    assert left(world) == {input_key("upload1")}
    await world.settle()


@pytest.mark.requirement("6.12")
@in_virtual_time
async def test_timed_out_job_is_recorded_and_its_objects_are_removed() -> None:
    """A conversion that runs out of time ends its job with the reason, and leaves the input alone in the bucket."""
    world = World()
    world.start("a", fails=[TimeExceeded("too long")])
    await world.submit()

    await world.until(lambda job: job.final)
    await world.settle()

    job = await world.job()
    assert job.failure is not None
    assert (job.state, job.failure.code) == (State.FAILED, TimeExceeded.code)
    assert left(world) == {input_key("upload1")}
