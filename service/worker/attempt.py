"""
One attempt: the steps of a plan under one lease, and the record of how it ended.

Three tasks run side by side: the steps, the heartbeat, and the one that shows progress. Whichever of the first two
ends first decides; the others are stopped and waited for, so that nothing of an attempt outlives it. What it has left
in the object store is removed after the record: the lease is not renewed any more, so the record cannot wait.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from service.core.backoff import OUTCOME_RECORD
from service.core.errors import Fenced, NotFound, RepriseError, StoreError
from service.core.jobs.job import Job
from service.core.jobs.lease import Holding, State
from service.core.jobs.outcome import Failed, Lost, Outcome, Released, Stopped, Succeeded, of_exception
from service.core.jobs.progress import Hint
from service.telemetry import emit, events, log_context, tracing
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.heartbeat import CancelRequested, Heartbeat, TrustEnded
from service.worker.steps import CONVERSION, Plan, Recorded, Work, clean_up


class Attempt:
    """Run with `run`; another task may call `hand_back` at any time to give the job back at once."""

    def __init__(
        self, ports: WorkerPorts, config: WorkerConfig, job: Job, claimed_at: float, *, plan: Plan = CONVERSION
    ) -> None:
        self._ports, self._config, self._plan = ports, config, plan
        self._heartbeat = Heartbeat(
            ports.leases, ports.clock, config.lease, job.holding, claimed_at=claimed_at, percent=job.percent
        )
        self._work = Work(ports=ports, heartbeat=self._heartbeat, job=job, started=claimed_at)
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._handed_back = False
        self.over = False  # recorded or lost: there is nothing left to do but to clean up

    async def run(self) -> Outcome:
        """Take the attempt to its end, whatever that is, and record it. Never raises on purpose."""
        job = self._work.job
        span = tracing.span("attempt", kind="consumer", parent=job.trace, job_id=job.job_id, attempt=job.attempt)
        tenant = {"tenant": job.tenant} if job.tenant else {}
        with log_context(job_id=job.job_id, attempt=job.attempt, **tenant), span:
            outcome = await self._work_out()
            await self._record(outcome)
            tracing.note(outcome=type(outcome).__name__.lower())
            self.over = True
            await self._clean_up()
            return outcome

    @property
    def holding(self) -> Holding:
        """The lease that it is about."""
        return self._heartbeat.holding

    async def hand_back(self) -> None:
        """
        Release the lease *now*, for a shutdown, then stop.

        The release comes first, so that another container can begin while our ffmpeg is still being stopped: from that
        write on we are fenced, so the overlap is harmless. Once the output may be recorded there is nothing to give
        back.
        """
        if self.over or self._published():
            return  # there is nothing to give back, or the record is one write away and quicker than a new attempt
        self._handed_back = True
        with log_context(job_id=self._work.job.job_id, attempt=self._work.job.attempt):
            await self._record(Released(0.0, fault=False, reason="shutdown"))
        if self._published():
            return  # meanwhile: the store knows which write came first, and is about to tell the record step
        for task in self._tasks:
            task.cancel()

    async def _clean_up(self) -> None:
        """Leave nothing behind, in the time that there is for it; later it goes on alone, or the janitor does it."""
        try:
            async with asyncio.timeout(self._config.cleanup_seconds):
                await clean_up(self._work)
        except TimeoutError:
            job_id = self._work.job.job_id
            emit(events.CLEANUP_SLOW, job_id=job_id, seconds=self._config.cleanup_seconds)

    def _published(self) -> bool:
        return self._work.published

    async def _work_out(self) -> Outcome:
        steps = asyncio.create_task(self._steps(), name="steps")
        heartbeat = asyncio.create_task(self._heartbeat.run(), name="heartbeat")
        show = asyncio.create_task(self._show(), name="show")
        self._tasks = (steps, heartbeat, show)
        if self._handed_back:
            steps.cancel()
        try:
            await asyncio.wait({steps, heartbeat}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            decisive, trusted = steps if steps.done() else heartbeat, self._heartbeat.trusted()
            await _stop(*self._tasks, again=self._config.cancel_again)
        if trusted and not (self._handed_back or decisive.cancelled()) and isinstance(decisive.exception(), Fenced):
            await self._note_alive()
        return self._outcome_of(decisive)

    async def _note_alive(self) -> None:
        """
        Note that another worker has taken over by mistake: nothing but a hint comes before the end of trust.

        What cannot be noted counts as a lapse. A refusal may also mean that an answer was lost, and that it was this
        attempt which has ended the job.
        """
        holding = self._heartbeat.holding
        with suppress(StoreError):
            job = await self._ports.jobs.get(holding.key)
            if job is not None and (job.attempt, job.owner) != (holding.attempt, holding.owner) and not job.final:
                emit(events.JOB_TAKEN_FROM_LIVING)
                await self._ports.leases.note_alive(holding.key, holding.attempt)

    async def _steps(self) -> None:
        if self._work.job.cancel_requested:  # an earlier holder did not live to see that
            raise CancelRequested
        result: object = None
        for step in self._plan:
            if self._work.draft is None:  # what is converted is brought to its end: the fence decides
                await self._heartbeat.until_trusted()
            emit(events.JOB_STEP, step=step.__name__)
            with tracing.span(step.__name__):
                result = await step(self._work, result)

    async def _show(self) -> None:
        """Bring readings to the board; it ignores what is lower than what it has."""
        last, before = -1.0, False
        while True:
            percent = self._heartbeat.showable
            if percent != last:
                hint = Hint(percent, self._work.job.attempt)
                before = await self._ports.board.publish(self._work.job.job_id, hint, again=before)
                last = percent if before else -1.0
            await self._ports.clock.sleep(self._config.show_interval)

    def _outcome_of(self, task: asyncio.Task[None]) -> Outcome:
        """Turn the end of a task into an outcome: the one place that does."""
        if self._handed_back and self._work.recorded is not Recorded.YES:
            return Lost("handed back")
        if task.cancelled():
            return Released(0.0, fault=False, reason="cancelled")
        match task.exception():
            case None if self._work.job.output is not None:
                return Succeeded(self._work.job.output)
            case CancelRequested():
                return Stopped()
            case TrustEnded():
                # If the lease is still ours after all, the job is given back: its worker was in trouble, and not it.
                return Released(0.0, fault=False, reason="trust ended")
            case Exception() as error:
                if not isinstance(error, RepriseError):
                    emit(events.UNEXPECTED, where="attempt", exc_info=error)
                return of_exception(error, self._work.job.lease.faults, self._ports.ids.draw())
            case other:
                raise other or RuntimeError("the steps ended without an output")

    async def _record(self, outcome: Outcome) -> None:
        leases, clock, holding = self._ports.leases, self._ports.clock, self._heartbeat.holding
        match outcome:
            case Succeeded(output):
                seconds = round(clock.monotonic() - self._work.started, 3)
                facts = self._work.draft.facts if self._work.draft else {}
                emit(events.JOB_SUCCEEDED, seconds=seconds, size=output.size, key=output.key, facts=facts)
            case Failed(failure):
                emit(events.JOB_FAILED, code=failure.code, detail=failure.detail, facts=failure.diagnostics)
                await self._persist(lambda: leases.fail(holding, failure, clock.wall(), self._heartbeat.path))
            case Stopped():
                emit(events.JOB_STOPPED)
                await self._persist(lambda: leases.stop(holding, clock.wall()))
            case Released(delay, fault, reason):
                emit(events.JOB_RELEASED, reason=reason, delay=round(delay, 2))
                await self._persist(lambda: leases.release(holding, clock.wall() + delay, fault=fault))
                if self._work.job.cancel_requested:  # no worker has to claim it just to find that out
                    await self._persist(lambda: self._ports.jobs.cancel(holding.key, clock.wall()))
                    if self._work.job.state is State.CANCELLED:
                        emit(events.JOB_CANCELLED, job_id=holding.key)
                await self._ports.wakeups.announce(holding.key)
            case Lost(reason):
                emit(events.JOB_LOST, reason=reason)

    async def _persist(self, write: Callable[[], Awaitable[Job]]) -> None:
        """
        Make one bookkeeping write, repeated through transient trouble for a whole lease.

        Repeating is safe though the first try may have had its effect: the second one is then fenced. So is trying on
        without trust, for ffmpeg has stopped and the fence needs none. Without success the lease lapses, and another
        worker comes to the same end.
        """
        failures = 0
        try:
            async with asyncio.timeout(self._config.lease.duration):
                while True:
                    try:
                        self._work.job = await write()
                    except StoreError as error:
                        emit(events.WORKER_TROUBLE, where="record", reason=error.detail)
                        failures += 1
                        await self._ports.clock.sleep(OUTCOME_RECORD.delay(failures))
                    else:
                        return
        except TimeoutError:
            emit(events.JOB_LOST, reason="could not record the outcome")
        except Fenced:
            emit(events.JOB_LOST, reason="fenced")
        except NotFound:
            emit(events.JOB_LOST, reason="deleted")


async def _stop(*tasks: asyncio.Task[None], again: float) -> None:
    """
    Cancel, every `again` seconds, and wait until they have ended.

    Once is not enough: redis-py under Python 3.11 can swallow a CancelledError (a race in `asyncio.wait_for`), and the
    task would run for ever without a lease.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)
