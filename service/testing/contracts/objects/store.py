"""What the suites about objects share: the store under test, bytes for it, and a look behind it."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

import pytest

from service.core.errors import ObjectGone
from service.ports.objects import ClientObjects, Housekeeping, Stored

PART = 8 * 1024 * 1024
PLENTY = 1 << 40
DIRECT = "uploads/direct/input"


class ClientWentAwayError(Exception):
    """What a broken upload raises."""


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """These bytes, as they would come from a client."""
    for piece in pieces:
        yield piece


async def broken(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """These bytes, and then no more client."""
    async for piece in stream(pieces):
        yield piece
    raise ClientWentAwayError


def pattern(size: int) -> bytes:
    """Bytes in which every offset looks different."""
    block = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(1021))
    return (block * (size // len(block) + 1))[:size]


class ObjectStore(ClientObjects, Housekeeping, Protocol):
    """The store under test."""


async def store(objects: ObjectStore, key: str, data: bytes) -> Stored:
    """Put bytes where the test wants them."""
    return await objects.receive(key, stream([data]), content_type="audio/x-test", limit=PLENTY)


async def fetch(objects: ObjectStore, stored: Stored, start: int = 0, stop: int | None = None) -> bytes:
    """Read a range through the stream."""
    stop = stored.size if stop is None else stop
    chunks = objects.read(stored.key, etag=stored.etag, start=start, stop=stop)
    return b"".join([chunk async for chunk in chunks])


class LooksBehind(ABC):
    """What a subclass of a suite brings: a way to see what the port does not show."""

    @abstractmethod
    async def leave_unfinished(self, objects: ObjectStore, key: str) -> None:
        """Begin a multipart upload and forget it, as a process that is killed does."""

    @abstractmethod
    async def unfinished(self, objects: ObjectStore) -> Sequence[str]:
        """The keys of all unfinished multipart uploads."""

    async def assert_nothing_left(self, objects: ObjectStore, key: str) -> None:
        with pytest.raises(ObjectGone):
            await objects.head(key)
        assert list(await self.unfinished(objects)) == []
