"""The notifier with real HTTP, over the fake store and a clock that is moved on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from service.adapters.webhooks.sender import WebhookSender
from service.core.errors import Unavailable
from service.core.jobs.job import Job
from service.core.jobs.queue import job_id_for
from service.core.webhooks.endpoints import Endpoint
from service.core.webhooks.notification import LEASE, MOST_TRIES, RETRIES, Notification, Progress
from service.core.webhooks.signature import parse_secret
from service.testing.clock import NOON, SeededIds, SteppingClock
from service.testing.factories import a_failure, a_job, an_output
from service.testing.memory_jobs import MemoryJobs
from service.web.jobs.webhook import webhook_body
from service.worker.notifier import Notifier, NotifierConfig, NotifierPorts
from tests.support.cluster import FACT_TIMEOUT
from tests.support.receiver import SECRET, Message, Receiver, Send, a_receiver, answer

TENANTS = ("good", "flaky", "hangs", "gone", "redirects", "late")


@dataclass(slots=True)
class Setup:
    """Jobs that end, and notifiers over them; each tenant's endpoint is a path of the receiver with its name."""

    receiver: Receiver
    jobs: MemoryJobs = field(default_factory=lambda: MemoryJobs(TENANTS))
    clock: SteppingClock = field(default_factory=SteppingClock)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    numbers: int = 0

    def start(self, name: str, *, interval: float = 5.0) -> Notifier:
        """One more notifier, which looks into the outbox so often."""
        secrets = (parse_secret(SECRET),)
        endpoints = {tenant: Endpoint(tenant, self.receiver.url(f"/{tenant}"), secrets) for tenant in TENANTS}
        sender = WebhookSender(private=True, seconds=FACT_TIMEOUT)
        ports = NotifierPorts(outbox=self.jobs, sender=sender, describe=webhook_body, clock=self.clock, ids=SeededIds())
        notifier = Notifier(ports, NotifierConfig(instance=name, endpoints=endpoints, interval=interval))
        self.tasks[name] = asyncio.create_task(notifier.run())
        return notifier

    async def stop(self, name: str) -> None:
        """End a notifier in the middle of what it does: what it has taken stays taken."""
        task = self.tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def end(self, tenant: str, how: str = "succeed") -> str:
        """Bring a job of a tenant to its end; returns its id."""
        self.numbers += 1
        job_id = job_id_for(tenant, f"job{self.numbers}")
        await self.jobs.submit(a_job(job_id=job_id, tenant=tenant))
        held = await self.jobs.claim(job_id, "worker1", NOON)
        if how == "fail":
            await self.jobs.fail(held.holding, a_failure(), self.clock.wall())
        else:
            await self.jobs.succeed(held.holding, an_output(held), self.clock.wall())
        return job_id

    def job(self, job_id: str) -> Job:
        """As it is."""
        return self.jobs.jobs[job_id]

    async def until(self, job_id: str, state: Progress = Progress.PENDING, attempt: int = 1) -> Job:
        """Wait until its notification is in this state, after this attempt, and in no hands."""
        await fact(lambda: _is(self.job(job_id).notice, state, attempt))
        return self.job(job_id)


def _is(notice: Notification, state: Progress, attempt: int) -> bool:
    return (notice.state, notice.attempt, notice.owner) == (state, attempt, None)


