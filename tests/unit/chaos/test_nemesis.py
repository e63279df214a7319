"""Tests of `chaos.nemesis`: whom a fault hits, and that everything is healed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from chaos.ambient import draws
from chaos.history.events import HEALED, INJECTED, Fault
from chaos.history.recording import Recorder, read
from chaos.nemesis import BEARABLE, Injection
from chaos.nemesis.members import FREEZE, KILL, KILL_ALL, KILL_OWNER
from chaos.nemesis.nemesis import Nemesis
from chaos.nemesis.schedule import Strike
from chaos.stack import Holding, Stack
from tests.unit.chaos.stacks import RememberedStack


def injection(stack: RememberedStack, seed: int = 1) -> Injection:
    """One injection, with draws of its own."""
    return Injection(cast("Stack", stack), draws(seed))


def test_kill_prefers_the_container_that_converts() -> None:
    """Most kills hit a container that holds a job."""
    stack = RememberedStack(held=[Holding("job", "two", 1, 0)])
    victims = [injection(stack, seed).victim() for seed in range(200)]

    assert 150 < victims.count("two") < 200
    assert {"one", "two", "three"} == set(victims)


def test_fault_that_is_for_a_conversion_waits_for_one() -> None:
    """While no container converts, most kills find no victim yet; what was drawn stays when they look again."""
    stack = RememberedStack()
    hits = [injection(stack, seed) for seed in range(200)]
    found = [hit for hit in hits if hit.victim() is not None]
    assert 0 < len(found) < 60

    stack.held = [Holding("job", "two", 1, 0)]

    assert all(hit.victim() == "two" for hit in hits if hit not in found)


def test_job_is_not_interrupted_more_often_than_it_can_bear() -> None:
    """A container whose job was taken over too often already is spared, as long as that job runs there."""
    stack = RememberedStack(held=[Holding("job", "two", 9, BEARABLE)])

    assert "two" not in {injection(stack, seed).victim() for seed in range(100)}


def test_the_owner_of_a_job_is_not_spared_by_the_fault_that_is_for_it() -> None:
    """`kill owner` follows the job that was taken over most often, however often that was."""
    stack = RememberedStack(held=[Holding("a", "one", 1, 0), Holding("b", "two", 9, 8)])
    hit = injection(stack)

    KILL_OWNER.inject(hit)

    assert stack.done == [("kill", "two")]


def test_fault_without_a_victim_has_no_targets() -> None:
    """Where nothing runs, or only one container is left, there is nothing to kill, and nothing is recorded."""
    stack = RememberedStack(down={"one", "two"})
    hit = injection(stack)

    KILL.inject(hit)

    assert (hit.targets, stack.done) == ([], [])


def test_all_at_once_is_one_call() -> None:
    """`kill all` names every running container in one call, so that none has the time to take over."""
    stack = RememberedStack(down={"three"})

    KILL_ALL.inject(injection(stack))

    assert stack.done == [("kill", "one", "two")]


def test_healing_twice_does_nothing_twice() -> None:
    """A container that runs again is not started again."""
    stack = RememberedStack(held=[Holding("job", "two", 1, 0)])
    hit = injection(stack)
    KILL.inject(hit)
    assert KILL.heal is not None

    KILL.heal(hit)
    KILL.heal(hit)

    assert [verb for verb, *_ in stack.done] == ["kill", "start"]


def test_late_schedule_is_cut_short(tmp_path: Path) -> None:
    """On a machine so slow that the time is over before the schedule is, what is left of it is not done."""
    stack = RememberedStack(held=[Holding("job", "two", 1, 0)])
    strikes = [Strike(0.0, FREEZE, 1.0, "one"), Strike(0.0, FREEZE, 1.0, "two")]
    moments = iter(range(1000))
    with Recorder(tmp_path / "history.jsonl", lambda: 1.0, lambda: datetime(2026, 1, 1, tzinfo=UTC)) as recorder:
        nemesis = Nemesis(cast("Stack", stack), strikes, recorder, lambda: float(next(moments)), limit=4.0)
        nemesis.run()

    assert nemesis.injected == 1
    assert [verb for verb, *_ in stack.done] == ["pause", "thaw"]


def test_what_was_begun_is_healed_when_the_nemesis_is_stopped(tmp_path: Path) -> None:
    """However long a fault was to last, it is healed, and both are in the history."""
    stack = RememberedStack(held=[Holding("job", "two", 1, 0)])
    strikes = [Strike(0.0, FREEZE, 10_000.0, "seed")]
    with Recorder(tmp_path / "history.jsonl", lambda: 1.0, lambda: datetime(2026, 1, 1, tzinfo=UTC)) as recorder:
        nemesis = Nemesis(cast("Stack", stack), strikes, recorder, lambda: 1.0)
        nemesis.stop()
        nemesis._inject(strikes[0])
        nemesis.run()

    assert [verb for verb, *_ in stack.done] == ["pause", "thaw"]
    phases = [event.phase for event in read(tmp_path / "history.jsonl") if isinstance(event, Fault)]
    assert phases == [INJECTED, HEALED]
    assert nemesis.open == []
