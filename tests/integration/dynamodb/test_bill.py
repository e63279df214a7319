"""What a conversion writes to DynamoDB, counted by the sizes of items and by their keys of the index, and its bill."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.scale.sizes import size_of, write_units
from benchmarks.scale.work import a_job
from infra.costs.model import TYPICAL
from service.adapters.aws.clients import Aws
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.system.ambient import SystemClock, SystemIds
from service.core.jobs.trust import LeasePolicy
from service.ports.jobs import IdempotencyKey
from service.testing.clock import NOON, SeededIds
from service.testing.factories import a_pending_upload, an_output, an_upload

WORKERS_OWN = 5  # repetitions of its own entry by a worker that is busy for five minutes: docs/scale.md has 64 an hour
LISTED = "listed"


class Counting:
    """The real client, which adds up the write units of each call, those of the index among them."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.units: Counter[str] = Counter()  # by the kind of item, which its key begins with

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(self._real, name)
        if name == "transact_write_items":
            return self._transact
        if name not in {"put_item", "update_item", "delete_item"}:
            assert name in {"get_item", "query", "batch_get_item"}, name
            return real  # type: ignore[no-any-return]

        def call(**arguments: Any) -> Any:
            key = {"pk": (arguments.get("Key") or arguments["Item"])["pk"]}
            before = self._item(arguments["TableName"], key)
            answer = real(**arguments)
            after = self._item(arguments["TableName"], key)
            self._count(key, before, after)
            return answer

        return call

    def _transact(self, **arguments: Any) -> Any:
        """Each item of a transaction is written twice: to prepare it, and to commit it."""
        puts = [action["Put"] for action in arguments["TransactItems"]]
        answer = self._real.transact_write_items(**arguments)
        for put in puts:  # all of them are new here
            self._count({"pk": put["Item"]["pk"]}, {}, put["Item"], times=2)
        return answer

    def _count(self, key: Any, before: Any, after: Any, *, times: int = 1) -> None:
        units = times * write_units(size_of(before), size_of(after)) + _index_writes(before, after)
        self.units[key["pk"]["S"].partition("#")[0]] += int(units)

    def _item(self, table: str, key: Any) -> Any:
        return self._real.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})

    def counted(self) -> Counter[str]:
        """Return what was counted since this was asked before."""
        found, self.units = self.units, Counter()
        return found


def _index_writes(before: Any, after: Any) -> int:
    places = [(item["queue"], item["due_at"]) if "queue" in item else None for item in (before, after)]
    return 0 if places[0] == places[1] else sum(place is not None for place in places)


@pytest.fixture
def counted(aws: Aws) -> tuple[DynamoJobs, Counting]:
    """The adapter, and what counts its writes."""
    store = DynamoJobs(aws, SystemClock(), SystemIds())
    client = Counting(store._table._client)
    store._table._client = client  # type: ignore[assignment]
    return store, client


async def test_bill_counts_each_write_of_a_conversion(counted: tuple[DynamoJobs, Counting]) -> None:
    """The bill has the write units that the adapter needs: upload in parts, job, renewals, and entries of lists."""
    store, client = counted
    job = a_job(SeededIds(), "tenant", NOON)
    upload = an_upload(upload_id=job.upload_id, size=200_000_000, filename="interview 2026-11-26, part 1.wav")
    pending = a_pending_upload(upload_id=job.upload_id, declared_size=200_000_000, filename=upload.filename)
    await store.begin_upload(pending)
    await store.complete_upload(upload)
    of_upload = client.counted()

    await store.submit(job, IdempotencyKey(job.job_id, "fingerprint"))  # as `reprise` and the page do
    claimed = await store.claim(job.job_id, "worker1", NOON)
    around = client.counted()
    renewed = await store.renew(claimed.holding, 12.3, "streaming")
    of_renewal = client.counted().total()
    await store.succeed(claimed.holding, an_output(renewed), NOON + 9)
    around += client.counted()

    renewals = round(TYPICAL.cpu / LeasePolicy().heartbeat)
    of_all = of_upload.total() + around.total() + renewals * of_renewal + WORKERS_OWN
    assert of_all == TYPICAL.writes, (of_upload, around, of_renewal)
    assert (of_upload[LISTED], around[LISTED]) == (3, 2), "docs/api.md says so"


async def test_lists_cost_what_the_api_says(counted: tuple[DynamoJobs, Counting]) -> None:
    """Two write units for an upload in one piece, and two for what its client deletes."""
    store, client = counted
    await store.put_upload(an_upload())
    assert client.counted()[LISTED] == 2
    await store.delete_upload("upload1")
    assert client.counted()[LISTED] == 2
