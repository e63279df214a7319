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


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that is complete and was recognised. `size` in bytes; `format` is what its bytes are."""

    upload_id: str
    filename: str
    size: int
    format: str
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
    """A conversion. `size` of the output in bytes, when it succeeded."""

    upload_id: str
    filename: str
    format: str
    options: dict[str, Any] = {}
    path: str | None = None
    cancel_requested: bool = False
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime
    size: int | None = None
    error: Failure | None = None
    warnings: list[dict[str, Any]] = []
    notification: Notification | None = None


class JobsPage(msgspec.Struct, frozen=True):
    """Some of a tenant's jobs, newest first; `next` asks for those behind them, None at the end."""

    jobs: list[Job]
    next: str | None = None


class Link(msgspec.Struct, frozen=True):
    """Where an output is, without a key, for `expires` seconds."""

    url: str
    expires: int
