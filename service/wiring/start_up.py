"""
The checks before the first job: which outside services are used, what chose them, and whether each is set up right.

The result is a `Report`, logged as events for machines or drawn as a table for a person (`cli.report`). Which findings
stop the service is decided where they are described: `core.findings`.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service import __version__
from service.adapters.aws.configuration import describe_credentials
from service.adapters.dynamodb.checks import check_table
from service.adapters.ffmpeg.check import FfmpegCheck, check_ffmpeg
from service.adapters.redis.check import check_redis
from service.adapters.s3.checks import check_bucket
from service.adapters.system.descriptors import descriptor_limit
from service.core.confinement import Confined
from service.core.findings import Finding, stopping
from service.core.limits.descriptors import ENOUGH, connections_within
from service.ports.time import Clock
from service.settings import Settings
from service.telemetry import emit, events
from service.wiring.build import Service, config_of_ffmpeg
from service.wiring.places import Place, places, unreachable_for_clients

CHECK_INTERVAL = 1.0  # seconds between two runs of the checks
NO_KEYS = "none: open to everybody"


class StartError(Exception):
    """The service cannot start; `problems` says what to fix, a line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found at start. `findings` by check: ``s3``, ``dynamodb``, ``redis``, ``settings``."""

    settings: Settings
    instance: str
    places: Sequence[Place]
    credentials: str  # where they come from, never what they are
    embedded: bool  # all of it was started just for this
    findings: Mapping[str, Sequence[Finding]]
    confined: Confined | None = None  # what confines ffmpeg; None where there is none

    @property
    def problems(self) -> Sequence[Finding]:
        """What the service does not start with; each once, also if several checks met it."""
        return tuple(dict.fromkeys(stopping(finding for found in self.findings.values() for finding in found)))

    @property
    def concerns(self) -> Sequence[Finding]:
        """What it starts with all the same."""
        every = (finding for found in self.findings.values() for finding in found)
        return tuple(dict.fromkeys(finding for finding in every if not finding.stops))


async def run_checks(service: Service, *, embedded: bool = False) -> Report:
    """
    Run all checks at once. Takes as long as the slowest answer, and seconds if a service does not answer.

    The checks do not go through the circuits, which are about a service that has answered before.
    """
    settings, aws, dynamodb = service.settings, service.aws, service.dynamodb
    # CORS matters only to a process that browsers talk to.
    origins = () if settings.role == "worker" else settings.cors_origins
    credentials, bucket, table, redis, ffmpeg = await asyncio.gather(
        aws.run_unguarded(describe_credentials, aws),
        aws.run_unguarded(check_bucket, service.s3_probe, aws.settings.bucket, origins, kept=settings.time_to_live),
        dynamodb.run_unguarded(check_table, service.dynamodb_probe, dynamodb.settings.table),
        check_redis(service.link),
        aws.run_unguarded(_check_ffmpeg, settings),
    )
    return Report(
        settings=settings,
        instance=service.instance,
        places=places(settings, aws, embedded=embedded),
        credentials="made up" if embedded else credentials,
        embedded=embedded,
        findings={
            "s3": bucket,
            "dynamodb": table,
            "redis": redis,
            "settings": [*_check_settings(service), *ffmpeg.findings],
        },
        confined=ffmpeg.confined,
    )


async def wait_until_ready(service: Service, clock: Clock, *, embedded: bool = False) -> Report:
    """
    Run the checks again as long as only transient findings stop the start, and return the last report.

    A platform that replaces containers would otherwise replace this one in vain, in the middle of a fault that every
    running container survives. Takes at most `Settings.start_wait` seconds, and the last run.
    """
    until = clock.monotonic() + service.settings.start_wait
    while True:
        report = await run_checks(service, embedded=embedded)
        if not report.problems or not all(one.transient for one in report.problems) or clock.monotonic() >= until:
            return report
        for one in report.problems:
            emit(events.SERVICE_WAITING, code=one.code, problem=one.problem)
        await clock.sleep(CHECK_INTERVAL)


def log_report(report: Report) -> None:
    """Log the report as events."""
    settings = report.settings
    s3, dynamodb, redis, presigned = report.places
    emit(
        events.SERVICE_STARTING,
        version=__version__,
        role=settings.role,
        slots=settings.slots,
        s3=s3.address,
        dynamodb=dynamodb.address,
        redis=redis.address,
        presigned_for=presigned.address,
        chosen_by={place.name: place.chosen_by for place in report.places},
        region=settings.region,
        bucket=settings.bucket,
        table=settings.table,
        credentials=report.credentials,
        api_keys=len(settings.api_keys) if settings.api_keys else NO_KEYS,
        python=sys.version.split()[0],
    )
    if (confined := report.confined) is not None:
        emit(
            events.SERVICE_SANDBOX,
            namespace=confined.namespace,
            landlock=confined.landlock > 0,
            seccomp=confined.seccomp,
            landlock_abi=confined.landlock,
            memory=confined.memory,
        )
    for check, found in report.findings.items():
        emit(events.SERVICE_CHECK, check=check, result=", ".join(one.code for one in found) or "ok")
    for one in report.problems:
        emit(events.SERVICE_PROBLEM, code=one.code, problem=one.problem, fix=one.fix)
    for one in report.concerns:
        emit(events.SERVICE_CONCERN, code=one.code, problem=one.problem, fix=one.fix)


def _check_settings(service: Service) -> list[Finding]:
    """Find what is wrong in the settings alone; nothing is asked."""
    found, settings = [], service.settings
    host = unreachable_for_clients(settings, service.aws)
    if settings.role != "worker" and host is not None:
        found.append(
            Finding(
                "public_endpoint_missing",
                f"Presigned URLs name the host {host!r}, which browsers outside of its network cannot reach.",
                "Set REPRISE_S3_PUBLIC_ENDPOINT to the address under which clients reach S3.",
                stops=False,
            )
        )
    if (limit := descriptor_limit()) < ENOUGH:
        kept = connections_within(limit, settings.slots, settings.max_connections)
        found.append(
            Finding(
                "few_descriptors",
                f"This process may open {limit} files and sockets, of which {kept} are for connections of clients.",
                f"Raise the limit to {ENOUGH} or more (ulimit -n; nofile of the container).",
                stops=False,
            )
        )
    return found


def _check_ffmpeg(settings: Settings) -> FfmpegCheck:
    """Try ffmpeg, unless this process only serves the API."""
    if settings.role == "api":
        return FfmpegCheck([])
    return check_ffmpeg(config_of_ffmpeg(settings, settings.scratch or ""))
