"""How moments, sizes and texts from logs are written, so that neither a terminal nor a reader is misled."""

from datetime import UTC, datetime

MOST = 200  # characters of a text


def harmless(value: object, most: int = MOST) -> str:
    """Return a text on one line, with everything escaped that is no visible character, and cut if it is long."""
    text = str(value)
    kept = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text[:most]
    )
    return kept + (f"… ({len(text):,} characters)" if len(text) > most else "")


def clock(at: float | None) -> str:
    """Return a moment as a time of day, UTC."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[11:23]


def day(at: float) -> str:
    """Return a moment as a day, UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def stamp(at: float | None) -> str | None:
    """Return a moment as ISO 8601 has it."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(length: float) -> str:
    """Return a duration: 0.42 s, 12.3 s, 3 min 5 s, 2 h 10 min. Clocks of different machines may make it negative."""
    size = abs(length)
    if size < 1:
        return f"{length:.2f} s"
    if size < 60:
        return f"{length:.1f} s"
    sign = "-" if length < 0 else ""
    whole = round(size)
    if whole < 3600:
        return f"{sign}{whole // 60} min {whole % 60} s"
    return f"{sign}{whole // 3600} h {whole % 3600 // 60} min"


def number(value: float | None) -> str:
    """Return a number of bytes, or the like."""
    return "?" if value is None else f"{value:,.0f}"


def plural(count: int, word: str, words: str = "") -> str:
    """Return a count with its word."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"
