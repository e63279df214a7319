"""How a property of a stack is seen: on all resources of a kind."""

from collections.abc import Callable

from tests.support.cloud import Cloud, Recorded

Holds = Callable[[Cloud], bool]


def every(kind: str, holds: Callable[[Recorded], bool]) -> Holds:
    """Whether there is one of a kind, and all of them are so."""

    def look(cloud: Cloud) -> bool:
        return bool(cloud.of(kind)) and all(holds(it) for it in cloud.of(kind))

    return look


def any_of(kind: str, holds: Callable[[Recorded], bool]) -> Holds:
    """Whether all of a kind are so, if there are any."""
    return lambda cloud: all(holds(it) for it in cloud.of(kind))
