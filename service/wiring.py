"""
The composition root: settings in, running objects out. The only importer of adapters.

Reads from top to bottom as the service is built: clients, adapters, worker, web, and the life they share.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import imageio_ffmpeg
import uvicorn

from service import __version__, telemetry
from service.adapters import dynamodb_table, s3_bucket
from service.adapters.ambient import SystemClock, SystemIds, environment
from service.adapters.aws import Aws, AwsSettings
from service.adapters.breaker import RESET, Breaker, circuits
from service.adapters.child import mortal
from service.adapters.container import Container
from service.adapters.dynamodb_jobs import DynamoJobs
from service.adapters.embedded import EmbeddedError, embedded_stack
from service.adapters.ffmpeg import FfmpegConfig, FfmpegTranscoder
from service.adapters.local_hints import LocalWakeups, SilentBoard
from service.adapters.redis_link import RedisLink
from service.adapters.redis_progress import RedisBoard
from service.adapters.redis_wakeups import RedisWakeups
from service.adapters.s3_objects import S3Objects
from service.core.capacity import Thresholds
from service.core.errors import CircuitOpen, RepriseError
from service.ports import Capacity, ProgressBoard, Wakeups
from service.settings import Settings, first
from service.web.app import create_app
from service.web.config import WebConfig
from service.web.dependencies import WebDependencies
from service.worker.context import WorkerConfig, WorkerPorts
from service.worker.janitor import Janitor, JanitorConfig, JanitorPorts
from service.worker.loop import Worker

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3.client import S3Client

# The command line gets the outside through here, so that the adapters have one importer.
__all__ = [
    "EmbeddedError",
    "StartError",
    "SystemClock",
    "build",
    "embedded_stack",
    "environment",
    "ffmpeg_program",
    "mortal",
    "prepare_embedded",
    "serve",
]


class StartError(Exception):
    """The service cannot start; `problems` says what to fix, a line each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that runs, built and not yet started."""

    settings: Settings
    aws: Aws
    truth: Aws
    breakers: tuple[Breaker, ...]
    capacity: Capacity
    bucket: "S3Client"  # for the checks alone
    table: "DynamoDBClient"
    jobs: DynamoJobs
    objects: S3Objects
    board: ProgressBoard
    wakeups: Wakeups
    link: RedisLink | None
    worker: Worker
    janitor: Janitor
    instance: str


def aws_settings(settings: Settings, environment: Mapping[str, str]) -> AwsSettings:
    """What the adapters need to reach AWS, or what stands in for it."""
    s3 = first(settings.s3_endpoint, settings.any_endpoint)
    return AwsSettings(
        region=settings.region,
        bucket=settings.bucket or "",
        table=settings.table or "",
        s3_endpoint=s3,
        dynamodb_endpoint=first(settings.dynamodb_endpoint, settings.any_endpoint),
        s3_public_endpoint=settings.s3_public_endpoint,
        access_key=environment.get("AWS_ACCESS_KEY_ID"),
        secret_key=environment.get("AWS_SECRET_ACCESS_KEY"),
        session_token=environment.get("AWS_SESSION_TOKEN"),
        path_style=s3 is not None,
    )


def ffmpeg_program(settings: Settings) -> str:
    """The ffmpeg in use: the one that is set, else the one that came with the installation."""
    return settings.ffmpeg or imageio_ffmpeg.get_ffmpeg_exe()


def prepare_embedded(settings: Settings, environment: Mapping[str, str]) -> None:
    """Create the bucket and the table of an embedded stack."""
    aws = Aws(aws_settings(settings, environment), threads=1)
    dynamodb_table.create_table(aws.dynamodb(), aws.settings.table)
    s3_bucket.create_bucket(aws.s3(), aws.settings.bucket, region=settings.region, origins=settings.cors_origins)
    aws.close()


def build(settings: Settings, environment: Mapping[str, str]) -> Service:
    """Make all objects; nothing is contacted yet."""
    clock, ids = SystemClock(), SystemIds()
    instance = f"{socket.gethostname()}-{os.getpid()}-{ids.new()[:6]}"
    # The pause comes on top of an outage before a lease is renewed again, so it is a small part of the lease.
    reset = min(RESET, settings.lease / 12)
    aws = Aws(aws_settings(settings, environment), breaker=(s3 := Breaker("s3", clock.monotonic, reset=reset)))
    # Threads of their own for the truth: no number of slow downloads may keep a heartbeat waiting.
    dynamodb = Breaker("dynamodb", clock.monotonic, reset=reset)
    truth = Aws(aws.settings, threads=16, breaker=dynamodb)
    jobs = DynamoJobs(truth, clock, ids)
    objects = S3Objects(aws, clock)
    link = RedisLink(settings.redis_url, clock) if settings.redis_url else None
    board: ProgressBoard = RedisBoard(link) if link else SilentBoard()
    wakeups: Wakeups = RedisWakeups(link, clock, ids) if link else LocalWakeups(clock)
    scratch = settings.scratch or str(Path(tempfile.gettempdir()) / "reprise-scratch")
    capacity = Container(scratch)
    limits = Thresholds(memory=settings.max_memory / 100)
    transcoder = FfmpegTranscoder(
        aws,
        FfmpegConfig(
            ffmpeg=ffmpeg_program(settings),
            scratch_dir=scratch,
            max_output_bytes=settings.max_output,
        ),
        clock,
    )
    ports = WorkerPorts(
        jobs=jobs,
        objects=objects,
        board=board,
        wakeups=wakeups,
        transcoder=transcoder,
        clock=clock,
        ids=ids,
        capacity=capacity,
    )
    config = WorkerConfig(instance=instance, slots=settings.slots, limits=limits, lease=settings.lease_policy)
    janitor = Janitor(
        JanitorPorts(jobs=jobs, uploads=jobs, objects=objects, clock=clock, ids=ids),
        JanitorConfig(interval=settings.janitor_interval, grace=settings.janitor_grace),
    )
    return Service(
        settings=settings,
        aws=aws,
        truth=truth,
        breakers=(dynamodb, s3),
        capacity=capacity,
        bucket=aws.s3(connections=2),
        table=truth.dynamodb(connections=2),
        jobs=jobs,
        objects=objects,
        board=board,
        wakeups=wakeups,
        link=link,
        worker=Worker(ports, config),
        janitor=janitor,
        instance=instance,
    )


async def check(service: Service) -> dict[str, str]:
    """How the backing services are: ``ok`` or what is wrong, by name. Redis is never more than degraded."""
    table, bucket, origins = service.aws.settings.table, service.aws.settings.bucket, service.settings.cors_origins

    async def ask(aws: Aws, call: Callable[[], list[str]]) -> str:
        """Through the circuit, so that a container which gets no requests any more finds out that it is back."""
        try:
            return "; ".join(await aws.run(call)) or "ok"
        except CircuitOpen as error:
            return f"circuit open: {error.detail}"
        except RepriseError as error:
            return f"does not answer ({error.detail}); check the endpoint, the network and the credentials"

    def check_s3() -> list[str]:
        s3_bucket.ping(service.bucket, bucket)
        return s3_bucket.check_bucket(service.bucket, bucket, origins)

    found = {
        "dynamodb": await ask(service.truth, lambda: dynamodb_table.check_table(service.table, table)),
        "s3": await ask(service.aws, check_s3),
    }
    if service.settings.redis_url is None:
        found["redis"] = "none: progress comes from DynamoDB"
    else:
        await service.board.read("check")
        found["redis"] = "degraded" if service.board.degraded else "ok"
    return found


async def serve(settings: Settings, environment: Mapping[str, str], announce: Callable[[str], None]) -> None:
    """
    Run until SIGTERM or SIGINT. The first one stops politely, a second one at once.

    `announce` is told the address as soon as requests are answered. Raises `StartError`.
    """
    service = build(settings, environment)
    _report(service)
    found = await check(service)
    for name, result in found.items():
        telemetry.say(telemetry.SERVICE_CHECK, check=name, result=result)
    problems = [f"{name}: {result}" for name, result in found.items() if name != "redis" and result != "ok"]
    if problems:
        raise StartError(problems)
    listener = _open(settings) if settings.role != "worker" else None
    async with _hints(service), asyncio.TaskGroup() as group:
        server = _answer(service, listener, group, announce) if listener else None
        worker = group.create_task(service.worker.run(), name="worker") if settings.role != "api" else None
        janitor = group.create_task(service.janitor.run(), name="janitor") if settings.role != "api" else None
        stopping = asyncio.Event()
        _on_signals(stopping)
        if server is None:
            announce("no address: this process is a worker")
        waiting = asyncio.create_task(stopping.wait())
        # A worker that ends by itself has found an error that it cannot work through: the whole process ends with it.
        await asyncio.wait({waiting, *([worker] if worker else [])}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if janitor is not None:
            janitor.cancel()  # it leaves nothing half-done that another one would not find
        service.worker.stop()
        if server is not None:
            server.should_exit = True
    await service.objects.aclose()
    service.truth.close()
    service.aws.close()
    telemetry.say(telemetry.SERVICE_STOPPED)


def _open(settings: Settings) -> socket.socket:
    """Listen, before anything is begun that would have to be given back."""
    try:
        return socket.create_server((settings.host, settings.port), backlog=512)
    except OSError as error:
        raise StartError([f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"]) from error


def _answer(
    service: Service, listener: socket.socket, group: asyncio.TaskGroup, announce: Callable[[str], None]
) -> uvicorn.Server:
    settings = service.settings
    app = create_app(
        WebDependencies(
            jobs=service.jobs,
            uploads=service.jobs,
            objects=service.objects,
            board=service.board,
            wakeups=service.wakeups,
            clock=SystemClock(),
            ids=SystemIds(),
            checks=lambda: check(service),
            capacity=service.capacity,
            crew=lambda: None if settings.role == "api" else service.worker.crew(),
            circuits=lambda: circuits(*service.breakers),
        ),
        WebConfig(
            api_keys=settings.api_keys or (),
            metrics_open=settings.metrics == "open",
            cors_origins=settings.cors_origins,
            max_upload_bytes=settings.max_upload,
            max_uploads=settings.max_uploads,
            max_queued=settings.max_queued,
            limits=Thresholds(memory=settings.max_memory / 100),
            ttl_seconds=settings.time_to_live,
            version=__version__,
            instance=service.instance,
        ),
    )
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=3, timeout_keep_alive=75, server_header=False
    )
    server = _Server(config, lambda: announce(f"http://{settings.host}:{listener.getsockname()[1]}"))
    group.create_task(server.serve(sockets=[listener]), name="web")
    return server


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us, and says when it answers."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # as uvicorn declares it
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._tell()


@contextlib.asynccontextmanager
async def _hints(service: Service) -> AsyncIterator[None]:
    """The Redis connections live as long as the service."""
    async with contextlib.AsyncExitStack() as stack:
        if service.link is not None:
            stack.push_async_callback(service.link.aclose)
        if isinstance(service.wakeups, RedisWakeups):
            stack.push_async_callback(service.wakeups.aclose)
        yield


def _on_signals(stopping: asyncio.Event) -> None:
    def stop(name: str) -> None:
        if stopping.is_set():
            os._exit(1)  # the second signal: leases lapse instead of being handed back
        telemetry.say(telemetry.SERVICE_STOPPING, signal=name)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)


def _report(service: Service) -> None:
    """Say at start which outside services are used; never with a password."""
    settings, redis = service.settings, urlsplit(service.settings.redis_url or "")
    telemetry.say(
        telemetry.SERVICE_STARTING,
        role=settings.role,
        instance=service.instance,
        s3=first(settings.s3_endpoint, settings.any_endpoint, "AWS"),
        dynamodb=first(settings.dynamodb_endpoint, settings.any_endpoint, "AWS"),
        redis=f"{redis.scheme}://{redis.hostname or redis.path}" if settings.redis_url else "none",
        bucket=settings.bucket,
        table=settings.table,
        api_keys=len(settings.api_keys) if settings.api_keys else "none: open to everybody",
        python=sys.version.split()[0],
    )
