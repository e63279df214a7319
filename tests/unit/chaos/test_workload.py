"""Tests of `chaos.workload.plans` and `chaos.nemesis.schedule`: what is drawn from the seed."""

from chaos.nemesis import ends, link
from chaos.nemesis.members import FREEZE, KILL, KILL_FFMPEG
from chaos.nemesis.schedule import schedule
from chaos.scenarios import BY_NAME, USUAL
from chaos.workload.plans import plan


def test_same_seed_gives_the_same_jobs() -> None:
    """A job is drawn from the seed and its number alone, in whatever order jobs are asked for."""
    forwards = [plan(7, USUAL, number) for number in range(1, 40)]
    backwards = [plan(7, USUAL, number) for number in reversed(range(1, 40))]

    assert forwards == backwards[::-1]
    assert forwards != [plan(8, USUAL, number) for number in range(1, 40)]


def test_workload_draws_everything_that_its_mix_has() -> None:
    """In a hundred jobs every input, conversion, route and way to download comes up, and so do cancels and repeats."""
    jobs = [plan(3, USUAL, number) for number in range(100)]

    assert {job.input for job in jobs} == set(USUAL.inputs)
    assert {job.conversion for job in jobs} == set(USUAL.conversions)
    assert {job.route for job in jobs} == set(USUAL.routes)
    assert {job.download for job in jobs} == set(USUAL.downloads)
    assert any(job.cancel_at is not None for job in jobs)
    assert any(job.key is None for job in jobs)
    assert any(job.resubmit for job in jobs)
    assert any(job.delete for job in jobs)


def test_only_jobs_with_a_key_are_submitted_again() -> None:
    """Without an idempotency key a repeated submission is a second job: the plan never has one."""
    assert all(job.key is not None for job in (plan(5, USUAL, number) for number in range(300)) if job.resubmit)


def test_keys_of_different_jobs_differ() -> None:
    """Each planned job has an idempotency key of its own."""
    keys = [key for number in range(200) if (key := plan(5, USUAL, number).key) is not None]

    assert len(keys) == len(set(keys))


def test_same_seed_gives_the_same_schedule() -> None:
    """Faults, moments and durations are drawn before anything happens, from the seed alone."""
    once, again = (schedule(11, (KILL, FREEZE), seconds=60, every=4) for _ in range(2))

    assert once == again
    assert [strike.at for strike in once] != [strike.at for strike in schedule(12, (KILL, FREEZE), seconds=60, every=4)]


def test_faults_that_have_to_come_come_first() -> None:
    """The first faults of a scenario come in their order, also if the time is too short for them."""
    strikes = schedule(1, (KILL,), seconds=1, every=4, first=(FREEZE, KILL_FFMPEG, FREEZE))

    assert [strike.fault for strike in strikes[:3]] == [FREEZE, KILL_FFMPEG, FREEZE]
    assert [strike.at for strike in strikes] == sorted(strike.at for strike in strikes)


def test_schedule_comes_to_its_rate() -> None:
    """Over a long time there are as many faults as `every` says, and each is healed within the time."""
    strikes = schedule(2, (KILL,), seconds=4000, every=4)

    assert 900 < len(strikes) < 1100
    assert all(strike.hold > 0 for strike in strikes)
    assert all(strike.at + strike.hold <= 4000.2 for strike in strikes)


def test_hundred_kills_fit_into_the_scenario_of_kills() -> None:
    """Whatever the seed, the scenario `kills` has at least a hundred of them in its schedule."""
    kills = BY_NAME["kills"]
    counts = [
        len(schedule(seed, kills.faults, seconds=kills.seconds, every=kills.every, first=kills.first))
        for seed in range(200)
    ]

    assert min(counts) >= 100


def test_links_are_read_as_they_are_written() -> None:
    """The name of a link in the history gives its member and its dependency back; other targets are no links."""
    assert ends([link("service-1", "records"), "service-2"]) == [("service-1", "records")]
