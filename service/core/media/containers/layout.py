"""What the modules here are asked (`Ends`) and what they answer (`Layout`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """What the two ends of an object tell about it."""

    name: str  # of the `InputFormat`
    reason: str | None = None  # to need seeking
    seconds: float | None = None  # declared by the headers


@dataclass(frozen=True, slots=True)
class Ends:
    """The beginning and the end of an object; together all of it, if it is small."""

    head: bytes
    tail: bytes
    size: int

    def window(self, at: int) -> bytes:
        """Return what is seen from offset `at` on, empty where the middle begins."""
        if at < len(self.head):
            return self.head[at:]
        from_tail = at - (self.size - len(self.tail))
        return self.tail[from_tail:] if 0 <= from_tail < len(self.tail) else b""
