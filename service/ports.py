"""
What the service needs from the outside, as narrow as it uses it.

Each protocol has one contract suite in `service.testing.contracts`, run on the fake and on every real adapter. All
verbs are coarse: nothing here hands bytes to the worker, and nothing blocks the event loop. Errors are those of
`service.core.errors`; what a method raises beyond `StoreError` is said in its docstring.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.core.capacity import Load
from service.core.job import Failure, Holding, Job, Output
from service.core.media.inputs import Source, Target
from service.core.progress import Hint, Reading
from service.core.upload import Part, PendingUpload, Upload


class Clock(Protocol):
    """The only source of time."""

    def wall(self) -> float:
        """Seconds since the epoch (UTC): for what people read and for time to live, never for durations."""

    def monotonic(self) -> float:
        """Seconds on a clock that only goes forward, comparable within this process alone."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Ids(Protocol):
    """The only source of identity and chance."""

    def new(self) -> str:
        """A fresh unguessable id of [a-z0-9], at least 120 bits."""

    def draw(self) -> float:
        """A number in [0, 1)."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key, already bound to its tenant, and the fingerprint of the request it came with."""

    key: str
    fingerprint: str


class JobStore(Protocol):
    """
    The truth about jobs. One method per transition; each is atomic and conditional.

    Methods that take a `Holding` raise `Fenced` unless it is the current lease. Methods that return a job return it
    as it is after the write.
    """

    async def submit(self, job: Job, key: IdempotencyKey | None = None) -> Job:
        """
        Accept a job. With a `key` seen before, return the job accepted then.

        Raises `IdempotencyReuse` if the key came with another fingerprint. Safe to repeat.
        """

    async def accepted(self, key: IdempotencyKey, now: float) -> Job | None:
        """
        The job that was accepted under this key; None if the key is free, or its job was deleted since.

        Raises `IdempotencyReuse` as `submit` does.
        """

    async def get(self, job_id: str) -> Job | None:
        """The job as it is now (strongly consistent), also when expired; None if there is no such item."""

    async def claimable(self, now: float, limit: int) -> Sequence[str]:
        """Ids of queued jobs that are due, oldest first: candidates only, possibly stale."""

    async def queued(self, limit: int) -> int:
        """How many jobs are queued, due or not, possibly stale; counting stops at `limit`."""

    async def running(self) -> Sequence[Job]:
        """All running jobs, each read strongly consistently (the list of their ids may be a little stale)."""

    async def claim(self, job_id: str, owner: str, now: float) -> Job:
        """Take a queued job. Raises `IllegalTransition` if it is not queued any more, `NotFound` if it is gone."""

    async def take_over(self, seen: Job, owner: str) -> Job:
        """Take a job whose lease lapsed. Raises `IllegalTransition` if its (attempt, beat) is not that of `seen`."""

    async def exhaust(self, seen: Job, failure: Failure, now: float) -> Job:
        """End a job whose attempts keep lapsing; same condition as `take_over`."""

    async def renew(self, holding: Holding, percent: float, path: str | None) -> Job:
        """A heartbeat: the beat rises, and so does the durable ceiling of progress. Safe to repeat."""

    async def release(self, holding: Holding, due_at: float, *, fault: bool) -> Job:
        """Give the job back to the queue."""

    async def succeed(self, holding: Holding, output: Output, now: float) -> Job:
        """Record the output. Safe to repeat: a job that already names this very output is returned as it is."""

    async def fail(self, holding: Holding, failure: Failure, now: float, path: str | None = None) -> Job:
        """Record why it cannot be done, and the path that the attempt was on, as far as it is known."""

    async def stop(self, holding: Holding, now: float) -> Job:
        """Record that the holder stopped because it was asked to."""

    async def cancel(self, job_id: str, now: float) -> Job:
        """A client's wish. Final jobs are returned unchanged; raises `NotFound`. Safe to repeat."""

    async def note_shown(self, job_id: str, percent: float) -> None:
        """Raise `shown` to `percent` (see `service.core.progress`); never lowers, never fails on a lost race."""

    async def delete(self, job_id: str) -> None:
        """Forget a final job; no error if it is gone already. Raises `IllegalTransition` if it is not final."""


class UploadStore(Protocol):
    """The truth about uploads."""

    async def put_upload(self, upload: Upload) -> None:
        """Record a complete upload. Safe to repeat."""

    async def get_upload(self, upload_id: str) -> Upload | None:
        """The complete upload (strongly consistent), also when expired; None if there is none, or not all of it."""

    async def begin_upload(self, pending: PendingUpload) -> None:
        """Record an upload whose parts are to come. Safe to repeat."""

    async def look_up_upload(self, upload_id: str) -> Upload | PendingUpload | None:
        """The upload, complete or not (strongly consistent), also when expired; None if there is no such item."""

    async def open_uploads(self, tenant: str, now: float, limit: int) -> int:
        """How many uploads of a tenant are begun and can still receive bytes, possibly stale; stops at `limit`."""

    async def complete_upload(self, upload: Upload) -> Upload:
        """
        Replace the pending record by the complete one. Safe to repeat: the first one wins, and is returned.

        Raises `NotFound` if there is no record any more.
        """

    async def delete_upload(self, upload_id: str) -> None:
        """Forget it; no error if it is gone already."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store describes it. `etag` is opaque and includes no quotes; `size` is bytes."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A multipart upload that was begun and neither completed nor aborted; `began_at` by the store's clock."""

    key: str
    transfer: str
    began_at: float


