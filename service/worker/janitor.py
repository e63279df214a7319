"""
The janitor: looks for orphans in the bucket, a page in each round, and removes those that are certain.

What an orphan is, and when it may be removed, is decided in `service.core.orphans`; here is the walk through the
bucket. Every container may run one, and where there are many workers, three of them do (`core.jobs.ring.on_duty`). They
do not know of each other, start at different moments, and come to the same end. A round that fails half-way has lost
nothing, because the next one looks at the same page again. What a janitor has seen dies with its process; for a service
that never lives for a whole grace, the bucket's own lifecycle rules are the net below.
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from service.core import defaults
from service.core.errors import Definite, ObjectGone, StoreError, Unavailable
from service.core.naming import RESULTS, UPLOADS, parse_input_key, parse_output_key
from service.core.orphans import Found, Reason, Records, orphaned, settle
from service.ports.jobs import JobRecords
from service.ports.leases import Leases
from service.ports.objects import Housekeeping
from service.ports.time import Clock, Ids
from service.ports.uploads import UploadRecords
from service.telemetry import emit, events

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class JanitorPorts:
    """The outside, as a janitor sees it."""

    jobs: JobRecords
    leases: Leases
    uploads: UploadRecords
    objects: Housekeeping
    clock: Clock
    ids: Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class JanitorConfig:
    """Times in seconds."""

    interval: float = defaults.JANITOR_INTERVAL  # between two rounds
    grace: float = defaults.JANITOR_GRACE  # how long an orphan has to be seen as one
    page: int = 500  # objects, and transfers, that a round looks at under each prefix
    max_queued: int = 250  # jobs waiting; with more, inputs are left alone until the queue is shorter


@dataclass(slots=True)
class Walk:
    """One way through the bucket, and how far it has come."""

    list: Callable[[str, int], Awaitable[Sequence[Found]]]  # what comes after a key, at least so many if there are
    after: str = ""
    memory: dict[Found, float] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """What a round did."""

    looked: int = 0
    orphans: int = 0
    cleaned: int = 0


class Janitor:
    """Run with `run`, which ends only by being cancelled."""

    def __init__(self, ports: JanitorPorts, config: JanitorConfig, on_duty: Callable[[], bool] = lambda: True) -> None:
        """`on_duty` tells whether it is for this container to make rounds: a few are enough."""
        self._ports, self._config, self._on_duty = ports, config, on_duty
        prefixes = (RESULTS, UPLOADS)
        # Transfers first: one that is completed in between is then found among the objects.
        self._walks = [Walk(self._transfers(prefix)) for prefix in prefixes]
        self._walks += [Walk(self._objects(prefix)) for prefix in prefixes]

    async def run(self) -> None:
        """
        Make a round from time to time; the first one anywhere within the interval, so that containers keep apart.

        Trouble is logged and the next round tries again: housekeeping never ends the process that converts.
        """
        clock, ids, interval = self._ports.clock, self._ports.ids, self._config.interval
        await clock.sleep(interval * ids.draw())
        while True:
            try:
                if self._on_duty():
                    await self.round()
            except StoreError as error:
                emit(events.JANITOR_TROUBLE, where="round", reason=error.detail)
            except Exception as error:  # noqa: BLE001  # logged with its traceback, and no reason to stop converting
                emit(events.UNEXPECTED, where="janitor", exc_info=error)
            await clock.sleep(interval * (0.9 + 0.2 * ids.draw()))

    async def round(self) -> Tally:
        """Look at the next page of every walk. Raises `StoreError`."""
        began, tally = self._ports.clock.monotonic(), Tally()
        for walk in self._walks:
            await self._look(walk, tally)
        seconds = round(self._ports.clock.monotonic() - began, 3)
        looked, orphans, cleaned = tally.looked, tally.orphans, tally.cleaned
        emit(events.JANITOR_ROUND, looked=looked, orphans=orphans, cleaned=cleaned, seconds=seconds)
        return tally

    async def _look(self, walk: Walk, tally: Tally) -> None:
        clock, began = self._ports.clock, self._ports.clock.monotonic()
        page = await walk.list(walk.after, self._config.page)
        records = await self._records(page)
        now = clock.wall()
        reasons = {found: reason for found in page if (reason := orphaned(found, records, now)) is not None}
        orphans = {marked: reasons[found] for found in reasons if (marked := await self._marked(found)) is not None}
        ended, last = clock.monotonic(), page[-1].key if len(page) >= self._config.page else None
        known = walk.memory
        walk.memory, due = settle(
            known, orphans, after=walk.after, last=last, began=began, ended=ended, grace=self._config.grace
        )
        for found, reason in orphans.items():
            # Without a record, a transfer may well be a file that is being sent; it is said if it comes to nothing.
            if found not in known and (found.transfer is None or reason is not Reason.NO_RECORD):
                emit(events.JANITOR_FOUND, key=found.key, kind=found.kind, reason=str(reason))
        tally.looked += len(page)
        tally.orphans += len(orphans)
        await self._clean(due, orphans, tally)
        walk.after = last or ""  # only now: a page that could not be dealt with is looked at again

    async def _clean(self, due: Sequence[Found], reasons: dict[Found, Reason], tally: Tally) -> None:
        objects = self._ports.objects
        for found in due:
            try:
                if found.transfer is None:
                    await objects.delete([found.key])
                else:
                    await objects.abort_parts(found.key, found.transfer)
            except Unavailable:
                raise
            except Definite as error:  # one that may not be removed must not keep us from all that come after it
                emit(events.JANITOR_TROUBLE, where=found.key, reason=error.detail)
                continue
            tally.cleaned += 1
            emit(events.JANITOR_CLEANED, key=found.key, kind=found.kind, reason=str(reasons[found]))

    async def _records(self, page: Iterable[Found]) -> Records:
        """Return what the records say about these keys, one strongly consistent read for each id."""
        outputs = [parse_output_key(found.key) for found in page]
        job_ids = sorted({output[0] for output in outputs if output is not None})
        upload_ids = sorted({upload_id for found in page if (upload_id := parse_input_key(found.key)) is not None})
        return Records(
            jobs=await _read_each(job_ids, self._ports.jobs.get),
            uploads=await _read_each(upload_ids, self._ports.uploads.look_up_upload),
            inputs_in_use=await self._inputs_in_use() if upload_ids else (),
        )

    async def _inputs_in_use(self) -> frozenset[str] | None:
        """Return the keys that queued and running jobs read, or None if there are too many to ask for."""
        jobs, most = self._ports.jobs, self._config.max_queued
        queued = await self._ports.leases.claimable(math.inf, most + 1)
        if len(queued) > most:
            return None
        waiting = await _read_each(queued, jobs.get)
        if len(waiting) < len(queued):
            return None
        keys = {job.input_key for job in waiting.values() if job is not None and not job.final}
        return frozenset(keys | {job.input_key for job in await jobs.running()})

    async def _marked(self, found: Found) -> Found | None:
        """Return an orphaned transfer with what has arrived of it as its mark; None if it has ended meanwhile."""
        if found.transfer is None or parse_input_key(found.key) is None:
            return found  # an output's transfer is judged by its attempt alone
        try:
            parts = await self._ports.objects.parts(found.key, found.transfer)
        except ObjectGone:
            return None
        return Found(found.key, f"{len(parts)} parts, {sum(part.size for part in parts)} bytes", found.transfer)

    def _objects(self, prefix: str) -> Callable[[str, int], Awaitable[Sequence[Found]]]:
        async def page(after: str, limit: int) -> Sequence[Found]:
            stored = await self._ports.objects.survey(prefix, after=after, limit=limit)
            return [Found(one.key, one.etag) for one in stored]

        return page

    def _transfers(self, prefix: str) -> Callable[[str, int], Awaitable[Sequence[Found]]]:
        async def page(after: str, limit: int) -> Sequence[Found]:
            there = await self._ports.objects.open_transfers(prefix)
            rest = sorted((one.key, one.transfer) for one in there if one.key > after)
            # A key may have several; all of them belong on the same page.
            last = rest[limit - 1][0] if len(rest) >= limit else None
            return [Found(key, "", transfer) for key, transfer in rest if last is None or key <= last]

        return page


async def _read_each(ids: Iterable[str], read: Callable[[str], Awaitable[T]]) -> dict[str, T]:
    """Return by id what `read` says, without those that cannot be understood, which must not hold up the others."""
    found: dict[str, T] = {}
    for one in ids:
        try:
            found[one] = await read(one)
        except Unavailable:
            raise
        except Definite as error:
            emit(events.JANITOR_TROUBLE, where=one, reason=error.detail)
    return found
