"""
The notifier: takes notifications that are due, posts them, and records what became of each.

It runs beside the worker in its process, on the event loop, and converts nothing: no lease of a job depends on it.
Those of jobs that this process has ended are sent at once. All others (attempts to be repeated, and what processes left
behind that were killed) are found by looking into the outbox from time to time, which about three processes do
(`core.jobs.ring`). A notification that is taken and not recorded becomes due again by itself.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from service.core.backoff import WORKER_SCAN
from service.core.errors import NotFound, Refused, StoreError
from service.core.jobs.job import Job
from service.core.webhooks.asked import Answer
from service.core.webhooks.endpoints import Endpoint
from service.core.webhooks.notification import LEASE, Dead, Delivered, Later, conclude, message_id
from service.core.webhooks.room import room_for
from service.core.webhooks.signature import signed_headers
from service.ports.time import Clock, Ids
from service.ports.webhooks import Outbox, Sender
from service.telemetry import emit, events

MOST_NEW = 1000  # notifications that this process keeps in mind for being sent at once; the outbox has them all


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierPorts:
    """The outside, as a notifier sees it. `describe` returns the body of a job's notification."""

    outbox: Outbox
    sender: Sender
    describe: Callable[[Job], bytes]
    clock: Clock
    ids: Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierConfig:
    """Times in seconds."""

    instance: str
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)  # by tenant
    interval: float = 5.0  # between two looks into the outbox


