"""What ffmpeg writes to its stderr, as it is, in the log of level debug: in pieces, and not more than can be read."""

from service.telemetry import emit, events

PIECE = 1500  # bytes in a line of the log
HELD = 0.2  # seconds for which less than a piece waits for more: ffmpeg writes its lines one by one
BURST, RATE = 40, 10  # lines at once, and lines a second; progress alone is five a second


class StderrLog:
    """Of one run of ffmpeg; damaged files make it write megabytes. Used by one thread."""

    def __init__(self, now: float) -> None:
        """Begin; `now` in monotonic seconds, as in `write`."""
        self._left, self._at = float(BURST), now
        self._dropped = 0
        self._held, self._held_since = bytearray(), now

    def write(self, text: bytes, now: float) -> None:
        """Log what was read, or count what is too much; the next line says how much was left out. May be empty."""
        if not self._held:
            self._held_since = now
        self._held += text
        whole = len(self._held) // PIECE * PIECE if now - self._held_since < HELD else len(self._held)
        for start in range(0, whole, PIECE):
            self._say(bytes(self._held[start : min(start + PIECE, whole)]), now)
        del self._held[:whole]
        if whole:
            self._held_since = now

    def flush(self, now: float) -> None:
        """Log what is left at the end."""
        if self._held:
            self._say(bytes(self._held), now)
            self._held.clear()

    def _say(self, piece: bytes, now: float) -> None:
        self._left = min(float(BURST), self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1:
            self._dropped += len(piece)
            return
        self._left -= 1
        more = {"dropped": self._dropped} if self._dropped else {}
        self._dropped = 0
        emit(events.FFMPEG_SAID, text=piece.decode(errors="replace"), **more)
