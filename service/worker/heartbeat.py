"""
The pulse of an attempt: renews the lease, carries the durable progress, and ends the attempt when trust does.

The rules are those of the essay in `service.core.lease`; the ceiling is that of `service.core.progress`.
"""

import asyncio

from service.core.errors import Fenced, StoreError
from service.core.job import Holding, Job
from service.core.lease import Lease, LeasePolicy
from service.core.progress import TOP, Reading, ceiling, percent_of
from service.ports.jobs import JobStore
from service.ports.time import Clock
from service.telemetry import emit, events

RETRY_AFTER = 0.25  # seconds between tries to renew while the store is in trouble
LATE = 2.0  # heartbeats without one: this process was frozen or starved, or the store was slow
LAST_TRY = 2.0  # seconds for the one renewal of a worker that overslept its lease
OVERSLEPT = 1.0  # seconds by which a time-out comes late only if this process was frozen or starved meanwhile


class TrustEnded(Exception):
    """The lease could not be renewed in time: somebody else may hold it by now."""


class CancelRequested(Exception):
    """The client does not want this job any more."""


class Heartbeat:
    """The lease of one attempt, and its progress so far."""

    def __init__(self, jobs: JobStore, clock: Clock, policy: LeasePolicy, job: Job, claimed_at: float) -> None:
        """`claimed_at`: monotonic seconds when the claim was *sent*."""
        self._jobs, self._clock, self._policy = jobs, clock, policy
        self.lease = Lease(job.holding, claimed_at, policy)
        self.path: str | None = None
        self._floor = job.percent  # nothing below this may be shown: readers may have seen it
        self._percent = 0.0
        self._at_renewal = 0.0
        self._acknowledged = job.percent
        self._changed = asyncio.Event()
        self.quiet = asyncio.Lock()  # hold it to keep the pulse from writing, see `steps.record`

    @property
    def holding(self) -> Holding:
        """The lease that this heartbeat keeps."""
        return self.lease.holding

    def saw(self, reading: Reading) -> None:
        """Take note of a reading of ffmpeg."""
        percent = percent_of(reading)
        emit(events.JOB_READING, percent=percent, paused=reading.paused)
        if percent > self._percent:
            self._percent = percent
            self._changed.set()

    @property
    def showable(self) -> float:
        """What may be published: no more than the store has acknowledged, no less than was ever seen."""
        return max(self._floor, min(self._percent, self._acknowledged))

    @property
    def trust_left(self) -> float:
        """Seconds for which the lease can still be believed in."""
        return self.lease.remaining(self._clock.monotonic())

    def check(self) -> None:
        """Raise `TrustEnded` unless the lease can be believed in at this moment."""
        if self.trust_left <= 0:
            raise TrustEnded

    async def run(self) -> None:
        """Renew until cancelled. Raises `Fenced`, `TrustEnded` or `CancelRequested`."""
        while True:
            await self._until_due()
            async with self.quiet:
                await self.renew()

    async def renew(self) -> None:
        """One renewal, repeated through passing trouble for as long as there is trust."""
        while True:
            sent = self._clock.monotonic()
            top = ceiling(self._percent, self._percent - self._at_renewal, self._acknowledged)
            left = self.lease.remaining(sent)
            # A worker that overslept (frozen, or starved) asks once: if nobody replaced it, it just goes on.
            limit = left if left > 0 else LAST_TRY
            try:
                async with asyncio.timeout(limit):
                    job = await self._jobs.renew(self.holding, min(top, TOP), self.path)
            except TimeoutError:
                if self._clock.monotonic() - sent <= limit + OVERSLEPT:
                    raise TrustEnded from None
                continue  # it was frozen in the middle of this call, whose answer is lost
            except Fenced:
                raise
            except StoreError as error:
                emit(events.JOB_RENEWAL_FAILED, trust_left=round(self.trust_left, 2), reason=error.detail)
                if self.trust_left <= RETRY_AFTER:
                    raise TrustEnded from error
                await self._clock.sleep(RETRY_AFTER)
                continue
            after = sent - self.lease.sent_at
            self.lease = self.lease.renewed(sent)
            self._acknowledged, self._at_renewal = job.percent, self._percent
            emit(events.JOB_RENEWED, percent=self._percent)
            if after > LATE * self._policy.heartbeat:
                emit(events.JOB_RENEWED_LATE, after=round(after, 2))
            if job.cancel_requested:
                raise CancelRequested
            return

    async def _until_due(self) -> None:
        """Until the next beat; earlier when the reading has reached the ceiling, which would hold it back."""
        soonest = self._policy.heartbeat / 4
        await self._clock.sleep(max(0.0, self.lease.sent_at + soonest - self._clock.monotonic()))
        while (wait := self.lease.sent_at + self._policy.heartbeat - self._clock.monotonic()) > 0:
            if self._percent >= self._acknowledged and self._acknowledged < TOP:
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                return
