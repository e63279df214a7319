"""What `UploadRecords.stored` promises: how much of a tenant lies in the store, whatever has become of it."""

from typing import Protocol

from service.core.jobs.lease import Holding
from service.core.upload import Usage
from service.ports.jobs import JobRecords
from service.ports.leases import Leases
from service.ports.uploads import UploadRecords
from service.testing.clock import NOON
from service.testing.factories import A_DAY, a_job, a_pending_upload, an_output, an_upload

LATER = NOON + A_DAY


class Records(JobRecords, Leases, UploadRecords, Protocol):
    """The store under test: outputs count as well as uploads."""


class AccountContract:
    """Needs the fixture ``records``: an empty store."""

    async def test_complete_uploads_count_until_they_expire(self, records: Records) -> None:
        """Each tenant's uploads are added up by themselves, once each, until they expire or are deleted."""
        await records.put_upload(an_upload(upload_id="one", size=10))
        await records.put_upload(an_upload(upload_id="one", size=10))
        await records.put_upload(an_upload(upload_id="two", size=5 * 2**40, expires_at=LATER + 60))
        await records.put_upload(an_upload(upload_id="other", tenant="tenant2", size=7))

        assert await records.stored("tenant1", NOON) == Usage(10 + 5 * 2**40)
        assert await records.stored("tenant1", LATER) == Usage(5 * 2**40)
        await records.delete_upload("two")
        await records.delete_upload("two")
        assert await records.stored("tenant1", NOON) == Usage(10)
        assert await records.stored("tenant2", NOON) == Usage(7)
        assert await records.stored("nobody", NOON) == Usage()

    async def test_begun_uploads_count_as_declared(self, records: Records) -> None:
        """An upload that is begun counts with its declared size, as unknown without one, and then as what it is."""
        await records.begin_upload(a_pending_upload(upload_id="told", declared_size=100))
        await records.begin_upload(a_pending_upload(upload_id="untold"))
        await records.begin_upload(a_pending_upload(upload_id="dropped"))
        assert await records.stored("tenant1", NOON) == Usage(100, 2)

        await records.complete_upload(an_upload(upload_id="told", size=100, expires_at=LATER + 60))
        await records.complete_upload(an_upload(upload_id="untold", size=30))
        await records.complete_upload(an_upload(upload_id="untold", size=30))
        await records.delete_upload("dropped")

        assert await records.stored("tenant1", NOON) == Usage(130)
        assert await records.stored("tenant1", LATER) == Usage(100)

    async def test_outputs_count_until_their_job_is_deleted(self, records: Records) -> None:
        """The output of a job counts once it has succeeded, once however often that is said; a failed job has none."""
        await records.submit(a_job())
        job = await records.claim("job1", "worker1", NOON)
        assert await records.stored("tenant1", NOON) == Usage()
        holding, output = Holding("job1", "worker1", 1), an_output(job, size=50)

        await records.succeed(holding, output, NOON)
        await records.succeed(holding, output, NOON)

        assert await records.stored("tenant1", NOON) == Usage(50)
        assert await records.stored("tenant1", job.expires_at) == Usage()
        await records.delete("job1")
        assert await records.stored("tenant1", NOON) == Usage()
