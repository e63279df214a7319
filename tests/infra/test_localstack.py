"""
The same program over LocalStack, an emulator by other hands than moto's, in a container.

Its community edition lacks ECR, ECS, ElastiCache, App Runner and scaling: these are answered as in the other tests.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.blackbox.test_same_answers import differences, once, told
from tests.infra.account import contents
from tests.infra.conftest import SECOND_ENGINE, Open
from tests.infra.emulator import OF_LOCALSTACK, Emulator, emulator
from tests.infra.test_use import LIKE_EMBEDDED, redis_server, service
from tests.support.containers import endpoint_of, run_localstack
from tests.support.docker import docker_or_skip
from tests.support.redis_server import RedisServer
from tests.support.targets import Target, embedded

pytestmark = SECOND_ENGINE

__all__ = ["redis_server"]  # a fixture


@pytest.fixture(scope="module")
def aws_emulator(surroundings: Mapping[str, str]) -> Iterator[Emulator]:
    """LocalStack for what it knows, and moto for the rest."""
    docker_or_skip()
    with emulator(surroundings) as made:
        yield replace(made, localstack=endpoint_of(run_localstack(*OF_LOCALSTACK)))


@pytest.mark.requirement("8.1", "5.6")
def test_from_nothing_to_nothing_on_localstack(
    opened: Open, aws_emulator: Emulator, redis_server: RedisServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What is previewed is made, again nothing changes, the service answers on it as documented, nothing is left."""
    before = contents(aws_emulator)
    stack = opened(LIKE_EMBEDDED)
    previewed = stack.preview().changes()
    made = stack.up()
    assert set(previewed.values()) == {"create"}
    assert made.changes() == previewed
    assert stack.up().changes() == {}

    (tmp_path / "embedded").mkdir()
    expected = once(request, embedded, tmp_path / "embedded")
    cache = {"REDIS_URL": redis_server.url}
    with ExitStack() as both:
        (tmp_path / "open").mkdir()
        keyed = both.enter_context(service(aws_emulator, stack, tmp_path, **cache))
        free = both.enter_context(service(aws_emulator, stack, tmp_path / "open", REPRISE_API_KEYS="none", **cache))
        found = told(Target(free.address, keyed.address))
    assert not (differing := differences(expected, found, "deployed on LocalStack")), f"\n{differing}"

    stack.destroy()
    assert contents(aws_emulator) == before
