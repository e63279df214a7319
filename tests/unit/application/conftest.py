"""What every test of the use cases may ask for."""

import pytest

from tests.unit.application.world import ServiceWorld


@pytest.fixture
def world() -> ServiceWorld:
    """Everything outside of the use cases."""
    return ServiceWorld()
