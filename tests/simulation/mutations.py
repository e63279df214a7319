"""
Every guard, broken in turn: what the promises rest on, and the proof that the simulation would notice.

A mutation replaces one function for as long as it is applied. There are no switches in the product.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from service.application import completion, jobs, lookup, receiving, uploads
from service.application.context import Caller
from service.application.jobs import ConversionRequest
from service.core import orphans
from service.core.errors import IllegalTransition
from service.core.jobs import ring
from service.core.jobs.job import Job
from service.core.jobs.lease import Holding, Lease, State
from service.core.jobs.outcome import Outcome, Released, Succeeded
from service.core.jobs.progress import Hint
from service.core.jobs.trust import LeasePolicy, Trust
from service.core.naming import result_prefix
from service.core.orphans import Found, Reason, Records
from service.core.upload import PendingUpload, Upload
from service.ports.jobs import IdempotencyKey
from service.testing.factories import changed
from service.testing.memory_hints import MemoryBoard
from service.testing.memory_jobs import MemoryJobs
from service.worker import attempt, janitor, steps
from service.worker.fleet import deaths
from service.worker.heartbeat import Heartbeat
from tests.simulation import mistaken
from tests.simulation.ffmpeg import SimulatedDraft
from tests.simulation.presence import SimulatedPresence


@dataclass(frozen=True, slots=True)
class Mutation:
    """`guard` is what is broken, in words; `patches` name a class or module, its attribute, and what stands there."""

    guard: str
    patches: tuple[tuple[Any, str, Any], ...]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While this is open, the guard does not hold."""
        with ExitStack() as stack:
            for owner, name, broken in self.patches:
                stack.enter_context(mock.patch.object(owner, name, broken))
            yield


def _held_by_owner(self: Lease, holding: Holding) -> bool:
    return self.state is State.RUNNING and self.owner == holding.owner


def _held_by_any_worker(self: Lease, holding: Holding) -> bool:
    return self.state is State.RUNNING


def _showable_at_once(self: Heartbeat) -> float:
    return max(self._floor, self._percent)


def _showable_from_nought(self: Heartbeat) -> float:
    return min(self._percent, self._acknowledged)


async def _notes_nothing(self: MemoryJobs, job_id: str, percent: float) -> None:
    return None


