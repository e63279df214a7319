"""
Names: object keys, output names, and what a client may call its file.

A client's file name is only ever *shown*: it is no part of an input key, and reaches an output key in a form in which
no path, control character or length can do harm.
"""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

MAX_NAME_LENGTH = 120  # characters; an object key holds 1,024 bytes, and four bytes each leave room for the ids
_MAX_GIVEN = 1000  # characters of a client's name that are looked at: to normalise a text takes the square of it
_GIVEN_END = 100  # of them from its end, where the suffix is
UPLOADS = "uploads/"
RESULTS = "results/"
_INPUT = re.compile(rf"{UPLOADS}([^/]+)/input")
_OUTPUT = re.compile(rf"{RESULTS}([^/]+)/(0|[1-9][0-9]{{0,8}})/.+", re.DOTALL)


def input_key(upload_id: str) -> str:
    """Return ``uploads/{upload_id}/input``."""
    return f"{UPLOADS}{upload_id}/input"


def output_key(job_id: str, attempt: int, filename: str) -> str:
    """Return ``results/{job_id}/{attempt}/{filename}``: the attempt keeps a replaced worker's object apart."""
    return f"{RESULTS}{job_id}/{attempt}/{filename}"


def result_prefix(job_id: str) -> str:
    """Return where all attempts of a job put their outputs."""
    return f"{RESULTS}{job_id}/"


def parse_input_key(key: str) -> str | None:
    """Return the upload id in a key that `input_key` made; None for any other key."""
    found = _INPUT.fullmatch(key)
    return found[1] if found else None


def parse_output_key(key: str) -> tuple[str, int] | None:
    """Return the job id and the attempt in a key that `output_key` made; None for any other key."""
    found = _OUTPUT.fullmatch(key)
    return (found[1], int(found[2])) if found else None


def safe_filename(name: str | None, default: str = "audio") -> str:
    """
    Return a client's file name without path and control characters, in NFC, at most `MAX_NAME_LENGTH` long.

    Umlauts, quotes, spaces and other scripts stay: `content_disposition` knows how to carry them.
    """
    base = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    if len(base) > _MAX_GIVEN:
        base = base[: _MAX_GIVEN - _GIVEN_END] + base[-_GIVEN_END:]
    # Categories C*: control, format (bidirectional overrides!), surrogate, private use, unassigned.
    kept = unicodedata.normalize("NFC", "".join(c for c in base if not unicodedata.category(c).startswith("C")))
    kept = kept.strip("." + "".join(filter(str.isspace, kept)))
    if not kept:
        return default
    if len(kept) <= MAX_NAME_LENGTH:
        return kept
    suffix = PurePosixPath(kept).suffix[:10].rstrip()
    return kept[: MAX_NAME_LENGTH - len(suffix)].rstrip() + suffix


def output_filename(input_name: str, extension: str) -> str:
    """Return ``song.mp3`` for ``song.wav`` and ``mp3``."""
    stem = PurePosixPath(safe_filename(input_name)).stem or "audio"
    return safe_filename(f"{stem[: MAX_NAME_LENGTH - len(extension) - 1]}.{extension}")


def content_disposition(filename: str) -> str:
    """
    Return an ``attachment`` header by RFC 6266: an ASCII approximation, and the real name by RFC 8187.

    The result is pure ASCII without line breaks, whatever the name.
    """
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    plain = "".join("_" if c in '"\\%' or not c.isprintable() else c for c in plain) or "audio"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"
