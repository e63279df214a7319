"""One service of three processes for all tests of the client: one answers, two convert."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from service.cli.sample import write_sample
from tests.support.cluster import Cluster, a_cluster

SECONDS = 60.0  # of music: ten MiB, so that it is uploaded in parts
# Some seconds for a conversion to be disturbed in. Beyond five times the speed of music ffmpeg 8 falls behind its own
# `-readrate`, and catches up only as fast as it is told.
SLOW = {"REPRISE_FFMPEG_OPTIONS": "-readrate 12 -readrate_catchup 24"}

# An endpoint that cannot be reached: port 9 of a loopback address that is not allowed.
ENDPOINT = {"": {"url": "https://localhost:9/", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}
WEBHOOKS = {"REPRISE_WEBHOOKS": json.dumps(ENDPOINT)}


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
        made.start(REPRISE_ROLE="api", **WEBHOOKS)
        for _ in range(2):
            made.start(REPRISE_ROLE="worker", **SLOW, **WEBHOOKS)
        yield made
