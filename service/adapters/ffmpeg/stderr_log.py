"""What ffmpeg writes to its stderr, as it is, in the log of level debug: in pieces, and not more than can be read."""

from service.telemetry import emit, events

PIECE = 1500  # bytes in a line of the log
BURST, RATE = 40, 10  # lines at once, and lines a second; progress alone is two a second


class StderrLog:
    """Of one run of ffmpeg; damaged files make it write megabytes. Used by one thread."""

    def __init__(self, now: float) -> None:
        """Begin; `now` in monotonic seconds, as in `write`."""
        self._left, self._at = float(BURST), now
        self._dropped = 0

    def write(self, text: bytes, now: float) -> None:
        """Log what was read, or count what is too much; the next line says how much was left out."""
        self._left = min(float(BURST), self._left + (now - self._at) * RATE)
        self._at = now
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE]
            if self._left < 1:
                self._dropped += len(piece)
                continue
            self._left -= 1
            more = {"dropped": self._dropped} if self._dropped else {}
            self._dropped = 0
            emit(events.FFMPEG_SAID, text=piece.decode(errors="replace"), **more)
