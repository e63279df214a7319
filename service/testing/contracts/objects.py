"""What every `ports.ObjectStore` does; a subclass brings the fixture `objects` and a way to look behind the curtain."""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from urllib.parse import parse_qs, urlsplit

import pytest

from service.core.errors import EmptyUpload, ObjectChanged, ObjectGone, StoreError, UploadTooLarge
from service.core.upload import SMALLEST_PART
from service.ports.objects import ObjectStore, Stored

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


async def store(objects: ObjectStore, key: str, data: bytes) -> Stored:
    """Put bytes where the test wants them."""
    return await objects.receive(key, stream([data]), content_type="audio/x-test", limit=PLENTY)


async def fetch(objects: ObjectStore, stored: Stored, start: int = 0, stop: int | None = None) -> bytes:
    """Read a range through the stream."""
    stop = stored.size if stop is None else stop
    chunks = objects.read(stored.key, etag=stored.etag, start=start, stop=stop)
    return b"".join([chunk async for chunk in chunks])


class ObjectStoreContract(ABC):
    """Bytes in, bytes out, nothing left behind."""

    @abstractmethod
    async def leave_unfinished(self, objects: ObjectStore, key: str) -> None:
        """Begin a multipart upload and forget it, as one who is killed does."""

    @abstractmethod
    async def unfinished(self, objects: ObjectStore) -> Sequence[str]:
        """The keys of all unfinished multipart uploads."""

    async def assert_nothing_left(self, objects: ObjectStore, key: str) -> None:
        with pytest.raises(ObjectGone):
            await objects.head(key)
        assert list(await self.unfinished(objects)) == []

    async def test_stored_bytes_come_back(self, objects: ObjectStore) -> None:
        """What was received is described by the answer, by `head`, and is what `read` delivers."""
        data = pattern(300_000)

        stored = await store(objects, "uploads/a/input", data)

        assert (stored.key, stored.size) == ("uploads/a/input", len(data))
        assert stored.etag
        assert '"' not in stored.etag
        assert await objects.head("uploads/a/input") == stored
        assert await fetch(objects, stored) == data

    @pytest.mark.parametrize("size", [PART, PART + 1, 2 * PART, 2 * PART + 4711])
    async def test_sizes_around_the_parts_come_back(self, objects: ObjectStore, size: int) -> None:
        """Nothing is lost or doubled where one part ends and the next begins."""
        data = pattern(size)
        pieces = [data[at : at + 1_000_003] for at in range(0, size, 1_000_003)]

        stored = await objects.receive("uploads/a/input", stream(pieces), content_type="audio/x-test", limit=size)

        assert stored.size == size
        assert await objects.head("uploads/a/input") == stored
        assert await fetch(objects, stored) == data
        assert list(await self.unfinished(objects)) == []

    @pytest.mark.parametrize(
        "pieces",
        [[b"a"] * 50, [b"", b"ab", b"", b"c", b""], [pattern(PART * 2 + 5), b"", b"tail"]],
        ids=["single-bytes", "with-empty-pieces", "larger-than-a-part"],
    )
    async def test_pieces_of_any_size_are_taken(self, objects: ObjectStore, pieces: list[bytes]) -> None:
        """The size of the pieces in which a client sends is no concern of the object's."""
        stored = await objects.receive("uploads/a/input", stream(pieces), content_type="audio/x-test", limit=PLENTY)

        assert await fetch(objects, stored) == b"".join(pieces)

    async def test_exactly_the_limit_is_allowed(self, objects: ObjectStore) -> None:
        """The limit is the largest size that is accepted."""
        stored = await objects.receive("uploads/a/input", stream([b"1234"]), content_type="audio/x-test", limit=4)

        assert stored.size == 4

    @pytest.mark.parametrize("limit", [10, 2 * PART], ids=["small", "in-parts"])
    async def test_too_much_is_refused_at_once(self, objects: ObjectStore, limit: int) -> None:
        """The first byte beyond the limit ends the upload: no further piece is asked for, and nothing is left."""
        pieces = iter([pattern(limit), b"x", b"never asked for"])

        with pytest.raises(UploadTooLarge):
            await objects.receive("uploads/a/input", stream(pieces), content_type="audio/x-test", limit=limit)

        assert list(pieces) == [b"never asked for"]
        await self.assert_nothing_left(objects, "uploads/a/input")

    @pytest.mark.parametrize("pieces", [[], [b"", b""]], ids=["no-piece", "empty-pieces"])
    async def test_nothing_is_refused(self, objects: ObjectStore, pieces: list[bytes]) -> None:
        """An upload without a single byte is an error, not an empty object."""
        with pytest.raises(EmptyUpload):
            await objects.receive("uploads/a/input", stream(pieces), content_type="audio/x-test", limit=PLENTY)

        await self.assert_nothing_left(objects, "uploads/a/input")

    @pytest.mark.parametrize("size", [100, PART + 1, 3 * PART], ids=["small", "first-part", "in-parts"])
    async def test_a_client_that_goes_away_leaves_nothing(self, objects: ObjectStore, size: int) -> None:
        """What the stream raises comes through as it is, and no object or unfinished upload stays behind."""
        with pytest.raises(ClientWentAwayError):
            await objects.receive("uploads/a/input", broken([pattern(size)]), content_type="x/y", limit=PLENTY)

        await self.assert_nothing_left(objects, "uploads/a/input")

    @pytest.mark.parametrize("size", [100, PART + 1, 3 * PART], ids=["small", "first-part", "in-parts"])
    async def test_a_cancelled_upload_leaves_nothing(self, objects: ObjectStore, size: int) -> None:
        """Cancelling the task that receives, in the middle of the stream, cleans up before the cancellation passes."""
        waiting, never = asyncio.Event(), asyncio.Event()

        async def stalled() -> AsyncIterator[bytes]:
            yield pattern(size)
            waiting.set()
            await never.wait()

        task = asyncio.create_task(
            objects.receive("uploads/a/input", stalled(), content_type="audio/x-test", limit=PLENTY)
        )
        await waiting.wait()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        await self.assert_nothing_left(objects, "uploads/a/input")

    async def test_an_unknown_object_is_gone(self, objects: ObjectStore) -> None:
        """Every way to look at an object that does not exist raises the same error."""
        with pytest.raises(ObjectGone):
            await objects.head("uploads/none")
        with pytest.raises(ObjectGone):
            await objects.peek("uploads/none", etag="e", start=0, length=1)
        with pytest.raises(ObjectGone):
            await fetch(objects, Stored("uploads/none", 1, "e"))

    async def test_other_bytes_under_the_same_key_are_refused(self, objects: ObjectStore) -> None:
        """Who asks for the object by its ETag never gets the bytes of another one."""
        before = await store(objects, "uploads/a/input", b"before")
        await store(objects, "uploads/a/input", b"after!")

        with pytest.raises(ObjectChanged):
            await objects.peek("uploads/a/input", etag=before.etag, start=0, length=2)
        with pytest.raises(ObjectChanged):
            await fetch(objects, before)

    async def test_peek_is_clipped_to_the_object(self, objects: ObjectStore) -> None:
        """A look at a range gives what there is of it, which may be nothing."""
        stored = await store(objects, "uploads/a/input", b"0123456789")

        async def peek(start: int, length: int) -> bytes:
            return await objects.peek(stored.key, etag=stored.etag, start=start, length=length)

        assert [await peek(2, 3), await peek(8, 100), await peek(10, 5), await peek(99, 5), await peek(3, 0)] == [
            b"234", b"89", b"", b"", b"",
        ]  # fmt: skip

    async def test_ranges_are_exact(self, objects: ObjectStore) -> None:
        """A stream delivers the bytes from the first to before the last, and none for an empty range."""
        data = pattern(900_000)
        stored = await store(objects, "uploads/a/input", data)

        for start, stop in [(0, 1), (1, 1), (262_143, 262_145), (5, 899_999), (899_999, 900_000), (900_000, 900_000)]:
            assert await fetch(objects, stored, start, stop) == data[start:stop]

    async def test_a_range_beyond_the_end_is_an_error(self, objects: ObjectStore) -> None:
        """A length that cannot be met is an error, never a short answer."""
        stored = await store(objects, "uploads/a/input", b"0123456789")

        for start in (0, 10):
            with pytest.raises(StoreError):
                await fetch(objects, stored, start, 11)

    async def test_deleting_is_safe_to_repeat(self, objects: ObjectStore) -> None:
        """Deleted objects are gone, others stay, and those that never were are no error."""
        for key in ("uploads/a/input", "uploads/b/input", "uploads/c/input"):
            await store(objects, key, b"x")

        for _ in range(2):
            await objects.delete(["uploads/a/input", "uploads/b/input", "uploads/none"])
        await objects.delete([])

        assert (await objects.head("uploads/c/input")).size == 1
        for key in ("uploads/a/input", "uploads/b/input"):
            with pytest.raises(ObjectGone):
                await objects.head(key)

    async def test_a_prefix_is_swept_but_for_what_is_kept(self, objects: ObjectStore) -> None:
        """Objects and unfinished uploads under a prefix go, the kept object and the neighbours stay."""
        for key in ("results/a/1/x.mp3", "results/a/2/x.mp3", "results/ab/1/x.mp3"):
            await store(objects, key, b"x")
        for key in ("results/a/3/x.mp3", "results/ab/2/x.mp3"):
            await self.leave_unfinished(objects, key)

        found = await objects.delete_prefix("results/a/", keep="results/a/2/x.mp3")

        assert sorted(found) == ["results/a/1/x.mp3", "results/a/3/x.mp3"]
        assert await self.unfinished(objects) == ["results/ab/2/x.mp3"]
        assert (await objects.head("results/a/2/x.mp3")).size == 1
        assert (await objects.head("results/ab/1/x.mp3")).size == 1
        with pytest.raises(ObjectGone):
            await objects.head("results/a/1/x.mp3")
        assert list(await objects.delete_prefix("results/a/", keep="results/a/2/x.mp3")) == []

    async def test_the_whole_bucket_is_no_prefix(self, objects: ObjectStore) -> None:
        """A caller's slip cannot delete everything."""
        await store(objects, "uploads/a/input", b"x")

        with pytest.raises(ValueError, match="prefix"):
            await objects.delete_prefix("")

        assert (await objects.head("uploads/a/input")).size == 1

    async def test_a_download_carries_the_name(self, objects: ObjectStore) -> None:
        """The address of a download contains the file name, whatever characters it has."""
        await store(objects, "results/a/1/x.mp3", b"x")

        url = await objects.download_url(
            "results/a/1/x.mp3", filename="Grüße.mp3", content_type="audio/mpeg", seconds=60
        )

        assert "results/a/1/x.mp3" in url
        assert "Gr%25C3%25BC%25C3%259Fe.mp3" in url  # quoted once for the header, once for the query

    # ── in parts ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_parts_become_the_object(self, objects: ObjectStore) -> None:
        """Parts that came in any order, one of them twice, are listed by number and joined in that order."""
        first, second = pattern(SMALLEST_PART), b"the rest"
        transfer = await objects.begin_parts(DIRECT)
        assert list(await objects.parts(DIRECT, transfer)) == []
        two = await objects.put_part(DIRECT, transfer, 2, second)
        await objects.put_part(DIRECT, transfer, 1, b"a first try")
        one = await objects.put_part(DIRECT, transfer, 1, first)

        assert list(await objects.parts(DIRECT, transfer)) == [one, two]
        assert [(part.number, part.size) for part in (one, two)] == [(1, len(first)), (2, len(second))]
        with pytest.raises(ObjectGone):
            await objects.head(DIRECT)  # nothing of it is visible before it is joined

        stored = await objects.join_parts(DIRECT, transfer, [one, two])

        assert stored == await objects.head(DIRECT)
        assert await fetch(objects, stored) == first + second
        assert list(await self.unfinished(objects)) == []

    async def test_joining_may_be_repeated(self, objects: ObjectStore) -> None:
        """A second joining, after an answer that got lost, gives the same object."""
        transfer = await objects.begin_parts(DIRECT)
        part = await objects.put_part(DIRECT, transfer, 1, b"all of it")

        stored = await objects.join_parts(DIRECT, transfer, [part])

        assert stored == await objects.join_parts(DIRECT, transfer, [part])

    async def test_replaced_part_is_noticed(self, objects: ObjectStore) -> None:
        """Joining names parts by what they are: one that was sent again in the meantime is refused."""
        transfer = await objects.begin_parts(DIRECT)
        part = await objects.put_part(DIRECT, transfer, 1, b"before")
        await objects.put_part(DIRECT, transfer, 1, b"after")

        with pytest.raises(ObjectChanged):
            await objects.join_parts(DIRECT, transfer, [part])

    async def test_nothing_comes_after_the_end(self, objects: ObjectStore) -> None:
        """A transfer that was aborted takes no part, lists none and makes no object; aborting may be repeated."""
        transfer = await objects.begin_parts(DIRECT)
        part = await objects.put_part(DIRECT, transfer, 1, b"x")

        await objects.abort_parts(DIRECT, transfer)
        await objects.abort_parts(DIRECT, transfer)

        with pytest.raises(ObjectGone):
            await objects.parts(DIRECT, transfer)
        with pytest.raises(StoreError):  # ObjectGone from S3 itself; stand-ins are less exact
            await objects.put_part(DIRECT, transfer, 2, b"x")
        with pytest.raises(StoreError):
            await objects.join_parts(DIRECT, transfer, [part])
        await self.assert_nothing_left(objects, DIRECT)

    async def test_open_transfers_are_found(self, objects: ObjectStore) -> None:
        """What was begun and never ended is listed under its prefix, whoever began it."""
        await self.leave_unfinished(objects, "uploads/a/input")
        await self.leave_unfinished(objects, "results/a/1/x.mp3")
        transfer = await objects.begin_parts(DIRECT)

        found = await objects.open_transfers("uploads/")

        assert sorted(one.key for one in found) == ["uploads/a/input", DIRECT]
        assert transfer in {one.transfer for one in found}

    async def test_objects_are_surveyed_page_by_page(self, objects: ObjectStore) -> None:
        """The objects under a prefix come by key, so many at a time, beginning after the last one; no transfer does."""
        keys = [f"results/{name}/1/x.mp3" for name in ("Z", "a", "b", "é")]
        stored = [await store(objects, key, key.encode()) for key in keys]
        await store(objects, "uploads/a/input", b"x")
        await self.leave_unfinished(objects, "results/b/2/x.mp3")

        first = await objects.survey("results/", after="", limit=3)
        rest = await objects.survey("results/", after=first[-1].key, limit=3)

        assert [*first, *rest] == stored
        assert len(first) == 3
        assert list(await objects.survey("results/", after=keys[-1], limit=3)) == []

    async def test_a_part_is_signed_for_one_place(self, objects: ObjectStore) -> None:
        """The address of a part names its key, its transfer and its number."""
        transfer = await objects.begin_parts(DIRECT)

        url = await objects.part_url(DIRECT, transfer, 7, seconds=60)

        query = parse_qs(urlsplit(url).query)
        assert urlsplit(url).path.endswith(DIRECT)
        assert (query["partNumber"], query["uploadId"]) == (["7"], [transfer])

    async def test_a_form_is_signed_for_one_place(self, objects: ObjectStore) -> None:
        """A form for a file in one piece names its key, and nothing is there before it is sent."""
        form = await objects.upload_form(DIRECT, least=1, most=1000, seconds=60)

        assert form.url.startswith("http")
        assert form.fields["key"] == DIRECT
        await self.assert_nothing_left(objects, DIRECT)
