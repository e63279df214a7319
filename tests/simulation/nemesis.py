"""Injects and heals the faults of a history: at moments that the dice choose, or aimed at a call that matters."""

from chaos.nemesis.faults import Fault, by_weight
from service.testing.virtual_time import Process
from tests.simulation.cluster import Cluster
from tests.simulation.container import Container
from tests.simulation.faults import AIMED, AT_ANY_MOMENT, Kind, Scene

TROUBLED = 25.0  # seconds in which things go wrong


class Nemesis:
    """Draws its kinds of fault by seed, so that some histories have but one of them, and others all."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.world, self.clock = cluster, cluster.world, cluster.clock
        dice = self.world.dice
        self._lasting: list[tuple[Fault[Scene], Scene]] = []
        self._kinds = [kind for kind in by_weight(AT_ANY_MOMENT) if dice.random() < 0.6]
        self.world.noise = dice.choice((0.0, 0.0, 0.02, 0.06))
        self.world.history.noisy = self.world.noise > 0
        self.world.slow_clean_up = dice.choice((0.0, 0.2, 0.6))
        self.world.deaf = dice.choice((0.0, 0.0, 0.5))
        cluster.backing.jobs.stale = dice.choice((0.0, 0.3, 0.8))

    async def rage(self) -> None:
        """Until `TROUBLED` seconds are over; then heal everything."""
        dice = self.world.dice
        moments = sorted(TROUBLED * dice.random() for _ in range(int(12 * dice.random()))) if self._kinds else []
        for moment in [*moments, TROUBLED]:
            await self.clock.sleep(moment - self.clock.monotonic())
            if moment < TROUBLED and self.cluster.containers:
                self._strike(dice.choice(self._kinds))
        self._heal_all()
        self.cluster.calm()
        self.world.note("CALM")

    def _strike(self, kind: Kind) -> None:
        dice, containers = self.world.dice, self.cluster.containers
        busy = [one for one in containers if self.world.converting(one.process)]
        self._do(kind, dice.choice(busy if busy and dice.random() < 0.7 else containers))

    def _spring(self, process: Process) -> None:
        """A trap: an aimed fault for the process that has made the call."""
        for one in self.cluster.containers:
            if one.process is process:
                self._do(self.world.dice.choice(by_weight(AIMED)), one)

    def _do(self, kind: Kind, victim: Container) -> None:
        dice = self.world.dice
        fault = dice.choice(by_weight(kind.faults)) if len(kind.faults) > 1 else kind.faults[0]
        for container in kind.spread(dice, self.cluster, victim):
            scene = Scene(self.cluster, container, self._spring)
            seconds = fault.duration(dice.random()) if fault.heal else None
            self.world.note("FAULT", container=container.name, name=fault.name, seconds=seconds and round(seconds, 3))
            if seconds is not None:
                self._lasting.append((fault, scene))
                self.cluster.background(self._heal(fault, scene, seconds))
            fault.inject(scene)

    async def _heal(self, fault: Fault[Scene], scene: Scene, seconds: float) -> None:
        await self.clock.sleep(seconds)
        if fault.heal:
            fault.heal(scene)

    def _heal_all(self) -> None:
        for container in self.cluster.containers:
            for fault, scene in self._lasting:
                if scene.container is container and fault.heal:
                    fault.heal(scene)
