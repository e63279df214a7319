"""One scenario: settle, faults while clients work, heal, wait, final looks, verdict, report."""

import json
import shutil
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from chaos import report, verdict
from chaos.ambient import draws, monotonic, pause, wall
from chaos.client.asking import Asker
from chaos.client.reprise import CONVERSIONS, RepriseClient, open_passage
from chaos.display import Display
from chaos.history import recording
from chaos.history.events import Leftover, Run
from chaos.history.recording import Recorder
from chaos.history.records import FINAL
from chaos.nemesis.idle import IdleFreezer
from chaos.nemesis.nemesis import Nemesis
from chaos.nemesis.schedule import schedule
from chaos.scenarios import Scenario
from chaos.session import Session
from chaos.stack import Stack, StackError
from chaos.stack.docker import DockerStack
from chaos.stack.reprise import GRACE, TENANTS, RepriseKit
from chaos.verdict import Verdict
from chaos.workload.players import Play, Player

END_SECONDS = 240.0  # without faults, in which every job has to end
CLEAN_SECONDS = 90.0 + GRACE  # in which janitors have to find what was left
SAMPLES = 5.0, 30.0  # seconds between two samples: usually, in a long run
LONG_RUN = 900.0


@dataclass
class Harness:
    """The parts of one run, while it goes on."""

    scenario: Scenario
    stack: Stack
    play: Play
    nemesis: Nemesis
    recorder: Recorder
    clock: Callable[[], float]
    display: Display
    players: list[Player]
    freezer: IdleFreezer | None
    healed: bool = False

    def go(self) -> list[str]:
        """Run it to its end; returns what went wrong with the harness itself."""
        over = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(over,), daemon=True, name="sampler")
        sampler.start()
        for thread in (*self.players, self.nemesis):
            thread.start()
        self._watch(lambda: not self.nemesis.is_alive(), "faults", None)
        self._heal()
        self.play.calm.set()
        ended = self._watch(lambda: not any(player.is_alive() for player in self.players), "finishing", END_SECONDS)
        if not ended:
            self.play.abandon.set()
        self._watch(self._all_final, "waiting for the last jobs", END_SECONDS if ended else 1.0)
        over.set()
        self._watch(self._clean, "waiting for the janitors", CLEAN_SECONDS)
        self._look()
        return [*self.play.problems, *self.nemesis.problems]

    def _heal(self) -> None:
        """Undo all that was done, also what a fault's own healing has missed."""
        if self.freezer is not None:
            self.freezer.end()
        self.stack.mend()
        for dependency in ("objects", "hints"):
            self.stack.restore(dependency)
        for member in self.stack.members:
            self.stack.thaw(member)
        self._start_ended()
        self.healed = True

    def _start_ended(self) -> None:
        """Start members that have ended, as a platform does: one that was started amid faults may have given up."""
        self.stack.ended()
        for member in self.stack.members:
            if member not in self.stack.running():
                self.stack.start(member)

    def _watch(self, done: Callable[[], bool], what: str, seconds: float | None) -> bool:
        """Show how far it is until `done`; False if that takes too long."""
        began = self.clock()
        while not done():
            now = self.clock()
            if seconds is not None and now - began > seconds:
                return False
            self.display.show(self._line(what, now), now)
            if self.healed:
                self._start_ended()
            pause(0.25)
        return True

    def _line(self, what: str, now: float) -> str:
        if what == "faults":
            what = f"faults for {self.scenario.seconds:.0f} s"
        faults = ", ".join(sorted(set(self.nemesis.open))) or "none at the moment"
        return (
            f"{self.scenario.name}: {now:.0f} s, {what} · {self.play.accepted} jobs accepted, "
            f"{self.play.ended} ended · {self.nemesis.injected} faults ({faults})"
        )

    def _all_final(self) -> bool:
        return all(final.state in FINAL for final in self.stack.finals())

    def _clean(self) -> bool:
        with suppress(StackError):
            return not self.stack.leftovers() and not any(
                count for member in self.stack.members for count in self.stack.inside(member).values()
            )
        return False

    def _look(self) -> None:
        """Write down what is there in the end."""
        for final in self.stack.finals():
            self.recorder.write(final)
        for leftover in self.stack.leftovers():
            self.recorder.write(leftover)
        for member in self.stack.members:
            for what, count in self.stack.inside(member).items():
                if count:
                    self.recorder.write(Leftover(key=f"{count} {what} in {member}"))
        self.recorder.write(self.stack.stored())

    def _sample(self, over: threading.Event) -> None:
        every = SAMPLES[self.scenario.seconds > LONG_RUN]
        while not over.wait(every):
            with suppress(Exception):  # a dependency is harmed at this moment: the next sample comes
                for sample in self.stack.samples():
                    self.recorder.write(sample)
                if not self.nemesis.open:
                    self.recorder.write(self.stack.stored())


