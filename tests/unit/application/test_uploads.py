"""An upload past the service: begun, sent in parts, completed, discarded."""

from collections.abc import AsyncIterator

import pytest

from service.application.admission import Admission
from service.application.completion import PartialUpload, complete_upload, current_upload, ready_upload
from service.application.config import ServiceConfig
from service.application.jobs import ConversionRequest, accept_job, delete_job
from service.application.lookup import find_upload
from service.application.receiving import delete_upload, receive_upload
from service.application.uploads import (
    begin_form,
    begin_parts,
    discard_upload,
    open_upload,
    part_url,
    put_part,
)
from service.core.errors import (
    EmptyUpload,
    Expired,
    LargerThanDeclared,
    NotFound,
    UnsupportedMedia,
    UploadPending,
    UploadsOpen,
)
from service.core.limits.shares import TenantStorageFull, parse_shares
from service.core.upload import MAX_PARTS, Upload, check_part_number
from tests.unit.application.world import JOB, UPLOAD, ServiceWorld, wav
from tests.unit.core.media.test_sniff import LONG_TAG, MP3_FRAME

FILE = wav()


async def test_parts_become_an_upload_once(world: ServiceWorld) -> None:
    """What arrived is joined and recognised; a repeated completion answers the same upload."""
    caller = world.caller()
    pending = await begin_parts(caller, filename="song.wav", size=len(FILE), content_type="audio/wav")
    part = await put_part(world.context, await open_upload(caller, pending.upload_id, pending.key), 1, FILE)
    assert await current_upload(caller, pending.upload_id) == PartialUpload(pending, [part])
    with pytest.raises(UploadPending):
        await ready_upload(caller, pending.upload_id)

    upload = await complete_upload(world.context, pending, None)

    assert (upload.filename, upload.size, upload.source.container) == ("song.wav", len(FILE), "wav")
    assert await ready_upload(caller, pending.upload_id) == upload
    assert await complete_upload(world.context, upload, None) == upload
    with pytest.raises(NotFound):
        await open_upload(caller, pending.upload_id)


async def test_a_file_in_one_piece_is_completed_by_the_first_call_that_needs_it(world: ServiceWorld) -> None:
    """Until the file of a form has arrived the upload is partial; the next look completes it."""
    caller = world.caller()
    pending, _ = await begin_form(caller, filename="song.wav", size=None, content_type="")
    assert await current_upload(caller, pending.upload_id) == PartialUpload(pending, ())

    world.objects.put(pending.key, FILE)

    found = await current_upload(caller, pending.upload_id)
    assert isinstance(found, Upload)
    assert found.size == len(FILE)


async def test_what_follows_a_long_tag_is_read_from_the_store(world: ServiceWorld) -> None:
    """A tag that is longer than the head hides nothing: the object is read on where it ends."""
    caller = world.caller()
    pending, _ = await begin_form(caller, filename="song.flac", size=None, content_type="")
    world.objects.put(pending.key, LONG_TAG + MP3_FRAME * 9 + bytes(900_000))

    found = await current_upload(caller, pending.upload_id)

    assert isinstance(found, Upload)
    assert (found.source.container, found.source.needs_seeking) == ("mp3", False)


async def test_bytes_that_are_no_audio_end_the_upload(world: ServiceWorld) -> None:
    """A completion that finds no audio removes the record and the object."""
    caller = world.caller()
    pending, _ = await begin_form(caller, filename="song.wav", size=None, content_type="")
    world.objects.put(pending.key, b"To be, or not to be, that is the question. " * 100)

    with pytest.raises(UnsupportedMedia):
        await ready_upload(caller, pending.upload_id)
    assert (world.jobs.pending, world.objects.objects) == ({}, {})


async def test_an_upload_is_found_by_its_tenant_with_its_key_in_its_time(world: ServiceWorld) -> None:
    """Another tenant, another key and another day find nothing."""
    upload = world.upload()
    assert await find_upload(world.caller(), upload.upload_id, upload.key) == upload

    for caller, key in ((world.caller("stranger"), None), (world.caller(), "uploads/another/input")):
        with pytest.raises(NotFound):
            await find_upload(caller, upload.upload_id, key)
    await world.clock.advance(upload.expires_at - world.clock.wall())
    with pytest.raises(Expired):
        await find_upload(world.caller(), upload.upload_id)


