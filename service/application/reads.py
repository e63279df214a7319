"""
Reads of jobs that requests share, so that the stores are asked as often as they answer and not as often as clients ask.

A request that comes while its job is being read waits for the *next* read of it, together with all that come meanwhile:
what the read under way returns may be older than what another client was told before this request began. A read serves
all jobs that are asked about at its moment, in one call to the board and one to the records.

Nothing is remembered from one read to the next, not even a job that has ended: it may have been deleted through another
container meanwhile, and a deleted job must not be shown again.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.core.errors import Definite, StoreError, Unavailable
from service.core.jobs.job import Job
from service.core.jobs.progress import Hint
from service.ports.hints import ProgressBoard
from service.ports.jobs import JobRecords
from service.ports.time import Clock

AT_ONCE: Final = 2  # reads under way; a second one, so that a slow answer about one job does not hold up all others
MOST_JOBS: Final = 100  # in one read: what one request to DynamoDB takes
# Rounds of the event loop before a read begins, in which more requests come: those of clients that were just answered
# need five until they ask here. Where it is quiet they take a tenth of a millisecond.
ROUNDS: Final = 5


@dataclass(slots=True, eq=False)
class Look:
    """A job as it was read, its hint read before it. `number` rises with the moment at which the read began."""

    number: int
    hint: Hint | None
    job: Job | None
    noting: "asyncio.Task[None] | None" = None  # see `SharedReads.note_shown`


class SharedReads:
    """One for each process, for requests alone: a worker reads for itself."""

    def __init__(self, jobs: JobRecords, board: ProgressBoard, clock: Clock) -> None:
        self._jobs, self._board, self._clock = jobs, board, clock
        self._numbers = itertools.count(1)
        self._wanted: dict[str, list[asyncio.Future[Look]]] = {}  # by job: who waits for the next read of it
        self._being_read: set[str] = set()
        self._readers: set[asyncio.Task[None]] = set()

    async def look(self, job_id: str) -> Look:
        """Read a job and its hint; both reads begin after this call. Raises `StoreError`."""
        look: asyncio.Future[Look] = asyncio.get_running_loop().create_future()
        waiting = self._wanted.setdefault(job_id, [])
        waiting.append(look)
        if len(waiting) == 1:
            self._begin()
        return await look

    async def note_shown(self, look: Look, percent: float) -> None:
        """Raise `shown` in the record, once for all that were given this look. Raises `StoreError`."""
        if look.noting is None:
            job_id = look.job.job_id if look.job else ""
            look.noting = asyncio.create_task(self._jobs.note_shown(job_id, percent), name=f"note {job_id}")
        await asyncio.shield(look.noting)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        if len(self._readers) < AT_ONCE:
            reader = asyncio.create_task(self._read_wanted(), name="read jobs")
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)

    async def _read_wanted(self) -> None:
        """Read until nothing is wanted that no other reader is reading."""
        while wanted := await self._gather():
            waiting = {job_id: self._wanted.pop(job_id) for job_id in wanted}
            self._being_read.update(wanted)
            try:
                await self._answer(waiting)
            finally:
                self._being_read.difference_update(wanted)
                for look in itertools.chain.from_iterable(waiting.values()):
                    look.cancel()  # of a reader that was cancelled; the others are done
        # At once: a request that comes before this task is said to be done must find that it has to begin a reader.
        if reader := asyncio.current_task():
            self._readers.discard(reader)

    async def _gather(self) -> Sequence[str]:
        """Let more requests come, and return the jobs to read."""
        for _ in range(ROUNDS):
            await self._clock.sleep(0)
        return [job_id for job_id in self._wanted if job_id not in self._being_read][:MOST_JOBS]

    async def _answer(self, waiting: Mapping[str, "Sequence[asyncio.Future[Look]]"]) -> None:
        number = next(self._numbers)
        found: Mapping[str, Job | Exception | None]
        try:
            hints = await self._board.read_many(list(waiting))
            found = await self._get(list(waiting))
        except Exception as error:  # noqa: BLE001  # each of the requests answers with it
            found, hints = dict.fromkeys(waiting, error), {}
        for job_id, looks in waiting.items():
            job = found.get(job_id)
            seen = None if isinstance(job, Exception) else Look(number, hints.get(job_id), job)
            for look in looks:
                if look.done():
                    continue  # its request is gone
                if isinstance(job, Exception):
                    look.set_exception(job)
                elif seen is not None:
                    look.set_result(seen)

    async def _get(self, job_ids: Sequence[str]) -> Mapping[str, Job | Exception | None]:
        """Read the records at once; one that is damaged is an error of its own job alone."""
        if len(job_ids) > 1:
            try:
                return await self._jobs.get_many(job_ids)
            except Unavailable:
                raise
            except Definite:
                return {job_id: await self._get_one(job_id) for job_id in job_ids}
        return {job_id: await self._jobs.get(job_id) for job_id in job_ids}

    async def _get_one(self, job_id: str) -> Job | Exception | None:
        try:
            return await self._jobs.get(job_id)
        except StoreError as error:
            return error
