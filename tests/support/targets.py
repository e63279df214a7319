"""Where the black-box suite can be pointed at: the service as it runs in each environment, by its address alone."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from service import settings
from service.cli import processes
from service.wiring import environment, prepare_embedded
from tests.support.compose import Stack
from tests.support.containers import Container, endpoint_of
from tests.support.docker import LABEL
from tests.support.image import RUN, docker, run_service
from tests.support.redis_server import redis_or_skip
from tests.support.valkey import MortalValkey

OURS, THEIRS = "key-of-ours-0123456789", "key-of-theirs-0123456789"
KEYS = ",".join(f"{who}:{hashlib.sha256(key.encode()).hexdigest()}" for who, key in (("we", OURS), ("they", THEIRS)))
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Target:
    """A service that needs no key; and, where there is one, another that knows the keys `OURS` and `THEIRS`."""

    address: str
    keyed: str | None = None


Start = Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Target]]


def bare() -> dict[str, str]:
    """An environment in which nothing of ours, of AWS or of Redis is set."""
    return {
        name: value
        for name, value in environment().items()
        if not name.startswith(("REPRISE_", "AWS_", "REDIS_", "PORT", "MOTO_"))
    }


def on(endpoint: str, redis_url: str) -> dict[str, str]:
    """Settings of a service on stand-ins for AWS, with a bucket and a table of its own."""
    name = f"target-{os.getpid()}-{next(_numbers)}"
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "REDIS_URL": redis_url,
        "REPRISE_BUCKET": name,
        "REPRISE_TABLE": name,
        "REPRISE_API_KEYS": "none",
    }


@contextmanager
def embedded(request: pytest.FixtureRequest, folder: Path) -> Iterator[Target]:
    """``python -m service serve``, and nothing else; keys are the one setting of the second."""
    redis_or_skip()
    with ExitStack() as stack:
        addresses = []
        for name, keys in (("open", {}), ("keyed", {"REPRISE_API_KEYS": KEYS})):
            service = processes.start(name, bare(), folder, **keys)
            stack.callback(service.stop)
            addresses.append(service.address)
        yield Target(*addresses)


@contextmanager
def on_localstack(request: pytest.FixtureRequest, folder: Path) -> Iterator[Target]:
    """Processes on LocalStack and Valkey."""
    endpoint = endpoint_of(request.getfixturevalue("localstack"))
    valkey: MortalValkey = request.getfixturevalue("shared_valkey")
    with ExitStack() as stack:
        pointed = on(endpoint, valkey.url)
        prepare_embedded(settings.read(pointed), pointed)
        addresses = []
        for name, keys in (("open", {}), ("keyed", {"REPRISE_API_KEYS": KEYS})):
            service = processes.start(name, {**bare(), **pointed, **keys}, folder)
            stack.callback(service.stop)
            addresses.append(service.address)
        yield Target(*addresses)


@contextmanager
def in_the_image(request: pytest.FixtureRequest, folder: Path) -> Iterator[Target]:
    """Containers of the image alone, on LocalStack and Valkey in theirs."""
    localstack: Container = request.getfixturevalue("localstack")
    valkey: MortalValkey = request.getfixturevalue("shared_valkey")
    image: str = request.getfixturevalue("image")
    network = ["--network=bridge"]
    inside = {
        **on(f"http://{localstack.inside}:4566", f"redis://{valkey.inside}:6379/0"),
        "REPRISE_S3_PUBLIC_ENDPOINT": endpoint_of(localstack),
    }
    with ExitStack() as stack:
        given = [f"--env={name}={value}" for name, value in inside.items()]
        docker("run", "--rm", f"--label={LABEL}={RUN}", *network, *given, image, "provision", seconds=120)
        found = []
        for keys in ({}, {"REPRISE_API_KEYS": KEYS}):
            container = run_service(stack, image, "bridge", {**inside, **keys})
            container.wait_until_it_answers()
            found.append(container.address)
        yield Target(*found)


@contextmanager
def in_compose(request: pytest.FixtureRequest, folder: Path) -> Iterator[Target]:
    """The stack of compose.yaml: two containers behind one address, which is what is asked."""
    stack: Stack = request.getfixturevalue("stack")
    stack.compose("up", "--detach", "--wait")
    yield Target(stack.address)


TARGETS: Mapping[str, Start] = {
    "processes on LocalStack": on_localstack,
    "the image": in_the_image,
    "compose": in_compose,
}
