"""The documents about notifications."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.application.listing import Page
from service.core.jobs.job import Job
from service.core.webhooks.notification import Progress, message_id

Reason = Annotated[
    str,
    Meta(
        description="`status_` and the status of the answer, or `timeout`, `no_address`, `address_not_allowed`, "
        "`connection_failed`, `tls_failed`, `bad_answer`",
        examples=["status_500"],
    ),
]
Attempts = Annotated[int, Meta(ge=0, description="how often it was sent, or begun to be sent")]


class NotificationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How far the webhook about the end of a job is."""

    id: Annotated[
        str, Meta(description="`webhook-id` of every attempt", examples=["pfxxk4dsnf2gs3dbnztws3tfoi_failed"])
    ]
    state: Progress
    attempts: Attempts
    next_attempt_at: Annotated[datetime | UnsetType, Meta(description="of a pending one")] = UNSET
    finished_at: Annotated[datetime | UnsetType, Meta(description="when it was delivered, or given up")] = UNSET
    last_error: Reason | UnsetType = UNSET


class NotificationLinks(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go from a notification."""

    job: str
    resend: Annotated[str, Meta(description="POST here to send it again, or now")]


class ListedNotificationDocument(NotificationDocument, frozen=True, kw_only=True):
    """A notification in a list."""

    job_id: str
    job_state: Literal["succeeded", "failed", "cancelled"]
    links: NotificationLinks


class NotificationsDocument(msgspec.Struct, frozen=True):
    """A page of notifications, the latest first."""

    notifications: list[ListedNotificationDocument]
    next: Annotated[str | None, Meta(description="`cursor` of the next page; null when this is the last one.")]


def moment(seconds: float) -> datetime:
    """Convert seconds since the epoch to a time in UTC (written as RFC 3339 with a Z), to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def notification_document(job: Job) -> NotificationDocument | None:
    """Describe the notification of a job to its client; None if it has none."""
    if job.notification is None:
        return None
    notice = job.notification
    return NotificationDocument(
        id=message_id(job.job_id, job.state),
        state=notice.state,
        attempts=notice.attempt,
        next_attempt_at=moment(job.lease.due_at) if notice.state is Progress.PENDING else UNSET,
        finished_at=UNSET if notice.ended_at is None else moment(notice.ended_at),
        last_error=notice.error or UNSET,
    )


def notifications_document(page: Page[Job]) -> NotificationsDocument:
    """Describe a page of notifications to their client."""
    return NotificationsDocument([_listed(job) for job in page.found], page.next)


def _listed(job: Job) -> ListedNotificationDocument:
    found = notification_document(job)
    path = f"/v1/jobs/{job.job_id}"
    return ListedNotificationDocument(
        **({} if found is None else msgspec.structs.asdict(found)),
        job_id=job.job_id,
        job_state=msgspec.convert(str(job.state), Literal["succeeded", "failed", "cancelled"]),
        links=NotificationLinks(job=path, resend=f"{path}/notification"),
    )
