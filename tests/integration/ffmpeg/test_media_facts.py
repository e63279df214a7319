"""What is told of a file before it is converted, against what plain ffmpeg says of the same file."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import pytest

from service.core.media.inputs import Source
from service.core.media.sniff import HEAD_BYTES, TAIL_BYTES, identify
from tests.support import media_samples

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
TITLE, ARTIST = "Prélude № 1", "Ada & Søn"
# File → the arguments that make it; each is given the title and the artist.
TAGGED: dict[str, tuple[str, ...]] = {
    "t.mka": ("-c:a", "flac"),
    "t.mkv": ("-c:a", "aac"),
    "t.webm": ("-c:a", "libopus"),
    "t.wma": ("-c:a", "wmav2"),
    "t.avi": ("-c:a", "libmp3lame"),
    "t.caf": ("-c:a", "pcm_s16be"),
    "t.mp3": ("-b:a", "128k"),
    "t.flac": (),
    "t.ogg": ("-c:a", "libvorbis"),
    "t.opus": ("-c:a", "libopus"),
    "t.m4a": ("-c:a", "aac", "-movflags", "+faststart"),
    "t.wav": (),
    "t.aiff": (),
}
LAYOUTS = {"mono": 1, "stereo": 2, "5.1": 6}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a file. `codec` and the like are those of its first track of sound."""

    title: str | None
    artist: str | None
    seconds: float | None
    codec: str | None
    rate: int | None
    channels: int | None


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A file of each kind that has tags, one with its tags behind the sound, and one with a picture."""
    folder = tmp_path_factory.mktemp("tagged")
    music, tags = media_samples.music(folder), ("-metadata", f"title={TITLE}", "-metadata", f"artist={ARTIST}")
    outputs = [part for name, how in TAGGED.items() for part in (*how, *tags, str(folder / name))]
    media_samples.run_ffmpeg(FFMPEG, "-i", str(music), *outputs)
    behind = folder / "behind.webm"
    behind.write_bytes(media_samples.matroska_tags_behind(media_samples.make(FFMPEG, "webm.webm", folder).read_bytes()))
    return [*(folder / name for name in TAGGED), behind, media_samples.make(FFMPEG, "mka-cover.mka", folder)]


def test_facts_are_those_of_plain_ffmpeg(tagged: Sequence[Path]) -> None:
    """Title, artist, duration, codec, sample rate and channels of an upload are what ffmpeg says of the file."""
    differ = {}
    for path, theirs in zip(tagged, facts_of_ffmpeg(tagged), strict=True):
        ours = facts_of(path)
        if (ours.title, ours.artist) != (theirs.title, theirs.artist) or not fits(ours, theirs):
            differ[path.name] = (ours, theirs)

    assert differ == {}
    assert [facts_of(path).title for path in tagged[: len(TAGGED)]] == [TITLE] * len(TAGGED)
    assert facts_of(tagged[len(TAGGED)]).artist == "Trailing artist"


def test_cover_of_matroska_is_seen(tagged: Sequence[Path]) -> None:
    """A picture that ffmpeg attached to a file of Matroska is told."""
    covers = {path.name: identified(path).cover for path in tagged}

    assert [name for name, cover in covers.items() if cover] == ["mka-cover.mka"]


def fits(ours: Facts, theirs: Facts) -> bool:
    """Tell whether nothing that we tell is different; what only a conversion shows is not told."""
    seconds = ours.seconds is None or ours.seconds == pytest.approx(theirs.seconds, abs=0.1)
    codec = ours.codec in (None, theirs.codec) or (ours.codec == "pcm" and (theirs.codec or "").startswith("pcm_"))
    return seconds and codec and ours.rate in (None, theirs.rate) and ours.channels in (None, theirs.channels)


def identified(path: Path) -> Source:
    """Look at a file, as it is looked at when it is uploaded."""
    data = path.read_bytes()
    return identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data))


def facts_of(path: Path) -> Facts:
    """What an upload is told to be."""
    found = identified(path)
    track = found.tracks[0] if found.tracks else None
    return Facts(
        found.title,
        found.artist,
        found.declared_seconds,
        track.codec if track else None,
        track.rate if track else None,
        track.channels if track else None,
    )


def facts_of_ffmpeg(paths: Sequence[Path]) -> list[Facts]:
    """What ffmpeg says of each, from one process for all."""
    inputs = [part for path in paths for part in ("-i", str(path))]
    done = subprocess.run([FFMPEG, "-nostdin", "-hide_banner", *inputs], capture_output=True, check=False, timeout=60)
    texts = re.split(r"^Input #\d+", done.stderr.decode(errors="replace"), flags=re.MULTILINE)[1:]
    return [_facts(text) for text in texts]


def _facts(text: str) -> Facts:
    def tag(name: str) -> str | None:
        found = re.search(rf"^ +{name} *: (.*)$", text, re.MULTILINE | re.IGNORECASE)
        return found[1].strip() if found else None

    lasts = re.search(r"Duration: (\d+):(\d+):([\d.]+)", text)
    sound = re.search(r"Audio: (\w+).*?, (\d+) Hz, ([\w.]+)", text)
    assert sound is not None, text
    return Facts(
        tag("title"),
        tag("artist"),
        int(lasts[1]) * 3600 + int(lasts[2]) * 60 + float(lasts[3]) if lasts else None,
        sound[1],
        int(sound[2]),
        LAYOUTS[sound[3]],
    )
