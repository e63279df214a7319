import subprocess

import pytest

from scripts import restart_at_random as script
from scripts.restart_at_random import Platform, Step, plan


class Stack(script.Docker):
    """Remembers what was asked for; two containers, whose state nothing changes."""

    def __init__(self) -> None:
        super().__init__(None)
        self.asked: list[str] = []

    def containers(self, *, running: bool = False) -> dict[str, str]:
        return {"one": "running", "two": "running"}

    def scale(self, count: int) -> None:
        self.asked.append(f"scale {count}")

    def to(self, name: str, verb: str, *command: str) -> None:  # type: ignore[override]  # static in the real one
        if name == "gone":
            raise subprocess.CalledProcessError(1, "docker", stderr="no such container\n")
        self.asked.append(f"{verb} {name}")


def played(*steps: Step) -> list[str]:
    """What is asked of Docker, in order, when these steps are done without any waiting."""
    stack = Stack()
    Platform(stack, lambda _, __: None).run(steps, 60, pause=lambda _: None)
    return stack.asked


@pytest.mark.requirement("5.7")
def test_same_seed_gives_same_restart_plan() -> None:
    """The same seed gives the same plan, another seed another plan."""
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


@pytest.mark.requirement("5.7")
@pytest.mark.parametrize("seed", range(20))
def test_restart_plan_ends_in_time(seed: int) -> None:
    """No step is planned after the end, and what a step kills or freezes comes back before it."""
    steps = plan(seed, 90)

    assert steps
    assert all(0 < step.at < 90 and step.at + step.hold <= 90 for step in steps)
    assert steps == sorted(steps, key=lambda step: step.at)


@pytest.mark.requirement("5.7")
def test_restart_plan_has_every_kind_of_step() -> None:
    """Restarts, kills, crashes, freezes and changes of number all occur."""
    assert {step.verb for step in plan(1, 600)} == {"restart", "kill", "crash", "freeze", "scale"}


def test_killed_and_frozen_containers_come_back() -> None:
    """A killed container is started again, and a frozen one thawed, each after its own time."""
    steps = Step(1, "kill", 0.0, hold=5), Step(2, "freeze", 0.9, hold=1), Step(10, "restart", 0.0)

    assert played(*steps) == ["kill one", "pause two", "unpause two", "start one", "restart one"]


def test_scaling_stays_between_one_and_the_maximum() -> None:
    """Scaling goes from one to the most, never to none."""
    assert played(Step(1, "scale", 0.0), Step(2, "scale", 0.999)) == ["scale 1", f"scale {script.MOST}"]


def test_step_that_docker_refuses_is_logged_and_skipped() -> None:
    """A step that Docker refuses is logged, and the steps after it are done."""
    told: list[str] = []
    platform = Platform(Stack(), lambda who, what: told.append(f"{who} {what}"))

    platform._try("kill", "gone")
    platform._try("kill", "one")

    assert told == ["docker says: no such container", "one is killed (SIGKILL)"]
