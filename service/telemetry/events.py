"""
Every event that is logged is a constant here: its name, its level, and its fields.

Code logs with ``emit(events.JOB_CLAIMED, attempt=2)`` and in no other way, so this file is the complete list of what an
operator can find in the log, and of what metrics can count. A line has all of its event's `fields`, those of `maybe`
that are known, those of `CONTEXT` that are bound where it is emitted, and those of `LINE`; and no others.
"""

import logging
from dataclasses import dataclass

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR

# Of every line; `exception`: the traceback, where there is one; the ids: of the span around it, where it is traced.
LINE = ("timestamp", "level", "event", "exception", "trace_id", "span_id")
CONTEXT = ("instance", "request_id", "tenant", "job_id", "attempt")  # bound once, for all that belongs to it


@dataclass(frozen=True, slots=True, eq=False)  # each is one object; to compare fields would take ten times as long
class Event:
    """One thing that can be logged. `about` says what it means, in a phrase for the operator's manual."""

    name: str  # dotted
    level: int
    about: str
    fields: tuple[str, ...] = ()  # always there, None where nothing is known
    maybe: tuple[str, ...] = ()  # there if they apply


# ── service ──────────────────────────────────────────────────────────────────────────────────────────────────────
SERVICE_STARTING = Event(
    "service.starting",
    INFO,
    "an instance starts: what it uses, and which setting chose that",
    ("version", "role", "slots", "s3", "dynamodb", "redis", "presigned_for", "chosen_by", "region", "bucket", "table",
     "credentials", "api_keys", "python"),
)  # fmt: skip
SERVICE_SANDBOX = Event(
    "service.sandbox",
    INFO,
    "what confines ffmpeg: whether each is in force, and the bytes of memory that one of them may use",
    ("namespace", "landlock", "seccomp", "landlock_abi", "memory"),
)
SERVICE_CHECK = Event("service.check", INFO, "the result of one check at start", ("check", "result"))
SERVICE_CONCERN = Event(
    "service.concern", WARNING, "something is wrong, and the service starts all the same", ("code", "problem", "fix")
)
SERVICE_WAITING = Event(
    "service.waiting", WARNING, "something is wrong that may pass: the checks run again", ("code", "problem")
)
SERVICE_PROBLEM = Event(
    "service.problem", ERROR, "something is wrong, and the service does not start", ("code", "problem", "fix")
)
SERVICE_READY = Event("service.ready", INFO, "the instance answers requests", ("address",))
SERVICE_FOUND = Event(
    "service.found",
    INFO,
    "the jobs that others were running when this instance started, by instance",
    ("running", "owners"),
)
SERVICE_RESTARTED = Event(
    "service.restarted",
    WARNING,
    "an earlier process of this container did not give back these jobs; each is taken over within so many seconds",
    ("previous", "jobs", "within"),
)
SERVICE_STOPPING = Event("service.stopping", INFO, "the instance was told to stop", ("signal", "active"))
SERVICE_STOPPED = Event(
    "service.stopped",
    INFO,
    "the instance has stopped: why, after which time, how long the stop took, and how many jobs went back to the queue",
    ("reason", "uptime", "seconds", "released"),
)
RESOURCES_HIGH = Event(
    "resources.high",
    WARNING,
    "this container is nearly out of what `short_of` names",
    ("short_of", "active", "memory", "cpu", "disk_free", "descriptors"),
)
RESOURCES_NORMAL = Event(
    "resources.normal",
    INFO,
    "there is enough of everything again",
    ("seconds", "active", "memory", "cpu", "disk_free", "descriptors"),
)
UNEXPECTED = Event("service.unexpected", ERROR, "a mistake in this service, with its traceback", ("where",))
LIBRARY_SAID = Event(
    "library.said",
    WARNING,
    "a library complains, often of what a client has sent; each at most ten times a minute, `dropped` more before",
    ("logger", "text"),
    maybe=("dropped",),
)

