"""Admission control: how many jobs and uploads are let in."""

import pytest

from service.application.admission import QUEUE_COUNT_TTL, Admission
from service.application.config import ServiceConfig
from service.core.errors import Busy, QueueFull
from service.core.jobs.queue import job_id_for
from service.core.limits.shares import TenantQueueFull, TenantUploadsBusy, parse_shares
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


async def test_a_tenant_fills_its_share_of_the_queue_and_leaves_the_rest() -> None:
    """A tenant with as many jobs waiting as it may is refused, by its own limit, and another one is let in."""
    world = ServiceWorld(config=ServiceConfig(max_queued=40))
    for number in range(19):
        world.job(job_id=job_id_for("amber", f"job{number}"), tenant="amber")
    admission = Admission(world.context)
    await admission.admit_job("amber")

    with pytest.raises(TenantQueueFull) as refused:
        await admission.admit_job("amber")
    assert refused.value.extra == {"limit": 20, "limit_name": "queued"}
    for _ in range(20):
        await admission.admit_job("birch")
    with pytest.raises(QueueFull):
        await admission.admit_job("cedar")


async def test_a_tenant_takes_its_share_of_the_upload_slots_and_leaves_the_rest() -> None:
    """A quarter of the slots is for one tenant, or what is set for it; slots that end are free for it again."""
    world = ServiceWorld(config=ServiceConfig(max_uploads=8, shares=parse_shares("birch:uploads=3")))
    admission = Admission(world.context)
    async with admission.upload_slot("amber"), admission.upload_slot("amber"):
        with pytest.raises(TenantUploadsBusy) as refused:
            await admission.upload_slot("amber").__aenter__()
        assert refused.value.extra == {"limit": 2, "limit_name": "uploads"}
        async with admission.upload_slot("birch"), admission.upload_slot("birch"), admission.upload_slot("birch"):
            assert admission.uploads == 5
    async with admission.upload_slot("amber"):
        assert admission.uploads == 1


async def test_an_open_service_has_one_tenant_whose_limits_are_the_totals() -> None:
    """Without keys there is no other tenant to leave room for."""
    world = ServiceWorld(config=ServiceConfig(max_queued=40, max_uploads=4))
    admission = Admission(world.context)
    for _ in range(40):
        await admission.admit_job("")
    async with admission.upload_slot(""), admission.upload_slot(""), admission.upload_slot(""):
        assert admission.uploads == 3
