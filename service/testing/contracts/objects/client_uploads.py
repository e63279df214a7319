"""What `ports.objects` promises about multipart uploads and signed requests, and about what lies in the store."""

from urllib.parse import parse_qs, urlsplit

import pytest

from service.core.errors import ObjectChanged, ObjectGone, StoreError
from service.core.upload import MIN_PART_SIZE
from service.testing.contracts.objects.store import DIRECT, LooksBehind, ObjectStore, fetch, pattern, store


class ClientUploadsContract(LooksBehind):
    """Needs the fixture ``objects``: an empty store."""

    async def test_parts_become_the_object(self, objects: ObjectStore) -> None:
        """Parts that came in any order, one of them twice, are listed by number and joined in that order."""
        first, second = pattern(MIN_PART_SIZE), b"the rest"
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

    async def test_a_part_is_signed_for_one_place(self, objects: ObjectStore) -> None:
        """The address of a part names its key, its transfer and its number."""
        transfer = await objects.begin_parts(DIRECT)

        url = await objects.part_url(DIRECT, transfer, 7, seconds=60)

        query = parse_qs(urlsplit(url).query)
        assert urlsplit(url).path.endswith(DIRECT)
        assert (query["partNumber"], query["uploadId"]) == (["7"], [transfer])

    async def test_a_part_is_signed_for_its_length(self, objects: ObjectStore) -> None:
        """The address of a part whose length is known is another one for each length, and names it or signs it."""
        transfer = await objects.begin_parts(DIRECT)

        urls = [await objects.part_url(DIRECT, transfer, 1, seconds=60, size=size) for size in (1000, 1001, None)]

        assert len(set(urls)) == 3
        signed = [parse_qs(urlsplit(url).query).get("X-Amz-SignedHeaders", ["host"])[0] for url in urls]
        if "X-Amz-Signature" in urls[0]:
            assert signed == ["content-length;host", "content-length;host", "host"]

    async def test_a_form_is_signed_for_one_place(self, objects: ObjectStore) -> None:
        """A form for a file in one piece names its key, and nothing is there before it is sent."""
        form = await objects.upload_form(DIRECT, least=1, most=1000, seconds=60)

        assert form.url.startswith("http")
        assert form.fields["key"] == DIRECT
        await self.assert_nothing_left(objects, DIRECT)


class HousekeepingContract(LooksBehind):
    """Needs the fixture ``objects``: an empty store."""

    async def test_open_transfers_are_found(self, objects: ObjectStore) -> None:
        """What was begun and never ended is listed under its prefix, also when another process began it."""
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