# ── worker ───────────────────────────────────────────────────────────────────────────────────────────────────────
JOB_CLAIMED = Event("job.claimed", INFO, "an attempt begins: the job was queued", ("job_id", "attempt"))
JOB_TAKEN_OVER = Event(
    "job.taken_over",
    WARNING,
    "an attempt begins: the job's worker was `silent` for so many seconds, at so many `percent`; `lost_seconds` of "
    "sound and `lost_bytes` of the input are converted once more; the `cause` is its silence, or that it is gone",
    ("job_id", "attempt", "previous_owner", "excused", "cause", "silent", "percent", "lost_seconds", "lost_bytes"),
)
JOB_REQUEUED = Event(
    "job.requeued",
    WARNING,
    "the job's worker was silent for a lease, or seems to be gone (`cause`), and no worker that watches it has a free "
    "slot: after this `attempt` it is queued again",
    ("job_id", "attempt", "previous_owner", "excused", "cause"),
)
JOB_TAKEN_FROM_LIVING = Event(
    "job.taken_from_living", WARNING, "this attempt was taken over although its worker lives: it did not seem to"
)
JOB_STEP = Event("job.step", DEBUG, "an attempt begins its next step", ("step",))
JOB_READING = Event("job.reading", DEBUG, "how far ffmpeg is, by its own log", ("percent", "paused"))
JOB_RENEWED = Event("job.renewed", DEBUG, "the lease was renewed", ("percent",))
JOB_RENEWED_LATE = Event(
    "job.renewed_late",
    WARNING,
    "two heartbeats were missed: the process was frozen or short of CPU, or the store was slow",
    ("after",),
)
JOB_RENEWAL_FAILED = Event("job.renewal_failed", WARNING, "the store did not take a renewal", ("trust_left", "reason"))
JOB_TRUST_ENDED = Event(
    "job.trust_ended", WARNING, "the lease may be another worker's: ffmpeg is paused until that is known", ("ago",)
)
JOB_TRUST_RENEWED = Event("job.trust_renewed", INFO, "the lease is still ours, and the attempt goes on")
JOB_SUCCEEDED = Event(
    "job.succeeded", INFO, "the output is complete, and is recorded next", ("seconds", "size", "key", "facts")
)
JOB_FAILED = Event("job.failed", WARNING, "the job cannot be done", ("code", "detail", "facts"))
JOB_STOPPED = Event("job.stopped", INFO, "a running job was cancelled")
JOB_RELEASED = Event(
    "job.released", INFO, "the job goes back to the queue, due in `delay` seconds", ("reason", "delay")
)
JOB_LOST = Event("job.lost", WARNING, "an attempt ends without a record: another holds the job", ("reason",))
JOB_EXHAUSTED = Event(
    "job.exhausted", ERROR, "the job is given up: too many attempts ended without a word", ("job_id", "lapses")
)
JANITOR_FOUND = Event(
    "janitor.found", INFO, "an orphan in the bucket, to be removed when its grace is over", ("key", "kind", "reason")
)
JANITOR_CLEANED = Event("janitor.cleaned", INFO, "an orphan was removed", ("key", "kind", "reason"))
JANITOR_ROUND = Event(
    "janitor.round", DEBUG, "a look at the next page of the bucket", ("looked", "orphans", "cleaned", "seconds")
)
JANITOR_TROUBLE = Event(
    "janitor.trouble", WARNING, "a round or a removal failed; the next round tries again", ("where", "reason")
)
CLAIMING_PAUSED = Event(
    "worker.claiming_paused", WARNING, "too little is left here to begin another job", ("short_of", "active")
)
CLAIMING_RESUMED = Event("worker.claiming_resumed", INFO, "there is enough again to begin a job")
WORKER_TROUBLE = Event(
    "worker.trouble", WARNING, "a look for work, or a record, failed; it is tried again", ("where", "reason")
)
QUEUE_DEPTH = Event(
    "queue.depth",
    INFO,
    "the queue of the whole service, once a minute; jobs are counted up to `limit`, `oldest_seconds` is how long the "
    "oldest due job has waited",
    ("queued", "running", "limit", "oldest_seconds"),
)
NOTIFICATION_DELIVERED = Event(
    "notification.delivered", INFO, "a webhook was accepted", ("job_id", "host", "attempt", "seconds")
)
NOTIFICATION_POSTPONED = Event(
    "notification.postponed", WARNING, "a webhook was not accepted, for this `reason`; the next try is in `delay` s",
    (*NOTIFICATION_DELIVERED.fields, "reason", "delay"),
)  # fmt: skip
NOTIFICATION_DEAD = Event(
    "notification.dead", ERROR, "a webhook is given up after so many `tries`, or because the endpoint wants none (410)",
    (*NOTIFICATION_DELIVERED.fields, "reason", "tries"),
)  # fmt: skip

