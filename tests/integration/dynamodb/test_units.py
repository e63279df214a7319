"""The counting of `benchmarks.scale` against what DynamoDB Local says that the adapter's calls consumed."""

import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from benchmarks.scale.meter import Meter
from benchmarks.scale.ports import Backing, CountedJobs
from benchmarks.scale.ring_ports import CountedWorkers
from benchmarks.scale.sizes import WRITE_BLOCK, size_of_job
from benchmarks.scale.store import ScaleJobs
from benchmarks.scale.watching import Watching
from benchmarks.scale.work import a_job as typical
from service.adapters.aws.clients import Aws
from service.adapters.dynamodb.items import job_to_item
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.dynamodb.table import PAGE
from service.adapters.dynamodb.workers import DynamoWorkers
from service.adapters.system.ambient import SystemClock, SystemIds
from service.core.jobs.job import Job
from service.core.jobs.queue import SHARDS, shard_of
from service.core.jobs.ring import Entry
from service.testing.clock import NOON, SeededIds
from service.testing.factories import a_failure, an_output
from service.testing.memory_workers import MemoryWorkers
from service.testing.virtual_time import Dice
from tests.support.docker import one_worker

# moto answers every call with the same units, whatever was read or written.
pytestmark = pytest.mark.parametrize("aws_endpoint", [pytest.param("localstack", marks=one_worker)], indirect=True)

Jobs = DynamoJobs | CountedJobs
Ring = DynamoWorkers | CountedWorkers


