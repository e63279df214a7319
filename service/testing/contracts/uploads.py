"""What `ports.uploads.UploadRecords` promises."""

import asyncio
from dataclasses import replace

import pytest

from service.core.errors import IllegalTransition, NotFound
from service.core.upload import IN_ONE_PIECE
from service.ports.uploads import UploadRecords
from service.testing.clock import NOON
from service.testing.contracts.jobs.listing import UploadListingContract
from service.testing.factories import A_DAY, a_pending_upload, an_upload


class UploadRecordsContract(UploadListingContract):
    """Needs the fixture ``uploads``."""

    async def test_upload_reads_back(self, uploads: UploadRecords) -> None:
        """An upload reads back with every field as it was recorded."""
        upload = an_upload(filename="Überraschung 'n\" more.wav", size=5 * 2**40, created_at=NOON + 0.5)

        await uploads.put_upload(replace(upload, expires_at=NOON + A_DAY))

        assert replace(upload, expires_at=NOON + A_DAY) == await uploads.look_up_upload("upload1")

    async def test_unknown_upload_reads_as_none(self, uploads: UploadRecords) -> None:
        """An upload that never was is None, not an error."""
        assert await uploads.look_up_upload("nobody") is None

    async def test_expired_upload_is_still_returned(self, uploads: UploadRecords) -> None:
        """Whether an expired upload is shown is not for the store to decide."""
        upload = an_upload(created_at=NOON - 2 * A_DAY, expires_at=NOON - A_DAY)
        await uploads.put_upload(upload)

        assert upload == await uploads.look_up_upload("upload1")

    async def test_recording_may_be_repeated(self, uploads: UploadRecords) -> None:
        """The same upload recorded twice is one upload."""
        await uploads.put_upload(an_upload())
        await uploads.put_upload(an_upload())

        assert an_upload() == await uploads.look_up_upload("upload1")

    async def test_upload_is_never_replaced(self, uploads: UploadRecords) -> None:
        """A different upload under an id that is taken is refused, and the first one stays."""
        await uploads.put_upload(an_upload())

        with pytest.raises(IllegalTransition):
            await uploads.put_upload(an_upload(tenant="tenant2"))
        assert an_upload() == await uploads.look_up_upload("upload1")

    async def test_deleted_upload_is_gone(self, uploads: UploadRecords) -> None:
        """Deleting works, may be repeated, and leaves other uploads alone."""
        await uploads.put_upload(an_upload())
        await uploads.put_upload(an_upload(upload_id="upload2"))

        await uploads.delete_upload("upload1")
        await uploads.delete_upload("upload1")

        assert await uploads.look_up_upload("upload1") is None
        assert an_upload(upload_id="upload2") == await uploads.look_up_upload("upload2")

    # ── in parts ─────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("declared", [None, 5 * 2**40])
    async def test_pending_upload_reads_back(self, uploads: UploadRecords, declared: int | None) -> None:
        """An upload whose parts are to come reads back with every field, and is no complete one."""
        transfer = IN_ONE_PIECE if declared is None else "a~b.c/d+e="
        pending = a_pending_upload(
            filename="Überraschung.wav", declared_size=declared, transfer=transfer, closes_at=NOON + 900,
            part_size=declared and 8 * 2**20,
        )  # fmt: skip

        await uploads.begin_upload(pending)
        await uploads.begin_upload(pending)

        assert pending == await uploads.look_up_upload("upload1")

    async def test_open_uploads_are_counted(self, uploads: UploadRecords) -> None:
        """What a tenant has begun counts until it is complete, deleted or closed; another's never; up to the limit."""
        for number in range(5):
            pending = a_pending_upload(upload_id=f"upload{number}", tenant="", closes_at=NOON + 100 * number)
            await uploads.begin_upload(pending)
        await uploads.begin_upload(a_pending_upload(upload_id="other", tenant="tenant2"))

        assert await uploads.open_uploads("", NOON, 10) == 4
        assert await uploads.open_uploads("", NOON + 250, 10) == 2
        assert await uploads.open_uploads("", NOON, 3) == 3
        assert await uploads.open_uploads("tenant3", NOON, 10) == 0

        await uploads.complete_upload(an_upload(upload_id="upload3", tenant=""))
        await uploads.delete_upload("upload4")

        assert await uploads.open_uploads("", NOON, 10) == 2

    async def test_complete_upload_is_looked_up_too(self, uploads: UploadRecords) -> None:
        """Looking up finds whichever there is, or None."""
        await uploads.put_upload(an_upload())

        assert an_upload() == await uploads.look_up_upload("upload1")
        assert await uploads.look_up_upload("nobody") is None

    async def test_completed_upload_takes_the_place_of_the_pending_one(self, uploads: UploadRecords) -> None:
        """From its completion on an upload reads like one that came in one stream."""
        await uploads.begin_upload(a_pending_upload())

        assert an_upload() == await uploads.complete_upload(an_upload())
        assert an_upload() == await uploads.look_up_upload("upload1")
        assert an_upload() == await uploads.look_up_upload("upload1")

    async def test_first_completion_wins(self, uploads: UploadRecords) -> None:
        """A completion that is repeated, even with other findings, returns what the first one recorded."""
        await uploads.begin_upload(a_pending_upload())
        completions = (uploads.complete_upload(an_upload(created_at=NOON + n)) for n in range(5))

        answers = await asyncio.gather(*completions)

        assert len(set(answers)) == 1
        assert answers[0] == await uploads.look_up_upload("upload1")

    async def test_deleted_pending_upload_cannot_be_completed(self, uploads: UploadRecords) -> None:
        """What was aborted stays aborted, however late the completion arrives."""
        await uploads.begin_upload(a_pending_upload())
        await uploads.delete_upload("upload1")

        with pytest.raises(NotFound):
            await uploads.complete_upload(an_upload())
        assert await uploads.look_up_upload("upload1") is None

    async def test_pending_upload_is_never_replaced(self, uploads: UploadRecords) -> None:
        """An id is used once, by a pending upload or by a complete one."""
        await uploads.begin_upload(a_pending_upload())
        await uploads.put_upload(an_upload(upload_id="upload2"))

        with pytest.raises(IllegalTransition):
            await uploads.begin_upload(a_pending_upload(tenant="tenant2"))
        with pytest.raises(IllegalTransition):
            await uploads.put_upload(an_upload())
        with pytest.raises(IllegalTransition):
            await uploads.begin_upload(a_pending_upload(upload_id="upload2"))
        assert a_pending_upload() == await uploads.look_up_upload("upload1")
