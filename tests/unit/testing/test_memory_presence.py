import pytest

from service.testing.contracts.presence import OTHER, OURS, PresenceContract
from service.testing.memory_presence import MemoryConnections, MemoryPresence


@pytest.fixture
def connections() -> MemoryConnections:
    """A Redis."""
    return MemoryConnections()


class TestMemoryPresence(PresenceContract):
    @pytest.fixture
    def presence(self, connections: MemoryConnections) -> MemoryPresence:
        return MemoryPresence(connections, OURS)

    @pytest.fixture
    def other(self, connections: MemoryConnections) -> MemoryPresence:
        return MemoryPresence(connections, OTHER)
