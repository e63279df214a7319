"""
Objects: the bytes, and which part of the service needs what of them.

A worker needs `Objects`, an API `ClientObjects`, a janitor `Housekeeping`; an adapter fulfils all of them. A *transfer*
is the store's own name for a multipart upload.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.core.errors import Indefinite
from service.core.upload import Part


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store describes it. `etag` is opaque and includes no quotes; `size` is bytes."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A multipart upload that was begun and neither completed nor aborted; `began_at` by the store's clock."""

    key: str
    transfer: str
    began_at: float


@dataclass(frozen=True, slots=True)
class Form:
    """Where to POST a file as ``multipart/form-data``: these fields first, and then the file as ``file``."""

    url: str
    fields: Mapping[str, str]


class NotStored(Indefinite):
    """
    An object of `size` bytes was completed, and is not there.

    It was removed in this moment, because nothing wants it any more, or the store has lost it: the caller can tell.
    """

    def __init__(self, key: str = "", size: int = 0) -> None:
        super().__init__(f"{key} was completed with {size} bytes, and is not there")
        self.key, self.size = key, size


class Objects(Protocol):
    """Objects by key: what a worker looks at and leaves behind."""

    async def head(self, key: str) -> Stored:
        """Describe an object. Raises `ObjectGone`."""

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> Sequence[str]:
        """
        Delete every object and abort every unfinished multipart upload under `prefix`, but for the object `keep`.

        Returns the keys that were found.
        """


class ObjectContents(Objects, Protocol):
    """Their bytes as streams, and addresses from which clients fetch them."""

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        """
        Store a stream of unknown length in constant memory.

        Raises `UploadTooLarge` as soon as more than `limit` bytes came, `EmptyUpload` if none came, and passes through
        whatever `chunks` raises. However it ends, nothing is left behind unless it returned.
        """

    async def peek(self, key: str, *, etag: str, start: int, length: int) -> bytes:
        """Return a small range, whole. Raises `ObjectGone`, `ObjectChanged`."""

    def read(self, key: str, *, etag: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Stream bytes start … stop-1, resumed at the offset if it breaks. Raises `ObjectGone`, `ObjectChanged`."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete; no error for keys that do not exist."""

    async def download_url(self, key: str, *, filename: str, content_type: str, seconds: int) -> str:
        """Return a presigned GET for the address that the *client* can reach, with a Content-Disposition."""


class ClientUploads(Protocol):
    """Objects that clients send in parts, or past the service with a signed request."""

    async def begin_parts(self, key: str) -> str:
        """Begin an object that comes in parts; returns the store's name for the transfer."""

    async def part_url(self, key: str, transfer: str, number: int, *, seconds: int, size: int | None = None) -> str:
        """
        Return a presigned PUT of one part, for the address that the *client* can reach.

        With `size` it is good for exactly as many bytes.
        """

    async def upload_form(self, key: str, *, least: int, most: int, seconds: int) -> Form:
        """
        Return a signed form that stores one object of `least` to `most` bytes, for the address that *clients* reach.

        It can be sent more than once in its time, and each time replaces the object.
        """

    async def put_part(self, key: str, transfer: str, number: int, body: bytes) -> Part:
        """Store one part; one that is sent again replaces the earlier one. Raises `ObjectGone` as `parts` does."""

    async def parts(self, key: str, transfer: str) -> Sequence[Part]:
        """Return what has arrived, by number. Raises `ObjectGone` if the transfer is not open (any more)."""

    async def join_parts(self, key: str, transfer: str, parts: Sequence[Part]) -> Stored:
        """
        Make the object exist. Safe to repeat: where the transfer has ended, the object itself is the answer.

        Raises `ObjectGone` if there is neither, `ObjectChanged` if a part was replaced in the meantime.
        """

    async def abort_parts(self, key: str, transfer: str) -> None:
        """Drop the transfer and all its parts; no error if it has ended already."""


class ClientObjects(ObjectContents, ClientUploads, Protocol):
    """All that an API does with objects on behalf of clients."""


class Housekeeping(Protocol):
    """Objects and open multipart uploads, looked at and removed one by one."""

    async def survey(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        """Return the first `limit` objects (1 to 1,000) under `prefix` whose keys are greater than `after`, by key."""

    async def open_transfers(self, prefix: str) -> Sequence[Unfinished]:
        """Return the transfers under `prefix` that are still open."""

    async def parts(self, key: str, transfer: str) -> Sequence[Part]:
        """Return what has arrived, by number. Raises `ObjectGone` if the transfer is not open (any more)."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete; no error for keys that do not exist."""

    async def abort_parts(self, key: str, transfer: str) -> None:
        """Drop the transfer and all its parts; no error if it has ended already."""
