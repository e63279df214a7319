"""The one file that asks for the time, sleeps, draws randomness, makes ids and sees the process's environment."""

import asyncio
import os
import random
import secrets
import time
from collections.abc import Mapping
from typing import Final


class SystemClock:
    """`ports.Clock` by the operating system."""

    def wall(self) -> float:
        """Seconds since the epoch (UTC), to the millisecond."""
        return round(time.time(), 3)

    def monotonic(self) -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)


# Of each byte a letter: eight bytes for each, so all are equally likely.
BASE_32: Final = b"abcdefghijklmnopqrstuvwxyz234567" * 8


class SystemIds:
    """`ports.Ids` by the operating system."""

    def new(self) -> str:
        """26 characters of [a-z2-7]: 130 random bits, which cannot be guessed."""
        return secrets.token_bytes(26).translate(BASE_32).decode()

    def draw(self) -> float:
        """A number in [0, 1); not for secrets."""
        return random.random()  # noqa: S311  # jitter and tie-breaking, nothing to guess


def secret_number() -> int:
    """64 random bits that cannot be guessed."""
    return secrets.randbits(64)


def environment() -> Mapping[str, str]:
    """The variables this process was started with; read once, by the composition root."""
    return dict(os.environ)
