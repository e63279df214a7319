"""The faults of the simulation: a table of those that come at any moment, and one of those aimed at a call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.nemesis.faults import Fault, Inject
from service.testing.virtual_time import Dice, Process
from tests.simulation.cluster import Cluster
from tests.simulation.container import Container
from tests.simulation.world import Trap

CALLS = (
    "succeed",
    "succeed",
    "succeed",
    "renew",
    "renew",
    "claim",
    "take_over",
    "enter",
    "requeue",
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
"""What a trap may be laid for; the more often it is named, the likelier."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault acts upon: a container, and the cluster around it; `spring` does an aimed fault to a process."""

    cluster: Cluster
    container: Container
    spring: Callable[[Process], None]


Spread = Callable[[Dice, Cluster, Container], Sequence[Container]]


def _it_alone(_: Dice, __: Cluster, victim: Container) -> Sequence[Container]:
    return [victim]


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of a table: variants of one fault, of which one is drawn, and to which containers it is done."""

    weight: int
    faults: tuple[Fault[Scene], ...]
    spread: Spread = _it_alone


# ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────


def _kill(scene: Scene) -> None:
    scene.container.kill()


def _freeze(scene: Scene) -> None:
    scene.container.freeze()


def _thaw(scene: Scene) -> None:
    scene.container.thaw()


def _stop(scene: Scene) -> None:
    scene.container.stop()


def _freeze_host(scene: Scene) -> None:
    world = scene.cluster.world
    if any(world.converting(one.process) for one in scene.cluster.containers):
        world.hit("the whole host was frozen in the middle of a conversion")
    for one in scene.cluster.containers:
        one.freeze()


def _thaw_host(scene: Scene) -> None:
    for one in scene.cluster.containers:
        one.thaw()


def _lose_entry_and_kill(scene: Scene) -> None:
    workers, name = scene.cluster.backing.workers, scene.container.name
    if name in workers.ring and scene.cluster.world.converting(scene.container.process):
        scene.cluster.world.hit("killed in the middle of a conversion, and its entry was lost")
    workers.lose(name)
    scene.container.kill()


KILL = Kind(1, (Fault("SIGKILL", 1, _kill),))
LOSE_ENTRY = Kind(1, (Fault("its entry lost, SIGKILL", 1, _lose_entry_and_kill),))
FREEZE = Kind(1, (Fault("SIGSTOP", 1, _freeze, _thaw, (0.5, 14.5)),))
STOP = Kind(1, (Fault("SIGTERM", 1, _stop),))
FREEZE_HOST = Kind(1, (Fault("SIGSTOP to all", 1, _freeze_host, _thaw_host, (0.5, 20.0)),))


# ── stores ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _stores(weather: str) -> Inject[Scene]:
    def inject(scene: Scene) -> None:
        world, container = scene.cluster.world, scene.container
        world.history.disturbed.add(container.name)
        if world.converting(container.process):
            world.hit(f"stores {weather} in the middle of a conversion")
        container.weather.stores = weather

    return inject


def _stores_and_stop(weather: str) -> Inject[Scene]:
    trouble = _stores(weather)

    def inject(scene: Scene) -> None:
        trouble(scene)
        scene.container.stop()

    return inject


def _stores_fine(scene: Scene) -> None:
    scene.container.weather.stores = "fine"


STORES = Kind(
    2,
    (
        Fault("stores cut", 1, _stores("cut"), _stores_fine, (1.0, 13.0)),
        Fault("stores mute", 1, _stores("mute"), _stores_fine, (1.0, 13.0)),
        Fault("stores late", 1, _stores("late"), _stores_fine, (1.0, 13.0)),
        Fault("stores slow", 1, _stores("slow"), _stores_fine, (1.0, 13.0)),
        Fault("stores fickle", 1, _stores("fickle"), _stores_fine, (1.0, 13.0)),
    ),
)
STOP_IN_TROUBLE = Kind(
    2,
    (
        Fault("SIGTERM, stores slow", 1, _stores_and_stop("slow"), _stores_fine, (2.0, 6.0)),
        Fault("SIGTERM, stores fickle", 2, _stores_and_stop("fickle"), _stores_fine, (2.0, 6.0)),
    ),
)


# ── Redis ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _redis(weather: str) -> Inject[Scene]:
    def inject(scene: Scene) -> None:
        scene.container.weather.redis = weather
        connections = scene.cluster.backing.connections
        if weather == "away" and connections.dice.random() < 0.5:  # else Redis does not notice
            connections.cut_one(scene.container.name)

    return inject


def _flush(scene: Scene) -> None:
    scene.cluster.world.hit("Redis was flushed")
    scene.cluster.backing.board.flush()


def _it_and_an_api(dice: Dice, cluster: Cluster, victim: Container) -> Sequence[Container]:
    """The container and one that answers requests, or all of them: readers with and without Redis meet."""
    everywhere = dice.random() < 0.3
    apis = [one for one in cluster.containers if one.role.api] or [victim]
    return list(cluster.containers) if everywhere else [victim, dice.choice(apis)]


REDIS = Kind(
    1,
    (
        Fault("Redis away", 2, _redis("away"), _redis("fine"), (2.0, 10.0)),
        Fault("Redis slow", 1, _redis("slow"), _redis("fine"), (2.0, 10.0)),
    ),
    spread=_it_and_an_api,
)
FLUSH = Kind(1, (Fault("Redis flushed", 1, _flush),))


# ── traps ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lay_trap(scene: Scene) -> None:
    world = scene.cluster.world
    trap = Trap(world.dice.choice(CALLS), world.dice.choice(("before", "after")), scene.spring)
    world.traps.append(trap)
    world.note("TRAP", verb=trap.verb, moment=trap.moment)


TRAP = Kind(4, (Fault("trap", 1, _lay_trap),))

AT_ANY_MOMENT = (KILL, FREEZE, FREEZE_HOST, STOP, STORES, REDIS, FLUSH, TRAP, LOSE_ENTRY)
AIMED = (KILL, FREEZE, STOP, STORES, STOP_IN_TROUBLE)
"""What a trap does to the process that makes the call."""
