"""From settings to objects that could run: clients, adapters, worker, janitor. Nothing is contacted yet."""

import dataclasses
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg

from service import __version__
from service.adapters.aws.circuit import RESET, CircuitBreaker
from service.adapters.aws.clients import Aws, AwsSettings
from service.adapters.dynamodb.outbox import Announcing
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.dynamodb.workers import DynamoWorkers
from service.adapters.ffmpeg.config import Confinement
from service.adapters.ffmpeg.sandbox.memory import memory_for_one
from service.adapters.ffmpeg.transcoder import FfmpegConfig, FfmpegTranscoder
from service.adapters.redis.connection import RedisLink
from service.adapters.redis.presence import RedisPresence
from service.adapters.redis.progress import RedisBoard
from service.adapters.redis.wakeups import RedisWakeups
from service.adapters.s3.store import S3Objects
from service.adapters.system.ambient import SystemClock, SystemIds
from service.adapters.system.cgroups import CgroupReadings
from service.adapters.system.in_process import LocalWakeups, SilentBoard
from service.adapters.webhooks.sender import WebhookSender
from service.core.confinement import Confined
from service.core.jobs.queue import tag_of_tenant
from service.core.limits.capacity import Thresholds
from service.core.webhooks.endpoints import PRIVATE
from service.ports.capacity import Capacity
from service.ports.hints import ProgressBoard, Wakeups
from service.settings import Settings, first
from service.web.jobs.webhook import webhook_body
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.janitor import Janitor, JanitorConfig, JanitorPorts
from service.worker.loop import Worker
from service.worker.notifier import Notifier, NotifierConfig, NotifierPorts

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3.client import S3Client

REQUEST_THREADS = 16  # for DynamoDB: requests share their reads, so few are under way at a time
WORKER_THREADS = 8  # beside those for each slot: it claims and watches, each through all shards at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that runs, built and not yet started."""

    settings: Settings
    aws: Aws  # for requests, as the next one
    dynamodb: Aws  # on threads and a circuit of its own
    worker_aws: Aws  # for worker and janitor alone, as the next one: no number of requests can take its threads
    worker_dynamodb: Aws
    breakers: tuple[CircuitBreaker, ...]
    capacity: Capacity
    s3_probe: "S3Client"  # for the start-up checks and /health/ready alone
    dynamodb_probe: "DynamoDBClient"  # the same
    jobs: DynamoJobs
    leases: DynamoJobs  # the same table, by the worker's own way
    objects: S3Objects
    worker_objects: S3Objects
    board: ProgressBoard
    wakeups: Wakeups
    link: RedisLink | None
    presence: RedisPresence | None  # of the worker; None without Redis
    worker: Worker
    janitor: Janitor
    notifier: Notifier
    sender: WebhookSender
    instance: str
    confined: Confined | None = None  # what confines ffmpeg, as the checks at start found it; None without ffmpeg


def aws_settings(settings: Settings, environment: Mapping[str, str]) -> AwsSettings:
    """What the adapters need to reach AWS, or what stands in for it."""
    return AwsSettings(
        region=settings.region,
        bucket=settings.bucket or "",
        table=settings.table or "",
        s3_endpoint=first(settings.s3_endpoint, settings.any_endpoint),
        dynamodb_endpoint=first(settings.dynamodb_endpoint, settings.any_endpoint),
        s3_public_endpoint=settings.s3_public_endpoint,
        access_key=environment.get("AWS_ACCESS_KEY_ID"),
        secret_key=environment.get("AWS_SECRET_ACCESS_KEY"),
        session_token=environment.get("AWS_SESSION_TOKEN"),
    )


def ffmpeg_program(settings: Settings) -> str:
    """
    The ffmpeg in use: the one that is set, else the one that came with the installation.

    As a full path, if there is such a program: where it is started there is neither a PATH nor our folder.
    """
    wanted: str = settings.ffmpeg or imageio_ffmpeg.get_ffmpeg_exe()
    found = shutil.which(wanted)
    return str(Path(found).absolute()) if found else wanted


def config_of_ffmpeg(settings: Settings, scratch: str) -> FfmpegConfig:
    """How conversions are run; `scratch` is the folder for inputs that have to be seekable."""
    config = FfmpegConfig(
        ffmpeg=ffmpeg_program(settings),
        options=settings.ffmpeg_options,
        scratch_dir=scratch,
        max_output_bytes=settings.max_output,
        confinement=Confinement(optional=settings.sandbox == "best-effort"),
    )
    memory = memory_for_one(CgroupReadings(scratch).memory_limit(), settings.slots, config.window_bytes)
    return dataclasses.replace(config, memory_bytes=memory)