@dataclass(frozen=True, slots=True)
class Form:
    """Where to POST a file as ``multipart/form-data``: these fields first, and then the file as ``file``."""

    url: str
    fields: Mapping[str, str]


class ObjectStore(Protocol):
    """The bytes."""

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        """
        Store a stream of unknown length in constant memory.

        Raises `UploadTooLarge` as soon as more than `limit` bytes came, `EmptyUpload` if none came, and passes through
        whatever `chunks` raises. However it ends, nothing is left behind unless it returned.
        """

    async def head(self, key: str) -> Stored:
        """Raises `ObjectGone`."""

    async def peek(self, key: str, *, etag: str, start: int, length: int) -> bytes:
        """A small range, whole. Raises `ObjectGone`, `ObjectChanged`."""

    def read(self, key: str, *, etag: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes start … stop-1 as a stream, mended at the offset if it breaks. Raises `ObjectGone`, `ObjectChanged`."""

    async def delete(self, keys: Sequence[str]) -> None:
        """No error for keys that do not exist."""

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> Sequence[str]:
        """
        Delete every object and abort every unfinished multipart upload under `prefix`, but for the object `keep`.

        Returns the keys that were found.
        """

    async def begin_parts(self, key: str) -> str:
        """Begin an object that comes in parts; returns the store's name for the transfer."""

    async def part_url(self, key: str, transfer: str, number: int, *, seconds: int) -> str:
        """A presigned PUT of one part, for the address that the *client* can reach."""

    async def upload_form(self, key: str, *, least: int, most: int, seconds: int) -> Form:
        """
        A signed form that stores one object of `least` to `most` bytes, for the address that the *client* can reach.

        It can be sent more than once in its time, and each time replaces the object.
        """

    async def put_part(self, key: str, transfer: str, number: int, body: bytes) -> Part:
        """Store one part; one that is sent again replaces the earlier one. Raises `ObjectGone` as `parts` does."""

    async def parts(self, key: str, transfer: str) -> Sequence[Part]:
        """What has arrived, by number. Raises `ObjectGone` if the transfer is not open (any more)."""

    async def join_parts(self, key: str, transfer: str, parts: Sequence[Part]) -> Stored:
        """
        Make the object exist. Safe to repeat: where the transfer has ended, the object itself is the answer.

        Raises `ObjectGone` if there is neither, `ObjectChanged` if a part was replaced in the meantime.
        """

    async def abort_parts(self, key: str, transfer: str) -> None:
        """Drop the transfer and all its parts; no error if it has ended already."""

    async def open_transfers(self, prefix: str) -> Sequence[Unfinished]:
        """The transfers under `prefix` that are still open, whoever began them."""

    async def survey(self, prefix: str, *, after: str, limit: int) -> Sequence[Stored]:
        """The first `limit` objects (1 to 1,000) under `prefix` whose keys are greater than `after`, by key."""

    async def download_url(self, key: str, *, filename: str, content_type: str, seconds: int) -> str:
        """A presigned GET for the address that the *client* can reach, with a Content-Disposition."""


class ProgressBoard(Protocol):
    """Hints: losing all of it costs freshness. Never raises `StoreError`; a board that is away says nothing."""

    async def publish(self, job_id: str, hint: Hint) -> None:
        """Show a reading; a lower percentage than the one shown is ignored."""

    async def read(self, job_id: str) -> Hint | None:
        """What is shown, or None if nothing is, or the board is away."""

    async def forget(self, job_id: str) -> None:
        """Take it down."""

    @property
    def degraded(self) -> bool:
        """Whether the board is away at the moment (for readiness and logs)."""


class Wakeups(Protocol):
    """Hints that there is work. Losing one costs latency: sleepers also wake by themselves."""

    async def announce(self) -> None:
        """There is work. Never raises `StoreError`."""

    async def wait(self, seconds: float) -> bool:
        """Sleep until somebody announces (True) or the time is over (False)."""


class Capacity(Protocol):
    """What this container has left."""

    def load(self) -> Load:
        """Read it. Cheap, never blocks, never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to convert, from where to where."""

    job_id: str
    attempt: int
    input_key: str
    input_etag: str
    input_size: int
    source: Source
    target: Target
    output_key: str
    content_type: str
    filename: str
    local: bool  # spool the input to disk first, because it has to be seekable


class Draft(Protocol):
    """A converted file whose parts are stored but which nobody can see yet."""

    @property
    def facts(self) -> Mapping[str, object]:
        """What is worth logging: path, size, seconds, exit code, pauses …"""

    async def publish(self) -> Stored:
        """
        Make the object exist under its key, complete. Safe to repeat.

        A cancellation is passed on at once, whatever is still under way.
        """

    async def discard(self) -> None:
        """
        Leave nothing behind. Never raises `StoreError`.

        Waits for a publication that was cancelled and is still under way, so that it has the last word.
        """


class Transcoder(Protocol):
    """ffmpeg and everything around it."""

    async def convert(self, order: Order, report: Callable[[Reading], None]) -> Draft:
        """
        Run a conversion to its end.

        `report` is called on the event loop, about four times a second. Cancelling the task stops ffmpeg. What ends it
        short, a cancellation or an error, is passed on as soon as ffmpeg is gone: a lease, and a client, cannot wait
        for an object store that is slow to take back what it was given. That goes on meanwhile, see `cleared`.

        Raises `TranscodeFailed`, `ObjectGone`, `ObjectChanged`.
        """

    async def cleared(self, order: Order) -> None:
        """
        Wait until nothing is left of a conversion that ended without a draft, as long as that takes.

        Cancelling the task ends the waiting, not the clean-up. Never raises `StoreError`.
        """
