"""
The documents of the API, as far as a client uses them.

Members that a newer service adds are ignored, and those that an older one lacks have a default, so that client and
service need not be updated together.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
FINAL = frozenset({"succeeded", "failed", "cancelled"})


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a file is, as far as it is known. `format` is that of the container, `codec` as ffmpeg calls it.

    `sample_rate` in Hz; `title` and `artist` are from its tags, and `cover` says whether there is a picture.
    """

    format: str
    duration_seconds: float | None = None
    codec: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    bitrate_kbps: int | None = None
    title: str | None = None
    artist: str | None = None
    cover: bool = False


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that is complete and was recognised. `size` in bytes; `format` is what its bytes are."""

    upload_id: str
    filename: str
    size: int
    format: str
    media: Media | None = None
    created_at: datetime
    expires_at: datetime


class Part(msgspec.Struct, frozen=True):
    """A part of an upload that has arrived. `size` in bytes."""

    number: int
    size: int
    etag: str


class PendingUpload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload of which not all has arrived. `size` as declared, `received` and `part_size` in bytes."""

    upload_id: str
    filename: str
    size: int | None
    received: int
    parts: list[Part]
    part_size: int


class Stage(msgspec.Struct, frozen=True):
    """How far an upload is: `pending` or `complete`."""

    state: str


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes of a part go, straight to the object store."""

    url: str
    method: str = "PUT"
    headers: dict[str, str] = {}


class ListedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload in a list. `size` in bytes, of one that is `pending` as it was declared; `media` once complete."""

    upload_id: str
    state: Literal["pending", "complete"]
    filename: str
    size: int | None = None
    media: Media | None = None
    created_at: datetime
    expires_at: datetime


class Ffmpeg(msgspec.Struct, frozen=True):
    """The command line that writes the same bytes; `INPUT` and `OUTPUT` in it stand for the files."""

    version: str | None = None
    arguments: list[str] = []


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """How long the last attempt took, in seconds, and seconds of sound in one of them (`speed`)."""

    seconds: float
    duration_seconds: float | None = None
    speed: float | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed."""

    code: str
    detail: str
    diagnostics: dict[str, Any] = {}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is. `percent` from 0 to 100, and never falls; `resumed`: an earlier attempt was interrupted."""

    job_id: str
    state: State
    percent: float
    attempt: int = 0
    resumed: bool = False

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self.state in FINAL


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """How far the webhook about the end of a job is. `last_error` says why the last attempt was in vain."""

    id: str
    state: Literal["pending", "delivered", "dead"]
    attempts: int = 0
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    last_error: str | None = None


class ListedNotification(Notification, frozen=True, kw_only=True):
    """A notification in a list."""

    job_id: str
    job_state: str


class NotificationsPage(msgspec.Struct, frozen=True):
    """Some notifications, the latest first; `next` asks for those behind them, None at the end."""

    notifications: list[ListedNotification]
    next: str | None = None


class Job(Progress, frozen=True, kw_only=True):
    """A conversion. `size` of the output in bytes, `ffmpeg` and `conversion`: when it succeeded."""

    upload_id: str
    filename: str
    format: str
    options: dict[str, Any] = {}
    media: Media | None = None
    path: str | None = None
    cancel_requested: bool = False
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime
    size: int | None = None
    error: Failure | None = None
    track: dict[str, Any] | None = None
    warnings: list[dict[str, Any]] = []
    ffmpeg: Ffmpeg | None = None
    conversion: Conversion | None = None
    notification: Notification | None = None


class JobsPage(msgspec.Struct, frozen=True):
    """Some of a tenant's jobs, newest first; `next` asks for those behind them, None at the end."""

    jobs: list[Job]
    next: str | None = None


class UploadsPage(msgspec.Struct, frozen=True):
    """Some of a tenant's uploads, newest first; `next` as for jobs."""

    uploads: list[ListedUpload]
    next: str | None = None


class Link(msgspec.Struct, frozen=True):
    """Where an output is, without a key, for `expires` seconds."""

    url: str
    expires: int
