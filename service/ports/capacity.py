"""How full this container is."""

from typing import Protocol

from service.core.limits.capacity import Load


class Capacity(Protocol):
    """What this container has left."""

    def load(self) -> Load:
        """Read it. Cheap, never blocks, never raises."""
