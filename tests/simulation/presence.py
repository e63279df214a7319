"""
Redis' word on which workers are connected, and what can happen to it.

Chance has dice of its own here, so that histories without it are those that they were before there was such a word.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable

from service.core.jobs.presence import Look, PresencePolicy
from service.testing.memory_presence import MemoryConnections
from service.testing.virtual_time import Dice, VirtualClock
from tests.simulation.wire import Weather
from tests.simulation.world import World

USED = 0.5  # share of the histories in which Redis shows the workers
TIME_OUT = 0.25  # seconds
GRACE = PresencePolicy().grace
FAULTS = (
    "cut one",
    "cut one",
    "cut one",
    "cut one",
    "cut one",
    "cut one",
    "cut all",
    "cut all",
    "restart",
    "fail over",
    "pause",
)


class Connections(MemoryConnections):
    """What Redis knows; `broken` tells each worker that its connection is."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.dice = world, Dice(f"presence {world.seed}")
        self.used = self.dice.random() < USED
        self.slow = self.dice.choice((0.0, 0.0, 0.5))  # probability that an answer is on its way for a while
        self.broken: dict[str, asyncio.Event] = {}
        self.lost: dict[str, float] = {}  # workers whose connection alone was cut, and when
        self.cuts: Counter[str] = Counter()  # those that were not back within the grace

    def cut(self, *instances: str) -> None:
        super().cut(*instances)
        for instance in instances:
            if instance in self.broken:
                self.broken[instance].set()

    def cut_one(self, instance: str) -> None:
        """Cut the connection of one worker alone, which may then be taken for dead."""
        if instance in self.open:
            self.lost[instance] = self.world.cut[instance] = VirtualClock().monotonic()
            self.world.history.disturbed.add(instance)
            self.world.note("CUT", container=instance)
            self.cut(instance)

    def connect(self, instance: str) -> None:
        super().connect(instance)
        if VirtualClock().monotonic() - self.lost.pop(instance, math.inf) >= GRACE:
            self.cuts[instance] += 1

    async def rage(self, seconds: float) -> None:
        """Inject faults for so long."""
        dice, clock = self.dice, VirtualClock()
        for moment in sorted(seconds * dice.random() for _ in range(int(30 * dice.random()))):
            await clock.sleep(moment - clock.monotonic())
            there = sorted(self.open)
            fault = dice.choice(FAULTS)
            self.world.note("FAULT", name=f"Redis: {fault}")
            if fault == "cut one" and there:
                self.cut_one(dice.choice(there))
            elif fault == "cut all":
                self.cut(*there)
            elif fault in {"restart", "fail over"}:
                self.run += 1
                self.away = fault == "fail over"
                self.cut(*there)
            elif fault == "pause":
                self.away = True
            if self.away:
                await clock.sleep(2 * dice.random())
                self.away = False


class SimulatedPresence:
    """What `adapters.redis.presence` does, for one container."""

    def __init__(self, world: World, connections: Connections, instance: str, weather: Weather) -> None:
        self._world, self._connections, self._instance, self._weather = world, connections, instance, weather
        self._clock, self._dice = VirtualClock(), connections.dice
        self._epoch: int | None = None
        self._change = asyncio.Event()
        self._generation = 0
        connections.broken[instance] = asyncio.Event()

    async def keep(self) -> None:
        """Connect, and again whenever that breaks; seldom it takes longer than others wait for."""
        broken = self._connections.broken[self._instance]
        while True:
            slow = self._dice.choice((0.0, 0.4, 0.4, 2.0, 12.0)) * self._dice.random()
            await self._clock.sleep(0.02 * self._dice.random() + slow)
            if self._connections.away or self._weather.redis == "away":
                continue
            broken.clear()
            self._generation += 1
            self._connections.connect(self._instance)
            self._epoch = self._generation
            self._change.set()
            await broken.wait()
            if self._dice.random() < 0.8:  # it is not told at once: within the grace, or long after it
                self._world.hamper(self._instance)
                await self._clock.sleep(self._dice.choice((0.2, 2.0)) * self._dice.random())
            self._epoch = None
            self._change.set()

    @property
    def connected(self) -> bool:
        return self._epoch is not None

    async def changed(self) -> None:
        before = self.connected
        while self.connected == before:
            self._change.clear()
            await self._change.wait()

    async def look(self, instances: Iterable[str]) -> Look | None:
        world, epoch, before = self._world, self._epoch, self._clock.monotonic()
        world.check()
        if epoch is None or self._connections.away or self._weather.redis != "fine":
            await self._clock.sleep(0 if epoch is None else TIME_OUT)
            world.hit("the word of Redis was void")
            return None
        await self._clock.sleep(0.002)
        present = frozenset({self._instance, *instances} & self._connections.open.keys())
        if self._dice.random() < self._connections.slow:
            await self._clock.sleep(TIME_OUT * self._dice.random())
        world.check()
        if self._epoch != epoch or not self._ours_is_among(present) or self._clock.monotonic() - before > 2 * TIME_OUT:
            world.hit("the word of Redis was void")
            return None
        return Look(str(epoch), present)

    def _ours_is_among(self, present: frozenset[str]) -> bool:
        return self._instance in present


def needless_takeovers(world: World, connections: Connections) -> list[str]:
    """
    A worker that lives loses a job at most once for each time that its own connection alone was away.

    One that could not write its entry then may lose all that it holds. None believes that this has happened to it when
    it has not, and none loses a job that it has renewed after it had said that it lives without Redis.
    """
    if world.unheard:
        return [f"needless_takeovers: {owner} had said that it lives, and lost {job}" for owner, job in world.unheard]
    believed = world.hits["a worker found that it was taken for dead"]
    if believed > max(len(world.needless), world.taken_when_cut):
        return [
            f"needless_takeovers: {believed} workers believe that they were taken for dead, of {len(world.needless)}"
        ]
    taken, cuts = Counter(owner for owner, _ in world.needless), connections.cuts + Counter(connections.lost.keys())
    hampered = {owner for owner, could_not in world.needless if could_not}
    return [
        f"needless_takeovers: {owner} lives, was cut off {cuts[owner]} times, and lost {times} jobs"
        for owner, times in sorted(taken.items())
        if times > cuts[owner] * (world.slots.get(owner, 1) if owner in hampered else 1)
    ]
