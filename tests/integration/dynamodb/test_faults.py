from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb import store, table
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.dynamodb.workers import DynamoWorkers
from service.core.errors import Definite, Fenced, IllegalTransition, Indefinite, Unavailable
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.jobs.queue import job_id_for
from service.core.jobs.ring import CIRCLE, Entry
from service.ports.jobs import IdempotencyKey
from service.testing.clock import NOON, SeededIds, SteppingClock
from service.testing.factories import a_failure, a_job, an_output
from tests.support.fixtures import on_both

pytestmark = on_both

KEY = IdempotencyKey("tenant1/once", "fingerprint1")
Call = Callable[..., Any]
Move = Callable[[DynamoJobs, Job], Awaitable[Job]]

MOVES: dict[str, Move] = {
    "claim": lambda jobs, job: jobs.claim(job.job_id, "worker1", NOON),
    "take_over": lambda jobs, job: jobs.take_over(job.lease, "worker2"),
    "requeue": lambda jobs, job: jobs.requeue(job.lease),
    "exhaust": lambda jobs, job: jobs.exhaust(job.lease, a_failure(), NOON),
    "release": lambda jobs, job: jobs.release(job.holding, NOON, fault=True),
    "succeed": lambda jobs, job: jobs.succeed(job.holding, an_output(job), NOON),
    "fail": lambda jobs, job: jobs.fail(job.holding, a_failure(), NOON),
    "stop": lambda jobs, job: jobs.stop(job.holding, NOON),
}
AFTER: dict[str, Callable[[Job], Job]] = {
    "claim": lambda job: job.claimed("worker1", NOON),
    "take_over": lambda job: job.taken_over("worker2"),
    "requeue": lambda job: job.requeued(),
    "exhaust": lambda job: job.exhausted(a_failure(), NOON),
    "release": lambda job: job.released(NOON, fault=True),
    "succeed": lambda job: job.succeeded(an_output(job), NOON),
    "fail": lambda job: job.failed(a_failure(), NOON),
    "stop": lambda job: job.stopped(NOON),
}


def lost_answer(call: Call, **arguments: Any) -> Any:
    """The write takes place, and nobody hears of it."""
    call(**arguments)
    raise ReadTimeoutError(endpoint_url="http://dynamodb")


def lost_request(call: Call, **arguments: Any) -> Any:
    """Nothing takes place, and nobody knows that either."""
    raise ReadTimeoutError(endpoint_url="http://dynamodb")


def sent_again(call: Call, **arguments: Any) -> Any:
    """The answer was lost, and botocore repeats the call by itself."""
    call(**arguments)
    return call(**arguments)


def refused_connection(call: Call, **arguments: Any) -> Any:
    """Nobody listens."""
    raise EndpointConnectionError(endpoint_url="http://dynamodb")


def nothing_served(call: Call, **arguments: Any) -> Any:
    """A batch of which nothing is processed."""
    return {"Responses": {}, "UnprocessedKeys": arguments["RequestItems"]}


def half_served(call: Call, **arguments: Any) -> Any:
    """A batch of which only the first half is processed."""
    ((table, wanted),) = arguments["RequestItems"].items()
    keys = wanted["Keys"]
    half = (len(keys) + 1) // 2
    answer = call(RequestItems={table: {**wanted, "Keys": keys[:half]}})
    return {**answer, "UnprocessedKeys": {table: {**wanted, "Keys": keys[half:]}} if keys[half:] else {}}


def cancelled_for(*codes: str) -> Call:
    """A transaction that is cancelled for these reasons, one for each item."""

    def cancelled(call: Call, **arguments: Any) -> Any:
        response: Any = {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": code} for code in codes],
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }
        raise ClientError(response, "TransactWriteItems")

    return cancelled