class Consuming:
    """
    The real client, which asks for the consumed capacity of each call and adds it up.

    DynamoDB Local counts nothing for what is not there. The API reference of BatchGetItem says that a request for an
    item that does not exist consumes the least that a read of its type consumes, and a query that finds nothing is
    billed the same; that is added here.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self.used: defaultdict[str, float] = defaultdict(float)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            answer = getattr(self._real, name)(**arguments, ReturnConsumedCapacity="INDEXES")
            found = answer["ConsumedCapacity"]
            for one in found if isinstance(found, list) else [found]:
                self.used["table"] += one.get("Table", {}).get("CapacityUnits", 0)
                self.used["index"] += sum(it["CapacityUnits"] for it in one.get("GlobalSecondaryIndexes", {}).values())
            if name == "query" and not answer["Count"]:
                self.used["index"] += 0.5
            if name == "batch_get_item":
                ((table, asked),) = arguments["RequestItems"].items()
                missing = len(asked["Keys"]) - len(answer["Responses"].get(table, []))
                self.used["table"] += missing * (1 if asked["ConsistentRead"] else 0.5)
            return answer

        return call


class Compared:
    """The adapters and what counts; each call goes to both, and both have to say the same."""

    def __init__(self, aws: Aws) -> None:
        self.real = DynamoJobs(aws, SystemClock(), SystemIds())
        self.real_ring = DynamoWorkers(aws, SystemClock(), SystemIds())
        self.client = Consuming(self.real._table._client)
        for adapter in (self.real, self.real_ring):
            adapter._table._client = self.client  # type: ignore[assignment]
        self.meter = Meter(lambda: 0.0)
        self.store = ScaleJobs(lambda: 0.0)
        watching = Watching(lambda: 0.0, lambda: NOON)
        backing = Backing(self.store, self.meter, watching, Dice(0), MemoryWorkers(self.store))
        self.counted, self.counted_ring = CountedJobs(backing, "worker1"), CountedWorkers(backing, "worker1")

    async def __call__(self, call: Callable[[Jobs], Awaitable[object]]) -> dict[str, float]:
        """Make a call to the jobs on both sides; returns the units of table and index."""
        self.client.used.clear()
        self.meter.begin()
        await call(self.real)
        await call(self.counted)
        return self._same()

    async def ring(self, call: Callable[[Ring], Awaitable[object]]) -> dict[str, float]:
        """Make a call to the ring on both sides; returns the same."""
        self.client.used.clear()
        self.meter.begin()
        await call(self.real_ring)
        await call(self.counted_ring)
        return self._same()

    def _same(self) -> dict[str, float]:
        table = self.meter.partitions.get("table")
        index = [one for name, one in self.meter.partitions.items() if name != "table"]
        counted = {
            "table": table.reads + table.writes if table else 0.0,
            "index": sum(one.reads + one.writes for one in index),
        }
        assert {name: self.client.used[name] for name in counted} == counted
        return counted


@pytest.fixture
def compared(aws: Aws) -> Compared:
    """Both sides, with nothing in them."""
    return Compared(aws)


async def test_life_of_a_job_is_counted_as_it_is_billed(compared: Compared) -> None:
    """Each call of a worker consumes on DynamoDB Local, of the table and of the index, what is counted for it."""
    job = typical(SeededIds(), "tenant", NOON)
    output = an_output(job)

    async def held(store: Jobs) -> Job:
        found = await store.get(job.job_id)
        assert found is not None
        return found

    async def renew(store: Jobs) -> object:
        return await store.renew(compared.store.jobs[job.job_id].holding, 12.3, "streaming")

    async def take_over(store: Jobs) -> object:
        return await store.take_over(seen, "worker2")

    async def release(store: Jobs) -> object:
        return await store.release(taken.holding, NOON + 1, fault=True)

    async def succeed(store: Jobs) -> object:
        return await store.succeed(last.holding, output, NOON + 9)

    assert await compared(lambda store: store.claimable(NOON, 4)) == {"table": 0, "index": 2}
    assert await compared(lambda store: store.submit(job)) == {"table": 2, "index": 2}
    assert await compared(lambda store: store.claimable(NOON, 4)) == {"table": 0, "index": 2}
    await compared(lambda store: store.queued(1000))
    await compared(lambda store: store.oldest_due())
    assert await compared(lambda store: store.claim(job.job_id, "worker1", NOON)) == {"table": 1, "index": 2}
    assert await compared(renew) == {"table": 1, "index": 0}
    assert await compared(lambda store: store.running()) == {"table": 1, "index": 2}
    assert await compared(held) == {"table": 1, "index": 0}
    assert await compared.ring(lambda ring: ring.glance([job.job_id, "gone"])) == {"table": 1, "index": 0}
    assert await compared.ring(lambda ring: ring.running_keys()) == {"table": 0, "index": 2}
    seen = compared.store.jobs[job.job_id].lease
    assert await compared(take_over) == {"table": 1, "index": 0}
    taken = compared.store.jobs[job.job_id]
    assert await compared(release) == {"table": 1, "index": 2}
    await compared(lambda store: store.claim(job.job_id, "worker3", NOON + 2))
    last = compared.store.jobs[job.job_id]
    assert await compared(succeed) == {"table": 2, "index": 2}
    assert await compared(lambda store: store.running()) == {"table": 0, "index": 2}


async def test_failures_and_stops_are_counted_as_they_are_billed(compared: Compared) -> None:
    """The other ends of a job, with an item that grows beyond a kilobyte."""
    ids = SeededIds(5)
    jobs = [typical(ids, "tenant", NOON) for _ in range(4)]
    for job in jobs:
        await compared(lambda store, job=job: store.submit(job))  # type: ignore[misc]
        await compared(lambda store, job=job: store.claim(job.job_id, "worker1", NOON))  # type: ignore[misc]
    holdings = [compared.store.jobs[job.job_id].holding for job in jobs]
    failure = replace(a_failure(), diagnostics={"last_lines": ["x" * 900]})

    await compared(lambda store: store.stop(holdings[0], NOON + 1))
    assert (await compared(lambda store: store.fail(holdings[1], failure, NOON + 1)))["table"] == 2
    await compared(lambda store: store.exhaust(compared.store.jobs[jobs[2].job_id].lease, failure, NOON + 1))
    back = await compared(lambda store: store.requeue(compared.store.jobs[jobs[3].job_id].lease))
    assert back == {"table": 1, "index": 2}


async def test_ring_is_counted_as_it_is_billed(compared: Compared) -> None:
    """Entries, their repetition and their end, the way round the ring and the entries of others."""
    ring = compared.ring
    names = [f"ip-10-0-0-{number}.ec2.internal-7-{number:06x}" for number in range(40)]
    jobs = (typical(SeededIds(4), "tenant", NOON).job_id,)

    for name in names:
        assert await ring(lambda it, name=name: it.enter(Entry(instance=name, beat=1))) == {"table": 1, "index": 1}  # type: ignore[misc]
    busy = Entry(instance=names[0], beat=2, jobs=jobs)
    assert await ring(lambda it: it.enter(busy)) == {"table": 1, "index": 0}
    positions = sorted(Entry(instance=name, beat=0).position for name in names)
    for place in (positions[0], positions[20], positions[-1]):
        await ring(lambda it, place=place: it.before(place, 32))  # type: ignore[misc]
    for name in names[20:]:
        await ring(lambda it, name=name: it.remove(Entry(instance=name, beat=1)))  # type: ignore[misc]
    costs = [await ring(lambda it: it.before(positions[0], 32)) for _ in range(2)]
    assert [cost["index"] for cost in costs] == [1, 0.5], "a small ring is read in one query, once it is known to be so"
    assert await ring(lambda it: it.entries([*names[:3], "gone"])) == {"table": 2, "index": 0}
    assert await ring(lambda it: it.remove(busy)) == {"table": 1, "index": 1}
    assert await ring(lambda it: it.enter(Entry(instance=names[0], beat=3))) == {"table": 1, "index": 1}


@pytest.mark.parametrize("beyond", [0, 1])
async def test_size_of_an_item_is_right_to_the_byte(compared: Compared, beyond: int) -> None:
    """An item of a kilobyte by our reckoning is billed as one, and with one byte more as two."""
    job = typical(SeededIds(9), "tenant", NOON)
    longer = WRITE_BLOCK - size_of_job(job) + beyond
    job = replace(job, filename=job.filename + "x" * longer)

    assert await compared(lambda store: store.submit(job)) == {"table": 2 + beyond, "index": 2}


async def test_deep_queue_is_counted_page_by_page(compared: Compared, aws: Aws) -> None:
    """A look at a shard with more jobs than a page, of two tenants, costs what the pages of the index cost."""
    ids, settings = SeededIds(3), aws.settings
    client = boto3.client(  # one of its own: no adapter writes in batches, and what logs their calls knows of none
        "dynamodb",
        endpoint_url=settings.dynamodb_endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
    )
    made = (typical(ids, f"tenant-{number % 2}", round(NOON - number / 7, 3)) for number in itertools.count())
    jobs = list(itertools.islice((job for job in made if shard_of(job.job_id, SHARDS) == 0), PAGE + 50))
    for first in range(0, len(jobs), 25):
        puts: Any = [{"PutRequest": {"Item": job_to_item(job, SHARDS)}} for job in jobs[first : first + 25]]
        client.batch_write_item(RequestItems={settings.table: puts})
    client.close()
    for job in jobs:
        await compared.store.submit(job)

    looked = await compared(lambda store: store.claimable(NOON, 4))
    await compared(lambda store: store.queued(PAGE))
    every = await compared(lambda store: store.queued(2 * PAGE))

    assert looked["index"] > 7 * 0.5 + 1  # a page, and three shards and the four of what runs, where nothing is
    assert every["index"] > looked["index"]
