"""Time, chance and new ids, in one place."""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Mapping


def sleep(seconds: float) -> None:
    """Wait; tests put something quicker in its place."""
    time.sleep(seconds)


async def asleep(seconds: float) -> None:
    """Wait, without keeping other tasks from going on."""
    await asyncio.sleep(seconds)


def now() -> float:
    """Return seconds since the epoch."""
    return time.time()


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def end(code: int) -> None:
    """End this process without waiting for its threads."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def drop_stdout() -> None:
    """Let what is still written to standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def jitter() -> float:
    """Return a factor from 0.75 to 1.25, by which pauses of many clients differ."""
    return 0.75 + secrets.randbelow(1000) / 2000


def new_key() -> str:
    """Return a new idempotency key."""
    return secrets.token_urlsafe(18)