class Notifier:
    """Run with `run`, which ends only by being cancelled."""

    def __init__(
        self, ports: NotifierPorts, config: NotifierConfig, on_duty: Callable[[], bool] = lambda: True
    ) -> None:
        """`on_duty` tells whether it is for this process to look into the outbox: a few are enough."""
        self._ports, self._config, self._on_duty = ports, config, on_duty
        self._new: dict[str, str] = {}  # id of a job → its tenant
        self._under_way: dict[str, tuple[str, asyncio.Task[None]]] = {}  # the same, with the attempt
        self._troubled: set[str] = set()  # tenants whose last attempt was in vain
        self._more: set[str] = set()  # tenants of whom more may be due
        self._bell = asyncio.Event()
        self._look_at = 0.0  # monotonic seconds

    def wake(self, job: Job) -> None:
        """Send the notification of this job now: it was just made."""
        if job.tenant in self._config.endpoints and len(self._new) < MOST_NEW:
            self._new[job.job_id] = job.tenant
            self._bell.set()

    async def run(self) -> None:
        """Send what is due. Trouble is logged and tried again: this never ends the process that converts."""
        if not self._config.endpoints:
            return
        try:
            while True:
                try:
                    await self._look()
                except StoreError as error:
                    emit(events.WORKER_TROUBLE, where="notifier", reason=error.detail)
                except Exception as error:  # noqa: BLE001  # logged with its traceback, and no reason to stop converting
                    emit(events.UNEXPECTED, where="notifier", exc_info=error)
                await self._pause()
        finally:
            tasks = [task for _, task in self._under_way.values()]
            for task in tasks:
                task.cancel()  # what was taken is due again when its lease is over
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        """Begin what is new, then what else is due, as far as there is room."""
        new, self._new = self._new, {}
        for job_id, tenant in new.items():
            if self._room(tenant) > 0:
                self._begin(job_id, tenant)
            else:
                self._more.add(tenant)
        now = self._ports.clock.monotonic()
        wanted = set(self._more)
        if now >= self._look_at:
            self._look_at = now + self._config.interval * (0.8 + 0.4 * self._ports.ids.draw())
            if self._on_duty():
                wanted |= set(self._config.endpoints)
        for tenant in sorted(wanted):
            await self._look_for(tenant)

    async def _look_for(self, tenant: str) -> None:
        if (room := self._room(tenant)) == 0:
            self._more.add(tenant)
            return
        limit = room + self._counts()[tenant]  # the index may still show those under way
        due = await self._ports.outbox.due(tenant, self._ports.clock.wall(), limit)
        fresh = [job_id for job_id in due if job_id not in self._under_way]
        if len(due) >= limit or len(fresh) > room:
            self._more.add(tenant)
        else:
            self._more.discard(tenant)
        for job_id in fresh[:room]:
            self._begin(job_id, tenant)

    async def _pause(self) -> None:
        """Wait until it is time to look again, or there is something new, or there is room again."""
        wait = max(0.0, self._look_at - self._ports.clock.monotonic())
        waiting = {asyncio.ensure_future(self._ports.clock.sleep(wait)), asyncio.ensure_future(self._bell.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        self._bell.clear()

    def _counts(self) -> Counter[str]:
        return Counter(tenant for tenant, _ in self._under_way.values())

    def _room(self, tenant: str) -> int:
        return room_for(tenant, self._counts(), self._troubled)

    def _begin(self, job_id: str, tenant: str) -> None:
        if job_id in self._under_way:
            return
        task = asyncio.create_task(self._attempt(job_id), name=f"notify {job_id}")
        self._under_way[job_id] = tenant, task
        task.add_done_callback(lambda ended: self._ended(job_id, ended))

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        del self._under_way[job_id]
        if self._more:
            self._bell.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            emit(events.UNEXPECTED, where="notifier", exc_info=error)

    async def _attempt(self, job_id: str) -> None:
        """Take a notification, send it, and record the outcome."""
        ports = self._ports
        try:
            job = await ports.outbox.take(job_id, self._config.instance, ports.clock.wall())
        except (Refused, NotFound):  # another notifier was quicker, or the index is behind
            return
        except StoreError as error:
            emit(events.WORKER_TROUBLE, where="notifier", reason=error.detail)
            return
        endpoint = self._config.endpoints.get(job.tenant)
        if endpoint is None:  # the tags of two tenants are alike: the other one has no endpoint
            return
        began = ports.clock.monotonic()
        answer = await self._send(job, endpoint)
        seconds = round(ports.clock.monotonic() - began, 3)
        now = ports.clock.wall()
        verdict = conclude(answer, job.notice.tries, ports.ids.draw(), now=now, ends_at=job.expires_at)
        fields = {"job_id": job_id, "host": endpoint.host, "attempt": job.notice.attempt, "seconds": seconds}
        holding, outbox = job.notice.holding(job_id), ports.outbox
        match verdict:
            case Delivered():
                self._troubled.discard(job.tenant)
                emit(events.NOTIFICATION_DELIVERED, **fields)
                await self._record(lambda: outbox.deliver(holding, ports.clock.wall()))
            case Later(reason, delay):
                self._troubled.add(job.tenant)
                emit(events.NOTIFICATION_POSTPONED, **fields, reason=reason, delay=round(delay, 1))
                await self._record(lambda: outbox.postpone(holding, ports.clock.wall() + delay, reason))
            case Dead(reason):
                self._troubled.add(job.tenant)
                emit(events.NOTIFICATION_DEAD, **fields, reason=reason, tries=job.notice.tries)
                await self._record(lambda: outbox.bury(holding, reason, ports.clock.wall()))

    async def _send(self, job: Job, endpoint: Endpoint) -> Answer | str:
        """Post it; returns the answer, or why there is none. The id is that of every other attempt, too."""
        try:
            body = self._ports.describe(job)
            now = int(self._ports.clock.wall())
            headers = signed_headers(endpoint.secrets, message_id(job.job_id, job.state), now, body)
            return await self._ports.sender.send(endpoint, headers, body)
        except Exception as error:  # noqa: BLE001  # logged with its traceback; counts as an attempt in vain
            emit(events.UNEXPECTED, where="notifier", exc_info=error)
            return "unexpected"

    async def _record(self, write: Callable[[], Awaitable[Job]]) -> None:
        """Make one write, repeated through trouble of the store for as long as the notification is ours."""
        end, failures = self._ports.clock.monotonic() + LEASE / 2, 0
        while True:
            try:
                await write()
            except (Refused, NotFound):  # taken by another, sent again or deleted meanwhile
                return
            except StoreError as error:
                failures += 1
                emit(events.WORKER_TROUBLE, where="notifier", reason=error.detail)
                if self._ports.clock.monotonic() > end:
                    return
                await self._ports.clock.sleep(WORKER_SCAN.delay(failures, self._ports.ids.draw()))
            else:
                return