class _Loud(asyncio.Lock):
    """A lock that locks nothing."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


def _loud_heartbeat(*args: Any, **kwargs: Any) -> Heartbeat:
    heartbeat = Heartbeat(*args, **kwargs)
    heartbeat.quiet = _Loud()
    return heartbeat


_clean_up = steps.clean_up


async def _clean_up_without_sweep(work: steps.Work) -> None:
    work.job = changed(work.job, attempt=1)
    await _clean_up(work)


async def _discards_nothing(self: SimulatedDraft) -> None:
    return None


_record = attempt.Attempt._record


async def _record_after_clean_up(self: attempt.Attempt, outcome: Outcome) -> None:
    if not isinstance(outcome, Succeeded) and outcome != Released(0.0, fault=False, reason="shutdown"):
        await _clean_up(self._work)
    await _record(self, outcome)


_stop = attempt._stop


async def _cancel_once(*tasks: asyncio.Task[None], again: float) -> None:
    await _stop(*tasks, again=1_000_000.0)


def _never_too_many(self: LeasePolicy, lapses: int, excused: int = 0) -> bool:
    return False


_submit = MemoryJobs.submit


async def _submit_without_key(self: MemoryJobs, job: Job, key: IdempotencyKey | None = None) -> Job:
    return await _submit(self, job)


def _always_trusted(self: Trust, now: float) -> float:
    return 60.0


def _stood_still_or_not(self: MemoryJobs, seen: Lease) -> Job:
    job = self.jobs.get(seen.key)
    if job is None:
        raise IllegalTransition
    return job


def _renewed_with_less(self: Job, percent: float, path: str | None) -> Job:
    return replace(self, lease=self.lease.renewed(), percent=percent, path=path or self.path)


async def _publish_whatever(self: MemoryBoard, job_id: str, hint: Hint, *, again: bool = False) -> bool:
    self.hints[job_id] = hint
    return True


def _takes_none(keys: Sequence[str], workers: int, draw: float) -> Sequence[str]:
    return ()


_visible_job, _find_upload = lookup.visible_job, lookup.find_upload
_delete_job, _delete_upload, _idempotency_key = jobs.delete_job, receiving.delete_upload, jobs.idempotency_key
_orphaned = orphans.orphaned


def _visible_to_all(caller: Caller, job_id: str, job: Job | None) -> Job:
    return _visible_job(replace(caller, tenant=job.tenant) if job else caller, job_id, job)


async def _finds_all_uploads(caller: Caller, upload_id: str, key: str | None = None) -> Upload | PendingUpload:
    upload = await caller.context.uploads.look_up_upload(upload_id)
    return await _find_upload(replace(caller, tenant=upload.tenant) if upload else caller, upload_id, key)


async def _deletes_any_job(caller: Caller, job_id: str) -> Job | None:
    job = await caller.context.jobs.get(job_id)
    return await _delete_job(replace(caller, tenant=job.tenant) if job else caller, job_id)


async def _deletes_any_upload(caller: Caller, upload_id: str) -> None:
    upload = await caller.context.uploads.look_up_upload(upload_id)
    await _delete_upload(replace(caller, tenant=upload.tenant) if upload else caller, upload_id)


async def _deletes_the_output_first(caller: Caller, job_id: str) -> Job | None:
    job = await caller.context.jobs.get(job_id)
    if job is not None and job.final and job.tenant == caller.tenant:
        await caller.context.objects.delete_prefix(result_prefix(job_id))
    return await _delete_job(caller, job_id)


async def _deletes_the_record_alone(caller: Caller, job_id: str) -> Job | None:
    job = await caller.context.jobs.get(job_id)
    if job is None or not job.final or job.tenant != caller.tenant:
        return await _delete_job(caller, job_id)
    await caller.context.jobs.delete(job_id)
    return None


def _key_without_tenant(tenant: str, text: str | None, wanted: ConversionRequest) -> IdempotencyKey | None:
    return _idempotency_key("", text, wanted)


def _settles_at_once(
    before: Mapping[Found, float], orphans: Iterable[Found], **_: object
) -> tuple[dict[Found, float], list[Found]]:
    return {}, list(orphans)


def _takes_the_running(found: Found, records: Records, now: float) -> Reason | None:
    given_back = {
        name: changed(job, state=State.QUEUED) if job is not None and job.state is State.RUNNING else job
        for name, job in records.jobs.items()
    }
    return _orphaned(found, replace(records, jobs=given_back), now)


def _takes_the_named(found: Found, records: Records, now: float) -> Reason | None:
    nameless = {name: job and replace(job, output=None) for name, job in records.jobs.items()}
    return _orphaned(found, replace(records, jobs=nameless), now)


def _finds_no_transfers(found: Found, records: Records, now: float) -> Reason | None:
    return None if found.transfer is not None else _orphaned(found, records, now)


def _finds_no_inputs(found: Found, records: Records, now: float) -> Reason | None:
    return None if found.key.startswith("uploads/") else _orphaned(found, records, now)


MUTATIONS: Mapping[str, Mutation] = {
    "fence-attempt": Mutation("the fence compares the attempt", ((Lease, "held_by", _held_by_owner),)),
    "fence": Mutation("the fence compares owner and attempt", ((Lease, "held_by", _held_by_any_worker),)),
    "ceiling": Mutation(
        "nothing is shown above the ceiling that the store has acknowledged",
        ((Heartbeat, "showable", property(_showable_at_once)),),
    ),
    "floor": Mutation(
        "a new attempt shows no less than was ever seen", ((Heartbeat, "showable", property(_showable_from_nought)),)
    ),
    "durable": Mutation("the durable ceiling only rises", ((Job, "renewed", _renewed_with_less),)),
    "board": Mutation("the board ignores a lower reading", ((MemoryBoard, "publish", _publish_whatever),)),
    "note-shown": Mutation(
        "an answer from the record alone is noted first", ((MemoryJobs, "note_shown", _notes_nothing),)
    ),
    "quiet": Mutation("no heartbeat crosses the record", ((attempt, "Heartbeat", _loud_heartbeat),)),
    "sweep": Mutation(
        "the attempt that ends a job sweeps up after earlier ones", ((attempt, "clean_up", _clean_up_without_sweep),)
    ),
    "record-first": Mutation(
        "a record does not wait for a clean-up", ((attempt.Attempt, "_record", _record_after_clean_up),)
    ),
    "cancel-again": Mutation("a cancellation that was lost is repeated", ((attempt, "_stop", _cancel_once),)),
    "discard": Mutation("a refused attempt discards its output", ((SimulatedDraft, "discard", _discards_nothing),)),
    "idempotency": Mutation("an Idempotency-Key stands for one job", ((MemoryJobs, "submit", _submit_without_key),)),
    "lapses": Mutation("lapsed attempts are bounded", ((LeasePolicy, "too_many", _never_too_many),)),
    "trust": Mutation("trust ends before the lease does", ((Trust, "remaining", _always_trusted),)),
    "takeover": Mutation(
        "a takeover is conditional on (attempt, beat)", ((MemoryJobs, "_stood_still", _stood_still_or_not),)
    ),
    "list-of-all": Mutation(
        "jobs of workers without an entry are found in the list of all", ((ring, "sample", _takes_none),)
    ),
    "presence-epoch": Mutation(
        "what was seen through another connection is no evidence", ((deaths, "recall", mistaken.recall_across_epochs),)
    ),
    "presence-own": Mutation(
        "a watcher that is not connected itself concludes nothing",
        ((SimulatedPresence, "_ours_is_among", mistaken.trusts_any_server),),
    ),
    "presence-apart": Mutation(
        "a worker that says that it lives without Redis keeps its jobs",
        ((deaths.Deaths, "_apart", mistaken.believes_redis),),
    ),
    "presence-grace": Mutation(
        "a worker that connects again in time is not gone", ((deaths, "recall", mistaken.recall_without_grace),)
    ),
    "tenant-job": Mutation("another tenant's job does not exist", ((lookup, "visible_job", _visible_to_all),)),
    "tenant-upload": Mutation(
        "another tenant's upload does not exist",
        ((uploads, "find_upload", _finds_all_uploads), (completion, "find_upload", _finds_all_uploads)),
    ),
    "tenant-delete": Mutation("another tenant's job cannot be deleted", ((jobs, "delete_job", _deletes_any_job),)),
    "tenant-delete-upload": Mutation(
        "another tenant's upload cannot be deleted", ((receiving, "delete_upload", _deletes_any_upload),)
    ),
    "tenant-key": Mutation("an Idempotency-Key is its tenant's own", ((jobs, "idempotency_key", _key_without_tenant),)),
    "delete-record-first": Mutation(
        "a deletion takes the record first, and then the output", ((jobs, "delete_job", _deletes_the_output_first),)
    ),
    "delete-all": Mutation(
        "a deletion takes the output as well as the record", ((jobs, "delete_job", _deletes_the_record_alone),)
    ),
    "grace": Mutation("the janitor spares what is fresh", ((janitor, "settle", _settles_at_once),)),
    "janitor-running": Mutation(
        "the janitor spares what the running attempt has made", ((janitor, "orphaned", _takes_the_running),)
    ),
    "janitor-output": Mutation(
        "the janitor spares the output that a record names", ((janitor, "orphaned", _takes_the_named),)
    ),
    "slack": Mutation("the janitor distrusts its clock", ((orphans, "SLACK", 0.0),)),
    "janitor-transfers": Mutation(
        "the janitor finds unfinished uploads", ((janitor, "orphaned", _finds_no_transfers),)
    ),
    "janitor-inputs": Mutation("the janitor finds inputs without a record", ((janitor, "orphaned", _finds_no_inputs),)),
}
"""By the name that the command line and the table use."""
