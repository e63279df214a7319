"""
Orphans: what lies in the bucket without a record that needs it, and when that is certain enough to delete it.

Why there can be orphans
    A process that is killed between two steps leaves what it had made: parts of an upload that is never completed, an
    output that no record names, an input whose record was never written. And records end: they are deleted, or their
    time is over.

What is authoritative
    The records. They are read *after* the bucket was listed, so that nothing can be found whose record is still to
    come, but for the short moments between an effect and its record; and those the rules below leave alone:

    =====================================  ==========================================================================
    under ``results/{job}/{attempt}/…``    an orphan if …
    =====================================  ==========================================================================
    there is no such job                   always: ids are never used twice, and a job is recorded before its attempts
    the job is running                     the attempt is an earlier one. The present one may be publishing just now
    the job is queued                      the attempt is not to come: the worker that made it has given the job back
    the job is over                        it is not the output that the record names, or the job has expired
    =====================================  ==========================================================================

    ``uploads/{upload}/input`` is an orphan if there is no such upload, or it has expired; or if it is a transfer that
    the record does not wait for. Never while a job that is queued or running reads it.

No clocks are compared
    What S3 says about an object's age, and what this machine believes about the time, are words of two clocks. Instead
    a thing is an orphan for the purpose of deletion only if it was seen as one, unchanged, twice, a whole *grace*
    apart on our own monotonic clock; one sighting as anything else starts that anew. A process that restarts has seen
    nothing. For a transfer, "unchanged" includes the parts that have arrived: one that still grows is being sent.
    That a record has expired is the one thing that needs the time of day. There our clock is distrusted by `SLACK`.

Two janitors at once
    come to the same end: what is an orphan stays one (attempts only rise, ids are not used twice, a record that is
    gone stays gone), and to delete what is deleted is no error.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.core.naming import parse_input_key, parse_output_key
from service.core.upload import PendingUpload, Upload

SLACK = 2 * 3600.0  # seconds by which a machine's clock may be wrong without harm


class Reason(StrEnum):
    """Why something is an orphan."""

    NO_RECORD = "no_record"
    EXPIRED = "expired"
    FENCED = "fenced"  # an attempt that was replaced, or has given the job back
    NOT_NAMED = "not_named"  # there is a record, and it names something else


@dataclass(frozen=True, slots=True)
class Found:
    """An object, or (with a `transfer`) an unfinished upload. `mark` differs when it is not the same any more."""

    key: str
    mark: str
    transfer: str | None = None

    @property
    def kind(self) -> str:
        """`object` or `transfer`."""
        return "object" if self.transfer is None else "transfer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """
    What the records say, read after the bucket: by id, None for one that does not exist.

    An id that is missing here could not be read, so that nothing is known about it. `inputs_in_use` are the keys that
    queued and running jobs read; None if that is not known.
    """

    jobs: Mapping[str, Job | None] = field(default_factory=dict)
    uploads: Mapping[str, Upload | PendingUpload | None] = field(default_factory=dict)
    inputs_in_use: Collection[str] | None = ()


def orphaned(found: Found, records: Records, now: float) -> Reason | None:
    """Return why `found` is an orphan, or None if it is not, or may not be. `now`: seconds since the epoch, here."""
    if (output := parse_output_key(found.key)) is not None:
        job_id, attempt = output
        return _output(found, attempt, records.jobs[job_id], now) if job_id in records.jobs else None
    upload_id = parse_input_key(found.key)
    if upload_id is None or upload_id not in records.uploads:
        return None  # not ours, or not known
    if records.inputs_in_use is None or found.key in records.inputs_in_use:
        return None
    return _input(found, records.uploads[upload_id], now)


def settle(
    before: Mapping[Found, float],
    orphans: Iterable[Found],
    *,
    after: str,
    last: str | None,
    began: float,
    ended: float,
    grace: float,
) -> tuple[dict[Found, float], list[Found]]:
    """
    Look at a page of the bucket once more.

    Args:
        before: the orphans that were seen earlier, and when (monotonic seconds) each was seen first.
        orphans: those of this page.
        after: the page holds all keys that are greater than this …
        last: … up to and including this one, or all up to the end for None.
        began: monotonic seconds before the page was listed. A sighting is confirmed at its beginning …
        ended: … and counts from its end, after the records were read, so that a slow look makes us late, never early.
        grace: seconds.

    Returns the new memory, and the orphans that have been such, unchanged, for a whole `grace`.
    """
    memory = {found: since for found, since in before.items() if not _within(found.key, after, last)}
    due: list[Found] = []
    for found in orphans:
        since = before.get(found, ended)
        memory[found] = since
        if found in before and began - since >= grace:
            due.append(found)
    return memory, due


def _within(key: str, after: str, last: str | None) -> bool:
    return key > after and (last is None or key <= last)


def _output(found: Found, attempt: int, job: Job | None, now: float) -> Reason | None:
    if job is None:
        return Reason.NO_RECORD
    if attempt > job.attempt:
        return None  # cannot be; what cannot be is not touched
    if job.state is State.RUNNING:
        return Reason.FENCED if attempt < job.attempt else None
    if job.state is State.QUEUED:
        return Reason.FENCED
    if found.transfer is not None or job.output is None or job.output.key != found.key:
        return Reason.NOT_NAMED
    return Reason.EXPIRED if _over(job.expires_at, now) else None


def _input(found: Found, upload: Upload | PendingUpload | None, now: float) -> Reason | None:
    if upload is None:
        return Reason.NO_RECORD
    if _over(upload.expires_at, now):
        return Reason.EXPIRED
    awaited = upload.transfer if isinstance(upload, PendingUpload) else None
    if found.transfer is not None and found.transfer != awaited:
        return Reason.NOT_NAMED
    return None


def _over(expires_at: float, now: float) -> bool:
    return now >= expires_at + SLACK
