"""The documents about tracks of sound, and about how an output was made."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from service.core.jobs.job import Job


class TrackDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A track of sound. What is not known is left out."""

    number: Annotated[int, Meta(ge=1, description="counts the tracks of sound")]
    codec: Annotated[str | None, Meta(description="as ffmpeg calls it", examples=["aac"])] = None
    language: Annotated[str | None, Meta(examples=["eng"])] = None
    rate: Annotated[int | None, Meta(description="Hz")] = None
    channels: int | None = None
    default: bool = False


class WarningDocument(msgspec.Struct, frozen=True):
    """Something that is not as it should be, and did not keep the job from succeeding."""

    code: Annotated[str, Meta(examples=["cover_dropped"])]
    detail: str


class FfmpegDocument(msgspec.Struct, frozen=True):
    """The command line that writes the same bytes."""

    version: str | None
    arguments: Annotated[list[str], Meta(description="`INPUT` and `OUTPUT` stand for the files")]


def track_document(facts: Mapping[str, Any]) -> TrackDocument:
    """Describe a track of sound; facts that a newer release has added are left out."""
    return msgspec.convert(dict(facts), TrackDocument)


def made_documents(job: Job) -> dict[str, Any]:
    """Return how the output was made, as far as it is recorded."""
    report = job.output.report if job.output else {}
    made: dict[str, Any] = {}
    if report.get("track"):
        made["track"] = track_document(report["track"])
    if "warnings" in report:
        made["warnings"] = msgspec.convert(report["warnings"], list[WarningDocument])
    if "ffmpeg" in report:
        made["ffmpeg"] = msgspec.convert(report["ffmpeg"], FfmpegDocument)
    return made
