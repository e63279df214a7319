"""
Docker for tests: whether an engine answers, and how what a test starts is named, published and removed.

Everything that a test starts carries the label `LABEL`, with the id of the run as its value, and is removed by it;
ports are published on 127.0.0.1 alone.
"""

import functools
import gc
import os
import warnings
from pathlib import Path
from typing import Final

import pytest

LABEL: Final = "dev.reprise.test"
# All that share containers run on one worker (`--dist loadgroup`), so one of them may pause what the others stand on.
one_worker = pytest.mark.xdist_group("containers")
# The tests that bring up a compose stack of their own, on one worker too: two stacks at once are too much for a laptop.
stack_worker = pytest.mark.xdist_group("stacks")
ROOT = Path(__file__).resolve().parents[2]

# The reaper of testcontainers is one more image to pull, and needs the engine's socket; we remove by label ourselves.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


def images() -> dict[str, str]:
    """What `images.env` pins, by name: `images()["VALKEY_IMAGE"]`."""
    lines = (ROOT / "images.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def docker_or_skip() -> None:
    """Without a Docker engine that answers the test is skipped, or fails where REPRISE_REQUIRE_DOCKER is 1."""
    reason = engine_missing()
    if reason is None:
        return
    if os.environ.get("REPRISE_REQUIRE_DOCKER") == "1":
        pytest.fail(f"{reason}, and REPRISE_REQUIRE_DOCKER=1 demands one")
    pytest.skip(reason)


@functools.cache
def engine_missing() -> str | None:
    """Why there is no engine to talk to; None where one answers."""
    with warnings.catch_warnings():
        # The library forgets the socket that could not be connected; here, and not in the middle of some other test.
        warnings.simplefilter("ignore", ResourceWarning)
        reason = _asked()
        gc.collect()
    return reason


def _asked() -> str | None:
    import docker  # noqa: PLC0415  # a second per start, for the tests that need it alone
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        client = docker.from_env(timeout=5)
    except DockerException as error:
        return f"no Docker engine answers ({_first_line(error)})"
    try:
        client.ping()
    except (DockerException, OSError) as error:
        return f"no Docker engine answers ({_first_line(error)})"
    finally:
        client.close()
    return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