class Client:
    """The real client, but for the calls that `faults` names: each takes the next fault from its list."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.faults: dict[str, list[Call]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Call:
        real: Call = getattr(self._real, name)

        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            fault = self.faults[name].pop(0) if self.faults.get(name) else None
            return fault(real, **arguments) if fault else real(**arguments)

        return call


class Impatient(SteppingClock):
    """Sleeps by moving time on at once, and remembers for how long."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Impatient:
    """A clock that nobody has to wait for."""
    return Impatient()


@pytest.fixture
def jobs(aws: Aws, clock: Impatient) -> DynamoJobs:
    """The real store, on a client that can be made to fail."""
    made = DynamoJobs(aws, clock, SeededIds())
    made._table._client = Client(made._table._client)  # type: ignore[assignment]
    return made


@pytest.fixture
def client(jobs: DynamoJobs) -> Client:
    """The client under `jobs`."""
    client: Any = jobs._table._client
    assert isinstance(client, Client)
    return client


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An index that answers with three entries at a time, and batches of four."""
    monkeypatch.setattr(table, "PAGE", 3)
    monkeypatch.setattr(table, "BATCH", 4)
    return iter(())


async def before(jobs: DynamoJobs, move: str) -> Job:
    """A job to which `move` can happen."""
    queued = await jobs.submit(a_job())
    return queued if move == "claim" else await jobs.claim(queued.job_id, "worker1", NOON)


# ── lost answers ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [lost_answer, sent_again])
@pytest.mark.parametrize("move", list(MOVES))
async def test_write_whose_answer_was_lost_counts(jobs: DynamoJobs, client: Client, move: str, fault: Call) -> None:
    """A transition that took place is returned as done, once, though its answer was lost or it was sent twice."""
    job = await before(jobs, move)
    client.faults["update_item"] = [fault]

    after = await MOVES[move](jobs, job)

    assert after == AFTER[move](job)
    assert after == await jobs.get("job1")


@pytest.mark.parametrize("move", list(MOVES))
async def test_write_that_got_lost_is_indefinite(jobs: DynamoJobs, client: Client, move: str) -> None:
    """A transition of which nothing is known is not taken for done, and its job is as it was."""
    job = await before(jobs, move)
    client.faults["update_item"] = [lost_request]

    with pytest.raises(Indefinite):
        await MOVES[move](jobs, job)
    assert job == await jobs.get("job1")


async def test_read_back_that_fails_leaves_it_indefinite(jobs: DynamoJobs, client: Client) -> None:
    """If the state cannot be read back, a definite failure of that read does not make the write definite."""
    await jobs.submit(a_job())
    client.faults["update_item"] = [lost_answer]
    client.faults["get_item"] = [refused_connection]

    with pytest.raises(Indefinite):
        await jobs.claim("job1", "worker1", NOON)


async def test_stamp_of_another_claim_is_not_ours(jobs: DynamoJobs, client: Client) -> None:
    """Of two claims by one process, the one whose request got lost does not take the other's success for its own."""
    await jobs.submit(a_job())
    held = await jobs.claim("job1", "worker1", NOON)
    client.faults["update_item"] = [lost_request]

    with pytest.raises(Indefinite):
        await jobs.claim("job1", "worker1", NOON)
    with pytest.raises(IllegalTransition):
        await jobs.claim("job1", "worker1", NOON)
    assert held == await jobs.get("job1")


async def test_refused_connection_is_definite(jobs: DynamoJobs, client: Client) -> None:
    """A connection that never came about had no effect, and the caller may simply try again."""
    await jobs.submit(a_job())
    client.faults["update_item"] = [refused_connection]

    with pytest.raises(Unavailable):
        await jobs.claim("job1", "worker1", NOON)
    assert (await jobs.claim("job1", "worker1", NOON)).attempt == 1