# ── web ──────────────────────────────────────────────────────────────────────────────────────────────────────────
REQUEST_DONE = Event(
    "request.done",
    INFO,
    "a request was answered; `code` is that of the problem, `size` and `format` those of its file",
    ("method", "path", "status", "seconds"),
    maybe=("code", "upload_id", "size", "format"),
)
REQUEST_POLLED = Event(
    "request.polled",
    DEBUG,
    "a look at a job was answered well; clients do that about once a second",
    REQUEST_DONE.fields,
    maybe=REQUEST_DONE.maybe,
)
PROBE_DONE = Event(
    "request.probe",
    DEBUG,
    "a question of the platform, for health or metrics, was answered",
    REQUEST_DONE.fields,
    maybe=REQUEST_DONE.maybe,
)
CONNECTION_CLOSED = Event("connection.closed", DEBUG, "a client was too slow in this phase", ("phase",))
CONNECTIONS_FULL = Event(
    "connections.full",
    WARNING,
    "too many connections, once a minute; `closed` since the last line",
    ("limit", "closed"),
)
UPLOAD_BEGUN = Event(
    "upload.begun", INFO, "an upload in parts, or past the service, begins", ("upload_id", "filename", "size", "key")
)
UPLOAD_STORED = Event(
    "upload.stored", INFO, "an upload is complete", ("upload_id", "filename", "size", "format", "key")
)
UPLOAD_REFUSED = Event("upload.refused", INFO, "an upload was refused", ("code", "detail"), maybe=("upload_id",))
JOB_ACCEPTED = Event(
    "job.accepted", INFO, "a job was submitted", ("job_id", "upload_id", "input_key", "size", "format", "options")
)
JOB_CANCELLED = Event("job.cancelled", INFO, "a job was cancelled before a worker had it", ("job_id",))
DOWNLOAD_STARTED = Event(
    "download.started",
    INFO,
    "an output is downloaded: by a presigned URL, or through the service from byte `start` to `stop`",
    ("job_id", "key", "via"),
    maybe=("start", "stop"),
)
DOWNLOAD_ENDED = Event(
    "download.ended", DEBUG, "so many bytes were sent through the service, completely or not", ("job_id", "size")
)
DOWNLOAD_BROKEN = Event("download.broken", WARNING, "a download broke off on our side", ("job_id", "reason"))

