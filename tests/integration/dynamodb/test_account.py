"""The account of stored bytes when a process dies between two of its writes, and during a deployment."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb import uploads
from service.adapters.dynamodb.listing import list_key
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.system.ambient import SystemClock, SystemIds
from service.core.jobs.lease import Holding
from service.core.upload import Usage
from service.testing.clock import NOON
from service.testing.factories import A_DAY, a_job, a_pending_upload, an_output, an_upload
from tests.support.fixtures import on_both

pytestmark = on_both

WRITES = {"put_item", "update_item", "delete_item"}
LATER = NOON + 2 * A_DAY
HELD = Holding("job1", "worker1", 1)


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """The real client, until a process dies before one of its writes; counted from the moment it is armed."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.left: int | None = None  # writes until then

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real: Callable[..., Any] = getattr(self._real, name)

        def call(**arguments: Any) -> Any:
            if name in WRITES and self.left is not None:
                if not self.left:
                    raise Killed
                self.left -= 1
            return real(**arguments)

        return call


async def begun(store: DynamoJobs) -> None:
    """Begin an upload of 100 bytes."""
    await store.begin_upload(a_pending_upload(declared_size=100))


async def untold(store: DynamoJobs) -> None:
    """Begin an upload of a size that is not told."""
    await store.begin_upload(a_pending_upload())


async def stored(store: DynamoJobs) -> None:
    """Record an upload of 100 bytes."""
    await store.put_upload(an_upload(size=100))


async def running(store: DynamoJobs) -> None:
    """Have a job held by a worker."""
    await store.submit(a_job())
    await store.claim("job1", "worker1", NOON)


async def succeeded(store: DynamoJobs) -> None:
    """Have a job with an output of 100 bytes."""
    await running(store)
    await store.succeed(HELD, an_output(size=100), NOON)


Step = Callable[[DynamoJobs], Awaitable[object]]


async def nothing(store: DynamoJobs) -> None:
    """An empty table."""


# name → what is there, the step in which the process dies, its writes, the account before and after it, and the most
# that may be missing from the account in between
STEPS: Mapping[str, tuple[Step, Step, int, Usage, Usage, int]] = {
    "begin": (nothing, begun, 3, Usage(), Usage(100), 0),
    "put": (nothing, stored, 3, Usage(), Usage(100), 0),
    "complete": (begun, lambda s: s.complete_upload(an_upload(size=100)), 3, Usage(100), Usage(100), 0),
    "complete-untold": (untold, lambda s: s.complete_upload(an_upload(size=100)), 4, Usage(0, 1), Usage(100), 0),
    "delete": (stored, lambda s: s.delete_upload("upload1"), 3, Usage(100), Usage(), 0),
    "succeed": (running, lambda s: s.succeed(HELD, an_output(size=100), NOON), 2, Usage(), Usage(100), 100),
    "delete-job": (succeeded, lambda s: s.delete("job1"), 3, Usage(100), Usage(), 0),
}


@pytest.mark.parametrize("name", STEPS)
async def test_a_kill_between_two_writes_leaves_an_error_that_ends_with_the_expiry(
    aws: Aws, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a process dies, no more is missing than an output, and nothing is left of the error after its expiry."""
    before, step, writes, at_first, at_last, missing = STEPS[name]
    for number in range(writes + 1):
        store = DynamoJobs(aws, SystemClock(), SystemIds())
        mortal = Mortal(store._table._client)
        monkeypatch.setattr(store._table, "_client", mortal)
        await before(store)
        assert await store.stored("tenant1", NOON) == at_first

        mortal.left = number
        if number < writes:
            with pytest.raises(Killed):
                await step(store)
        else:
            await step(store)  # so that no write is left untried
        mortal.left = None

        account, lying = await store.stored("tenant1", NOON), await bytes_in_records(store)
        assert account.size + account.unknown * 100 >= lying - missing
        assert account.size <= at_first.size + at_last.size
        assert await store.stored("tenant1", LATER) == Usage()
        if number == writes:
            assert account == at_last
        await wipe(store)


async def test_a_step_that_is_repeated_after_a_kill_makes_the_account_exact(aws: Aws) -> None:
    """Each write of the account can be made again: a completion that is called until it answers counts once."""
    store = DynamoJobs(aws, SystemClock(), SystemIds())
    await begun(store)
    await store.complete_upload(an_upload(size=100))

    for step in (lambda: store.complete_upload(an_upload(size=100)), lambda: store.put_upload(an_upload(size=100))):
        await step()

    assert await store.stored("tenant1", NOON) == Usage(100)


async def test_records_of_an_earlier_release_have_no_entries_and_can_be_deleted(aws: Aws) -> None:
    """What an earlier release has recorded is read and deleted as before; it does not count."""
    store = DynamoJobs(aws, SystemClock(), SystemIds())
    await stored(store)
    await store._table.delete(uploads.entry_key("upload1", 100))

    assert await store.stored("tenant1", NOON) == Usage()
    assert await store.look_up_upload("upload1") == an_upload(size=100)
    await store.delete_upload("upload1")
    assert await store.look_up_upload("upload1") is None


async def test_a_tenant_with_more_entries_than_are_added_up_has_filled_its_share(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small files cannot push large ones out of the sum."""
    store = DynamoJobs(aws, SystemClock(), SystemIds())
    monkeypatch.setattr(uploads, "MAX_ENTRIES", 3)
    for number in range(3):
        await store.put_upload(an_upload(upload_id=f"upload{number}", size=1))

    assert (await store.stored("tenant1", NOON)).size == uploads.FULL


async def bytes_in_records(store: DynamoJobs) -> int:
    """What the records say is there."""
    upload, job = await store.look_up_upload("upload1"), await store.get("job1")
    size = getattr(upload, "size", None) or getattr(upload, "declared_size", None) or 0
    return size + (job.output.size if job and job.output else 0)


async def wipe(store: DynamoJobs) -> None:
    """Empty the table."""
    for pk in ("upload#upload1", "job#job1", *(f"stored#{n}#{i}" for n in ("100", "?") for i in ("upload1", "job1"))):
        await store._table.delete(pk)
    for kind, name in (("upload", "upload1"), ("job", "job1")):
        await store._table.delete(list_key(kind, name))