async def test_zombie_with_a_lost_answer_is_still_refused(jobs: DynamoJobs, client: Client) -> None:
    """A write that is sent again after the job changed hands is refused: the stamp in the item is another's."""
    held = await before(jobs, "succeed")

    def replaced_meanwhile(call: Call, **arguments: Any) -> Any:
        jobs._table._client = client._real
        client._real.update_item(
            TableName=arguments["TableName"],
            Key=arguments["Key"],
            UpdateExpression="SET #attempt = #attempt + :one, #owner = :other",
            ExpressionAttributeNames={"#attempt": "attempt", "#owner": "owner"},
            ExpressionAttributeValues={":one": {"N": "1"}, ":other": {"S": "worker2"}},
        )
        return call(**arguments)

    client.faults["update_item"] = [replaced_meanwhile]

    with pytest.raises(Fenced):
        await jobs.release(held.holding, NOON, fault=False)


@pytest.mark.parametrize("fault", [lost_answer, sent_again])
async def test_renewal_that_arrives_twice_is_accepted(jobs: DynamoJobs, client: Client, fault: Call) -> None:
    """A renewal with a lost answer did no harm: the next one goes through."""
    held = await before(jobs, "renew")
    client.faults["update_item"] = [fault]
    try:
        await jobs.renew(held.holding, 5.0, "streaming")
    except Indefinite:
        assert fault is lost_answer

    renewed = await jobs.renew(held.holding, 6.0, "streaming")

    assert (renewed.percent, renewed.state) == (6.0, State.RUNNING)


# ── accepting ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("key", "operation"), [(None, "put_item"), (KEY, "transact_write_items")], ids=str)
@pytest.mark.parametrize("fault", [lost_answer, sent_again])
async def test_submission_whose_answer_was_lost_is_accepted(
    jobs: DynamoJobs, client: Client, key: IdempotencyKey | None, operation: str, fault: Call
) -> None:
    """A job that was put down is accepted, though nobody heard of it."""
    client.faults[operation] = [fault]

    accepted = await jobs.submit(a_job(), key)

    assert accepted == a_job()
    assert accepted == await jobs.get("job1")


@pytest.mark.parametrize(("key", "operation"), [(None, "put_item"), (KEY, "transact_write_items")], ids=str)
async def test_submission_that_got_lost_may_be_repeated(
    jobs: DynamoJobs, client: Client, key: IdempotencyKey | None, operation: str
) -> None:
    """A submission of which nothing is known is an error to its client, who can send it again."""
    client.faults[operation] = [lost_request]

    with pytest.raises(Indefinite):
        await jobs.submit(a_job(), key)
    assert await jobs.get("job1") is None
    assert a_job() == await jobs.submit(a_job(), key)


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
async def test_transaction_in_conflict_is_repeated(
    jobs: DynamoJobs, client: Client, clock: Impatient, reason: str
) -> None:
    """A transaction that met another one, or was throttled, waits a little longer each time and goes through."""
    client.faults["transact_write_items"] = [cancelled_for(reason, "None")] * 3

    assert a_job() == await jobs.submit(a_job(), KEY)
    assert len(clock.slept) == 3


async def test_transaction_is_not_repeated_for_ever(jobs: DynamoJobs, client: Client, clock: Impatient) -> None:
    """Conflicts without an end are an error that says: later."""
    client.faults["transact_write_items"] = [cancelled_for("None", "TransactionConflict")] * 100

    with pytest.raises(Unavailable):
        await jobs.submit(a_job(), KEY)
    assert len(clock.slept) == table.TRIES


async def test_transaction_that_is_wrong_is_definite(jobs: DynamoJobs, client: Client, clock: Impatient) -> None:
    """A reason that cannot pass is not tried again."""
    client.faults["transact_write_items"] = [cancelled_for("ValidationError", "TransactionConflict")]

    with pytest.raises(Definite):
        await jobs.submit(a_job(), KEY)
    assert clock.slept == []


