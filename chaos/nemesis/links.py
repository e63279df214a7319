"""Faults of what members stand on, and of their links to it."""

from chaos.nemesis import Injection, ends, link
from chaos.nemesis.faults import Fault, Inject
from chaos.stack import BOTH, FROM, HINTS, OBJECTS, RECORDS, TO

SLOW = (200, 900)  # milliseconds
PART = 2_000_000  # bytes: in the middle of a part


def partition(dependency: str, way: str) -> Inject[Injection]:
    """Return how one container is cut off from a dependency, both ways or one."""

    def cut(hit: Injection) -> None:
        if (member := hit.victim()) is not None:
            hit.aim(link(member, dependency))
            hit.detail = way
            hit.stack.cut(member, dependency, way)

    return cut


def everywhere(dependency: str, what: str) -> Inject[Injection]:
    """Return what is done to the links of all members: `slow`, `reset`, `refuse` or `cut`."""

    def harm(hit: Injection) -> None:
        size = hit.draw.randrange(PART)
        late = hit.draw.randrange(*SLOW)
        for member in hit.stack.members:
            hit.aim(link(member, dependency))
            if what == "slow":
                hit.stack.slow(member, dependency, late)
            elif what == "reset":
                hit.stack.reset(member, dependency, size)
            elif what == "refuse":
                hit.stack.refuse(member, dependency)
            else:
                hit.stack.cut(member, dependency, BOTH)

    return harm


def mend(hit: Injection) -> None:
    """Make the links as they were."""
    for member, dependency in ends(hit.targets):
        hit.stack.mend(member, dependency)


def harm(dependency: str, how: str) -> Inject[Injection]:
    """Return what is done to a dependency itself."""

    def do(hit: Injection) -> None:
        if hit.stack.harm(dependency, how):
            hit.aim(dependency)

    return do


def restore(hit: Injection) -> None:
    """Bring a dependency back."""
    for dependency in hit.targets:
        hit.stack.restore(dependency)


SHORT, LONG = (1.5, 4.0), (3.0, 9.0)
HINTS_KILLED = Fault("hints killed", 2, harm(HINTS, "kill"), restore, LONG)
HINTS_PAUSED = Fault("hints paused", 1, harm(HINTS, "pause"), restore, LONG)
HINTS_FLUSHED = Fault("hints flushed", 2, harm(HINTS, "flush"))
HINTS_SLOW = Fault("hints slow", 1, everywhere(HINTS, "slow"), mend, LONG)
HINTS_CUT = Fault("hints cut off", 1, everywhere(HINTS, "cut"), mend, LONG)
STORES_PAUSED = Fault("stores paused", 1, harm(RECORDS, "pause"), restore, SHORT)
OBJECTS_SLOW = Fault("objects slow", 1, everywhere(OBJECTS, "slow"), mend, LONG)
OBJECTS_RESET = Fault("objects reset in a part", 2, everywhere(OBJECTS, "reset"), mend, LONG)
OBJECTS_REFUSED = Fault("objects answer 503", 1, everywhere(OBJECTS, "refuse"), mend, SHORT)
RECORDS_SLOW = Fault("records slow", 1, everywhere(RECORDS, "slow"), mend, LONG)
RECORDS_REFUSED = Fault("records answer 503", 1, everywhere(RECORDS, "refuse"), mend, SHORT)
OF_STORES = (STORES_PAUSED, OBJECTS_SLOW, OBJECTS_RESET, OBJECTS_REFUSED, RECORDS_SLOW, RECORDS_REFUSED)
PARTITIONS = tuple(
    Fault(f"{dependency} cut off ({way})", 1, partition(dependency, way), mend, LONG)
    for dependency in (RECORDS, OBJECTS, HINTS)
    for way in (BOTH, TO, FROM)
)
# Longer than a lease, so that the jobs of the container are taken over.
RECORDS_LOST = Fault(f"{RECORDS} lost", 1, partition(RECORDS, BOTH), mend, (8.0, 12.0))