def run(scenario: Scenario, seed: int, session: Session, out: Path, command: str, display: Display) -> Verdict:
    """Run a scenario into its folder, judge it, and write its report; the folder is emptied first."""
    folder = out / f"{scenario.name}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began, since = monotonic(), wall()

    def clock() -> float:
        return monotonic() - began

    error = ""
    with ExitStack() as to_close:
        recorder = to_close.enter_context(Recorder(folder / recording.NAME, clock, wall))
        try:
            recorder.write(
                Run(scenario=scenario.name, seed=seed, parameters=_parameters(scenario, session), command=command,
                    containers=[f"service-{n + 1}" for n in range(scenario.shape.members)])
            )  # fmt: skip
            kit = RepriseKit(f"chaos-{session.run}-{scenario.name}")
            display.show(f"{scenario.name}: starting containers", clock())
            stack = DockerStack(session.backing, kit, session.versions, scenario.shape, recorder, folder, since)
            to_close.callback(stack.close)
            problems = _harness(scenario, seed, session, stack, recorder, clock, display).go()
            error = "; ".join(problems[:5])
        except (StackError, TimeoutError, OSError, RuntimeError, httpx.HTTPError) as problem:
            error = f"{type(problem).__name__}: {problem}"
    return _judged(scenario, folder, error)


def _harness(
    scenario: Scenario, seed: int, session: Session, stack: Stack, recorder: Recorder, clock: Callable[[], float],
    display: Display,
) -> Harness:  # fmt: skip
    conversions = {one.name: one for one in CONVERSIONS}
    play = Play(seed, scenario.workload, stack, session.library, conversions, recorder)
    freezer = IdleFreezer(stack) if scenario.idle_freeze else None
    passage = freezer.passage if freezer else open_passage
    tenants = sorted(TENANTS)
    players = []
    for number in range(scenario.workload.clients):
        name, tenant = f"client-{number + 1}", tenants[number % len(tenants)]
        asker = Asker(name, tenant, recorder, clock)
        stranger = tenants[(number + 1) % len(tenants)]
        client = RepriseClient(asker, stack.address, TENANTS, stranger, draws(seed, name, "client"), passage)
        players.append(Player(name, play, client, asker.close))
    strikes = schedule(seed, scenario.faults, seconds=scenario.seconds, every=scenario.every, first=scenario.first)
    nemesis = Nemesis(stack, strikes, recorder, clock, scenario.seconds * scenario.stretch)
    return Harness(scenario, stack, play, nemesis, recorder, clock, display, players, freezer)


def _parameters(scenario: Scenario, session: Session) -> dict[str, str | int | float | bool | None]:
    return {
        "seconds": scenario.seconds,
        "every": scenario.every,
        "members": scenario.shape.members,
        "slots": scenario.shape.slots,
        "ffmpeg_speed": scenario.shape.speed,
        "clients": scenario.workload.clients,
        "jobs": scenario.workload.jobs,
        "image": session.versions["new"],
        "sometimes": ",".join(scenario.sometimes),
        "recovery_bound": scenario.recovery,
    }


def _judged(scenario: Scenario, folder: Path, error: str) -> Verdict:
    judged = verdict.judge(recording.read(folder), recovery_bound=scenario.recovery, error=error)
    (folder / "run.json").write_text(json.dumps(judged.to_dict(), indent=2, ensure_ascii=False) + "\n")
    report.write(folder)
    return judged


def ready(session: Session, display: Display) -> None:
    """Wait for images and dependencies, showing that."""
    began = monotonic()
    waiting = threading.Event()
    problem: list[BaseException] = []

    def work() -> None:
        try:
            session.wait()
        except BaseException as error:  # noqa: BLE001  # raised again below
            problem.append(error)
        waiting.set()

    threading.Thread(target=work, daemon=True).start()
    while not waiting.wait(0.25):
        display.show(f"building images, starting LocalStack: {monotonic() - began:.0f} s", monotonic() - began)
    if problem:
        raise problem[0]
