"""What the engine tests stand on: one emulator of AWS for all of them, and stacks of the program in the tree."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from service.wiring import environment
from tests.infra.emulator import Emulator, emulator
from tests.infra.engine import Stack, engine_or_skip, open_stack
from tests.support.targets import KEYS

DIGEST, NEXT_DIGEST = "a" * 64, "b" * 64
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/reprise@sha256:{}"
# What every stack has to be told. Without an image the program would build it, for which it needs Docker. Without Spot
# it gets by without capacity providers of the cluster, which a stand-in for the plugin need not know.
TOLD: Mapping[str, str] = {
    "reprise:image": IMAGE.format(DIGEST),
    "reprise:corsOrigins[0]": "https://app.example.com",
    "reprise:spot": "false",
}
SECRETS: Mapping[str, str] = {"reprise:apiKeys": KEYS}
Open = Callable[..., Stack]
_numbers = itertools.count(1)


def engine_marks(group: str) -> list[pytest.MarkDecorator]:
    """The marks of a module: tests of a group are run one after the other, on an emulator that is started once."""
    return [pytest.mark.infra_engine, pytest.mark.timeout(400), pytest.mark.xdist_group(group)]


# Two groups, and so two engines at once: as many as keep two processors busy.
ENGINE, SECOND_ENGINE = engine_marks("pulumi"), engine_marks("pulumi-second")


@pytest.fixture(scope="session")
def surroundings() -> Mapping[str, str]:
    """The environment of the run, with an engine in it; skips, or fails, without."""
    found = environment()
    engine_or_skip(found)
    return found


@pytest.fixture(scope="module")
def aws_emulator(surroundings: Mapping[str, str]) -> Iterator[Emulator]:
    """AWS, without anything in it when a module begins."""
    with emulator(surroundings) as made:
        yield made


@pytest.fixture
def opened(surroundings: Mapping[str, str], aws_emulator: Emulator, tmp_path: Path) -> Open:
    """Opens a stack that is not deployed yet. Its name is its own, so that several are side by side in one account."""

    def made(settings: Mapping[str, str], *, secrets: Mapping[str, str] = SECRETS) -> Stack:
        name = f"test{next(_numbers)}"
        stack = open_stack(name, tmp_path / name, aws_emulator.endpoints, surroundings)
        stack.configure({**TOLD, **settings}, secrets=secrets)
        return stack

    return made