# ── ffmpeg ───────────────────────────────────────────────────────────────────────────────────────────────────────
FFMPEG_STARTED = Event("ffmpeg.started", INFO, "ffmpeg runs", ("pid", "arguments", "path", "input_key"))
FFMPEG_SAID = Event(
    "ffmpeg.said", DEBUG, "what ffmpeg wrote to its stderr; `dropped` bytes before it were too many", ("text",),
    maybe=("dropped",),
)  # fmt: skip
FFMPEG_PAUSED = Event("ffmpeg.paused", DEBUG, "ffmpeg waits for its uploads", ("behind",))
FFMPEG_STOPPED = Event("ffmpeg.stopped", WARNING, "ffmpeg stalled, or reached a limit", ("code", "detail"))
FFMPEG_ENDED = Event("ffmpeg.ended", INFO, "ffmpeg is gone", ("pid", "exit_code", "seconds", "last_lines"))
STREAM_RETRIED = Event(
    "ffmpeg.stream_retried",
    WARNING,
    "a stream that ffmpeg could not read is tried again as a file: if that works, `sniff` was wrong",
    ("container", "demuxer", "detail"),
)
LOCAL_FALLBACK = Event("ffmpeg.local_fallback", INFO, "the conversion needs a file on disk", ("reason", "size"))
CLEANUP_SLOW = Event(
    "ffmpeg.cleanup_slow", WARNING, "a clean-up was not waited for any longer, and goes on", ("job_id", "seconds")
)

# ── traces ───────────────────────────────────────────────────────────────────────────────────────────────────────
TRACE_TROUBLE = Event("trace.trouble", WARNING, "spans were not sent; nothing else is touched", ("reason",))

# ── outside services ─────────────────────────────────────────────────────────────────────────────────────────────
CALL = ("service", "operation", "status", "attempts", "seconds", "parameters")
OF_CALL = ("bucket", "table", "key", "error", "aws_request_id")  # where the call has one; `error`: a code or a class
AWS_CALL = Event(
    "aws.call",
    DEBUG,
    "AWS answered, or did not (`status` 0); `attempts` counts the requests that botocore sent for it",
    CALL,
    maybe=OF_CALL,
)
AWS_SLOW = Event("aws.slow", WARNING, "AWS took long to answer", CALL, maybe=OF_CALL)
AWS_FAILURE = Event(
    "aws.failure",
    WARNING,
    "a call to AWS failed for good; `reason` is its error code, `advice` what to change",
    ("service", "operation", "reason"),
    maybe=("advice", "attempts", "message", "aws_request_id"),
)
AWS_RETRIED = Event("aws.retried", DEBUG, "a request to AWS is repeated", ("service", "operation", "attempt"))
CIRCUIT_OPENED = Event(
    "circuit.opened", ERROR, "a service failed so often that it is left alone", ("service", "reason", "retry_after")
)
CIRCUIT_HALF_OPEN = Event("circuit.half_open", INFO, "one call is let through to try", ("service",))
CIRCUIT_CLOSED = Event("circuit.closed", INFO, "the service answers again", ("service",))
S3_PART_STORED = Event("s3.part_stored", DEBUG, "a part is in S3", ("bucket", "key", "part", "size"))
S3_COMPLETED = Event("s3.completed", INFO, "an object is complete", ("bucket", "key", "parts", "size"))
S3_NOT_WHOLE = Event("s3.not_whole", ERROR, "S3 completed it, but bytes are missing", ("key", "size", "found"))
S3_LEFT_BEHIND = Event("s3.left_behind", WARNING, "parts stay behind, for the janitor to remove", ("key", "reason"))
S3_MENDED = Event("s3.mended", WARNING, "a stream broke, and was continued", ("key", "offset", "reason"))
S3_SWEPT = Event(
    "s3.swept",
    INFO,
    "all under a prefix was removed but for what a record names: so many objects and unfinished uploads, or `found`",
    ("prefix",),
    maybe=("found", "objects", "uploads"),
)
REDIS_CALL = Event(
    "redis.call",
    DEBUG,
    "Redis answered, or did not; `connection` is the state of its circuit before",
    ("operation", "key", "status", "seconds", "connection"),
)
REDIS_AWAY = Event("redis.away", WARNING, "Redis does not answer: progress comes from DynamoDB", ("reason",))
REDIS_NO_PRESENCE = Event(
    "redis.no_presence", WARNING, "Redis shows no connections: leases are waited for", ("reason",)
)
WORKER_APART = Event("worker.apart", INFO, "a worker without Redis says that it lives, and keeps its jobs", ("worker",))
REDIS_BACK = Event("redis.back", INFO, "Redis answers again")
