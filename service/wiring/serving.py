"""The life of the service: run the checks, listen, work, and stop when told to."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import partial

from service import __version__
from service.adapters.aws.circuit import circuits
from service.adapters.aws.configuration import CannotConfigure, configuring
from service.adapters.redis.wakeups import RedisWakeups
from service.adapters.system.ambient import SystemClock, SystemIds
from service.adapters.system.descriptors import descriptor_share, raise_descriptor_limit
from service.adapters.system.garbage import keep_what_there_is
from service.adapters.system.processes import process_lives
from service.adapters.system.sniffing import ThreadedSniffer
from service.application.config import ServiceConfig
from service.application.context import ServiceContext
from service.core.findings import Finding
from service.settings import Settings
from service.telemetry import emit, events, identify, protect
from service.web.app import create_app
from service.web.http.config import WebConfig
from service.web.http.connections import ConnectionGuard
from service.web.side_app import create_side_app
from service.wiring.build import Service, build, limits
from service.wiring.health import Health
from service.wiring.lifetime import Lifetime
from service.wiring.listening import Server, limits_of_connections
from service.wiring.secrets import secrets_in
from service.wiring.start_up import Report, StartError, log_report, wait_until_ready
from service.wiring.tracing import Wrap, tracing
from service.worker.fleet.first_look import look_around
from service.worker.pressure import Pressure
from service.worker.queue_depth import QueueDepth


async def serve(
    settings: Settings,
    environment: Mapping[str, str],
    announce: Callable[[str], None],
    *,
    show: Callable[[Report], None] = log_report,
    embedded: bool = False,
) -> None:
    """
    Run until SIGTERM or SIGINT. The first one stops politely, a second one at once.

    `show` gets what was found at start, `announce` the address as soon as requests are answered. `embedded` says that
    the settings point to what was started just for this. Raises `StartError`.
    """
    protect(secrets_in(environment))
    raise_descriptor_limit()
    life = Lifetime(SystemClock())
    try:
        with configuring():
            service = build(settings, environment)
            identify(service.instance)
    except CannotConfigure as error:
        problem, fix = f"The configuration of AWS cannot be used: {error}.", "Check AWS_PROFILE and AWS's own files."
        raise StartError([str(Finding("aws_configuration", problem, fix))]) from error
    async with _closing(service):
        report = await wait_until_ready(service, SystemClock(), embedded=embedded)
        show(report)
        if report.problems:
            raise StartError([str(problem) for problem in report.problems])
        confined = dataclasses.replace(service, confined=report.confined)
        with tracing(environment, service.instance) as traced, life.counting():
            await _work(confined, _open(settings), announce, traced, life)
    life.ended()


async def _work(
    service: Service, listener: socket.socket, announce: Callable[[str], None], traced: Wrap, life: Lifetime
) -> None:
    """Answer and convert until a signal comes, or something ends that must not."""
    role = service.settings.role
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        guard = ConnectionGuard(limits_of_connections(service.settings))
        server = _answer(service, listener, guard, group, announce, stopping.is_set, traced)
        keep_what_there_is()
        watch = group.create_task(guard.run(SystemClock()), name="connections")
        pressure = Pressure(
            service.capacity, limits(service.settings), SystemClock(), lambda: service.worker.active, descriptor_share
        )
        look_out = group.create_task(pressure.run(), name="pressure")
        if service.presence is not None and role != "api":
            await service.presence.start()  # it ends with the connections, when no lease is held any more
        # Its first look comes before the worker takes over what it sees.
        upkeep = [group.create_task(run(), name=name) for name, run in _upkeep(service)] if role != "api" else []
        worker = group.create_task(service.worker.run(), name="worker") if role != "api" else None
        _on_signals(stopping, lambda name: life.stopping(name, service.worker.active))
        waiting = asyncio.create_task(stopping.wait())
        # A worker that ends by itself has found an error that it cannot work through: the whole process ends with it.
        await asyncio.wait({waiting, *([worker] if worker else [])}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in (watch, look_out, *upkeep):
            task.cancel()  # none leaves anything half-done that another process would not find
        service.worker.stop()
        server.should_exit = True


def _upkeep(service: Service) -> tuple[tuple[str, Callable[[], Coroutine[None, None, None]]], ...]:
    """What runs beside the worker for as long as it does."""
    depth = QueueDepth(service.leases, SystemClock(), service.settings.max_queued, service.worker.on_duty)
    look = partial(look_around, service.leases, service.instance, service.settings.lease, process_lives)
    runs = {"janitor": service.janitor.run, "queue depth": depth.run, "notifier": service.notifier.run}
    return ("first look", look), *runs.items()


def _open(settings: Settings) -> socket.socket:
    """Listen, before anything is begun that would have to be given back. A worker listens on its side port."""
    port = settings.worker_port if settings.role == "worker" else settings.port
    try:
        return socket.create_server((settings.host, port), backlog=512)
    except OSError as error:
        raise StartError([f"cannot listen on {settings.host}:{port}: {error.strerror}"]) from error


def config_of_service(settings: Settings, instance: str) -> ServiceConfig:
    """The limits of the use cases."""
    return ServiceConfig(
        version=__version__,
        instance=instance,
        max_upload_bytes=settings.max_upload,
        max_uploads=settings.max_uploads,
        max_open_uploads=settings.max_open_uploads,
        max_streams=settings.max_streams,
        max_streams_per_tenant=settings.max_streams_per_tenant,
        max_queued=settings.max_queued,
        shares=settings.shares,
        limits=limits(settings),
        ttl_seconds=settings.time_to_live,
    )


def config_of_web(settings: Settings, storage: tuple[str, ...] = ()) -> WebConfig:
    """Keys and origins; `storage` are those of the bucket, as clients reach it."""
    return WebConfig(
        api_keys=settings.api_keys or (),
        metrics_open=settings.metrics == "open",
        cors_origins=settings.cors_origins,
        hosts=settings.hosts,
        storage=storage,
        body_grace=settings.body_grace,
        min_body_rate=settings.min_body_rate,
    )


def _answer(
    service: Service,
    listener: socket.socket,
    guard: ConnectionGuard,
    group: asyncio.TaskGroup,
    announce: Callable[[str], None],
    stopping: Callable[[], bool],
    traced: Wrap,
) -> Server:
    settings = service.settings
    context = ServiceContext(
        config=config_of_service(settings, service.instance),
        jobs=service.jobs,
        uploads=service.jobs,
        objects=service.objects,
        sniffer=ThreadedSniffer(),
        board=service.board,
        wakeups=service.wakeups,
        clock=SystemClock(),
        ids=SystemIds(),
        checks=Health(service).check,
        confined=service.confined,
        capacity=service.capacity,
        worker_status=lambda: None if settings.role == "api" else service.worker.status(),
        circuits=lambda: circuits(*service.breakers),
        stopping=stopping,
    )
    web = config_of_web(settings, service.objects.origins)
    if settings.role == "worker":
        app = create_side_app(context, web, open_service=settings.api_keys == ())
    else:
        app = create_app(context, web)
    address = f"http://{settings.host}:{listener.getsockname()[1]}"

    def started() -> None:
        emit(events.SERVICE_READY, address=address)
        announce(address)

    server = Server(traced(app), guard, settings, started)
    group.create_task(server.serve(sockets=[listener]), name="web")
    return server


@contextlib.asynccontextmanager
async def _closing(service: Service) -> AsyncIterator[None]:
    """All connections live as long as the service."""
    async with contextlib.AsyncExitStack() as stack:
        for backing in (service.aws, service.dynamodb, service.worker_aws, service.worker_dynamodb):
            stack.callback(backing.close)
        for probe in (service.s3_probe, service.dynamodb_probe):
            stack.callback(probe.close)
        for objects in (service.objects, service.worker_objects):
            stack.push_async_callback(objects.aclose)
        stack.push_async_callback(service.sender.aclose)
        if service.link is not None:
            stack.push_async_callback(service.link.aclose)
        if isinstance(service.wakeups, RedisWakeups):
            stack.push_async_callback(service.wakeups.aclose)
        if service.presence is not None:
            stack.push_async_callback(service.presence.aclose)
        yield


def _on_signals(stopping: asyncio.Event, on_first: Callable[[str], None]) -> None:
    def stop(name: str) -> None:
        if stopping.is_set():
            os._exit(1)  # the second signal: leases lapse instead of being handed back
        on_first(name)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
