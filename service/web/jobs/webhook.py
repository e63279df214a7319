"""The body of a notification: an event of the Standard Webhooks specification, with the job as the API shows it."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.application.progress import View
from service.core.jobs.job import Job
from service.core.jobs.progress import shown
from service.web.http.notices import moment
from service.web.http.schemas import JobDocument, job_document

Kind = Literal["job.succeeded", "job.failed", "job.cancelled"]


class WebhookDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted to the endpoint of a tenant when a job has ended."""

    type: Kind
    timestamp: Annotated[datetime, Meta(description="when the job ended: the same in every attempt")]
    data: Annotated[JobDocument, Meta(description="the job, as GET /v1/jobs/{job_id} shows it")]


def webhook_body(job: Job) -> bytes:
    """Return the body of the notification of a job that has ended: the same bytes in every attempt."""
    ended = job.finished_at if job.finished_at is not None else job.created_at
    told = replace(job, notification=None)  # which would differ from one attempt to the next
    document = job_document(View(told, shown(told, None)))
    kind = msgspec.convert(f"job.{job.state}", Kind)
    return msgspec.json.encode(WebhookDocument(type=kind, timestamp=moment(ended), data=document))
