"""
Treat the containers of `docker compose up` as a platform does, at random: `restart_at_random.py --minutes 2`.

They are restarted, killed and replaced, crash, freeze for a while (as on App Runner, where an instance without a
request gets no CPU), and are scaled up and down. A conversion meanwhile takes longer, and succeeds.

The seed decides which step comes when, before anything is done. Which container a step hits depends on the containers
that run at that moment; the seed fixes that too as long as Docker is no slower than the plan. At the end, also after
Ctrl-C, as many containers run as before, and all of them are healthy.
"""

import argparse
import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
SERVICE: Final = "service"  # its name in compose.yaml
EVERY = 4.0  # seconds between two steps, on average
FREEZE = 14.0  # seconds at most; longer than a lease, so that others take over and the frozen one comes back too late
AWAY = 5.0  # seconds at most until the platform has replaced a container that it killed
MOST = 4  # containers
COMMAND_SECONDS = 90.0  # no command of Docker's takes longer
WHOLE_SECONDS = 120  # until all are healthy at the end

# What the service does when its process is killed from inside, as the kernel does for want of memory: nobody has
# stopped the container, so Docker itself starts it again.
CRASH = ("sh", "-c", "read -r first _ < /proc/1/task/1/children && kill -KILL $first")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `at` and `hold` are seconds; `pick` (0 to 1) is which container, or how many there will be."""

    at: float
    verb: str
    pick: float
    hold: float = 0.0  # how long it stays so


def plan(seed: int, seconds: float, *, every: float = EVERY) -> list[Step]:
    """Draw what happens in `seconds`; what is held is let go within them."""
    draw = random.Random(seed)  # not for secrets
    steps: list[Step] = []
    at = draw.expovariate(1 / every)
    while at < seconds:
        verb = draw.choice(["restart", "kill", "kill", "crash", "freeze", "freeze", "scale"])
        longest = {"kill": AWAY, "freeze": FREEZE}.get(verb, 0.0)
        steps.append(Step(at, verb, draw.random(), min(draw.uniform(0, longest), seconds - at)))
        at += draw.expovariate(1 / every)
    return steps


class Docker:
    """The command line of Docker, for one compose project."""

    def __init__(self, project: str | None) -> None:
        self._compose = ["docker", "compose", *(["--project-name", project] if project else [])]

    def containers(self, *, running: bool = False) -> dict[str, str]:
        """The containers of the service by name, in order, with their state; `running` leaves out all others."""
        lines = self.compose("ps", "--all", "--format", "{{.Name}} {{.State}}", SERVICE).splitlines()
        states = sorted((name, state) for name, _, state in (line.partition(" ") for line in lines))
        return {name: state for name, state in states if not running or state == "running"}

    def compose(self, *arguments: str) -> str:
        """Run ``docker compose``; raises `subprocess.SubprocessError`."""
        return _run([*self._compose, *arguments])

    def scale(self, count: int) -> None:
        """Scale the service to `count` containers, without touching those that stay."""
        self.compose("up", "--detach", "--no-deps", "--no-recreate", "--scale", f"{SERVICE}={count}", SERVICE)

    def make_whole(self, count: int) -> None:
        """Bring the service back to `count` containers, all of them running and healthy."""
        for name, state in self.containers().items():
            if state == "paused":
                _run(["docker", "unpause", name])
        self.compose("up", "--no-deps", "--no-recreate", "--scale", f"{SERVICE}={count}",
                     "--wait", "--wait-timeout", str(WHOLE_SECONDS), SERVICE)  # fmt: skip

    @staticmethod
    def to(name: str, verb: str, *command: str) -> None:
        """Run a verb of Docker (``restart``, ``kill`` …) on a container; a command in it is not waited for."""
        _run(["docker", verb, *(["--detach"] if command else []), name, *command])


class Platform:
    """Run the steps of a plan at their times, and undo each one that is to last for a while only."""

    def __init__(self, docker: Docker, say: Callable[[str, str], None]) -> None:
        self._docker = docker
        self._say = say
        self._later: list[tuple[float, str, str]] = []  # seconds, verb, container

    def run(self, steps: Sequence[Step], seconds: float, pause: Callable[[float], None] = time.sleep) -> None:
        """Run the plan; it may end a little later than `seconds`, because Docker needs time for each step."""
        began = time.monotonic()
        for step in [*steps, None]:
            until = seconds if step is None else step.at
            for at, verb, name in self._due(until):
                pause(max(0.0, at - (time.monotonic() - began)))
                self._try(verb, name)
            pause(max(0.0, until - (time.monotonic() - began)))
            if step is not None and time.monotonic() - began < seconds:
                self._do(step, time.monotonic() - began)

    def _due(self, until: float) -> Iterator[tuple[float, str, str]]:
        while self._later and min(self._later)[0] <= until:
            self._later.remove(first := min(self._later))
            yield first

    def _do(self, step: Step, now: float) -> None:
        if step.verb == "scale":
            count = 1 + int(step.pick * MOST)
            if self._attempt(lambda: self._docker.scale(count)):
                self._say(SERVICE, f"there are {count} of it now")
            return
        names = list(self._docker.containers(running=True))
        if not names:
            return  # none is running; they come back by themselves
        name = names[int(step.pick * len(names))]
        match step.verb:
            case "restart":
                self._try("restart", name)
            case "kill":
                self._try("kill", name)
                self._later.append((now + step.hold, "start", name))
            case "crash":
                self._try("exec", name, *CRASH)  # without an answer: the process that would give it is killed
            case "freeze":
                self._try("pause", name)
                self._later.append((now + step.hold, "unpause", name))

    def _try(self, verb: str, name: str, *command: str) -> None:
        # The container may be gone: it was scaled away, or ended by itself.
        if self._attempt(lambda: self._docker.to(name, verb, *command)):
            self._say(name, TOLD[verb])

    def _attempt(self, what: Callable[[], None]) -> bool:
        try:
            what()
        except subprocess.CalledProcessError as error:
            self._say("docker", f"says: {_last_line(error.stderr)}")
            return False
        return True


TOLD = {
    "restart": "has been restarted (SIGTERM)",
    "kill": "is killed (SIGKILL)",
    "start": "is replaced",
    "exec": "crashes; Docker starts it again",
    "pause": "freezes",
    "unpause": "thaws",
}


def main(arguments: Sequence[str]) -> int:
    """Run the script; returns 0 if all containers are healthy at the end."""
    given = _parser().parse_args(arguments)
    console, began = Console(highlight=False), time.monotonic()

    def say(who: str, what: str) -> None:
        console.print(f"{time.monotonic() - began:8.1f}   {who:24} {what}", markup=False, soft_wrap=True)

    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    docker, seconds = Docker(given.project), given.minutes * 60
    try:
        before = len(docker.containers())
        if not before:
            raise LookupError(f"no container of {SERVICE!r} is there: docker compose up --build --wait")
        console.print(f"--seed {seed} --minutes {given.minutes:g}\n\n seconds   who                      what")
        try:
            with contextlib.suppress(KeyboardInterrupt):
                Platform(docker, say).run(plan(seed, seconds, every=given.every), seconds)
        finally:
            say(SERVICE, f"is made whole: {before} containers")
            docker.make_whole(before)
        say(SERVICE, "is healthy: " + ", ".join(docker.containers(running=True)))
    except (subprocess.CalledProcessError, LookupError) as error:
        reason = _last_line(error.stderr) if isinstance(error, subprocess.CalledProcessError) else error
        print(f"restart_at_random: {reason}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0].strip())
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (default: 2)")
    parser.add_argument("--every", type=float, default=EVERY, help=f"seconds between two steps (default: {EVERY:g})")
    parser.add_argument("--seed", type=int, help="repeat a plan (default: a new one)")
    parser.add_argument("--project", help="of docker compose (default: as it would choose itself)")
    return parser


def _run(command: Sequence[str]) -> str:
    return subprocess.run(
        command,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=COMMAND_SECONDS + WHOLE_SECONDS,
    ).stdout


def _last_line(text: str | None) -> str:
    return ((text or "").strip().splitlines() or ["nothing"])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
