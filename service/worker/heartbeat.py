"""
The heartbeat of an attempt: renews the lease, carries the durable progress, and asks on when trust has ended.

The rules are those of `service.core.jobs.lease`; the ceiling is that of `service.core.jobs.progress`.
"""

import asyncio

from service.core.backoff import LEASE_RENEWAL
from service.core.errors import StoreError
from service.core.jobs.lease import Holding
from service.core.jobs.progress import TOP, Reading, ceiling, percent_of
from service.core.jobs.trust import LeasePolicy, Trust
from service.ports.leases import Leases
from service.ports.time import Clock
from service.telemetry import emit, events


class TrustEnded(Exception):
    """The lease could not be renewed: another worker may hold it by now."""


class CancelRequested(Exception):
    """The client does not want this job any more."""


class Heartbeat:
    """The lease of one attempt, and its progress so far."""

    def __init__(
        self, leases: Leases, clock: Clock, policy: LeasePolicy, holding: Holding, *, claimed_at: float, percent: float
    ) -> None:
        """Take when the claim was *sent* (`claimed_at`, monotonic seconds) and the durable ceiling (`percent`)."""
        self._leases, self._clock, self.policy = leases, clock, policy
        self.trust = Trust(holding, claimed_at, policy)
        self.path: str | None = None
        self._floor = percent  # nothing below this may be shown: readers may have seen it
        self._percent = 0.0
        self._at_renewal = 0.0
        self._acknowledged = percent
        self._changed = asyncio.Event()
        self._renewed = asyncio.Event()
        self.quiet = asyncio.Lock()  # hold it to keep the heartbeat from writing, see `steps.record`

    @property
    def holding(self) -> Holding:
        """The lease that this heartbeat keeps."""
        return self.trust.holding

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
        return self.trust.remaining(self._clock.monotonic())

    def trusted(self) -> bool:
        """Tell whether the lease can be believed in at this moment; on any thread."""
        return self.trust_left > 0

    async def until_trusted(self) -> None:
        """Wait until the lease can be believed in; `run` asks meanwhile."""
        while not self.trusted():
            self._renewed.clear()
            await self._renewed.wait()

    async def run(self) -> None:
        """Renew until cancelled. Raises `Fenced`, `TrustEnded` (after having asked in vain) or `CancelRequested`."""
        while True:
            await self._until_due()
            try:
                async with self.quiet:
                    await self.renew()
            except TrustEnded:
                await self._ask()

    async def _ask(self) -> None:
        """
        Renew without trust, until the store says what became of the lease. Raises as `run`.

        Only time in which this process runs counts. Between two questions the record of a finished output has its turn.
        """
        policy, clock = self.policy, self._clock
        emit(events.JOB_TRUST_ENDED, ago=round(-self.trust_left, 2))
        left = policy.ask_for
        while True:
            began = clock.monotonic()
            await clock.sleep(policy.ask_pause)
            try:
                async with self.quiet:
                    await self.renew()
            except TrustEnded:
                left -= min(clock.monotonic() - began, policy.ask_pause + policy.last_try + policy.overslept)
                if left <= 0:
                    raise
            else:
                emit(events.JOB_TRUST_RENEWED)
                return

    async def renew(self) -> None:
        """
        Renew once, repeated through transient trouble for as long as there is trust.

        A worker that overslept (frozen, or starved) may ask for a moment all the same: if it was not replaced, it goes
        on. That holds too for one that was frozen in the middle of a request, whose answer is lost or an error then.
        """
        failures, until = 0, self._ask_until(self._clock.monotonic())
        while True:
            sent = self._clock.monotonic()
            if sent > until + self.policy.overslept:
                until = self._ask_until(sent)
            top = ceiling(self._percent, self._percent - self._at_renewal, self._acknowledged)
            try:
                async with asyncio.timeout(until - sent):
                    job = await self._leases.renew(self.holding, min(top, TOP), self.path)
            except TimeoutError:
                if self._clock.monotonic() - until <= self.policy.overslept:
                    raise TrustEnded from None
                continue
            except StoreError as error:
                emit(events.JOB_RENEWAL_FAILED, trust_left=round(self.trust_left, 2), reason=error.detail)
                failures += 1
                pause, now = LEASE_RENEWAL.delay(failures), self._clock.monotonic()
                if until <= now + pause and now - until <= self.policy.overslept:
                    raise TrustEnded from error
                await self._clock.sleep(pause)
                continue
            after = sent - self.trust.sent_at
            self.trust = self.trust.renewed(sent)
            self._acknowledged, self._at_renewal = job.percent, self._percent
            self._renewed.set()
            emit(events.JOB_RENEWED, percent=self._percent)
            if after > self.policy.late_after * self.policy.heartbeat:
                emit(events.JOB_RENEWED_LATE, after=round(after, 2))
            if job.cancel_requested:
                raise CancelRequested
            return

    def _ask_until(self, now: float) -> float:
        """Return until when (monotonic seconds) a renewal may be tried: the end of trust, or a moment after it."""
        left = self.trust.remaining(now)
        return now + (left if left > 0 else self.policy.last_try)

    async def _until_due(self) -> None:
        """Wait for the next beat; shorter when the reading has reached the ceiling, which would hold it back."""
        soonest = self.policy.heartbeat / 4
        await self._clock.sleep(max(0.0, self.trust.sent_at + soonest - self._clock.monotonic()))
        while (wait := self.trust.sent_at + self.policy.heartbeat - self._clock.monotonic()) > 0:
            if self._percent >= self._acknowledged and self._acknowledged < TOP:
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                return
