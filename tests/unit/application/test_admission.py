"""Admission control: how many jobs and uploads are let in."""

import pytest

from service.application.admission import QUEUE_COUNT_TTL, Admission
from service.application.config import ServiceConfig
from service.core.errors import Busy, QueueFull
from tests.unit.application.world import ServiceWorld


async def test_the_queue_is_counted_again_when_its_count_is_old() -> None:
    """Within `QUEUE_COUNT_TTL` what was let in is added to the count; after it the store is asked."""
    world = ServiceWorld(config=ServiceConfig(max_queued=1))
    admission = Admission(world.context)
    await admission.admit_job("")
    with pytest.raises(QueueFull):
        await admission.admit_job("")

    await world.clock.advance(QUEUE_COUNT_TTL)  # no job of the first call has come to the store
    await admission.admit_job("")


async def test_an_upload_slot_is_free_again_however_the_upload_ends() -> None:
    """A slot that was held by an upload that failed can be taken again."""
    world = ServiceWorld(config=ServiceConfig(max_uploads=1))
    admission = Admission(world.context)

    async def fail() -> None:
        async with admission.upload_slot(""):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await fail()

    async with admission.upload_slot(""):
        assert admission.uploads == 1
        with pytest.raises(Busy):
            await admission.upload_slot("").__aenter__()
    assert admission.uploads == 0
