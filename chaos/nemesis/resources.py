"""Faults of what a container has: memory, processors, disk and clock."""

from chaos.nemesis import Injection
from chaos.nemesis.faults import Fault

ROOM = 2_000_000  # bytes that a full disk still has
MEMORY = 300 << 20
CPUS = 0.25
SKEW = (15.0, 90.0)  # seconds; many leases


def fill_disk(hit: Injection) -> None:
    """Fill the scratch space."""
    if (member := hit.victim(busy=0.5)) is not None:
        hit.aim(member)
        hit.stack.fill(member, ROOM)


def empty_disk(hit: Injection) -> None:
    """Empty it again."""
    for member in hit.targets:
        if member in hit.stack.members:
            hit.stack.fill(member, 0)


def less_memory(hit: Injection) -> None:
    """Leave a container little memory."""
    if (member := hit.victim(busy=0.5)) is not None:
        hit.aim(member)
        hit.stack.limit(member, memory=MEMORY)


def less_cpu(hit: Injection) -> None:
    """Leave a container a quarter of a processor."""
    if (member := hit.victim(busy=0.5)) is not None:
        hit.aim(member)
        hit.stack.limit(member, cpus=CPUS)


def no_limit(hit: Injection) -> None:
    """Give back what it had."""
    for member in hit.targets:
        if member in hit.stack.members:
            hit.stack.limit(member)


def skew(hit: Injection) -> None:
    """Set the clock of one container ahead, or behind."""
    if (member := hit.victim(busy=0.5)) is not None:
        seconds = hit.draw.uniform(*SKEW) * hit.draw.choice((-1, 1))
        hit.aim(member)
        hit.detail = f"{seconds:+.0f} s"
        hit.stack.skew(member, seconds)


def right_time(hit: Injection) -> None:
    """Set it right."""
    for member in hit.targets:
        if member in hit.stack.members:
            hit.stack.skew(member, 0)


DISK_FULL = Fault("disk full", 2, fill_disk, empty_disk, (5.0, 12.0))
LITTLE_MEMORY = Fault("little memory", 1, less_memory, no_limit, (5.0, 12.0))
LITTLE_CPU = Fault("little cpu", 1, less_cpu, no_limit, (5.0, 12.0))
CLOCK = Fault("wrong clock", 2, skew, right_time, (5.0, 15.0))
