"""
The conversion loop: claim what is queued, take over what has lapsed, and know nothing about media.

Two tasks look for work, one for each way to get some: `_claim` reads the queue and sleeps until it is woken, `_watch`
looks at what others are running. Both stop at a free slot first, so that a busy worker leaves work to others. A third
one (`worker.deaths`), where there is a Redis, wakes `_watch` when a worker of those jobs seems to have died.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress

from service.core.backoff import WORKER_SCAN, Backoff
from service.core.errors import NotFound, Refused, RepriseError, StoreError
from service.core.jobs.job import Job
from service.core.jobs.lease import Lease
from service.core.jobs.outcome import exhausted
from service.core.jobs.presence import owners_of_several
from service.core.jobs.queue import tag_in
from service.core.jobs.ring import MOST
from service.core.jobs.trust import Sighting, next_look, sight, troubled_owners
from service.core.limits.capacity import WorkerStatus, short_of
from service.telemetry import emit, events
from service.worker.attempt import Attempt
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.fleet.deaths import Apart, Deaths
from service.worker.fleet.neighbours import Neighbours
from service.worker.fleet.takeover import log_requeue, log_takeover
from service.worker.steps import CONVERSION, Plan

TURNS = 10_000  # tenants


class Worker:
    """Run with `run`; `stop` ends it from another task. `plan` is what an attempt does with its job."""

    def __init__(self, ports: WorkerPorts, config: WorkerConfig, plan: Plan = CONVERSION) -> None:
        self._ports, self._config, self._plan = ports, config, plan
        self._attempts: dict[asyncio.Task[object], Attempt] = {}  # of one job there may be two: one cleans up
        self._sightings: dict[str, Sighting] = {}
        self._deaths = Deaths(ports.presence, ports.workers, ports.clock, config.presence)
        self._look_due = math.inf  # monotonic seconds; a look that comes much later was held up, perhaps with all else
        self._troubled: set[str] = set()  # workers of which several jobs stood still at once
        self._served: dict[str, int] = {}  # tag of a tenant → number of the last claim for it, in this order
        self._claims = 0
        self._stopping, self._freed = asyncio.Event(), asyncio.Event()
        self._short_of: tuple[str, ...] = ()
        self._neighbours = Neighbours(ports, config, self._held, lambda: self._free)

    @property
    def active(self) -> int:
        """Conversions running in this process."""
        return len(self._attempts)

    def status(self) -> WorkerStatus:
        """Return what this worker can do, and does at the moment."""
        return WorkerStatus(slots=self._config.slots, active=self.active, short_of=self._lacking())

    def on_duty(self) -> bool:
        """Tell whether this worker does what only a few need to do, see `core.jobs.ring`."""
        return self._neighbours.on_duty()

    async def run(self) -> None:
        """Work until `stop`. An unexpected error ends it: a loop that is broken must not look alive."""
        async with asyncio.TaskGroup() as group:
            looks = {"claim": self._claim, "watch": self._watch}
            if (presence := self._ports.presence) is not None:
                apart = Apart(presence, self._ports.clock, self._neighbours.show)
                looks |= {"deaths": self._deaths.run, "presence": apart.run}
            looking = [group.create_task(self._through_trouble(name, look), name=name) for name, look in looks.items()]
            await self._stopping.wait()
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)
            await asyncio.gather(*(attempt.hand_back() for attempt in self._attempts.values()))
            await self._last_attempts()
            await self._neighbours.leave()

    async def _last_attempts(self) -> None:
        """Wait for clean-ups that are still under way, but not for as long as a hung object store takes."""
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=self._config.shutdown_cleanup_seconds)
        for task, attempt in self._attempts.items():
            emit(events.CLEANUP_SLOW, job_id=attempt.holding.key, seconds=self._config.shutdown_cleanup_seconds)
            task.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)

    def stop(self) -> None:
        """Stop claiming, give back every lease, stop every ffmpeg. Safe to call twice, and before `run`."""
        self._stopping.set()

    async def _through_trouble(self, where: str, look: Callable[[], Awaitable[None]]) -> None:
        """Run a looking task through failures of the stores, with a growing pause."""
        faults = 0
        while True:
            try:
                await look()
                faults = 0
            except StoreError as error:
                faults += 1
                emit(events.WORKER_TROUBLE, where=where, reason=error.detail)
                await self._ports.clock.sleep(WORKER_SCAN.delay(faults, self._ports.ids.draw()))

    async def _claim(self) -> None:
        """Take queued jobs while slots are free; then sleep, shortly after a wake-up and longer when nothing comes."""
        nap, idle, in_vain = self._config.idle_poll, True, False
        while True:
            if self._empty_slots == 0:
                self._freed.clear()
                await self._freed.wait()
                idle = False
                continue
            if self._free == 0:
                await self._ports.clock.sleep(self._config.shortage_poll)
                continue
            candidates = await self._candidates(idle=idle)
            if idle and await self._neighbours.stagger(len(candidates)):
                idle = False
                continue
            claimed, refused = await self._claim_some(candidates)
            if claimed:
                nap = self._config.index_delay
                continue
            if refused and not in_vain:  # others were quicker, and there may be more
                nap = self._config.index_delay
            idle, in_vain = not candidates, refused > 0
            if await self._ports.wakeups.wait(nap, self._neighbours.wakes):
                nap, idle = self._config.index_delay, False
            else:
                nap = min(self._config.idle_poll, nap * 2)

    async def _candidates(self, *, idle: bool) -> Sequence[str]:
        spread = await self._neighbours.spread(idle=idle)
        now, most_running = self._ports.clock.wall(), self._config.most_running
        limit = max(4 * self._free, MOST if idle else 0)
        return await self._ports.leases.claimable(now, limit, most_running, self._served, spread)

    async def _claim_some(self, candidates: Sequence[str]) -> tuple[int, int]:
        """Claim as many as there are free slots, so many at a time; return how many were claimed, and refused."""
        claimed, refused, rest = 0, 0, list(candidates[: 4 * self._free])
        crowded = len(rest) >= 4 * self._free  # look once more at the last moment: others are at these jobs, too
        while rest and self._free > 0:
            named, rest = rest[: self._free], rest[self._free :]
            if not (named := await self._neighbours.still_queued(named)):
                continue
            async with self._neighbours.naming(named):
                while named and self._free > 0:
                    job_id, named = named[0], named[1:]
                    if crowded and not await self._neighbours.still_queued([job_id]):
                        continue
                    claim = self._ports.leases.claim(job_id, self._config.instance, self._ports.clock.wall())
                    try:
                        job = await self._begin(claim)
                    except (Refused, NotFound):  # another worker was quicker, or the index is behind
                        refused += 1
                        rest, named = [*rest, *named], []  # which another one is taking: go on behind them
                    else:
                        emit(events.JOB_CLAIMED, job_id=job.job_id, attempt=job.attempt)
                        self._note_turn(tag_in(job_id))
                        claimed += 1
        if claimed:
            self._neighbours.note_refused(refused)
        return claimed, refused

    def _note_turn(self, tag: str) -> None:
        """Remember whose turn it was, of the last `TURNS` tenants."""
        self._claims += 1
        self._served.pop(tag, None)
        self._served[tag] = self._claims
        if len(self._served) > TURNS:
            del self._served[next(iter(self._served))]

    async def _watch(self) -> None:
        """Look at running jobs, and take over those whose lease has lapsed."""
        policy, interval = self._config.lease, self._config.watch_interval
        retry = Backoff(first=min(self._config.takeover_retry, interval), cap=interval)
        in_vain = 0
        while True:
            looked = await self._neighbours.look(self._deaths.gone, strongly=self._deaths.expected)
            running = {job.job_id: job for job in looked}
            now = self._ports.clock.monotonic()
            ours = {attempt.holding for attempt in self._attempts.values() if not attempt.over}
            others = [job.lease for job in running.values() if job.holding not in ours]
            unseen = max(0.0, now - self._look_due - policy.duration / 6)
            self._sightings, lapsed = sight(self._sightings, others, now, policy.duration, unseen)
            self._troubled = {owner for owner in self._troubled if any(lease.owner == owner for lease in others)}
            self._troubled |= troubled_owners(others, self._sightings, now, policy.duration)
            dead = await self._deaths.among(others, self._neighbours.watched())
            dead = [lease for lease in dead if lease not in lapsed]
            self._troubled |= owners_of_several(dead)
            due = [*((lease, "silence") for lease in lapsed), *((lease, "gone") for lease in dead)]
            settled = all([await self._rescue(running[lease.key], cause, in_vain) for lease, cause in due])
            # A lapsed job that finds no free slot here, or cannot be taken, stays due: look again soon, not at once.
            in_vain = 0 if settled else in_vain + 1
            again = self._neighbours.look_every(nothing=not others) if settled else retry.delay(in_vain)
            overdue = {lease.key for lease in lapsed}
            waiting = {key: seen for key, seen in self._sightings.items() if key not in overdue}
            wait = next_look(waiting, self._ports.clock.monotonic(), policy.duration, again)
            wait = max(wait, self._config.watch_pause)
            self._look_due = self._ports.clock.monotonic() + wait
            await self._deaths.wait(wait)

    async def _rescue(self, seen: Job, cause: str, in_vain: int) -> bool:
        """
        Take over, or end what was taken over too often. Returns whether this worker has settled it.

        The `cause` is "silence" of a lease that has lapsed, or that its worker is "gone": a hint, which ends no job and
        is not believed of one about which it was wrong too often; there the lease decides. Another watcher may be
        quicker, which is as good. A job that its client has cancelled is not converted any more, so it cannot be what
        ends its workers.
        """
        lease, leases = seen.lease, self._ports.leases
        stood = self._ports.clock.monotonic() - self._sightings[lease.key].since
        try:
            excused = self._excused(lease)
            counted = lease.lapses + (not excused), lease.excused + excused
            too_many = self._config.lease.too_many(*counted) and not seen.cancel_requested
            if cause == "gone" and (too_many or lease.mistaken >= self._config.lease.max_mistaken):
                return True
            if too_many:
                await leases.exhaust(lease, exhausted(lease), self._ports.clock.wall())
                emit(events.JOB_EXHAUSTED, job_id=seen.job_id, lapses=sum(counted))
            elif self._free > 0:
                async with self._neighbours.naming([lease.key]):
                    job = await self._begin(leases.take_over(lease, self._config.instance, excused=excused))
                now = self._ports.clock.monotonic()
                log_takeover(job, seen, self._sightings[lease.key], now, excused=excused, cause=cause)
            elif self._neighbours.give_back(stood, cause, in_vain):
                await leases.requeue(lease, excused=excused)
                log_requeue(lease, excused=excused, cause=cause)
                await self._ports.wakeups.announce(seen.job_id)
            else:
                return False
        except (Refused, NotFound):
            return False
        self._neighbours.note_lost(lease.owner)
        return True

    def _excused(self, lease: Lease) -> bool:
        """Tell whether a lapse has another cause than the job; see `core.jobs.lease`."""
        policy, seen = self._config.lease, self._sightings[lease.key]
        late = seen.late_before(policy.late_after * policy.heartbeat)
        return late or lease.owner in self._troubled or lease.lapsed_elsewhere

    def _held(self) -> set[str]:
        """Return the ids of the jobs whose leases this worker holds."""
        return {attempt.holding.key for attempt in self._attempts.values() if not attempt.over}

    @property
    def _free(self) -> int:
        """Conversions that may begin now."""
        return 0 if self._empty_slots == 0 or self._short() else self._empty_slots

    @property
    def _empty_slots(self) -> int:
        return 0 if self._stopping.is_set() else self._config.slots - len(self._attempts)

    def _short(self) -> bool:
        """Tell whether too little is left here to begin anything; logged when that begins and when it ends."""
        short = self._lacking()
        if short and not self._short_of:
            emit(events.CLAIMING_PAUSED, short_of=short, active=self.active)
        elif self._short_of and not short:
            emit(events.CLAIMING_RESUMED)
        self._short_of = short
        return bool(short)

    def _lacking(self) -> tuple[str, ...]:
        return short_of(self._ports.capacity.load(), self._config.limits, self.active)

    async def _begin(self, taking: Coroutine[None, None, Job]) -> Job:
        """
        Carry out a claim or takeover, and start the attempt if it succeeds.

        A claim that is under way when the worker is stopped is seen through: it may well have its effect, and a lease
        that is not known here could not be handed back.
        """
        sent = self._ports.clock.monotonic()
        task = asyncio.create_task(taking)
        try:
            job = await asyncio.shield(task)
        except asyncio.CancelledError:
            with suppress(RepriseError):
                self._start(await task, sent)
            raise
        self._start(job, sent)
        return job

    def _start(self, job: Job, claimed_at: float) -> None:
        attempt = Attempt(self._ports, self._config, job, claimed_at, plan=self._plan)
        task: asyncio.Task[object] = asyncio.create_task(attempt.run(), name=f"attempt {job.job_id}")
        self._attempts[task] = attempt
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._attempts.pop(task, None)
        self._freed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            emit(events.UNEXPECTED, where="attempt", exc_info=error)
