"""
File names: what a client may call its file, what its output is called, and how a download carries the name.

A client's file name is only ever *shown*: it is no part of an input key, and reaches an output key in a form in which
no path, control character or length can do harm.
"""

import re
import unicodedata
from urllib.parse import quote

MAX_NAME_LENGTH = 120  # characters; an object key holds 1,024 bytes, and four bytes each leave room for the ids
_MAX_GIVEN = 1000  # characters of a client's name that are looked at: to normalise a text takes the square of it
_GIVEN_END = 100  # of them from its end, where the suffix is
# What an output's name loses: an ending that says what a file is. Of "Vol. 1" and "R.E.M." nothing is such an ending.
_SOUND = """
3ga 8svx aac aax ac3 adts adx aif aifc aiff alac amr ape au awb caf cda dff dsf dts dtshd eac3 ec3 f4a f4b flac g722
g726 gsm iff kar latm loas m1a m2a m3u8 m4a m4b m4p m4r mid midi mka mlp mod mogg mp1 mp2 mp3 mpa mpc mpga nist oga ogg
oma opus pcm ra raw rf64 rm rmi s3m sln snd sph spx tak thd truehd tta voc vox vqf w64 wav wave wma wv xm
"""
_FILM = """
3g2 3gp 3gpp asf avi divx dv f4v flv m1v m2p m2t m2ts m2v m4v mj2 mkv mks mov mp4 mpe mpeg mpg mpv mts mxf ogm ogv ogx
qt rmvb swf trp ts vob webm wmv wtv xvid
"""
_MADE_BY_DOWNLOADS = "bin blob dat download tmp"
_EXTENSIONS = frozenset(f"{_SOUND} {_FILM} {_MADE_BY_DOWNLOADS}".split())
_JOINERS = "\u200c\u200d"  # Persian needs the one, emoji and Indic scripts the other
_RUN_OF_JOINERS = re.compile(f"([{_JOINERS}])[{_JOINERS}]+")
_ELLIPSIS = "…"


def safe_filename(name: str | None, default: str = "audio") -> str:
    """
    Return a client's file name without path and control characters, in NFC, at most `MAX_NAME_LENGTH` long.

    Umlauts, quotes, spaces, emoji and other scripts stay: `content_disposition` knows how to carry them. A long name
    loses its middle.
    """
    base = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    if len(base) > _MAX_GIVEN:
        base = base[: _MAX_GIVEN - _GIVEN_END] + base[-_GIVEN_END:]
    return _shorten(_strip(_clean(base)), MAX_NAME_LENGTH) or default


def output_filename(input_name: str, extension: str) -> str:
    """Return ``song.mp3`` for ``song.wav`` and ``mp3``, and ``Vol. 1.mp3`` for ``Vol. 1``."""
    name = safe_filename(input_name)
    stem, dot, ending = name.rpartition(".")
    if not (stem and dot and ending.lower() in _EXTENSIONS):
        stem = name
    return f"{_shorten(stem, MAX_NAME_LENGTH - len(extension) - 1)}.{extension}"


def content_disposition(filename: str) -> str:
    """
    Return an ``attachment`` header by RFC 6266: an ASCII approximation, and the real name by RFC 8187.

    The result is pure ASCII without line breaks, whatever the name.
    """
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    plain = "".join("_" if c in '"\\%' or not c.isprintable() else c for c in plain) or "audio"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"


def _is_visible(character: str) -> bool:
    """Tell whether a character can be seen; a joiner, which stays between others, counts too."""
    category = unicodedata.category(character)
    if (
        category == "Cf"
    ):  # format: bidirectional overrides, for one. A few of them are seen: signs around Arabic numbers
        return character in _JOINERS or unicodedata.bidirectional(character) == "AN"
    if category == "Cn":  # an emoji may be newer than this Python
        return "\U0001f000" <= character <= "\U0001faff"
    return not category.startswith("C")


def _is_joined(character: str) -> bool:
    """Tell whether a joiner beside this character has a purpose: letters, marks and symbols beyond ASCII."""
    return not character.isascii() and unicodedata.category(character)[0] in "LMSC" and character not in _JOINERS


def _clean(text: str) -> str:
    """Return the text in NFC, without what cannot be seen."""
    seen = _RUN_OF_JOINERS.sub(r"\1", "".join(filter(_is_visible, unicodedata.normalize("NFC", text))))
    joined = [
        character
        for at, character in enumerate(seen)
        if character not in _JOINERS
        or (0 < at < len(seen) - 1 and _is_joined(seen[at - 1]) and _is_joined(seen[at + 1]))
    ]
    return unicodedata.normalize("NFC", "".join(joined))


def _strip(text: str) -> str:
    return text.strip("." + "".join(filter(str.isspace, text)))


def _shorten(text: str, length: int) -> str:
    """Return at most `length` characters of a text; the middle goes, since the names of a series differ at the end."""
    if len(text) <= length:
        return text
    tail = text[len(text) - length // 3 :]
    while tail and (tail[0] in _JOINERS or unicodedata.category(tail[0]).startswith("M")):
        tail = tail[1:]  # it belongs to a character that is gone
    return text[: length - length // 3 - 1].rstrip(_JOINERS) + _ELLIPSIS + tail