async def test_accepting_with_a_key_is_all_or_nothing(jobs: DynamoJobs) -> None:
    """When the id of the job is taken by another one, its key is not used up either."""
    await jobs.submit(a_job(upload_id="other"))

    with pytest.raises(IllegalTransition):
        await jobs.submit(a_job(), KEY)
    assert (await jobs.submit(a_job(job_id="job2"), KEY)).job_id == "job2"


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_page_of_the_index_is_read(jobs: DynamoJobs, small_pages: None) -> None:
    """However small the pages are, all running jobs are found, and the claimable ones in order."""
    for n in range(30):
        await jobs.submit(a_job(job_id=f"job{n:02}", due_at=NOON - n))

    assert [f"job{n:02}" for n in range(29, 4, -1)] == list(await jobs.claimable(NOON, 25))
    for n in range(30):
        await jobs.claim(f"job{n:02}", "worker1", NOON)
    assert [f"job{n:02}" for n in range(30)] == [job.job_id for job in await jobs.running()]


async def test_delayed_jobs_do_not_hide_due_ones(jobs: DynamoJobs, small_pages: None) -> None:
    """A due time of a wrong clock sorts behind all delayed jobs, and is found all the same."""
    for n in range(20):
        await jobs.submit(a_job(job_id=f"job{n:02}", due_at=NOON + 30))
    await jobs.submit(a_job(job_id="year", due_at=NOON + 3e7))

    assert list(await jobs.claimable(NOON, 5)) == ["year"]


