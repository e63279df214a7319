"""What `ports.objects.ObjectContents` promises: bytes in, bytes out, nothing left behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.core.errors import EmptyUpload, ObjectChanged, ObjectGone, StoreError, UploadTooLarge
from service.ports.objects import Stored
from service.testing.contracts.objects.store import (
    PART,
    PLENTY,
    ClientWentAwayError,
    LooksBehind,
    ObjectStore,
    broken,
    fetch,
    pattern,
    store,
    stream,
)


class ObjectContentsContract(LooksBehind):
    """Needs the fixture ``objects``: an empty store."""

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
        """A reader that asks for the object by its ETag never gets the bytes of another one."""
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
