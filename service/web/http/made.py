"""The documents about what a file is, about its tracks of sound, and about how an output was made."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from service.core.jobs.job import Job
from service.core.media.inputs import Source
from service.core.media.labels.text import MAX_CHARACTERS
from service.core.media.tracks import usual

SHORTEST = 0.1  # seconds, below which a bitrate says nothing


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


class MediaDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a file is. What is not known, or not known yet, is left out."""

    format: Annotated[str, Meta(description="of the container", examples=["flac"])]
    duration_seconds: Annotated[float | None, Meta(examples=[258.41])] = None
    codec: Annotated[str | None, Meta(description="of the sound, as ffmpeg calls it", examples=["flac"])] = None
    sample_rate: Annotated[int | None, Meta(description="Hz", examples=[44100])] = None
    channels: Annotated[int | None, Meta(examples=[2])] = None
    bitrate_kbps: Annotated[int | None, Meta(description="on average, of the whole file", examples=[912])] = None
    title: Annotated[
        str | None, Meta(description=f"from its tags: on one line, at most {MAX_CHARACTERS} characters")
    ] = None
    artist: Annotated[str | None, Meta(description="the same")] = None
    cover: Annotated[bool, Meta(description="a picture was seen among its tags")] = False


class ConversionDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long the last attempt took."""

    seconds: Annotated[float, Meta(description="of wall time, from the first byte that was read on")]
    duration_seconds: Annotated[float | None, Meta(description="of the sound that was written")] = None
    speed: Annotated[float | None, Meta(description="seconds of sound in one second", examples=[84.2])] = None


def media_document(source: Source, size: int, report: Mapping[str, Any] | None = None) -> MediaDocument:
    """Describe a file of `size` bytes; `report` is that of its conversion, which knows better."""
    facts = report or {}
    known = usual(source.tracks)
    track: Mapping[str, Any] = facts.get("track") or (known.describe() if known else {})
    seconds = facts.get("input_seconds") or source.declared_seconds
    kbps = round(size * 8 / seconds / 1000) if seconds and seconds >= SHORTEST else None
    return MediaDocument(
        format=source.container,
        duration_seconds=None if seconds is None else round(seconds, 3),
        codec=track.get("codec"),
        sample_rate=track.get("rate"),
        channels=track.get("channels"),
        bitrate_kbps=kbps,
        title=source.title,
        artist=source.artist,
        cover=source.cover,
    )


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
    if (seconds := report.get("seconds")) is not None:
        lasts = report.get("output_seconds")
        speed = round(lasts / seconds, 1) if lasts and seconds else None
        made["conversion"] = ConversionDocument(seconds=seconds, duration_seconds=lasts, speed=speed)
    return made
