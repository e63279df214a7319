"""
Every guard, broken in turn: what the promises rest on, and the proof that the simulation would notice.

A mutation replaces one function for as long as it is applied. There are no switches in the product.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from service.core.errors import IllegalTransition
from service.core.job import Holding, Job, State
from service.core.lease import Lease
from service.core.outcome import Outcome, Released, Succeeded
from service.core.progress import Hint
from service.ports import IdempotencyKey
from service.testing.memory_hints import MemoryBoard
from service.testing.memory_jobs import MemoryJobs
from service.worker import attempt, loop, steps
from service.worker.heartbeat import Heartbeat
from tests.simulation.ffmpeg import SimulatedDraft


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


def _held_by_owner(self: Job, holding: Holding) -> bool:
    return self.state is State.RUNNING and self.owner == holding.owner


def _held_by_anybody(self: Job, holding: Holding) -> bool:
    return self.state is State.RUNNING


def _showable_at_once(self: Heartbeat) -> float:
    return max(self._floor, self._percent)


def _showable_from_nought(self: Heartbeat) -> float:
    return min(self._percent, self._acknowledged)


async def _tells_nobody(self: MemoryJobs, job_id: str, percent: float) -> None:
    return None


class _Loud(asyncio.Lock):
    """A lock that keeps nobody out."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


def _loud_heartbeat(*args: Any) -> Heartbeat:
    heartbeat = Heartbeat(*args)
    heartbeat.quiet = _Loud()
    return heartbeat


_tidy = steps.tidy


async def _tidy_never_unsure(work: steps.Work) -> None:
    work.maybe_recorded = False
    await _tidy(work)


def _never_published(self: attempt.Attempt) -> bool:
    return False


async def _tidy_without_sweep(work: steps.Work) -> None:
    work.job = replace(work.job, attempt=1)
    await _tidy(work)


async def _discards_nothing(self: SimulatedDraft) -> None:
    return None


_record = attempt.Attempt._record


async def _record_after_clean_up(self: attempt.Attempt, outcome: Outcome) -> None:
    if not isinstance(outcome, Succeeded) and outcome != Released(0.0, fault=False, reason="shutdown"):
        await _tidy(self._work)
    await _record(self, outcome)


_submit = MemoryJobs.submit


async def _submit_without_key(self: MemoryJobs, job: Job, key: IdempotencyKey | None = None) -> Job:
    return await _submit(self, job)


def _always_trusted(self: Lease, now: float) -> float:
    return 60.0


def _stood_still_or_not(self: MemoryJobs, seen: Job) -> Job:
    job = self.jobs.get(seen.job_id)
    if job is None:
        raise IllegalTransition
    return job


def _renewed_with_less(self: Job, percent: float, path: str | None) -> Job:
    return replace(self, beat=self.beat + 1, percent=percent, path=path or self.path)


async def _publish_whatever(self: MemoryBoard, job_id: str, hint: Hint) -> None:
    self.hints[job_id] = hint


MUTATIONS: Mapping[str, Mutation] = {
    "fence-attempt": Mutation("the fence compares the attempt", ((Job, "held_by", _held_by_owner),)),
    "fence": Mutation("the fence compares owner and attempt", ((Job, "held_by", _held_by_anybody),)),
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
        "who answers from the record alone says so first", ((MemoryJobs, "note_shown", _tells_nobody),)
    ),
    "quiet": Mutation("no heartbeat crosses the record", ((attempt, "Heartbeat", _loud_heartbeat),)),
    "maybe-recorded": Mutation(
        "an output that may have been recorded is kept", ((attempt, "tidy", _tidy_never_unsure),)
    ),
    "hand-over": Mutation(
        "a hand-over does not cut the record short", ((attempt.Attempt, "_published", _never_published),)
    ),
    "sweep": Mutation("who ends a job sweeps up after earlier attempts", ((attempt, "tidy", _tidy_without_sweep),)),
    "record-first": Mutation(
        "a record does not wait for a clean-up", ((attempt.Attempt, "_record", _record_after_clean_up),)
    ),
    "discard": Mutation("who is refused discards his output", ((SimulatedDraft, "discard", _discards_nothing),)),
    "idempotency": Mutation("an Idempotency-Key stands for one job", ((MemoryJobs, "submit", _submit_without_key),)),
    "lapses": Mutation("lapsed attempts are bounded", ((loop, "MAX_LAPSES", 1_000_000),)),
    "trust": Mutation("trust ends before the lease does", ((Lease, "remaining", _always_trusted),)),
    "takeover": Mutation(
        "a takeover is conditional on (attempt, beat)", ((MemoryJobs, "_stood_still", _stood_still_or_not),)
    ),
}
"""By the name that the command line and the table use."""
