"""
What we accept and what we produce, as values.

``sniff.identify`` finds the Source in the bytes of an upload, ``parse_target`` the Target in a request;
``arguments.command`` turns the two into the argv of ffmpeg. Nothing here runs anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from service.core.media.formats import OUTPUT_FORMATS, OutputFormat
from service.core.media.options import Carrier, Options, Target, carrier, parse_target

__all__ = [
    "INPUT_FORMATS",
    "OUTPUT_FORMATS",
    "Carrier",
    "InputFormat",
    "Options",
    "OutputFormat",
    "Source",
    "Target",
    "carrier",
    "parse_target",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the bytes of an upload are, found by sniff.identify() from the bytes alone."""

    container: str  # our name, shown to clients as the upload's "format"
    demuxer: str  # the one ffmpeg demuxer that it is pinned to
    content_type: str
    needs_seeking: bool = False  # convert from a local file: a pipe could not be read, or would give other bytes
    reason: str | None = None  # why it needs seeking, one phrase
    declared_seconds: float | None = None  # if cheaply known from the headers

    def to_dict(self) -> dict[str, str | bool | float]:
        """Return only what differs from the defaults: the shape of the upload's record."""
        return {
            item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) != item.default
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "Source":
        """Read back what to_dict() wrote; numbers may come back as any kind of number (DynamoDB gives Decimals)."""
        known = {item.name: values[item.name] for item in fields(cls) if values.get(item.name) is not None}
        if "declared_seconds" in known:
            known["declared_seconds"] = float(str(known["declared_seconds"]))
        return cls(**known)  # type: ignore[arg-type]  # our own record; the names were just checked


@dataclass(frozen=True, slots=True)
class InputFormat:
    """One accepted kind of upload. ``always_local``: it keeps its tags or its index at the end."""

    name: str
    title: str
    demuxer: str
    content_type: str
    always_local: bool = False


INPUT_FORMATS: tuple[InputFormat, ...] = (
    InputFormat("mp3", "MP3", "mp3", "audio/mpeg"),
    InputFormat("mp2", "MPEG audio layer I/II", "mp3", "audio/mpeg"),
    InputFormat("wav", "WAV, RF64, BW64", "wav", "audio/wav"),
    InputFormat("w64", "Wave64", "w64", "audio/x-w64"),
    InputFormat("aiff", "AIFF, AIFF-C", "aiff", "audio/aiff"),
    InputFormat("caf", "Core Audio", "caf", "audio/x-caf"),
    InputFormat("au", "AU", "au", "audio/basic"),
    InputFormat("flac", "FLAC", "flac", "audio/flac"),
    InputFormat("ogg", "Ogg (Vorbis, FLAC, Speex)", "ogg", "audio/ogg"),
    InputFormat("opus", "Ogg Opus", "ogg", "audio/ogg"),
    InputFormat("m4a", "M4A, M4B (AAC, Apple Lossless)", "mov", "audio/mp4"),
    InputFormat("mp4", "MP4, the audio of a video", "mov", "video/mp4"),
    InputFormat("mov", "QuickTime, the audio of a video", "mov", "video/quicktime"),
    InputFormat("3gp", "3GP", "mov", "video/3gpp"),
    InputFormat("aac", "AAC (ADTS)", "aac", "audio/aac"),
    InputFormat("ac3", "Dolby Digital (AC-3)", "ac3", "audio/ac3"),
    InputFormat("eac3", "Dolby Digital Plus (E-AC-3)", "eac3", "audio/eac3"),
    InputFormat("dts", "DTS", "dts", "audio/vnd.dts"),
    InputFormat("amr", "AMR", "amr", "audio/amr"),
    InputFormat("wma", "Windows Media", "asf", "audio/x-ms-wma"),
    InputFormat("mka", "Matroska audio", "matroska", "audio/x-matroska"),
    InputFormat("mkv", "Matroska, the audio of a video", "matroska", "video/x-matroska"),
    InputFormat("webm", "WebM", "matroska", "audio/webm"),
    InputFormat("ts", "MPEG transport stream", "mpegts", "video/mp2t", always_local=True),
    InputFormat("mpg", "MPEG program stream", "mpeg", "video/mpeg", always_local=True),
    InputFormat("avi", "AVI, the audio of a video", "avi", "video/x-msvideo", always_local=True),
    InputFormat("flv", "Flash video, its audio", "flv", "video/x-flv", always_local=True),
    InputFormat("tta", "True Audio", "tta", "audio/x-tta", always_local=True),
    InputFormat("wv", "WavPack", "wv", "audio/x-wavpack", always_local=True),
)
