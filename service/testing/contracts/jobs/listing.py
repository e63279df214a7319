"""What `ports.jobs.JobRecords` and `ports.uploads.UploadRecords` promise about lists."""

from service.core.listing import place_of
from service.ports.uploads import UploadRecords
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import ENDINGS, Jobs, a_held_job
from service.testing.factories import a_job, a_pending_upload, an_upload


class JobListingContract:
    """Needs the fixture ``jobs``: an empty store."""

    async def test_jobs_are_listed_newest_first_in_pages(self, jobs: Jobs) -> None:
        """The jobs of a tenant come newest first, each once, also those of one moment, page by page."""
        for n in range(7):
            await jobs.submit(a_job(job_id=f"job{n}", created_at=NOON + n // 3))
            await jobs.submit(a_job(job_id=f"other{n}", tenant="tenant2", created_at=NOON + n))
        expected = sorted(((place_of(NOON + n // 3, f"job{n}"), f"job{n}") for n in range(7)), reverse=True)

        found, before = [], None
        while page := await jobs.listed_jobs("tenant1", before, 3):
            assert len(page) <= 3
            found += [(entry.place, entry.name) for entry in page]
            before = page[-1].place

        assert found == expected
        assert await jobs.listed_jobs("tenant3", None, 3) == []

    async def test_job_is_listed_at_its_place_in_every_state(self, jobs: Jobs) -> None:
        """A job keeps its place while it is claimed, renewed and ended, and a repeated submission adds none."""
        for number, (name, end) in enumerate(ENDINGS.items()):
            job = await a_held_job(jobs, name)
            await jobs.renew(job.holding, 10.0, "local")
            await end(jobs, job)
            await jobs.submit(a_job(job_id=name))
            assert len(await jobs.listed_jobs("tenant1", None, 10)) == number + 1

    async def test_deleted_job_is_not_listed(self, jobs: Jobs) -> None:
        """A job that was deleted is in no list, or is known to be gone; the others stay."""
        for name in ("job1", "job2"):
            await jobs.submit(a_job(job_id=name))
            await jobs.cancel(name, NOON)
        await jobs.delete("job1")

        assert [entry.name for entry in await jobs.listed_jobs("tenant1", None, 10)] == ["job2"]


class UploadListingContract:
    """Needs the fixture ``uploads``: an empty store."""

    async def test_uploads_are_listed_newest_first(self, uploads: UploadRecords) -> None:
        """The uploads of a tenant come newest first, complete or not, and one that is completed keeps its place."""
        await uploads.put_upload(an_upload(upload_id="first", created_at=NOON))
        await uploads.begin_upload(a_pending_upload(upload_id="second", created_at=NOON + 1))
        await uploads.put_upload(an_upload(upload_id="third", created_at=NOON + 2))
        await uploads.put_upload(an_upload(upload_id="other", tenant="tenant2", created_at=NOON + 3))

        assert [one.name for one in await uploads.listed_uploads("tenant1", None, 2)] == ["third", "second"]
        await uploads.complete_upload(an_upload(upload_id="second", created_at=NOON + 1))
        names = [one.name for one in await uploads.listed_uploads("tenant1", None, 10)]
        assert names == ["third", "second", "first"]
        rest = await uploads.listed_uploads("tenant1", place_of(NOON + 1, "second"), 10)
        assert [one.name for one in rest] == ["first"]

        await uploads.delete_upload("third")
        assert [one.name for one in await uploads.listed_uploads("tenant1", None, 1)] == ["second"]

    async def test_many_uploads_are_read_at_once(self, uploads: UploadRecords) -> None:
        """Uploads are read together as they are, without those unknown."""
        complete, pending = an_upload(upload_id="one"), a_pending_upload(upload_id="two")
        await uploads.put_upload(complete)
        await uploads.begin_upload(pending)

        assert await uploads.look_up_uploads(["one", "two", "nobody"]) == {"one": complete, "two": pending}
        assert await uploads.look_up_uploads([]) == {}
