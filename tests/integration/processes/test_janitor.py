"""The janitor over S3 and DynamoDB as AWS speaks them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.s3.store import S3Objects
from service.adapters.system.ambient import SystemClock, SystemIds
from service.core.errors import StoreError
from service.core.jobs.job import Job
from service.core.naming import input_key, output_key
from service.core.orphans import SLACK
from service.ports.objects import Stored
from service.testing.clock import NOON, SteppingClock
from service.testing.contracts.objects.store import pattern, store
from service.testing.factories import A_DAY, a_job, a_pending_upload, an_output, an_upload
from service.worker.janitor import Janitor, JanitorConfig, JanitorPorts
from tests.support.fixtures import on_both
from tests.support.s3_fixtures import behind, what_is_left

pytestmark = on_both

GRACE = 3600.0


class Scene:
    """A bucket, a table, and janitors who share a clock."""

    def __init__(self, aws: Aws, objects: S3Objects) -> None:
        self.clock = SteppingClock()
        self.jobs = DynamoJobs(aws, SystemClock(), SystemIds())
        self.objects = objects

    def janitor(self, page: int = 250) -> Janitor:
        ports = JanitorPorts(
            jobs=self.jobs, leases=self.jobs, uploads=self.jobs, objects=self.objects, clock=self.clock, ids=SystemIds()
        )
        return Janitor(ports, JanitorConfig(grace=GRACE, page=page))

    async def over_the_grace(self, *janitors: Janitor, rounds: int = 1) -> None:
        """So many rounds on either side of the grace."""
        for pause in (GRACE, 0.0):
            for _ in range(rounds):
                await asyncio.gather(*(janitor.round() for janitor in janitors))
            await self.clock.advance(pause)

    async def attempts(self, job_id: str, how_many: int) -> Job:
        """A job in its so-manieth attempt."""
        await self.jobs.submit(a_job(job_id=job_id, upload_id=job_id, expires_at=NOON + A_DAY))
        job = await self.jobs.claim(job_id, "w", NOON)
        for _ in range(how_many - 1):
            job = await self.jobs.take_over(job.lease, "w")
        return job

    async def parts(self, key: str) -> str:
        """An upload in parts that nobody completes."""
        transfer = await self.objects.begin_parts(key)
        await self.objects.put_part(key, transfer, 1, b"left behind")
        return transfer

    async def output(self, job: Job, attempt: int) -> Stored:
        """What this attempt makes of the job."""
        return await store(self.objects, output_key(job.job_id, attempt, job.filename), pattern(1000))

    async def left(self) -> list[str]:
        return sorted(await what_is_left(self.objects))


@pytest.fixture
def scene(aws: Aws, s3_objects: S3Objects) -> Scene:
    """An empty one."""
    return Scene(aws, s3_objects)


@pytest.mark.requirement("1.9", "7.16")
@pytest.mark.parametrize("page", [250, 2])
async def test_only_what_is_owned_is_left(scene: Scene, page: int) -> None:
    """Of running, finished, queued and deleted jobs and of uploads of every kind stays what they own, to the byte."""
    owned: list[str] = []

    running = await scene.attempts("running", 2)
    for attempt in (1, 2):
        await scene.output(running, attempt)  # published, and the record is a moment away
        await scene.parts(output_key("running", attempt, running.filename))
    owned += [output_key("running", 2, running.filename)] * 2

    done = await scene.attempts("done", 2)
    for attempt in (1, 2):
        await scene.output(done, attempt)
    await scene.parts(output_key("done", 1, done.filename))
    finished = await scene.jobs.succeed(done.holding, an_output(done), NOON)
    assert finished.output is not None
    owned.append(finished.output.key)

    await store(scene.objects, output_key("deleted", 1, "x.mp3"), b"x")
    await scene.parts(output_key("deleted", 2, "x.mp3"))

    pending = a_pending_upload(upload_id="coming", key=input_key("coming"))
    await scene.jobs.begin_upload(replace(pending, transfer=await scene.parts(pending.key)))
    owned.append(pending.key)
    await scene.parts(pending.key)  # begun twice, because the first answer got lost
    await scene.parts(input_key("abandoned"))
    await store(scene.objects, input_key("never recorded"), b"x")
    complete = an_upload(upload_id="complete", key=input_key("complete"))
    await scene.jobs.put_upload(complete)
    await store(scene.objects, complete.key, b"x")
    owned.append(complete.key)

    before = await scene.left()
    janitors = [scene.janitor(page), scene.janitor(page)]
    for janitor in janitors:
        await janitor.round()
    assert await scene.left() == before, "nothing at first sight"
    await scene.over_the_grace(*janitors, rounds=1 if page > 2 else 12)

    assert await scene.left() == sorted(owned)
    client, name = behind(scene.objects)
    transfers = {one["UploadId"] for one in client.list_multipart_uploads(Bucket=name)["Uploads"]}
    assert len(transfers) == 2


@pytest.mark.requirement("7.16")
async def test_what_has_expired_goes(scene: Scene) -> None:
    """A day and the slack later, outputs and uploads are gone, complete or not."""
    job = await scene.attempts("job1", 1)
    output = await scene.output(job, 1)
    await scene.jobs.succeed(job.holding, replace(an_output(job), etag=output.etag), NOON)
    await scene.jobs.put_upload(an_upload())
    await store(scene.objects, input_key("upload1"), b"x")
    transfer = await scene.parts(input_key("upload2"))
    pending = a_pending_upload(upload_id="upload2", key=input_key("upload2"), transfer=transfer)
    await scene.jobs.begin_upload(pending)
    janitor = scene.janitor()

    await scene.over_the_grace(janitor)
    assert len(await scene.left()) == 3

    await scene.clock.advance(A_DAY + SLACK)
    await scene.over_the_grace(janitor)
    assert await scene.left() == []


@pytest.mark.parametrize("call", ["list_objects_v2", "list_multipart_uploads", "delete_objects", "list_parts"])
async def test_trouble_is_made_up_for(scene: Scene, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """A call to S3 that fails in the middle of a round costs a round, and nothing that is owned."""
    job = await scene.attempts("job1", 1)
    kept = (await scene.output(job, 1)).key
    await store(scene.objects, output_key("gone", 1, "x.mp3"), b"x")
    await scene.parts(input_key("gone"))
    client, _ = behind(scene.objects)
    janitor = scene.janitor()
    failed = 0
    for _ in range(6):
        with monkeypatch.context() as patch:
            if failed < 2:
                patch.setattr(client, call, _broken(failed == 0, getattr(client, call)))
            try:
                await janitor.round()
            except (StoreError, RuntimeError):
                failed += 1
        await scene.clock.advance(GRACE)

    assert failed == 2
    assert await scene.left() == [kept]


def _broken(before: bool, real: Callable[..., Any]) -> Callable[..., Any]:
    """Fails before or after its effect."""

    def call(**arguments: Any) -> Any:
        if not before:
            real(**arguments)
        raise RuntimeError("the line is dead")

    return call
