import io
from collections.abc import Iterator

import pytest
import structlog

from service.telemetry import configure_logging


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A log in memory; the configuration is put back afterwards."""
    before = structlog.get_config()
    stream = io.StringIO()
    configure_logging(level="debug", form="json", stream=stream)
    yield stream
    structlog.configure(**before)