def config_of_worker(settings: Settings, instance: str) -> WorkerConfig:
    """How many conversions, and under which lease."""
    return WorkerConfig(
        instance=instance,
        slots=settings.slots,
        most_running=settings.shares.running,
        limits=limits(settings),
        lease=settings.lease_policy,
    )


def config_of_janitor(settings: Settings) -> JanitorConfig:
    """When the janitor looks, and how long it spares what it finds."""
    return JanitorConfig(interval=settings.janitor_interval, grace=settings.janitor_grace)


def limits(settings: Settings) -> Thresholds:
    """Beyond which a container begins nothing new."""
    return Thresholds(memory=settings.max_memory / 100)


def build(settings: Settings, environment: Mapping[str, str]) -> Service:
    """Make all objects; nothing is contacted yet."""
    clock, ids = SystemClock(), SystemIds()
    instance = f"{socket.gethostname()}-{os.getpid()}-{ids.new()[:6]}"
    # The pause comes on top of an outage before a lease is renewed again, so it is a small part of the lease.
    reset = min(RESET, settings.lease / 12)
    breakers = [CircuitBreaker(name, clock.monotonic, reset=reset) for name in ("dynamodb", "s3") * 2]
    aws = Aws(aws_settings(settings, environment), breaker=breakers[1], monotonic=clock.monotonic)
    # Threads of its own for DynamoDB: no number of slow downloads may keep a look at a job waiting.
    dynamodb = aws.apart(threads=REQUEST_THREADS, breaker=breakers[0])
    # And for the worker: no number of requests may keep a heartbeat, a claim or a record waiting.
    worker_aws = aws.apart(threads=2 * settings.slots + WORKER_THREADS, breaker=breakers[3])
    worker_dynamodb = aws.apart(threads=settings.slots + WORKER_THREADS, breaker=breakers[2])
    announcing = Announcing({tag_of_tenant(one.tenant) for one in settings.webhooks})
    jobs = DynamoJobs(dynamodb, clock, ids, announcing=announcing)
    leases = DynamoJobs(worker_dynamodb, clock, ids, announcing=announcing)
    objects, worker_objects = S3Objects(aws, clock), S3Objects(worker_aws, clock)
    link = RedisLink(settings.redis_url, clock) if settings.redis_url else None
    board: ProgressBoard = RedisBoard(link) if link else SilentBoard()
    wakeups: Wakeups = RedisWakeups(link, clock, ids) if link else LocalWakeups(clock)
    presence = RedisPresence(link, clock, instance) if link else None
    scratch = settings.scratch or str(Path(tempfile.gettempdir()) / "reprise-scratch")
    capacity = CgroupReadings(scratch)
    transcoder = FfmpegTranscoder(worker_aws, config_of_ffmpeg(settings, scratch), clock)
    ports = WorkerPorts(
        jobs=leases,
        leases=leases,
        workers=DynamoWorkers(worker_dynamodb, clock, ids),
        objects=worker_objects,
        board=board,
        wakeups=wakeups,
        transcoder=transcoder,
        clock=clock,
        ids=ids,
        capacity=capacity,
        presence=presence,
    )
    worker = Worker(ports, config_of_worker(settings, instance))
    janitor = Janitor(
        JanitorPorts(jobs=leases, leases=leases, uploads=leases, objects=worker_objects, clock=clock, ids=ids),
        config_of_janitor(settings),
        worker.on_duty,
    )
    sender = WebhookSender(private=PRIVATE in settings.webhooks_allow, agent=f"Reprise/{__version__}")
    notifier = Notifier(
        NotifierPorts(outbox=leases, sender=sender, describe=webhook_body, clock=clock, ids=ids),
        NotifierConfig(instance=instance, endpoints={one.tenant: one for one in settings.webhooks}),
        worker.on_duty,
    )
    if settings.role != "api":  # where no notifier runs
        announcing.listeners.append(notifier.wake)
    return Service(
        settings=settings,
        aws=aws,
        dynamodb=dynamodb,
        worker_aws=worker_aws,
        worker_dynamodb=worker_dynamodb,
        breakers=tuple(breakers),
        capacity=capacity,
        s3_probe=aws.s3(connections=2),
        dynamodb_probe=dynamodb.dynamodb(connections=2),
        jobs=jobs,
        leases=leases,
        objects=objects,
        worker_objects=worker_objects,
        board=board,
        wakeups=wakeups,
        link=link,
        presence=presence,
        worker=worker,
        janitor=janitor,
        notifier=notifier,
        sender=sender,
        instance=instance,
    )
