r"""
ffmpeg's log (stderr), parsed: how long the input is, how far the output has come, and the last lines.

Two things share the stream. Lines for people (`Duration: 00:10:00.00, start: …`, warnings, errors), and the
blocks of `-progress pipe:2`: lines of `key=value` that end with `progress=continue` or `progress=end`.
Chunks are cut anywhere, lines end with \n or \r, bytes need not be UTF-8, and a tag of the input may be a
megabyte long: a reader that is fed all of this keeps a bounded amount and never raises.
"""

import re
from collections import deque

MAX_LINES = 20
MAX_LINE = 1000  # bytes; the rest of a longer line is dropped
TOLERANCE_SECONDS = 0.5  # that an output may be shorter than its input declares
TOLERANCE_SHARE = 0.005  # of the declared length

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
_FILM = re.compile(rb"\A\s*Stream #0:\d.*: Video: (?!.*\(attached pic\))")
_ENDED_EARLY = re.compile(rb"File ended prematurely|partial file|Truncat(ed|ing) packet|moov atom not found")
_LINE_END = re.compile(rb"[\r\n]")


class LogReader:
    """
    Takes chunks of stderr as they come, cut anywhere. Never raises.

    `duration_seconds`: what ffmpeg says of the input, good enough to show progress; None if unknown.
    `position_seconds`: the furthest time reached in the output, None before the first. `finished`: ffmpeg wrote
    its last progress block. `ended_early`: a demuxer said that the input stops in the middle of something.
    """

    def __init__(self) -> None:
        self.duration_seconds: float | None = None
        self.position_seconds: float | None = None
        self.finished = False
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self.ended_early = False
        self._estimated = self._film = self._output_begun = False
        self._begun = b""  # a line whose end has not come yet, at most MAX_LINE bytes of it

    @property
    def promised_seconds(self) -> float | None:
        """
        The duration, if it says how much sound there must be.

        Not if ffmpeg guessed it from the bitrate, and not of a film, whose pictures may go on when the sound has ended.
        """
        return None if self._estimated or self._film else self.duration_seconds

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
        self.ended_early = self.ended_early or bool(_ENDED_EARLY.search(line))
        if text := _text(line):
            self._lines.append(text)

    def _about_input(self, line: bytes) -> None:
        self._output_begun = line.startswith((b"Output #0", b"Stream mapping:"))
        self._estimated = self._estimated or _ESTIMATED in line
        self._film = self._film or bool(_FILM.match(line))
        if self.duration_seconds is None and (found := _DURATION.match(line)):
            self.duration_seconds = _seconds(found) or None

    def _progress(self, key: bytes, value: bytes) -> None:
        if key == b"progress":
            self.finished = value == b"end"
        elif key == b"out_time_us" and _MICROSECONDS.match(value):
            self._reach(int(value) / 1_000_000)
        elif key == b"out_time" and (found := _CLOCK.match(value)):
            self._reach(_seconds(found))

    def _reach(self, seconds: float) -> None:
        self.position_seconds = max(seconds, self.position_seconds or 0.0)


def check_end(declared_seconds: float | None, position_seconds: float | None, trimmed: bool) -> str | None:  # noqa: FBT001  # it reads well where it is called by name
    """
    Return why a conversion that ended with exit code 0 is not to be believed, or None.

    A file that was cut off still decodes up to the cut, and ffmpeg calls that a success; so it does when it found
    no sound at all. `declared_seconds` is what the input's headers promise (`Source.declared_seconds`, else
    `LogReader.promised_seconds`), `position_seconds` how far the output went. Headers round and count padding, so
    only a clear gap counts. A trimmed output says nothing about the end of its input.
    """
    if not position_seconds:
        return "there is no sound between start and end" if trimmed else "there is no sound in it that could be decoded"
    if declared_seconds is None or trimmed:
        return None
    missing = declared_seconds - position_seconds
    if missing <= max(TOLERANCE_SECONDS, declared_seconds * TOLERANCE_SHARE):
        return None
    return f"the input ends after {position_seconds:.1f} s of the {declared_seconds:.1f} s that it declares"


def _seconds(clock: re.Match[bytes]) -> float:
    hours, minutes, seconds = clock.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").strip()