async def test_a_tenant_may_have_so_many_uploads_open() -> None:
    """The limit of open uploads is counted for each tenant by itself."""
    world = ServiceWorld(config=ServiceConfig(max_open_uploads=1))
    first = await begin_parts(world.caller("amber"), filename=None, size=None, content_type="")

    with pytest.raises(UploadsOpen):
        await begin_form(world.caller("amber"), filename=None, size=None, content_type="")
    await begin_parts(world.caller("birch"), filename=None, size=None, content_type="")
    await discard_upload(world.context, first)
    await begin_parts(world.caller("amber"), filename=None, size=None, content_type="")


async def test_an_empty_file_is_refused_before_a_form_is_signed(world: ServiceWorld) -> None:
    """A form for a file of no bytes would be good for nothing, and leaves no record."""
    with pytest.raises(EmptyUpload):
        await begin_form(world.caller(), filename=None, size=0, content_type="")
    assert world.jobs.pending == {}


@pytest.mark.parametrize("number", [0, -1, MAX_PARTS + 1])
async def test_a_part_number_that_s3_would_refuse_is_not_signed(world: ServiceWorld, number: int) -> None:
    """Parts are numbered from 1 to 10,000, for URLs and for parts through the service alike."""
    pending = await begin_parts(world.caller(), filename=None, size=None, content_type="")

    with pytest.raises(NotFound):
        await part_url(world.context, pending, number)
    with pytest.raises(NotFound):
        check_part_number(pending, number)
    check_part_number(pending, 1)
    check_part_number(pending, MAX_PARTS)


async def test_more_bytes_than_declared_are_removed_at_once(world: ServiceWorld) -> None:
    """Parts that are larger than what was declared are dropped when the upload is completed, and not after a day."""
    caller = world.caller()
    pending = await begin_parts(caller, filename="song.wav", size=1000, content_type="")
    await world.objects.put_part(pending.key, pending.transfer, 1, bytes(20_000))

    with pytest.raises(LargerThanDeclared):
        await complete_upload(world.context, pending, None)
    assert (world.jobs.pending, world.objects.objects, world.objects.unfinished) == ({}, {}, {})


async def chunks() -> AsyncIterator[bytes]:
    """The bytes of a file."""
    yield FILE


async def test_a_tenant_stores_as_much_as_it_may() -> None:
    """Uploads, begun or complete, and outputs count; what would be too much is refused before a byte is taken."""
    limits = f"amber:stored={10 * len(FILE)}"
    world = ServiceWorld(config=ServiceConfig(max_upload_bytes=10 * len(FILE), shares=parse_shares(limits)))
    amber, admission = world.caller("amber"), Admission(world.context)
    await receive_upload(amber, chunks(), announced=len(FILE), filename=None)
    begun = await begin_parts(amber, filename=None, size=8 * len(FILE), content_type="")

    with pytest.raises(TenantStorageFull) as refused:
        await begin_parts(amber, filename=None, size=len(FILE) + 1, content_type="")
    stored = {"limit": 10 * len(FILE), "limit_name": "stored", "stored": 9 * len(FILE)}
    assert refused.value.extra == stored
    with pytest.raises(TenantStorageFull):  # nobody has said how large it is: as large as any may be
        await begin_form(amber, filename=None, size=None, content_type="")
    with pytest.raises(TenantStorageFull):
        await receive_upload(amber, chunks(), announced=2 * len(FILE), filename=None)
    assert len(world.objects.objects) == 1

    upload = await receive_upload(amber, chunks(), announced=len(FILE), filename=None)
    wanted = ConversionRequest(upload_id=upload.upload_id, format="mp3")
    with pytest.raises(TenantStorageFull):
        await accept_job(amber, admission, wanted, None)
    await begin_parts(world.caller("birch"), filename=None, size=len(FILE) + 1, content_type="")
    await discard_upload(world.context, begun)
    await accept_job(amber, admission, wanted, None)


async def test_a_delete_without_a_record_removes_nothing(world: ServiceWorld) -> None:
    """The bytes under an id without a record may be an upload of another tenant that is still in its stream."""
    world.objects.put(f"uploads/{UPLOAD}/input", FILE)
    world.objects.put(f"results/{JOB}/1/song.mp3", FILE)

    await delete_upload(world.caller("stranger"), UPLOAD)
    await delete_job(world.caller("stranger"), JOB)

    assert len(world.objects.objects) == 2
