"""
The look around before the first job: which outside services, chosen by what, and is everything as it should be?

A `Report` says it, as events for machines or as a table for a person (`cli.report`). Which findings stop the service is
decided where they are described: `core.findings`.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError

from service.adapters.dynamodb.checks import check_table
from service.adapters.ffmpeg.check import check_ffmpeg
from service.adapters.ffmpeg.config import FfmpegConfig
from service.adapters.redis.check import check_redis
from service.adapters.s3.checks import check_bucket
from service.core.findings import Finding, stopping
from service.ports.time import Clock
from service.settings import Settings
from service.telemetry import emit, events
from service.wiring.build import Service, ffmpeg_program
from service.wiring.places import Place, places, unreachable_for_clients

BETWEEN_LOOKS = 1.0  # seconds
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

    @property
    def problems(self) -> Sequence[Finding]:
        """What the service does not start with; each once, also if several checks met it."""
        return tuple(dict.fromkeys(stopping(finding for found in self.findings.values() for finding in found)))

    @property
    def concerns(self) -> Sequence[Finding]:
        """What it starts with all the same."""
        every = (finding for found in self.findings.values() for finding in found)
        return tuple(dict.fromkeys(finding for finding in every if not finding.stops))


async def look_around(service: Service, *, embedded: bool = False) -> Report:
    """
    Ask all outside services at once. Takes as long as the slowest answer, and seconds if one does not answer.

    Past the circuits: they are about a service that was there before.
    """
    settings, aws, truth = service.settings, service.aws, service.truth
    # Only who talks to browsers needs what browsers need.
    origins = () if settings.role == "worker" else settings.cors_origins
    credentials, bucket, table, redis, ffmpeg = await asyncio.gather(
        aws.run_unguarded(_credentials, service),
        aws.run_unguarded(check_bucket, service.bucket, aws.settings.bucket, origins, kept=settings.time_to_live),
        truth.run_unguarded(check_table, service.table, truth.settings.table),
        check_redis(service.link),
        aws.run_unguarded(_ffmpeg, settings),
    )
    return Report(
        settings=settings,
        instance=service.instance,
        places=places(settings, aws, embedded=embedded),
        credentials="made up" if embedded else credentials,
        embedded=embedded,
        findings={"s3": bucket, "dynamodb": table, "redis": redis, "settings": [*_settled(service), *ffmpeg]},
    )


async def look_patiently(service: Service, clock: Clock, *, embedded: bool = False) -> Report:
    """
    Look around again and again, for as long as nothing stops the start but what may pass by itself.

    Until then a platform that replaces containers would replace this one in vain, in the middle of a fault that every
    running one survives. Takes `Settings.start_wait` seconds, and the last look.
    """
    until = clock.monotonic() + service.settings.start_wait
    while True:
        report = await look_around(service, embedded=embedded)
        if not report.problems or not all(one.passes for one in report.problems) or clock.monotonic() >= until:
            return report
        for one in report.problems:
            emit(events.SERVICE_WAITING, code=one.code, problem=one.problem)
        await clock.sleep(BETWEEN_LOOKS)


def say(report: Report) -> None:
    """The report as events."""
    settings = report.settings
    s3, dynamodb, redis, presigned = report.places
    emit(
        events.SERVICE_STARTING,
        role=settings.role,
        instance=report.instance,
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
    for check, found in report.findings.items():
        emit(events.SERVICE_CHECK, check=check, result=", ".join(one.code for one in found) or "ok")
    for event, findings in (
        (events.SERVICE_PROBLEM, report.problems),
        (events.SERVICE_CONCERN, report.concerns),
    ):
        for finding in findings:
            emit(event, code=finding.code, problem=finding.problem, fix=finding.fix)


def _credentials(service: Service) -> str:
    """Where they come from. That they are missing is found, with its fix, by the first request that is signed."""
    try:
        return service.aws.credentials_source() or "none found"
    except BotoCoreError as error:
        return f"could not be fetched ({type(error).__name__})"


def _settled(service: Service) -> list[Finding]:
    """What can be said without asking anybody."""
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
    return found


def _ffmpeg(settings: Settings) -> list[Finding]:
    """Only who converts needs it."""
    if settings.role == "api":
        return []
    return check_ffmpeg(FfmpegConfig(ffmpeg=ffmpeg_program(settings), scratch_dir=settings.scratch or ""))
