"""The thread that injects faults as scheduled, and heals each in time and all in the end."""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence

from chaos.ambient import draws, pause
from chaos.history.events import HEALED, INJECTED
from chaos.history.events import Fault as FaultEvent
from chaos.history.recording import Recorder
from chaos.nemesis import Injection
from chaos.nemesis.faults import Fault
from chaos.nemesis.schedule import Strike
from chaos.stack import Stack, StackError

STEP = 0.05  # seconds
PATIENCE = 40.0  # seconds in which a fault waits for a victim


class Nemesis(threading.Thread):
    """Runs a schedule; `done` is set when all of it is over and healed, also when `stop` cut it short."""

    def __init__(
        self,
        stack: Stack,
        strikes: Sequence[Strike],
        recorder: Recorder,
        clock: Callable[[], float],
        limit: float = float("inf"),
    ) -> None:
        super().__init__(name="nemesis", daemon=True)
        self._stack, self._strikes, self._recorder, self._clock = stack, strikes, recorder, clock
        self._limit = limit  # seconds after which a schedule that is late, on a slow machine, is cut short
        self._pending: list[tuple[float, int, Fault[Injection], Injection]] = []
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self.counts: dict[str, int] = {}
        self.problems: list[str] = []
        self.open: list[str] = []  # faults that last at this moment

    @property
    def injected(self) -> int:
        """How many faults there were."""
        return sum(self.counts.values())

    def stop(self) -> None:
        """Inject nothing more."""
        self._stopping.set()

    def run(self) -> None:
        """Go through the schedule. What was begun is healed in any case."""
        began = self._clock()
        try:
            for strike in self._strikes:
                while not self._stopping.is_set() and self._clock() - began < strike.at:
                    self._heal(until=self._clock())
                    pause(STEP)
                if self._stopping.is_set() or self._clock() - began > self._limit:
                    break
                self._heal(until=self._clock())
                self._inject(strike)
            while self._pending and not self._stopping.is_set():
                self._heal(until=self._clock())
                pause(STEP)
        except Exception as error:  # noqa: BLE001  # a thread has no other way to say so
            self.problems.append(f"nemesis: {type(error).__name__}: {error}")
        finally:
            self._heal(until=float("inf"))

    def _inject(self, strike: Strike) -> None:
        injection = Injection(self._stack, draws(strike.seed))
        fault, began = strike.fault, self._clock()
        while True:
            at = self._clock()
            try:
                fault.inject(injection)
            except StackError:
                return  # the victim has ended by itself a moment before
            if injection.targets:
                break
            if self._stopping.is_set() or at - began > PATIENCE:
                return  # there was nothing to do it to
            self._heal(until=self._clock())
            pause(5 * STEP)
        self.counts[fault.name] = self.counts.get(fault.name, 0) + 1
        self._note(fault, injection, INJECTED, at)
        if fault.heal is not None:
            self.open.append(fault.name)
            heapq.heappush(self._pending, (self._clock() + strike.hold, next(self._numbers), fault, injection))

    def _heal(self, *, until: float) -> None:
        while self._pending and self._pending[0][0] <= until:
            _, _, fault, injection = heapq.heappop(self._pending)
            self.open.remove(fault.name)
            if fault.heal is None:
                continue
            try:
                fault.heal(injection)
            except Exception as error:  # noqa: BLE001  # the others have to be healed too
                self.problems.append(f"healing {fault.name}: {type(error).__name__}: {error}")
            self._note(fault, injection, HEALED, self._clock())

    def _note(self, fault: Fault[Injection], injection: Injection, phase: str, at: float) -> None:
        self._recorder.write(
            FaultEvent(at=at, name=fault.name, phase=phase, targets=injection.targets, colour=fault.colour,
                       detail=injection.detail)
        )  # fmt: skip
