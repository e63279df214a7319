"""Which transfers the janitor may end."""

import pytest

from service.core.naming import input_key, output_key, upload_id_of
from service.testing.clock import NOON
from service.testing.factories import A_DAY, a_pending_upload, an_upload
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.worker.abandoned import abandoned


@pytest.fixture
async def objects() -> MemoryObjects:
    """A store with one open transfer of `upload1` that is two days old, and a conversion's."""
    objects = MemoryObjects()
    objects.began_at = NOON - 2 * A_DAY
    objects.unfinished = {"transfer1": input_key("upload1"), "another": output_key("job1", 1, "x.mp3")}
    return objects


async def keys(objects: MemoryObjects, uploads: MemoryJobs) -> list[str]:
    """What is abandoned at noon, with a day's grace."""
    return [one.transfer for one in await abandoned(objects, uploads, NOON, grace=A_DAY)]


async def test_transfer_without_a_record_is_abandoned(objects: MemoryObjects) -> None:
    """What nobody has a record of is found, and a conversion's transfer is none of it."""
    assert await keys(objects, MemoryJobs()) == ["transfer1"]


async def test_pending_upload_is_left_alone_until_it_expires(objects: MemoryObjects) -> None:
    """An upload in parts keeps its transfer as long as it may be completed, however old, and no longer."""
    uploads = MemoryJobs()
    await uploads.begin_upload(a_pending_upload(created_at=NOON - 2 * A_DAY, expires_at=NOON + 1))
    assert await keys(objects, uploads) == []

    await uploads.delete_upload("upload1")
    await uploads.begin_upload(a_pending_upload(created_at=NOON - 2 * A_DAY, expires_at=NOON))
    assert await keys(objects, uploads) == ["transfer1"]


async def test_young_transfer_is_left_alone(objects: MemoryObjects) -> None:
    """A stream that is being received has no record yet: it has the grace to come to its end."""
    objects.began_at = NOON - A_DAY + 1
    assert await keys(objects, MemoryJobs()) == []


async def test_other_transfers_of_an_upload_are_abandoned(objects: MemoryObjects) -> None:
    """A transfer that its upload's record does not name, or whose upload is complete, belongs to nobody."""
    uploads = MemoryJobs()
    await uploads.begin_upload(a_pending_upload(transfer="transfer2"))
    assert await keys(objects, uploads) == ["transfer1"]

    await uploads.complete_upload(an_upload())
    assert await keys(objects, uploads) == ["transfer1"]


@pytest.mark.parametrize(
    ("key", "upload_id"),
    [(input_key("abc"), "abc"), ("uploads//input", None), ("uploads/abc/other", None), ("results/abc/input", None)],
)
def test_key_tells_its_upload(key: str, upload_id: str | None) -> None:
    """The id is read from a key of exactly our form, and from no other."""
    assert upload_id_of(key) == upload_id
