"""Time, chance, new names and the environment: what else decides how a run goes, in one place."""

import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

Draws = random.Random

# The reaper of testcontainers is one more image to pull, and needs the engine's socket: `stack.watcher` removes what a
# run has started. Set before that library is imported.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


def monotonic() -> float:
    """Seconds that only rise."""
    return time.monotonic()


def wall() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


def pause(seconds: float) -> None:
    """Wait, in this thread."""
    threading.Event().wait(seconds)


def draws(*seed: object) -> Draws:
    """Return a source of draws; the same seed gives the same ones, in every process."""
    return random.Random(" ".join(map(str, seed)))


def new_seed() -> int:
    """Return a seed that nobody has chosen."""
    return secrets.randbelow(1_000_000)


def new_name() -> str:
    """Return eight letters and digits that no other run has."""
    return secrets.token_hex(4)


def variable(name: str) -> str | None:
    """Return a variable of the environment; None if it is not set, or empty."""
    return os.environ.get(name) or None


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(fact: Callable[[], object], what: str, *, within: float, every: float = 0.1) -> None:
    """Ask until `fact` is true and raises nothing; raises `TimeoutError` with the last reason after so many seconds."""
    deadline = monotonic() + within
    reason: object = "not yet"
    while monotonic() < deadline:
        try:
            if fact():
                return
            reason = "not yet"
        except Exception as error:  # noqa: BLE001  # whatever it is, it is not yet the fact
            reason = error
        pause(every)
    raise TimeoutError(f"not within {within:g} s: {what} ({reason})")
