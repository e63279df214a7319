"""An object store in a dictionary, with a place to put trouble."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from service.core.errors import Definite, EmptyUpload, ObjectChanged, ObjectGone, UploadTooLarge
from service.core.filenames import content_disposition
from service.core.upload import Part
from service.ports.objects import Form, Stored, Unfinished

CHUNK = 256 * 1024  # bytes, as the real one

# Called as (verb, key or prefix, "before" or "after" the effect); may wait, and may raise a `StoreError`.
Trouble = Callable[[str, str, str], Awaitable[None]]


async def no_trouble(verb: str, key: str, moment: str) -> None:
    """Let everything pass."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An object."""

    data: bytes
    content_type: str
    etag: str


class MemoryObjects:
    """
    All protocols of `ports.objects` for tests and simulations; share one among all that would share a bucket.

    `objects`, `unfinished` (transfer to key) and `arrived` (transfer to parts) are there to be looked at and tampered
    with.
    """

    def __init__(self, trouble: Trouble = no_trouble) -> None:
        self.objects: dict[str, Kept] = {}
        self.unfinished: dict[str, str] = {}
        self.arrived: dict[str, dict[int, bytes]] = {}
        self.began_at = 0.0  # of every transfer
        self.trouble = trouble

    def put(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> Stored:
        """Store bytes at once, without trouble."""
        self.objects[key] = Kept(data, content_type, hashlib.md5(data, usedforsecurity=False).hexdigest())
        return self._stored(key)

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if len(data) > limit:
                raise UploadTooLarge(f"The upload is larger than {limit} bytes.", limit=limit)
        if not data:
            raise EmptyUpload
        await self.trouble("receive", key, "before")
        self.put(key, bytes(data), content_type)
        try:
            await self.trouble("receive", key, "after")
        except BaseException:
            self.objects.pop(key, None)  # what did not return leaves nothing
            raise
        return self._stored(key)

    async def head(self, key: str) -> Stored:
        await self.trouble("head", key, "before")
        return self._stored(key)

    async def peek(self, key: str, *, etag: str, start: int, length: int) -> bytes:
        await self.trouble("peek", key, "before")
        return self._matching(key, etag).data[start : start + length]

    async def read(self, key: str, *, etag: str, start: int, stop: int) -> AsyncIterator[bytes]:
        for at in range(start, stop, CHUNK):
            await self.trouble("read", key, "before")
            data = self._matching(key, etag).data
            if stop > len(data):
                raise Definite(f"asked for bytes {start} to {stop} of {len(data)}")
            yield data[at : min(at + CHUNK, stop)]

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            await self.trouble("delete", key, "before")
            self.objects.pop(key, None)
            await self.trouble("delete", key, "after")

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> Sequence[str]:
        if not prefix:
            raise ValueError("an empty prefix is the whole bucket")
        await self.trouble("delete_prefix", prefix, "before")
        uploads = {transfer: key for transfer, key in self.unfinished.items() if key.startswith(prefix)}
        objects = [key for key in self.objects if key.startswith(prefix) and key != keep]
        for transfer in uploads:
            self._end(transfer)
        for key in objects:
            del self.objects[key]
        await self.trouble("delete_prefix", prefix, "after")
        return sorted({*objects, *uploads.values()})

    async def begin_parts(self, key: str) -> str:
        await self.trouble("begin_parts", key, "before")
        transfer = f"transfer-{len(self.unfinished)}-{len(self.objects)}-{key}"
        self.unfinished[transfer], self.arrived[transfer] = key, {}
        await self.trouble("begin_parts", key, "after")
        return transfer

    async def part_url(self, key: str, transfer: str, number: int, *, seconds: int, size: int | None = None) -> str:
        query = {"partNumber": number, "uploadId": transfer, "seconds": seconds}
        query |= {} if size is None else {"size": size}
        return f"https://objects.invalid/{quote(key)}?{urlencode(query)}"

    async def upload_form(self, key: str, *, least: int, most: int, seconds: int) -> Form:
        policy = f"{least} to {most} bytes within {seconds} s"
        return Form("https://objects.invalid/", {"key": key, "policy": policy})

    async def put_part(self, key: str, transfer: str, number: int, body: bytes) -> Part:
        await self.trouble("put_part", key, "before")
        self._parts_of(key, transfer)[number] = body
        await self.trouble("put_part", key, "after")
        return _part(number, body)

    async def parts(self, key: str, transfer: str) -> Sequence[Part]:
        await self.trouble("parts", key, "before")
        return [_part(number, body) for number, body in sorted(self._parts_of(key, transfer).items())]

    async def join_parts(self, key: str, transfer: str, parts: Sequence[Part]) -> Stored:
        await self.trouble("join_parts", key, "before")
        if self.unfinished.get(transfer) != key:
            return self._stored(key)
        arrived = self._parts_of(key, transfer)
        if any(part.number not in arrived or _part(part.number, arrived[part.number]) != part for part in parts):
            raise ObjectChanged(key)
        self.put(key, b"".join(arrived[part.number] for part in parts))
        self._end(transfer)
        await self.trouble("join_parts", key, "after")
        return self._stored(key)

    async def abort_parts(self, key: str, transfer: str) -> None:
        await self.trouble("abort_parts", key, "before")
        if self.unfinished.get(transfer) == key:
            self._end(transfer)
        await self.trouble("abort_parts", key, "after")

    async def open_transfers(self, prefix: str) -> Sequence[Unfinished]:
        await self.trouble("open_transfers", prefix, "before")
        found = [(transfer, key) for transfer, key in self.unfinished.items() if key.startswith(prefix)]
        return [Unfinished(key, transfer, self.began_at) for transfer, key in found]

    async def survey(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        await self.trouble("survey", prefix, "before")
        return [self._stored(key) for key in sorted(self.objects) if key.startswith(prefix) and key > after][:limit]

    async def download_url(self, key: str, *, filename: str, content_type: str, seconds: int) -> str:
        query = {"disposition": content_disposition(filename), "type": content_type, "seconds": seconds}
        return f"https://objects.invalid/{quote(key)}?{urlencode(query)}"

    def _parts_of(self, key: str, transfer: str) -> dict[int, bytes]:
        if self.unfinished.get(transfer) != key:
            raise ObjectGone(key)
        return self.arrived.setdefault(transfer, {})

    def _end(self, transfer: str) -> None:
        del self.unfinished[transfer]
        self.arrived.pop(transfer, None)

    def _stored(self, key: str) -> Stored:
        if key not in self.objects:
            raise ObjectGone(key)
        kept = self.objects[key]
        return Stored(key, len(kept.data), kept.etag)

    def _matching(self, key: str, etag: str) -> Kept:
        if self._stored(key).etag != etag:
            raise ObjectChanged(key)
        return self.objects[key]


def _part(number: int, body: bytes) -> Part:
    return Part(number, len(body), hashlib.md5(body, usedforsecurity=False).hexdigest())
