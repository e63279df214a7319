"""Who does all the harm: at moments that the dice choose, or aimed at a call that matters."""

from collections.abc import Callable
from functools import partial

from service.testing.virtual_time import Process
from tests.simulation.cluster import Cluster
from tests.simulation.container import Container
from tests.simulation.world import Trap

TROUBLED = 25.0  # seconds in which things go wrong
STORES = ("cut", "mute", "late", "slow", "fickle")
KINDS = ("kill", "freeze", "stop", "stores", "stores", "redis", "flush", "aim", "aim", "aim", "aim")
TARGETS = (
    "succeed",
    "succeed",
    "succeed",
    "renew",
    "renew",
    "claim",
    "take_over",
    "release",
    "publish",
    "publish",
    "head",
    "note_shown",
    "submit",
    "cancel",
    "delete",
    "delete_prefix",
)


class Nemesis:
    """Chooses its means by seed, so that some histories know but one kind of fault, and others all."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.world, self.clock = cluster, cluster.world, cluster.clock
        dice = self.world.dice
        self.kinds = [kind for kind in KINDS if dice.random() < 0.6]
        self.world.noise = dice.choice((0.0, 0.0, 0.02, 0.06))
        self.world.history.noisy = self.world.noise > 0
        self.world.slow_clean_up = dice.choice((0.0, 0.2, 0.6))
        self.world.deaf = dice.choice((0.0, 0.0, 0.5))
        cluster.backing.jobs.stale = dice.choice((0.0, 0.3, 0.8))

    async def rage(self) -> None:
        """Until `TROUBLED` seconds are over."""
        dice = self.world.dice
        moments = sorted(TROUBLED * dice.random() for _ in range(int(12 * dice.random()))) if self.kinds else []
        for moment in [*moments, TROUBLED]:
            await self.clock.sleep(moment - self.clock.monotonic())
            if moment < TROUBLED and self.cluster.containers:
                self._strike(dice.choice(self.kinds))
        self.cluster.calm()
        self.world.note("CALM")

    def _strike(self, kind: str) -> None:
        dice = self.world.dice
        busy = [one for one in self.cluster.containers if self.world.converting(one.process)]
        victim = dice.choice(busy if busy and dice.random() < 0.7 else self.cluster.containers)
        match kind:
            case "flush":
                self.world.note("REDIS FLUSHED")
                self.world.hit("Redis was flushed")
                self.cluster.backing.board.flush()
            case "redis":
                weather = dice.choice(("away", "away", "slow"))
                everywhere = dice.random() < 0.3
                apis = [one for one in self.cluster.containers if one.role.api] or [victim]
                for one in self.cluster.containers if everywhere else [victim, dice.choice(apis)]:
                    self._for_a_while(one, "redis", weather, 2 + 8 * dice.random())
            case "aim":
                verb, moment = dice.choice(TARGETS), dice.choice(("before", "after"))
                self.world.traps.append(Trap(verb, moment, self._hit_by_trap))
                self.world.note("TRAP", verb=verb, moment=moment)
            case _:
                self._hit(victim, kind)

    def _hit_by_trap(self, process: Process) -> None:
        for one in self.cluster.containers:
            if one.process is process:
                self._hit(
                    one, self.world.dice.choice(("kill", "freeze", "stop", "stores", "stores", "farewell", "farewell"))
                )

    def _hit(self, victim: Container, kind: str) -> None:
        dice = self.world.dice
        match kind:
            case "kill":
                victim.kill()
            case "freeze":
                victim.freeze()
                self._later(0.5 + 14 * dice.random(), victim.thaw)
            case "stop":
                victim.stop()
            case "farewell":  # told to stop while the stores are in trouble
                self._for_a_while(victim, "stores", dice.choice(("slow", "fickle", "fickle")), 2 + 4 * dice.random())
                victim.stop()
            case _:
                self._for_a_while(victim, "stores", dice.choice(STORES), 1 + 12 * dice.random())

    def _for_a_while(self, victim: Container, what: str, weather: str, seconds: float) -> None:
        if what == "stores":
            self.world.history.disturbed.add(victim.name)
        self.world.note("WEATHER", container=victim.name, what=what, weather=weather, seconds=round(seconds, 3))
        if what == "stores" and self.world.converting(victim.process):
            self.world.hit(f"stores {weather} in the middle of a conversion")
        setattr(victim.weather, what, weather)
        self._later(seconds, partial(setattr, victim.weather, what, "fine"))

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        async def wait() -> None:
            await self.clock.sleep(seconds)
            undo()

        self.cluster.background(wait())
