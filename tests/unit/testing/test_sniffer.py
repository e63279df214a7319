import pytest

from service.testing.contracts.sniffer import SnifferContract
from service.testing.sniffer import DirectSniffer


class TestDirectSniffer(SnifferContract):
    @pytest.fixture
    def sniffer(self) -> DirectSniffer:
        return DirectSniffer()