async def test_claimable_stops_when_it_has_enough(
    jobs: DynamoJobs, client: Client, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long queue is not read beyond the oldest, and what runs is asked for only if several tenants wait."""
    monkeypatch.setattr(store, "WINDOW", 2)
    for n in range(40):
        await jobs.submit(a_job(job_id=job_id_for("amber", f"job{n:02}"), due_at=NOON - n))
    client.calls.clear()

    await jobs.claimable(NOON, 2)

    assert [name for name, _ in client.calls] == ["query"] * 4
    await jobs.submit(a_job(job_id=job_id_for("birch", "job"), due_at=NOON - 100))
    client.calls.clear()

    await jobs.claimable(NOON, 2)

    assert [name for name, _ in client.calls] == ["query"] * 8


async def test_oldest_due_time_costs_one_entry_of_each_shard(jobs: DynamoJobs, client: Client) -> None:
    """However long the queue is, one entry of each shard is read to tell how long its oldest job has waited."""
    for n in range(20):
        await jobs.submit(a_job(job_id=f"job{n:02}", due_at=NOON - n))
    client.calls.clear()

    assert await jobs.oldest_due() == NOON - 19
    assert [(name, arguments["Limit"]) for name, arguments in client.calls] == [("query", 1)] * 4


async def test_batches_that_are_served_in_part_are_completed(
    jobs: DynamoJobs, client: Client, clock: Impatient
) -> None:
    """Keys that a throttled batch left out are asked for again, after a pause."""
    held = []
    for n in range(5):
        await jobs.submit(a_job(job_id=f"job{n}"))
        held.append(await jobs.claim(f"job{n}", "worker1", NOON))
    client.faults["batch_get_item"] = [half_served] * 10

    assert held == list(await jobs.running())
    assert len(clock.slept) == 2


async def test_batches_are_not_asked_for_ever(jobs: DynamoJobs, client: Client, clock: Impatient) -> None:
    """A table that serves nothing is unavailable, and jobs are not taken for gone."""
    await before(jobs, "renew")
    client.faults["batch_get_item"] = [nothing_served] * 100

    with pytest.raises(Unavailable):
        await jobs.running()
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) == table.TRIES


# ── items ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def raw(jobs: DynamoJobs) -> dict[str, Any]:
    """The item of the job as it lies in the table."""
    return dict(await jobs._table.get("job#job1") or {})


@pytest.mark.requirement("1.3")
async def test_item_has_its_time_to_live(jobs: DynamoJobs) -> None:
    """TTL understands whole seconds only, and never shortens what was promised."""
    await jobs.submit(a_job(expires_at=NOON + 0.001))

    assert (await raw(jobs))["expires_at"] == {"N": str(int(NOON) + 1)}


async def test_item_is_in_the_index_exactly_while_unfinished(jobs: DynamoJobs) -> None:
    """The place in the sparse index follows the state, and is gone when the job is over."""
    places = []
    held = await before(jobs, "renew")
    places.append((await raw(jobs))["queue"]["S"])
    await jobs.release(held.holding, NOON, fault=False)
    places.append((await raw(jobs))["queue"]["S"])
    await jobs.cancel("job1", NOON)

    assert places == ["running#1", "queued#1"]
    assert "queue" not in await raw(jobs)


async def test_heartbeat_costs_one_write_unit(jobs: DynamoJobs, client: Client) -> None:
    """A renewal is one call that writes neither key of the index."""
    held = await before(jobs, "renew")
    client.calls.clear()

    await jobs.renew(held.holding, 5.0, "streaming")

    ((name, arguments),) = client.calls
    assert name == "update_item"
    written = arguments["UpdateExpression"]
    assert "#queue" not in written
    assert "#due_at" not in written


async def test_damaged_item_hides_no_other_job(jobs: DynamoJobs, client: Client) -> None:
    """An item that cannot be read is an error to who asks for it, and is left out of the running jobs."""
    held = await before(jobs, "renew")
    damaged = {**await raw(jobs), "pk": {"S": "job#job0"}, "options": {"S": "{"}}
    client._real.put_item(TableName=jobs._table._name, Item=damaged)

    assert [held] == list(await jobs.running())
    with pytest.raises(Definite, match="job#job0"):
        await jobs.get("job0")


@pytest.mark.parametrize("state", ["queued", "succeeded", "failed", "cancelled"])
async def test_fence_looks_at_the_state_too(jobs: DynamoJobs, client: Client, state: str) -> None:
    """Even if an item kept its owner through its end, by whatever mistake, that owner could write nothing more."""
    held = await before(jobs, "renew")
    client._real.put_item(TableName=jobs._table._name, Item={**await raw(jobs), "state": {"S": state}})

    with pytest.raises(Fenced):
        await jobs.renew(held.holding, 5.0, None)
    with pytest.raises(Fenced):
        await jobs.succeed(held.holding, an_output(held), NOON)


async def test_watching_asks_for_cheap_reads_and_few_of_them(jobs: DynamoJobs, client: Client, aws: Aws) -> None:
    """Neighbours, their entries and their jobs are read eventually consistent, with one call each."""
    workers = DynamoWorkers(aws, Impatient(), SeededIds())
    workers._table._client = jobs._table._client
    for name in (f"worker{n}" for n in range(6)):
        await workers.enter(Entry(instance=name, beat=1, jobs=("job1",)))
    await jobs.submit(a_job())
    client.calls.clear()

    await workers.before(CIRCLE, 4)
    await workers.entries(["worker1", "worker2"])
    await workers.glance(["job1"])

    assert [name for name, _ in client.calls] == ["query", "batch_get_item", "batch_get_item"]
    assert "'ConsistentRead': False" in str(client.calls)
    assert "'ConsistentRead': True" not in str(client.calls)


async def test_damaged_entry_of_a_worker_is_left_out(jobs: DynamoJobs, client: Client, aws: Aws) -> None:
    """An entry that cannot be read hides no other one."""
    workers = DynamoWorkers(aws, Impatient(), SeededIds())
    for name in ("worker1", "worker2"):
        await workers.enter(Entry(instance=name, beat=1))
    client.update_item(
        TableName=jobs._table._name,
        Key={"pk": {"S": "worker#worker1"}},
        UpdateExpression="REMOVE jobs",
    )

    assert [entry.instance for entry in await workers.entries(["worker1", "worker2"])] == ["worker2"]
