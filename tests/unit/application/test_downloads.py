"""The finished file: its presigned URL, or its bytes."""

import pytest

from service.application.downloads import Span, download_url, finished, open_download
from service.core.errors import NotReady, ObjectChanged, ObjectGone
from service.telemetry import events, subscribe
from service.telemetry.events import Event
from tests.unit.application.world import ServiceWorld


async def test_a_part_of_the_output_is_read_and_logged(world: ServiceWorld) -> None:
    """The bytes of a span come as they are; their start and their end are logged."""
    job, told = world.succeeded(b"0123456789"), list[Event]()
    with subscribe(lambda event, _: told.append(event)):
        file = await open_download(world.context, job, Span(2, 5), via="proxy")
        data = b"".join([chunk async for chunk in file.chunks()])

    assert data == b"234"
    assert told == [events.DOWNLOAD_STARTED, events.DOWNLOAD_ENDED]


async def test_an_output_that_is_gone_is_an_error_before_a_byte_is_answered(world: ServiceWorld) -> None:
    """Both ways look whether the object is there."""
    job = world.succeeded()
    world.objects.objects.clear()

    with pytest.raises(ObjectGone):
        await download_url(world.context, job, via="url")
    with pytest.raises(ObjectGone):
        await open_download(world.context, job, Span(0, 10), via="proxy")


async def test_an_output_that_was_replaced_is_not_handed_out(world: ServiceWorld) -> None:
    """Other bytes under the key of the output are refused by their ETag."""
    job = world.succeeded()
    world.objects.put(finished(job).key, b"other bytes")

    with pytest.raises(ObjectChanged):
        await download_url(world.context, job, via="link")


async def test_a_failed_job_says_why_there_is_no_output(world: ServiceWorld) -> None:
    """The job's own error code is in the refusal."""
    with pytest.raises(NotReady) as refused:
        finished(world.failed())
    assert refused.value.extra["job_error"] == "bad_media"
