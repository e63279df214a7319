"""
Whole files that other programs wrote, or that no tool writes: each gives the bytes that plain ffmpeg gives.

Each goes through the look at its bytes and then, by our command, through every path that it may take; the judgement
at the end must find nothing wrong.
"""

import hashlib
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from service.adapters.ffmpeg.tracks import needs_look, wanted_track
from service.core.media.arguments import INPUT, OUTPUT, STREAM_URL, command, decoder, look, reproduction
from service.core.media.ending import cut_off, no_sound
from service.core.media.ffmpeg_log import LogReader
from service.core.media.inputs import Source
from service.core.media.options import Options, Target, parse_target
from service.core.media.sniff import BEYOND_BYTES, HEAD_BYTES, TAIL_BYTES, Beyond, identify, tags_end
from service.core.media.tracks import Track
from tests.support import foreign_samples, media_samples

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
WAV = parse_target("wav", {})


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session's samples are, each made once."""
    return tmp_path_factory.mktemp("foreign")


def sniff(data: bytes) -> Source:
    """Identify a whole object, as an upload is."""
    head, at = data[:HEAD_BYTES], tags_end(data[:HEAD_BYTES], len(data))
    beyond = None if at is None else Beyond(at, data[at : at + BEYOND_BYTES])
    return identify(head, data[-TAIL_BYTES:], len(data), beyond=beyond)


def ran(argv: tuple[str, ...], data: bytes) -> tuple[int, LogReader]:
    """Run with *data* on a pipe."""
    done = subprocess.run(argv, input=data, capture_output=True, check=False, timeout=60, env={})
    log = LogReader()
    log.feed(done.stderr)
    return done.returncode, log


def track_of(what: Source, target: Target, url: str, data: bytes) -> Track | None:
    """Choose the track as a conversion does."""
    if not needs_look(what, target):
        return wanted_track(what.tracks, target)
    log = ran(look(FFMPEG, what, url), data)[1]
    return wanted_track(log.tracks, target, log.chosen)


def converted(path: Path, what: Source, result: Path, *, local: bool, target: Target = WAV) -> str:
    """Convert from a file or from a pipe, and believe it; return the digest."""
    data, url = path.read_bytes(), str(path) if local else STREAM_URL
    code, log = ran(command(FFMPEG, what, target, url, str(result), track_of(what, target, url, data)), data)
    assert code == 0, log.last_lines
    assert (no_sound(log, Options()) or cut_off(what, log, trimmed=False)) is None
    return hashlib.sha256(result.read_bytes()).hexdigest()


def plain(path: Path, what: Source, result: Path) -> str:
    """What `ffmpeg -i IN OUT` writes, as it probes and chooses by itself, but for the exceptions in docs/formats.md."""
    tags = ("-map_metadata", "0", "-map_metadata", "0:s:a:0") if what.demuxer == "ogg" else ()
    media_samples.run_ffmpeg(FFMPEG, *decoder(what), "-i", str(path), *tags, str(result))
    return hashlib.sha256(result.read_bytes()).hexdigest()


def agree(path: Path, tmp_path: Path) -> Source:
    """See that every path gives the bytes of plain ffmpeg."""
    what = sniff(path.read_bytes())
    expected = plain(path, what, tmp_path / "plain.wav")
    for local in (True,) if what.needs_seeking else (False, True):
        assert converted(path, what, tmp_path / "our.wav", local=local) == expected, "local" if local else "streaming"
    return what


@pytest.mark.requirement("1.4", "1.5")
@pytest.mark.parametrize("name", foreign_samples.WRITERS)
def test_files_of_other_programs_give_the_bytes_of_plain_ffmpeg(name: str, folder: Path, tmp_path: Path) -> None:
    """What SoX, libsndfile, flac, oggenc, opusenc, lame, mkvmerge and wavpack write is converted like ffmpeg's own."""
    agree(foreign_samples.write(name, folder), tmp_path)


@pytest.mark.requirement("1.4", "1.5")
@pytest.mark.parametrize("name", foreign_samples.SURGERY)
def test_files_that_declare_what_they_do_not_hold_give_the_bytes_of_plain_ffmpeg(
    name: str, folder: Path, tmp_path: Path
) -> None:
    """Times that begin late, false rates, placeholders, junk and long tags in front: a whole file is converted."""
    of, change, container = foreign_samples.SURGERY[name]
    path = tmp_path / f"in{Path(of).suffix}"
    path.write_bytes(change(media_samples.make(FFMPEG, of, folder).read_bytes()))

    assert agree(path, tmp_path).container == container