async def fact(holds: Callable[[], bool]) -> None:
    """Wait until this holds: the receiver is real, and so is the time that it takes."""
    async with asyncio.timeout(FACT_TIMEOUT):
        while not holds():  # noqa: ASYNC110  # what happens on the receiver's threads sets no event of this loop
            await asyncio.sleep(0.005)  # noqa: TID251


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on the loopback interface."""
    with a_receiver() as found:
        yield found


@pytest.fixture
async def setup(receiver: Receiver) -> AsyncIterator[Setup]:
    """No notifier yet."""
    setup = Setup(receiver)
    yield setup
    for name in list(setup.tasks):
        await setup.stop(name)


def pauses(interval: float = 5.0) -> list[float]:
    """The longest ones after the first, second, … attempt, with the time until the outbox is looked into."""
    return [RETRIES.delay(number, 1.0) + 1.3 * interval for number in range(1, MOST_TRIES)]


async def test_failing_receiver_gets_the_same_message_until_it_accepts(setup: Setup, receiver: Receiver) -> None:
    """A receiver that fails twice gets the notification a third time, under the same id, with the same body, signed."""
    receiver.behave = lambda message, send: send(answer(204 if len(receiver.messages) > 2 else 500))
    notifier = setup.start("one")
    job_id = await setup.end("flaky", "fail")
    notifier.wake(setup.job(job_id))
    for attempt, pause in enumerate(pauses()[:2], 1):
        job = await setup.until(job_id, attempt=attempt)
        assert job.notice.error == "status_500"
        assert setup.clock.wall() < job.lease.due_at
        await setup.clock.advance(pause)
    job = await setup.until(job_id, Progress.DELIVERED, 3)

    assert {message.id for message in receiver.messages} == {f"{job_id}_failed"}
    assert len({message.body for message in receiver.messages}) == 1
    assert len({message.headers["webhook-timestamp"] for message in receiver.messages}) == 3
    assert job.notice.error is None

    document = json.loads(receiver.messages[0].body)
    assert (document["type"], document["data"]["job_id"]) == ("job.failed", job_id)
    assert document["data"]["error"]["code"] == "bad_media"
    assert "X-Amz" not in receiver.messages[0].body.decode()


async def test_receiver_that_never_accepts_is_left_alone_after_a_day(setup: Setup, receiver: Receiver) -> None:
    """A redirect is no acceptance: a notification is dead after its last try, and has new ones when sent again."""
    receiver.behave = lambda message, send: send(answer(302, "Location: /good"))
    notifier = setup.start("one", interval=300.0)
    job_id = await setup.end("redirects")
    notifier.wake(setup.job(job_id))
    for _ in range(200):
        if setup.job(job_id).notice.state is Progress.DEAD:
            break
        await setup.clock.advance(600)
        await fact(lambda: setup.job(job_id).notice.owner is None)
    job = await setup.until(job_id, Progress.DEAD, MOST_TRIES)

    assert job.notice.error == "status_302"
    assert 20 * 3600 < setup.clock.wall() - NOON < 30 * 3600
    assert len(receiver.at("/redirects")) == len(receiver.messages) == MOST_TRIES
    await setup.clock.advance(6 * 3600)
    assert len(receiver.messages) == MOST_TRIES
    receiver.behave = lambda message, send: send(answer(200))
    notifier.wake(await setup.jobs.resend(job_id, setup.clock.wall()))
    await setup.until(job_id, Progress.DELIVERED, MOST_TRIES + 1)


async def test_endpoint_that_is_gone_gets_no_second_try(setup: Setup, receiver: Receiver) -> None:
    """410 says that nothing is wanted any more."""
    receiver.behave = lambda message, send: send(answer(410))
    setup.start("one")
    job_id = await setup.end("gone")
    await setup.clock.advance(10)

    assert (await setup.until(job_id, Progress.DEAD)).notice.error == "status_410"


async def test_receiver_that_asks_for_a_pause_gets_it(setup: Setup, receiver: Receiver) -> None:
    """`Retry-After` of a receiver puts off the next attempt to then, although our own pause ends before."""
    asked = answer(429, "RETRY-AFTER: 900")
    receiver.behave = lambda message, send: send(asked if len(receiver.messages) == 1 else answer(204))
    notifier = setup.start("one")
    job_id = await setup.end("flaky")
    notifier.wake(setup.job(job_id))
    job = await setup.until(job_id)
    assert (job.notice.error, job.lease.due_at) == ("status_429", setup.clock.wall() + 900)

    await setup.clock.advance(800)
    assert len(receiver.messages) == 1
    await setup.clock.advance(110)
    await setup.until(job_id, Progress.DELIVERED, 2)


async def test_hanging_endpoints_hold_up_no_other_tenant(setup: Setup, receiver: Receiver) -> None:
    """While a hundred notifications to an endpoint that hangs wait, those of another tenant arrive at once."""

    def behave(message: Message, send: Send) -> None:
        if message.path == "/hangs":
            receiver.ended.wait()
        send(answer(200))

    receiver.behave = behave
    notifier = setup.start("one")
    stuck = [await setup.end("hangs") for _ in range(100)]
    for job_id in stuck:
        notifier.wake(setup.job(job_id))
    await fact(lambda: len(receiver.at("/hangs")) == 4)
    job_ids = [await setup.end("good") for _ in range(12)]
    for job_id in job_ids:
        notifier.wake(setup.job(job_id))
    for job_id in job_ids:
        await setup.until(job_id, Progress.DELIVERED)

    assert len(receiver.at("/hangs")) == 4
    assert len(receiver.at("/good")) == 12


async def test_notification_of_a_killed_notifier_is_sent_by_another(setup: Setup, receiver: Receiver) -> None:
    """
    A notifier that ends between sending and recording leaves a notification that another one sends a lease later; the
    answer that arrives late at the first one changes nothing any more.
    """
    arrived, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def behave(message: Message, send: Send) -> None:
        if len(receiver.messages) == 1:
            loop.call_soon_threadsafe(arrived.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        send(answer(200))

    receiver.behave = behave
    first = setup.start("one")
    job_id = await setup.end("late")
    first.wake(setup.job(job_id))
    async with asyncio.timeout(FACT_TIMEOUT):
        await arrived.wait()
    assert setup.job(job_id).notice.owner == "one"
    await setup.stop("one")
    setup.start("two")
    await setup.clock.advance(LEASE - 10)
    assert len(receiver.messages) == 1
    await setup.clock.advance(20)
    job = await setup.until(job_id, Progress.DELIVERED, 2)
    go_on.set()

    assert [message.id for message in receiver.messages] == [f"{job_id}_succeeded"] * 2
    assert setup.job(job_id) == job


async def test_store_that_is_away_delays_and_loses_nothing(setup: Setup, receiver: Receiver) -> None:
    """Trouble of the store, at every call in turn, ends no notifier: the notification arrives at least once."""
    calls = {name: getattr(setup.jobs, name) for name in ("due", "take", "deliver")}
    failed: list[str] = []

    def failing(name: str) -> object:
        async def call(*arguments: object, **named: object) -> object:
            if failed.count(name) < 2:
                failed.append(name)
                raise Unavailable("away")
            return await calls[name](*arguments, **named)

        return call

    for name in calls:
        setattr(setup.jobs, name, failing(name))
    setup.start("one")
    job_id = await setup.end("good")
    async with asyncio.timeout(FACT_TIMEOUT):
        while setup.job(job_id).notice.state is not Progress.DELIVERED:
            await setup.clock.advance(5)
            await asyncio.sleep(0.005)  # noqa: TID251  # the receiver is real

    assert sorted(failed) == ["deliver", "deliver", "due", "due", "take", "take"]
    assert len(receiver.messages) >= 1
