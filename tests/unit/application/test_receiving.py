"""An upload in one stream: stored, recognised, recorded."""

from collections.abc import AsyncIterator

import pytest

from service.application.receiving import delete_upload, receive_upload
from service.core.errors import Indefinite, UnsupportedMedia, UploadIncomplete
from service.core.upload import Upload
from tests.unit.application.world import ServiceWorld, wav


async def stream(*chunks: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    """A body in pieces, which may break off."""
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


async def test_a_stream_becomes_an_upload_of_its_tenant(world: ServiceWorld) -> None:
    """What was stored is recorded with its format, its size, and its tenant."""
    upload = await receive_upload(world.caller("amber"), stream(wav()), announced=54, filename="../song.wav")

    assert world.jobs.uploads == {upload.upload_id: upload}
    assert (upload.tenant, upload.filename, upload.source.container) == ("amber", "song.wav", "wav")
    assert world.objects.objects[upload.key].data == wav()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (stream(wav()[:40], error=UploadIncomplete()), UploadIncomplete),
        (stream(b"To be, or not to be, that is the question. " * 100), UnsupportedMedia),
    ],
)
async def test_a_stream_that_fails_leaves_nothing(
    world: ServiceWorld, body: AsyncIterator[bytes], expected: type[Exception]
) -> None:
    """A body that breaks off and one that is no audio leave neither bytes nor a record."""
    with pytest.raises(expected):
        await receive_upload(world.caller(), body, announced=10_000, filename=None)
    assert (world.jobs.uploads, world.objects.objects) == ({}, {})


async def test_bytes_without_a_record_are_removed(world: ServiceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the record cannot be written, the object is deleted and the error passed on."""

    async def refuse(upload: Upload) -> None:
        raise Indefinite("PutItem: 500")

    monkeypatch.setattr(world.jobs, "put_upload", refuse)
    with pytest.raises(Indefinite):
        await receive_upload(world.caller(), stream(wav()), announced=54, filename=None)
    assert world.objects.objects == {}


async def test_only_its_own_tenant_deletes_an_upload(world: ServiceWorld) -> None:
    """For another tenant a deletion does nothing, for its own it removes bytes and record, and may be repeated."""
    upload = world.upload()
    await delete_upload(world.caller("stranger"), upload.upload_id)
    assert upload.key in world.objects.objects

    for _ in range(2):
        await delete_upload(world.caller(), upload.upload_id)
        assert (world.jobs.uploads, world.objects.objects) == ({}, {})


async def test_deleting_an_upload_without_a_record_does_nothing(world: ServiceWorld) -> None:
    """Bytes that are still received, of any tenant, stay where an id is deleted that has no record."""
    upload = world.upload()
    await world.jobs.delete_upload(upload.upload_id)
    await delete_upload(world.caller("stranger"), upload.upload_id)

    assert upload.key in world.objects.objects