MUSIC = ("-i", "MUSIC")
TWO = ("-i", "MUSIC", "-i", "SPEECH", "-map", "0:a", "-map", "1:a")
MADE: dict[str, tuple[str, ...]] = {
    "later.mka": (*MUSIC, "-c:a", "libopus", "-output_ts_offset", "3600"),
    "later.ts": (*MUSIC, "-c:a", "aac", "-output_ts_offset", "60"),
    "latm.ts": (*MUSIC, "-c:a", "aac", "-mpegts_flags", "+latm"),
    "shorter-second.mp4": (*TWO, "-c:a", "aac", "-movflags", "+faststart"),
    "second-default.mka": (*TWO, "-c:a", "flac", "-disposition:a:0", "0", "-disposition:a:1", "default"),
    "most-channels.mka": (
        "-i", "SPEECH", "-i", "MUSIC", "-map", "0:a", "-map", "1:a", "-c:a", "flac", "-disposition:a", "0"),
    "two.ts": ("-i", "SPEECH", "-i", "MUSIC", "-map", "0:a", "-map", "1:a", "-c:a", "mp2", "-ar", "44100"),
    "two.avi": ("-i", "SPEECH", "-i", "MUSIC", "-map", "0:a", "-map", "1:a", "-c:a", "mp2", "-ar", "44100"),
    "coarse.mov": (*MUSIC, "-c:a", "pcm_s16be", "-movie_timescale", "1"),
    "truehd.mkv": (*MUSIC, "-c:a", "truehd", "-strict", "-2", "-ar", "48000"),
    "bluray.m2ts": (*MUSIC, "-c:a", "pcm_bluray", "-ar", "48000", "-f", "mpegts", "-mpegts_m2ts_mode", "1"),
    "g722.wav": ("-i", "SPEECH", "-c:a", "g722", "-ar", "16000"),
    "g726.wav": ("-i", "SPEECH", "-c:a", "g726"),
    "yamaha.wav": (*MUSIC, "-c:a", "adpcm_yamaha"),
    "nellymoser.flv": ("-i", "SPEECH", "-c:a", "nellymoser"),
    "swf.flv": (*MUSIC, "-c:a", "adpcm_swf"),
}  # fmt: skip


@pytest.mark.requirement("1.4", "1.5")
@pytest.mark.parametrize("name", MADE)
def test_tracks_codecs_and_times_are_those_of_plain_ffmpeg(name: str, folder: Path, tmp_path: Path) -> None:
    """The track that ffmpeg chooses is converted, from every codec that is allowed, wherever its time begins."""
    names = {
        "MUSIC": str(media_samples.music(folder)),
        "SPEECH": str(media_samples.music(folder, rate=8000, channels=1, seconds=0.75)),
    }
    path = tmp_path / name
    media_samples.run_ffmpeg(FFMPEG, *(names.get(one, one) for one in MADE[name]), str(path))

    agree(path, tmp_path)


def test_a_gap_between_time_stamps_is_no_truncation(folder: Path, tmp_path: Path) -> None:
    """Two transport streams glued together, a minute apart, are whole."""
    parts = []
    for offset in ("0", "60"):
        part = tmp_path / f"{offset}.ts"
        music = str(media_samples.music(folder))
        media_samples.run_ffmpeg(FFMPEG, "-i", music, "-c:a", "aac", "-output_ts_offset", offset, str(part))
        parts.append(part.read_bytes())
    path = tmp_path / "in.ts"
    path.write_bytes(b"".join(parts))

    agree(path, tmp_path)


@pytest.mark.requirement("1.4")
@pytest.mark.parametrize(
    ("name", "format"), [("later.mka", "mp3"), ("second-default.mka", "flac"), ("amr.amr", "opus")]
)
def test_reported_arguments_write_the_same_bytes_by_hand(name: str, format: str, folder: Path, tmp_path: Path) -> None:
    """`ffmpeg.arguments` of a job, with the names of files in place of INPUT and OUTPUT, give what the job gives."""
    path = tmp_path / name
    if name in MADE:
        music, speech = media_samples.music(folder), media_samples.music(folder, rate=8000, channels=1)
        names = {"MUSIC": str(music), "SPEECH": str(speech)}
        media_samples.run_ffmpeg(FFMPEG, *(names.get(one, one) for one in MADE[name]), str(path))
    else:
        path.write_bytes(media_samples.make(FFMPEG, name, folder).read_bytes())
    what, target, by_hand = sniff(path.read_bytes()), parse_target(format, {}), tmp_path / "hand"
    places = {INPUT: str(path), OUTPUT: str(by_hand)}

    track = track_of(what, target, str(path), b"")
    media_samples.run_ffmpeg(FFMPEG, *(places.get(one, one) for one in reproduction(what, target, track)))

    result = tmp_path / "our"
    assert converted(path, what, result, local=False, target=target) == hashlib.sha256(by_hand.read_bytes()).hexdigest()


@pytest.mark.parametrize("rate", [352_800, 384_000])
def test_vorbis_is_made_of_the_highest_rates(rate: int, folder: Path, tmp_path: Path) -> None:
    """A rate that libvorbis cannot encode is resampled, like those that other encoders cannot."""
    path = media_samples.music(folder, rate=rate, seconds=0.2)

    converted(path, sniff(path.read_bytes()), tmp_path / "out.ogg", local=False, target=parse_target("ogg", {}))


def test_silence_between_words_of_amr_is_kept(tmp_path: Path) -> None:
    """A recording with silence suppression is as long as it was, and no frame of it counts as damaged."""
    speech, path, result = media_samples.music(tmp_path, rate=8000, channels=1), tmp_path / "in.amr", tmp_path / "o.wav"
    silent = "volume=0:enable='between(t,1,4)'"
    arguments = ("-stream_loop", "3", "-i", str(speech), "-af", silent, "-c:a", "libopencore_amrnb", "-dtx", "1")
    media_samples.run_ffmpeg(FFMPEG, *arguments, str(path))

    converted(path, sniff(path.read_bytes()), result, local=False)

    assert result.stat().st_size == pytest.approx(6 * 16000, abs=1000)
