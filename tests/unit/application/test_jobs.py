"""Jobs: submitted, cancelled and deleted, for the tenant that asks."""

from dataclasses import replace

import pytest

from service.application.admission import Admission
from service.application.config import ServiceConfig
from service.application.jobs import (
    ConversionRequest,
    accept_job,
    cancel_job,
    delete_job,
    idempotency_key,
    submit_job,
)
from service.core.errors import InvalidRequest, NotFound, QueueFull
from service.core.job import State
from service.testing.factories import changed
from tests.unit.application.world import JOB, UPLOAD, ServiceWorld

WANTED = ConversionRequest(upload_id=UPLOAD, format="mp3", options={"bitrate_kbps": 192})


async def test_a_repeated_submission_is_not_refused_by_a_full_queue(world: ServiceWorld) -> None:
    """The queue limit turns away a new job, and not a call that asks again for one that was accepted."""
    world = ServiceWorld(config=ServiceConfig(max_queued=1))
    world.upload()
    admission, caller = Admission(world.context), world.caller()
    key = idempotency_key(caller.tenant, "key-1", WANTED)
    first = await accept_job(caller, admission, WANTED, key)

    with pytest.raises(QueueFull):
        await accept_job(caller, admission, WANTED, None)
    assert await accept_job(caller, admission, WANTED, key) == first


async def test_a_job_of_another_tenants_upload_is_not_accepted(world: ServiceWorld) -> None:
    """An upload of another tenant does not exist for a submission."""
    world.upload()

    with pytest.raises(NotFound):
        await submit_job(world.caller("stranger"), WANTED, None)
    assert world.jobs.jobs == {}


async def test_another_tenants_job_is_neither_cancelled_nor_deleted(world: ServiceWorld) -> None:
    """A job of another tenant does not exist: cancelling it raises `NotFound`, deleting it does nothing."""
    job = world.running()

    with pytest.raises(NotFound):
        await cancel_job(world.caller("stranger"), JOB)
    assert await delete_job(world.caller("stranger"), JOB) is None
    assert world.jobs.jobs[JOB] == job


async def test_deleting_a_running_job_asks_it_to_stop_and_returns_it(world: ServiceWorld) -> None:
    """A job that still runs is not deleted: it is returned with the wish to cancel it, until it has ended."""
    world.running()

    stopping = await delete_job(world.caller(), JOB)
    assert stopping is not None
    assert (stopping.state, stopping.cancel_requested) == (State.RUNNING, True)

    world.jobs.jobs[JOB] = changed(stopping, state=State.CANCELLED)
    assert await delete_job(world.caller(), JOB) is None
    assert world.jobs.jobs == {}


def test_the_fingerprint_of_a_request_is_the_same_in_every_version() -> None:
    """The stored fingerprint keeps its form, so that a client may repeat its call across an update of the service."""
    key = idempotency_key("amber", "key-1", WANTED)
    assert key is not None
    assert key.key == "amber:key-1"
    assert key.fingerprint == "ca9ad66223a0ae4abfd4a4b8720a7d46e28bdf951c16c9cd2128ede692321aca"
    assert idempotency_key("amber", "key-1", replace(WANTED, options={})) != key


@pytest.mark.parametrize("text", ["", "x" * 256, "Schlüssel", "a\nb"])
def test_an_impossible_idempotency_key_is_refused(text: str) -> None:
    """A key is 1 to 255 printable ASCII characters."""
    with pytest.raises(InvalidRequest):
        idempotency_key("amber", text, WANTED)
