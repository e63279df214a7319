"""
The tracks of sound in a file, and which of them is converted: the one that plain ffmpeg chooses, or the one wanted.

ffmpeg takes the track with the most channels; one that the file marks as its default goes before all that are not
marked; of several that are alike, the first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_TRACKS = 32  # that are described
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One track of sound. `number` counts those of sound from 1; what is not known is None."""

    number: int
    codec: str | None = None  # ffmpeg's name of it
    language: str | None = None
    rate: int | None = None  # Hz
    channels: int | None = None
    default: bool = False

    def describe(self) -> dict[str, object]:
        """Return what a client is told of it."""
        facts: dict[str, object] = {
            "number": self.number,
            "codec": self.codec,
            "language": self.language,
            "rate": self.rate,
            "channels": self.channels,
        }
        known = {name: value for name, value in facts.items() if value is not None}
        return {**known, "default": self.default}


def usual(tracks: Sequence[Track]) -> Track | None:
    """Return the track that plain ffmpeg converts, None if there is none."""
    best: Track | None = None
    for track in tracks:
        if best is None or _rank(track) > _rank(best):
            best = track
    return best


def choose(tracks: Sequence[Track], wanted: int | str | None) -> Track | None:
    """Return the wanted track: by its number, or the usual one of a language; None if there is none."""
    if wanted is None:
        return usual(tracks)
    if isinstance(wanted, int):
        return next((track for track in tracks if track.number == wanted), None)
    return usual([track for track in tracks if _same_language(track.language, wanted)])


def is_language(text: str) -> bool:
    """Whether it has the form of a language: `eng`, `en`, `pt-BR`."""
    return _LANGUAGE.fullmatch(text) is not None


def _rank(track: Track) -> tuple[bool, int]:
    return track.default, track.channels or 0


# ISO 639-1 to the codes of ISO 639-2 that files have; of two, both.
_THREE = {
    "ar": "ara", "bg": "bul", "ca": "cat", "cs": "cze ces", "da": "dan", "de": "ger deu", "el": "gre ell", "en": "eng",
    "es": "spa", "et": "est", "fa": "per fas", "fi": "fin", "fr": "fre fra", "he": "heb", "hi": "hin", "hr": "hrv",
    "hu": "hun", "id": "ind", "is": "ice isl", "it": "ita", "ja": "jpn", "ko": "kor", "lt": "lit", "lv": "lav",
    "nb": "nob nor", "nl": "dut nld", "no": "nor nob", "pl": "pol", "pt": "por", "ro": "rum ron", "ru": "rus",
    "sk": "slo slk", "sl": "slv", "sr": "srp", "sv": "swe", "th": "tha", "tr": "tur", "uk": "ukr", "vi": "vie",
    "zh": "chi zho",
}  # fmt: skip


def _same_language(found: str | None, wanted: str) -> bool:
    return found is not None and bool(_codes(found) & _codes(wanted))


def _codes(language: str) -> frozenset[str]:
    """Return all the codes that mean the same language."""
    code = language.lower().split("-")[0]
    for two, three in _THREE.items():
        if code == two or code in three.split():
            return frozenset({two, *three.split()})
    return frozenset({code})
