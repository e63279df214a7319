r"""
ffmpeg's log (stderr), parsed: what the input holds, how far the output has come, and the last lines.

Two things share the stream. Lines for people (`Duration: 00:10:00.00, start: …`, warnings, errors), and the
blocks of `-progress pipe:2`: lines of `key=value` that end with `progress=continue` or `progress=end`.
Chunks are cut anywhere, lines end with \n or \r, bytes need not be UTF-8, and a tag of the input may be a
megabyte long: a reader that is fed all of this keeps a bounded amount and never raises.
"""

import re
from collections import deque

from service.core.media.tracks import Track

MAX_LINES = 20
MAX_LINE = 1000  # bytes; the rest of a longer line is dropped
MAX_STREAMS = 256  # that are noted

# Everything that ffmpeg 9 writes into a progress block, and its closing statistics; anything else with a "=" in it is
# a line for people.
_PROGRESS_KEY = re.compile(
    rb"\A(frame|size|fps|bitrate|total_size|out_time|out_time_us|out_time_ms|dup_frames|drop_frames|speed|progress"
    rb"|elapsed|stream_\d+_\d+_[a-z]+)="
)
_DURATION = re.compile(rb"\A\s*Duration: (\d{1,9}):(\d\d):(\d\d(?:\.\d{1,9})?)(?![\d.])")
_CLOCK = re.compile(rb"\A(\d{1,9}):(\d\d):(\d\d(?:\.\d{1,9})?)\Z")
_MICROSECONDS = re.compile(rb"\A\d{1,18}\Z")
_ESTIMATED = b"Estimating duration from bitrate"
_STREAM = re.compile(
    rb"\A\s*Stream #0:(\d{1,4})(?:\[0x[0-9a-f]+\])?(?:\(([A-Za-z0-9-]{2,16})\))?: (Audio|Video): ([\w.]+)(.*)"
)
_SOUND = re.compile(rb".*?(?:(\d{1,7}) Hz, )(?:(mono)|(stereo)|(\d{1,3}) channels|(\d{1,2})\.(\d)(?:\.(\d))?)?")
_MAPPED = re.compile(rb"\A  Stream #0:(\d{1,4}) -> #0:0 ")
_VERSION = re.compile(rb"\Affmpeg version (\S{1,100})")
_BANNER = re.compile(rb"\A(ffmpeg version |  built with |  configuration: |  lib\w+ +\d)")
_COVERS = ("mjpeg", "png")  # kinds of pictures that are copied
_ENDED_EARLY = re.compile(rb"File ended prematurely|partial file|Truncat(ed|ing) packet|moov atom not found")
_LINE_END = re.compile(rb"[\r\n]")


class LogReader:
    """
    Takes chunks of stderr as they come, cut anywhere. Never raises.

    `duration_seconds`: what ffmpeg says of the input, good enough to show progress; None if unknown.
    `position_seconds`: the furthest time reached in the output, None before the first. `finished`: ffmpeg wrote
    its last progress block. `ended_early`: a demuxer said that the input stops in the middle of something.
    `version`: that of ffmpeg. `dropped_covers`: kinds of attached pictures that cannot be copied.
    """

    def __init__(self) -> None:
        self.duration_seconds: float | None = None
        self.position_seconds: float | None = None
        self.finished = False
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self.ended_early = False
        self.version: str | None = None
        self.dropped_covers: list[str] = []
        self._sounds: dict[int, tuple[str, str | None, int | None, int | None, bool]] = {}
        self._estimated = self._output_begun = False
        self._mapped: int | None = None
        self._begun = b""  # a line whose end has not come yet, at most MAX_LINE bytes of it

    @property
    def promised_seconds(self) -> float | None:
        """The duration, unless ffmpeg guessed it from the bitrate."""
        return None if self._estimated else self.duration_seconds

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks of sound of the input, in the order by which ffmpeg counts them."""
        found = (self._sounds[index] for index in sorted(self._sounds))
        return tuple(
            Track(number=number, codec=codec, language=language, rate=rate, channels=channels, default=default)
            for number, (codec, language, rate, channels, default) in enumerate(found, 1)
        )

    @property
    def chosen(self) -> Track | None:
        """The track of sound that became the first stream of the output."""
        if self._mapped not in self._sounds:
            return None
        return self.tracks[sorted(self._sounds).index(self._mapped)]

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines for people, oldest first; one that is not complete yet is the last."""
        begun = _text(self._begun) if self._begun and not _PROGRESS_KEY.match(self._begun) else ""
        return (*self._lines, begun)[-MAX_LINES:] if begun else tuple(self._lines)

    def feed(self, chunk: bytes) -> None:
        """Take in the next chunk."""
        *complete, rest = _LINE_END.split(chunk)
        for line in complete:
            self._line((self._begun + line)[:MAX_LINE])
            self._begun = b""
        self._begun = (self._begun + rest)[:MAX_LINE]

    def _line(self, line: bytes) -> None:
        if _PROGRESS_KEY.match(line):
            key, _, value = line.partition(b"=")
            self._progress(key, value.strip())
            return
        if not self._output_begun:
            self._about_input(line)
        elif self._mapped is None and (mapped := _MAPPED.match(line)):
            self._mapped = int(mapped[1])
        self.ended_early = self.ended_early or bool(_ENDED_EARLY.search(line))
        if (text := _text(line)) and not _BANNER.match(line):
            self._lines.append(text)

    def _about_input(self, line: bytes) -> None:
        self._output_begun = line.startswith((b"Output #0", b"Stream mapping:"))
        self._estimated = self._estimated or _ESTIMATED in line
        if (version := _VERSION.match(line)) and self.version is None:
            self.version = version[1].decode(errors="replace")
        if stream := _STREAM.match(line):
            self._stream(stream)
        if self.duration_seconds is None and (found := _DURATION.match(line)):
            self.duration_seconds = _seconds(found) or None

    def _stream(self, stream: re.Match[bytes]) -> None:
        index, language, kind, codec, rest = int(stream[1]), stream[2], stream[3], stream[4].decode(), stream[5]
        if kind == b"Video":
            if rest.rstrip().endswith(b"(attached pic)") and codec not in _COVERS:
                self.dropped_covers.append(codec)
        elif len(self._sounds) < MAX_STREAMS:
            rate, channels = _rate_and_channels(rest)
            known = language.decode() if language and language != b"und" else None
            self._sounds[index] = (codec, known, rate, channels, b"(default)" in rest)

    def _progress(self, key: bytes, value: bytes) -> None:
        if key == b"progress":
            self.finished = value == b"end"
        elif key == b"out_time_us" and _MICROSECONDS.match(value):
            self._reach(int(value) / 1_000_000)
        elif key == b"out_time" and (found := _CLOCK.match(value)):
            self._reach(_seconds(found))

    def _reach(self, seconds: float) -> None:
        self.position_seconds = max(seconds, self.position_seconds or 0.0)


def _rate_and_channels(text: bytes) -> tuple[int | None, int | None]:
    found = _SOUND.match(text)
    if found is None:
        return None, None
    rate, mono, stereo, count, front, low, top = found.groups()
    channels = 1 if mono else 2 if stereo else int(count or 0) or int(front or 0) + int(low or 0) + int(top or 0)
    return int(rate), {0: None}.get(channels, channels)


def _seconds(clock: re.Match[bytes]) -> float:
    hours, minutes, seconds = clock.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").strip()
