"""One service of three processes for all tests of the client: one answers, two convert."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from service.cli.sample import write_sample
from tests.support.cluster import Cluster, a_cluster

SECONDS = 60.0  # of music: ten MiB, so that it is uploaded in parts
SPEED = 20.0  # seconds of music in a second: three seconds for a conversion to be disturbed in


@pytest.fixture(scope="package")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music, with a name that has to be carried."""
    path = tmp_path_factory.mktemp("piece") / "Übung 1.wav"
    write_sample(path, SECONDS)
    return path


@pytest.fixture(scope="package")
def cluster(embedded_stack: Mapping[str, str]) -> Iterator[Cluster]:
    """An address that stays, and workers that may be killed."""
    with a_cluster(embedded_stack) as made:
        made.start(REPRISE_ROLE="api")
        for _ in range(2):
            made.start(REPRISE_ROLE="worker", **made.slow_ffmpeg(SPEED))
        yield made
