"""
The input formats: to accept another one, add a row to `INPUT_FORMATS` and teach `sniff` to know it by its bytes.

`sniff.identify` finds the `Source` in the bytes of an upload, `options.parse_target` the `Target` in a request, and
`arguments.command` turns the two into the command line of ffmpeg. Nothing here runs anything.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from service.core.media.tracks import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What an upload is, found by `sniff.identify` from its bytes alone."""

    container: str  # the name of an InputFormat, shown to clients as the upload's "format"
    demuxer: str  # the one ffmpeg demuxer that it is pinned to
    content_type: str
    needs_seeking: bool = False  # convert from a local file: a pipe could not be read, or would give other bytes
    reason: str | None = None  # why it needs seeking, one phrase
    declared_seconds: float | None = None  # if cheaply known from the headers
    cut_off: str | None = None  # bytes are missing, and which
    suspect: str | None = None  # bytes seem to be missing, which counts if the sound is too short as well
    junk: bool = False  # so much in front of the sound that ffmpeg tries to decode it
    holds_more: str | None = None  # it holds more than it declares, which is not converted
    tracks: tuple[Track, ...] = ()  # of sound, as far as the head tells; empty: not known
    title: str | None = None  # text of strangers, made fit to be shown by `labels.text.clean`, and so is the next
    artist: str | None = None
    cover: bool = False  # a picture was seen among its tags

    def to_dict(self) -> dict[str, Any]:
        """Return the form of the record: what was added later only where it says something."""
        late = ("cut_off", "suspect", "junk", "holds_more", "tracks", "title", "artist", "cover")
        return {name: value for name, value in asdict(self).items() if value or name not in late}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Source":
        """Read back what `to_dict` wrote, without fields that a newer release has added."""
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        names = [field.name for field in fields(Track)]
        tracks = [{name: track[name] for name in names if name in track} for track in known.get("tracks", ())]
        return cls(**known | {"tracks": tuple(Track(**track) for track in tracks)})


@dataclass(frozen=True, slots=True)
class InputFormat:
    """One accepted kind of upload. `always_local`: its tags or its index are at the end."""

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
