"""
File names out of a ``Content-Disposition`` header. Pure.

Both spellings are understood: ``filename="…"`` and, preferred, the encoded ``filename*=UTF-8''…`` of RFC 8187. What
comes out is what the client wrote; `service.core.filenames.safe_filename` makes it harmless.
"""

import re
from urllib.parse import unquote_to_bytes

_PARAMETER = re.compile(r""";\s*([A-Za-z0-9!#$&+^_`|~.-]+\*?)\s*=\s*("(?:\\.|[^"\\])*"|[^;"\s]*)""", re.ASCII)


def parameters(header: str) -> dict[str, str]:
    """Read the parameters of a header value, names in lower case, quotes taken off; the first of a name counts."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(header):
        name, value = match[1].lower(), match[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        found.setdefault(name, value)
    return found


def filename_in(header: str | None) -> str | None:
    """Read the file name in a header as it came over the wire (latin-1); None if there is none."""
    if header is None:
        return None
    given = parameters(";" + header if "=" in header.partition(";")[0] else header)
    extended = extended_value(given.get("filename*"))
    if extended is not None:
        return extended
    plain = given.get("filename")
    return None if plain is None else repaired(plain)


def extended_value(value: str | None) -> str | None:
    """Decode ``charset'language'percent-encoded``; None if it is not of that form, or no text in that charset."""
    if value is None or value.count("'") < 2:
        return None
    charset, _, encoded = value.split("'", 2)
    if charset.lower() not in {"utf-8", "iso-8859-1"}:  # the two that RFC 8187 and its forerunner speak of
        return None
    try:
        return unquote_to_bytes(encoded).decode(charset)
    except UnicodeDecodeError:
        return None


def repaired(text: str) -> str:
    """Decode as UTF-8 what came as latin-1: most clients that do not encode a name send UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
