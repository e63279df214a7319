"""Jobs as clients send them, and a plan that waits in virtual time in the place of ffmpeg."""

from collections.abc import Mapping

from service.core.jobs.job import Job, Output
from service.core.jobs.lease import Lease
from service.core.jobs.progress import Reading
from service.core.jobs.queue import job_id_for
from service.core.media.inputs import Source
from service.core.media.options import Target
from service.core.naming import input_key, output_key
from service.ports.transcoder import Order
from service.testing.clock import SeededIds
from service.worker.steps import Plan, Work, record

READING = 0.5  # seconds between two readings; ffmpeg gives more, but no renewal depends on these
A_DAY = 86_400.0
MEGABYTE = 1_000_000
WAV = Source(container="wav", demuxer="wav", content_type="audio/wav", declared_seconds=1133.786)
REPORT: Mapping[str, object] = {"codec": "mp3", "bitrate": 192_000, "channels": 2, "sample_rate": 44_100}


def a_job(ids: SeededIds, tenant: str, due_at: float) -> Job:
    """Return a job of a 200 MB WAV, with names and etags as long as they are in life."""
    upload_id = ids.new()
    return Job(
        lease=Lease(key=job_id_for(tenant, ids.new()), due_at=due_at),
        tenant=tenant,
        upload_id=upload_id,
        input_key=input_key(upload_id),
        input_etag="9b2cf535f27731c974343645a3985328-25",
        input_size=200 * MEGABYTE + 44,
        source=WAV,
        target=Target(format="mp3"),
        filename="interview 2026-11-26, part 1.mp3",
        created_at=due_at,
        expires_at=due_at + A_DAY,
    )


def waiting(seconds: Mapping[str, float]) -> Plan:
    """Return a plan whose conversion takes as long as stands here by job, and stands still without trust."""

    async def convert(work: Work, _: None) -> Output:
        total, done = seconds[work.job.job_id], 0.0
        while done < total:
            work.heartbeat.saw(Reading(position_seconds=done, total_seconds=total))
            step = min(READING, total - done)
            await work.ports.clock.sleep(step)
            if work.heartbeat.trusted():
                done += step
        work.published = True
        key = output_key(work.job.job_id, work.job.attempt, work.job.filename)
        return Output(key=key, size=27 * MEGABYTE, etag="0cc175b9c0f1b6a831c399e269772661-4", report=REPORT)

    return (convert, record)


class NothingLeft:
    """The part of `ports.Transcoder` and of `ports.Objects` that a plan without ffmpeg and S3 still meets."""

    async def wait_for_cleanup(self, order: Order) -> None:
        """There is nothing to clean up."""

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> tuple[str, ...]:
        """There is nothing to delete."""
        return ()
