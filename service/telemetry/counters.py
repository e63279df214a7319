"""
What is counted: this table lists every counter, and nothing is counted anywhere else.

A counter is some events of `service.telemetry`, told apart by labels. A label is either fixed by the event or the
event's field of the same name, so a dashboard and the log speak the same words. Every label has a vocabulary; what is
not in it is counted as ``other``. Nothing that a client or a file can choose ever becomes a label.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from service.core.errors import RepriseError
from service.core.limits.shares import TenantLimitReached
from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.inputs import INPUT_FORMATS
from service.core.orphans import Reason
from service.telemetry import events
from service.telemetry.events import Event

OTHER = "other"
NO_CODE = ""


def _codes(error: type[RepriseError]) -> Iterator[str]:
    yield error.code
    for more in error.__subclasses__():
        yield from _codes(more)


# Codes of errors, those that `core.jobs.outcome` gives to failures, and those that only the web layer has.
CODES = (
    frozenset(_codes(RepriseError))
    | frozenset(_codes(TenantLimitReached))
    | {"input_gone", "storage_failed", "attempts_exhausted"}
)
PROBLEMS = CODES | {"malformed_json", "body_too_large", "method_not_allowed"}
RELEASES = CODES | {"shutdown", "cancelled"}
LOSSES = frozenset({"fenced", "deleted", "handed back", "could not record the outcome"})
SERVICES = frozenset({"dynamodb", "s3"})
PLACES = frozenset(
    {"web", "answer", "attempt", "first look", "feed", "janitor", "notifier", "presence", "queue depth", "wakeups"}
)
ORPHANS: Mapping[str, frozenset[str]] = {
    "kind": frozenset({"object", "transfer"}),
    "reason": frozenset(str(reason) for reason in Reason),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """
    A counter: what it adds up, by which labels, and their values.

    `adds` is a field of the events, else each adds 1. With `only_with` events count only if they have that field.
    """

    name: str  # Prometheus puts `_total` behind it
    about: str
    events: Mapping[Event, Mapping[str, str]]
    labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    adds: str | None = None
    only_with: str | None = None

    def counts(self, fields: Mapping[str, object]) -> bool:
        """Whether an event with these fields belongs here."""
        return self.only_with is None or self.only_with in fields

    def values(self, event: Event, fields: Mapping[str, object]) -> tuple[str, ...]:
        """The labels of one event, in their order."""
        fixed = self.events[event]
        found = ((label, fixed[label] if label in fixed else str(fields.get(label))) for label in self.labels)
        return tuple(value if value in self.labels[label] else OTHER for label, value in found)

    def amount(self, fields: Mapping[str, object]) -> float:
        """What one event adds; what is no number adds nothing."""
        if self.adds is None:
            return 1.0
        value = fields.get(self.adds)
        return max(0.0, float(value)) if isinstance(value, int | float) else 0.0


def _each(event: Event) -> Mapping[Event, Mapping[str, str]]:
    return {event: {}}


COUNTERS: tuple[Counted, ...] = (
    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────
    Counted(
        "reprise_jobs_accepted",
        "Jobs accepted, by output format; a repeated Idempotency-Key counts again.",
        _each(events.JOB_ACCEPTED),
        {"format": frozenset(OUTPUT_FORMATS)},
    ),
    Counted(
        "reprise_jobs_ended",
        "Jobs that came to their end here, by outcome and code of the failure.",
        {
            events.JOB_SUCCEEDED: {"outcome": "succeeded", "code": NO_CODE},
            events.JOB_FAILED: {"outcome": "failed"},
            events.JOB_EXHAUSTED: {"outcome": "failed", "code": "attempts_exhausted"},
            events.JOB_STOPPED: {"outcome": "cancelled", "code": NO_CODE},
            events.JOB_CANCELLED: {"outcome": "cancelled", "code": NO_CODE},
        },
        {"outcome": frozenset({"succeeded", "failed", "cancelled"}), "code": CODES | {NO_CODE}},
    ),
    Counted(
        "reprise_attempts_started",
        "Attempts begun here: claimed from the queue, or taken over from a worker that fell silent.",
        {events.JOB_CLAIMED: {"how": "claimed"}, events.JOB_TAKEN_OVER: {"how": "taken_over"}},
        {"how": frozenset({"claimed", "taken_over"})},
    ),
    Counted(
        "reprise_takeovers",
        "Jobs taken over here: from a worker whose lease lapsed (silence), or that Redis showed to be gone.",
        _each(events.JOB_TAKEN_OVER),
        {"cause": frozenset({"silence", "gone"})},
    ),
    Counted(
        "reprise_jobs_requeued",
        "Jobs of a silent or lost worker that this one queued again, because it had no free slot to take them over.",
        _each(events.JOB_REQUEUED),
        {"cause": frozenset({"silence", "gone"})},
    ),
    Counted(
        "reprise_takeovers_needless",
        "Jobs of this worker that another one took over while this one lived.",
        _each(events.JOB_TAKEN_FROM_LIVING),
    ),
    Counted(
        "reprise_attempts_released",
        "Attempts given back to the queue: at shutdown, or for a fault that may pass.",
        _each(events.JOB_RELEASED),
        {"reason": RELEASES},
    ),
    Counted(
        "reprise_attempts_lost",
        "Attempts that ended without a record: fenced, or not sure any more of not being.",
        _each(events.JOB_LOST),
        {"reason": LOSSES},
    ),
    Counted("reprise_heartbeats", "Renewals of leases.", _each(events.JOB_RENEWED)),
    Counted(
        "reprise_heartbeats_late", "Renewals that came after two missed beats or more.", _each(events.JOB_RENEWED_LATE)
    ),
    Counted("reprise_heartbeats_failed", "Renewals that the store did not take.", _each(events.JOB_RENEWAL_FAILED)),
    # ── ffmpeg ───────────────────────────────────────────────────────────────────────────────────────────────────
    Counted(
        "reprise_ffmpeg_started",
        "Runs of ffmpeg, streaming or through a local file.",
        _each(events.FFMPEG_STARTED),
        {"path": frozenset({"streaming", "local"})},
    ),
    Counted(
        "reprise_ffmpeg_stopped",
        "Runs of ffmpeg that were ended because they stalled (transcode_stalled) or hit a cap.",
        _each(events.FFMPEG_STOPPED),
        {"code": frozenset({"transcode_stalled", "time_exceeded", "output_too_large"})},
    ),
    Counted("reprise_ffmpeg_paused", "Pauses of ffmpeg because its uploads lagged.", _each(events.FFMPEG_PAUSED)),
    Counted("reprise_local_fallbacks", "Conversions that needed a local file.", _each(events.LOCAL_FALLBACK)),
    Counted(
        "reprise_streams_retried",
        "Streams that ended as bad media and were tried again as a local file, by container.",
        _each(events.STREAM_RETRIED),
        {"container": frozenset(item.name for item in INPUT_FORMATS)},
    ),
    # ── webhooks ─────────────────────────────────────────────────────────────────────────────────────────────────
    Counted(
        "reprise_notifications",
        "Attempts to notify an endpoint, by outcome: delivered, postponed (tried again), dead (given up).",
        {
            events.NOTIFICATION_DELIVERED: {"outcome": "delivered"},
            events.NOTIFICATION_POSTPONED: {"outcome": "postponed"},
            events.NOTIFICATION_DEAD: {"outcome": "dead"},
        },
        {"outcome": frozenset({"delivered", "postponed", "dead"})},
    ),
    # ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────────
    Counted("reprise_uploads_stored", "Uploads that are complete.", _each(events.UPLOAD_STORED)),
    Counted("reprise_uploads_stored_bytes", "Bytes of complete uploads.", _each(events.UPLOAD_STORED), adds="size"),
    Counted("reprise_uploads_refused", "Uploads refused.", _each(events.UPLOAD_REFUSED), {"code": PROBLEMS}),
    Counted("reprise_converted_bytes", "Bytes of finished outputs.", _each(events.JOB_SUCCEEDED), adds="size"),
    Counted(
        "reprise_conversion_seconds",
        "Seconds that successful attempts took, from claim to record.",
        _each(events.JOB_SUCCEEDED),
        adds="seconds",
    ),
    Counted(
        "reprise_downloads",
        "Downloads begun: redirected to the object store, or sent through this service.",
        _each(events.DOWNLOAD_STARTED),
        {"via": frozenset({"url", "link", "proxy"})},
    ),
    Counted(
        "reprise_downloads_sent_bytes", "Bytes sent through this service.", _each(events.DOWNLOAD_ENDED), adds="size"
    ),
    Counted("reprise_downloads_broken", "Downloads that broke off on our side.", _each(events.DOWNLOAD_BROKEN)),
    Counted(
        "reprise_connections_closed",
        "Connections that were closed because their client was too slow, by what they waited for.",
        _each(events.CONNECTION_CLOSED),
        {"phase": frozenset({"request", "head", "body", "reader"})},
    ),
    Counted(
        "reprise_connections_full",
        "Minutes in which connections were closed or refused because there were too many.",
        _each(events.CONNECTIONS_FULL),
    ),
    # ── outside services ─────────────────────────────────────────────────────────────────────────────────────────
    Counted(
        "reprise_aws_retries", "Requests to AWS that were repeated.", _each(events.AWS_RETRIED), {"service": SERVICES}
    ),
    Counted(
        "reprise_aws_failures",
        "Calls to AWS that failed for good; `aws` where a connection failed.",
        _each(events.AWS_FAILURE),
        {"service": SERVICES | {"aws"}},
    ),
    Counted("reprise_circuit_opened", "Times a circuit opened.", _each(events.CIRCUIT_OPENED), {"service": SERVICES}),
    Counted("reprise_redis_lost", "Times Redis went away.", _each(events.REDIS_AWAY)),
    Counted("reprise_s3_mended", "Streams from S3 that broke and were continued.", _each(events.S3_MENDED)),
    Counted(
        "reprise_cleanups_slow",
        "Clean-ups that were not waited for any longer; they go on.",
        _each(events.CLEANUP_SLOW),
    ),
    Counted("reprise_s3_left_behind", "Objects or parts left to the janitor.", _each(events.S3_LEFT_BEHIND)),
    # ── upkeep ───────────────────────────────────────────────────────────────────────────────────────────────────
    Counted("reprise_janitor_found", "Orphans found by the janitor.", _each(events.JANITOR_FOUND), ORPHANS),
    Counted("reprise_janitor_cleaned", "Orphans removed by the janitor.", _each(events.JANITOR_CLEANED), ORPHANS),
    Counted("reprise_janitor_trouble", "Rounds or removals that failed.", _each(events.JANITOR_TROUBLE)),
    Counted(
        "reprise_worker_trouble", "Looks for work, and records, that the store failed.", _each(events.WORKER_TROUBLE)
    ),
    Counted("reprise_claiming_paused", "Times this container ran short of something.", _each(events.CLAIMING_PAUSED)),
    Counted(
        "reprise_problems",
        "Answers that were problem documents, by code and status; 429 and 503 are the refusals.",
        _each(events.REQUEST_DONE),
        {"code": PROBLEMS, "status": frozenset(str(int(status)) for status in HTTPStatus if status >= 400)},
        only_with="code",
    ),
    Counted(
        "reprise_unexpected",
        "Mistakes of ours, with a traceback in the log.",
        _each(events.UNEXPECTED),
        {"where": PLACES},
    ),
)
