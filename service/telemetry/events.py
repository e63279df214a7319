"""
Every event that is logged is a constant here, with its name, its level and the fields that it always has.

Code logs with ``emit(events.JOB_CLAIMED, attempt=2)`` and in no other way, so this file is the complete list of what an
operator can find in the log, and of what metrics can count. Further fields may come with an event; names and fields
that are listed do not change.
"""

import logging
from dataclasses import dataclass

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that can be logged: a dotted name, a level, the fields that always come with it."""

    name: str
    level: int
    fields: tuple[str, ...] = ()


# ── service ──────────────────────────────────────────────────────────────────────────────────────────────────────
SERVICE_STARTING = Event("service.starting", INFO, ("role", "s3", "dynamodb", "redis", "bucket", "table", "chosen_by"))
# What confines ffmpeg: whether each is in force, and the bytes of memory that one of them may use.
SERVICE_SANDBOX = Event("service.sandbox", INFO, ("namespace", "landlock", "seccomp", "memory"))
SERVICE_CHECK = Event("service.check", INFO, ("check", "result"))
SERVICE_CONCERN = Event(
    "service.concern", WARNING, ("code", "problem", "fix")
)  # something is wrong; the service starts
SERVICE_WAITING = Event("service.waiting", WARNING, ("code", "problem"))  # may pass by itself; the checks run again
SERVICE_PROBLEM = Event("service.problem", ERROR, ("code", "problem", "fix"))  # the service does not start
SERVICE_READY = Event("service.ready", INFO, ("address",))
SERVICE_STOPPING = Event("service.stopping", INFO, ("signal",))
SERVICE_STOPPED = Event("service.stopped", INFO)
UNEXPECTED = Event("service.unexpected", ERROR, ("where",))  # a mistake in this service, with its traceback

# ── worker ───────────────────────────────────────────────────────────────────────────────────────────────────────
JOB_CLAIMED = Event("job.claimed", INFO, ("job_id", "attempt"))
JOB_TAKEN_OVER = Event("job.taken_over", WARNING, ("job_id", "attempt", "previous_owner", "excused"))
JOB_REQUEUED = Event("job.requeued", WARNING, ("job_id", "previous_owner", "excused"))  # lapsed; no watcher had a slot
JOB_STEP = Event("job.step", DEBUG, ("step",))
JOB_READING = Event("job.reading", DEBUG, ("percent", "paused"))
JOB_RENEWED = Event("job.renewed", DEBUG, ("percent",))
JOB_RENEWED_LATE = Event("job.renewed_late", WARNING, ("after",))  # two heartbeats were missed: frozen, or short of CPU
JOB_RENEWAL_FAILED = Event("job.renewal_failed", WARNING, ("trust_left", "reason"))
JOB_TRUST_ENDED = Event("job.trust_ended", WARNING, ("ago",))  # ffmpeg is paused until it is renewed, or was replaced
JOB_TRUST_RENEWED = Event("job.trust_renewed", INFO)
JOB_SUCCEEDED = Event("job.succeeded", INFO, ("seconds", "size", "key"))
JOB_FAILED = Event("job.failed", WARNING, ("code", "detail"))
JOB_STOPPED = Event("job.stopped", INFO)
JOB_RELEASED = Event("job.released", INFO, ("reason", "delay"))
JOB_LOST = Event("job.lost", WARNING, ("reason",))
JOB_EXHAUSTED = Event("job.exhausted", ERROR, ("job_id", "lapses"))
JANITOR_FOUND = Event("janitor.found", INFO, ("key", "kind", "reason"))  # removed when its grace is over
JANITOR_CLEANED = Event("janitor.cleaned", INFO, ("key", "kind", "reason"))
JANITOR_ROUND = Event("janitor.round", DEBUG, ("looked", "orphans", "cleaned", "seconds"))
JANITOR_TROUBLE = Event("janitor.trouble", WARNING, ("where", "reason"))  # the next round tries again
CLAIMING_PAUSED = Event("worker.claiming_paused", WARNING, ("short_of",))
CLAIMING_RESUMED = Event("worker.claiming_resumed", INFO)
WORKER_TROUBLE = Event("worker.trouble", WARNING, ("where", "reason"))
# Of the whole service. Jobs are counted up to `limit`; `oldest_seconds`: how long the oldest due job has waited.
QUEUE_DEPTH = Event("queue.depth", INFO, ("queued", "running", "limit", "oldest_seconds"))

# ── web ──────────────────────────────────────────────────────────────────────────────────────────────────────────
REQUEST_DONE = Event("request.done", INFO, ("method", "path", "status", "seconds"))
PROBE_DONE = Event("request.probe", DEBUG, ("method", "path", "status", "seconds"))
CONNECTION_CLOSED = Event("connection.closed", DEBUG, ("phase",))  # its client was too slow
CONNECTIONS_FULL = Event(
    "connections.full", WARNING, ("limit", "closed")
)  # once a minute; `closed` since the last line
UPLOAD_STORED = Event("upload.stored", INFO, ("upload_id", "filename", "size", "format", "key"))
UPLOAD_BEGUN = Event("upload.begun", INFO, ("upload_id", "filename", "size", "key"))
UPLOAD_REFUSED = Event("upload.refused", INFO, ("code",))
JOB_ACCEPTED = Event("job.accepted", INFO, ("job_id", "upload_id", "input_key", "format"))
JOB_CANCELLED = Event("job.cancelled", INFO, ("job_id",))  # while it was queued; a running one is `job.stopped`
DOWNLOAD_STARTED = Event("download.started", INFO, ("job_id", "key", "via"))
DOWNLOAD_ENDED = Event("download.ended", DEBUG, ("job_id", "size"))  # sent by this process, completely or not
DOWNLOAD_BROKEN = Event("download.broken", WARNING, ("job_id", "reason"))

# ── ffmpeg ───────────────────────────────────────────────────────────────────────────────────────────────────────
FFMPEG_STARTED = Event("ffmpeg.started", INFO, ("pid", "arguments", "path", "input_key"))
FFMPEG_SAID = Event("ffmpeg.said", DEBUG, ("line",))
FFMPEG_PAUSED = Event("ffmpeg.paused", DEBUG, ("behind",))
FFMPEG_STOPPED = Event("ffmpeg.stopped", WARNING, ("code", "detail"))  # by this service: it stalled, or reached a limit
FFMPEG_ENDED = Event("ffmpeg.ended", INFO, ("exit_code", "seconds", "last_lines"))
# A stream that ffmpeg could not read, or not to its end, is tried again as a file: if that works, `sniff` was wrong.
STREAM_RETRIED = Event("ffmpeg.stream_retried", WARNING, ("container", "demuxer", "detail"))
LOCAL_FALLBACK = Event("ffmpeg.local_fallback", INFO, ("reason", "size"))
CLEANUP_SLOW = Event("ffmpeg.cleanup_slow", WARNING, ("job_id", "seconds"))  # it goes on in the background

# ── traces ───────────────────────────────────────────────────────────────────────────────────────────────────────
TRACE_TROUBLE = Event("trace.trouble", WARNING, ("reason",))  # spans were not sent; nothing else is touched

# ── outside services ─────────────────────────────────────────────────────────────────────────────────────────────
AWS_CALL = Event("aws.call", DEBUG, ("service", "operation", "status"))
AWS_FAILURE = Event("aws.failure", WARNING, ("service", "operation", "reason"))
AWS_RETRIED = Event("aws.retried", DEBUG, ("service", "operation", "attempt"))
CIRCUIT_OPENED = Event("circuit.opened", ERROR, ("service", "reason", "retry_after"))
CIRCUIT_HALF_OPEN = Event("circuit.half_open", INFO, ("service",))  # one call is let through to try
CIRCUIT_CLOSED = Event("circuit.closed", INFO, ("service",))
S3_PART_STORED = Event("s3.part_stored", DEBUG, ("key", "part", "size"))
S3_COMPLETED = Event("s3.completed", INFO, ("key", "parts", "size"))
S3_NOT_WHOLE = Event("s3.not_whole", ERROR, ("key", "size", "found"))  # S3 completed it, but bytes are missing
S3_LEFT_BEHIND = Event("s3.left_behind", WARNING, ("key", "reason"))  # the janitor will remove it
S3_MENDED = Event("s3.mended", WARNING, ("key", "offset", "reason"))
S3_SWEPT = Event("s3.swept", INFO, ("prefix", "found"))
REDIS_AWAY = Event("redis.away", WARNING, ("reason",))
REDIS_BACK = Event("redis.back", INFO)
