"""What these tests stand on: the image, LocalStack and Valkey in containers, and the platform in front of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reprise import Client
from service.cli.sample import write_sample
from tests.apprunner.platform import AppRunner, running
from tests.support.compose import SLOW
from tests.support.containers import Container as Backing
from tests.support.containers import endpoint_of
from tests.support.docker import LABEL
from tests.support.image import RUN, Container, docker, run_service
from tests.support.targets import on
from tests.support.valkey import MortalValkey

SCALE = 20.0  # the platform's time goes so much faster than that of App Runner
LIMIT = 120.0 / SCALE  # seconds
WAIT = 4  # seconds that a client waits in one request: 80 of App Runner's
LONG_WAIT = 5  # as long as the service lets a client wait: 100
LEASE = {"REPRISE_LEASE_SECONDS": "2.4", "REPRISE_HEARTBEAT_SECONDS": "0.6"}
LONG, SHORT = 28.0, 2.0  # seconds of music: seven of work for the slow ffmpeg, more than a request has; or half of one

Platform = Callable[..., AppRunner]


class Backings:
    """Bucket, table and cache of one test, and containers of the image on them."""

    def __init__(self, stack: ExitStack, image: str, localstack: Backing, valkey: MortalValkey) -> None:
        self._stack, self._image = stack, image
        self.settings = {
            **on(f"http://{localstack.inside}:4566", f"redis://{valkey.inside}:6379/0"),
            "REPRISE_S3_PUBLIC_ENDPOINT": endpoint_of(localstack),
            **LEASE,
        }
        given = [f"--env={name}={value}" for name, value in self.settings.items()]
        docker("run", "--rm", f"--label={LABEL}={RUN}", "--network=bridge", *given, image, "provision", seconds=120)

    def start(self, *, slow: bool = False, **settings: str) -> Container:
        """Start a container; with `slow`, its ffmpeg takes its time."""
        settings = {**(SLOW if slow else {}), **settings}
        return run_service(self._stack, self._image, "bridge", {**self.settings, **settings}, [])


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What a test opens is closed, however it ends."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def backings(opened: ExitStack, image: str, localstack: Backing, shared_valkey: MortalValkey) -> Backings:
    """What stands behind the platform."""
    return Backings(opened, image, localstack, shared_valkey)


@pytest.fixture
def platform(opened: ExitStack, backings: Backings) -> Platform:
    """Starts a platform, with what a test says about it."""

    def started(instances: int = 1, *, slow: bool = False, most: int = 3, **settings: str) -> AppRunner:
        made = AppRunner(lambda: backings.start(slow=slow, **settings), limit=LIMIT, most=most)
        return opened.enter_context(running(made, instances))

    return started


@pytest.fixture
def client(opened: ExitStack) -> Callable[[AppRunner], Client]:
    """A client of a platform."""

    def made(platform: AppRunner) -> Client:
        one = Client(platform.address)
        opened.callback(one.close)
        return one

    return made


@pytest.fixture(scope="session")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music, whose conversion takes longer than a request may."""
    return _music(tmp_path_factory, LONG)


@pytest.fixture(scope="session")
def short_piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music, whose conversion fits into a request, with a takeover before it."""
    return _music(tmp_path_factory, SHORT)


def _music(factory: pytest.TempPathFactory, seconds: float) -> Path:
    path = factory.mktemp("piece") / "piece.wav"
    write_sample(path, seconds)
    return path
