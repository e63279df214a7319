"""
Every accepted kind of input × every output format, with the real ffmpeg.

The oracle is plain ffmpeg on a local file, probing as it likes: ``ffmpeg -i IN … OUT``. The caged command (pinned
demuxer, white-lists, stdin or a local file as identify() says) has to write the same bytes. One process makes all
formats of one input, which is four times as quick as one each; a few inputs are done one by one as well, so that
nothing hides in that.
"""

import hashlib
import itertools
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import imageio_ffmpeg
import pytest

from service.core.errors import UnsupportedMedia
from service.core.media.arguments import STREAM_URL, command, decoder, output_arguments
from service.core.media.ending import cut_off, no_sound
from service.core.media.ffmpeg_log import LogReader
from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.inputs import INPUT_FORMATS, Source
from service.core.media.options import Options, Target, parse_target
from service.core.media.sniff import HEAD_BYTES, TAIL_BYTES, identify
from tests.support import media_samples
from tests.support.media_samples import BY_NAME, SAMPLES, run_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
EVERY_FORMAT = tuple(parse_target(name, {}) for name in OUTPUT_FORMATS)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session's samples are, each made once."""
    return tmp_path_factory.mktemp("samples")


def sample(folder: Path, name: str) -> Path:
    """Make one of the samples."""
    return media_samples.make(FFMPEG, name, folder)


def sniff(data: bytes) -> Source:
    """Identify a whole object."""
    return identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data))


def outputs(targets: Iterable[Target], folder: Path) -> dict[Target, Path]:
    """A path for each target."""
    return {target: folder / f"{n}.out" for n, target in enumerate(targets)}


def plain(source: Path, targets: Iterable[Target], tmp_path: Path) -> dict[Target, str]:
    """What ``ffmpeg -i IN … OUT`` writes, with the same decoder and output options: sha256 by target."""
    tmp_path.mkdir()
    paths = outputs(targets, tmp_path)
    what = sniff(source.read_bytes())
    run_ffmpeg(FFMPEG, *decoder(what), "-i", str(source), *itertools.chain.from_iterable(
        (*output_arguments(target, what), str(path)) for target, path in paths.items()
    ))  # fmt: skip
    return digests(paths)


def caged(source: Path, targets: Iterable[Target], tmp_path: Path) -> tuple[dict[Target, str], LogReader, Source]:
    """What our command writes from stdin, or from a local file if the source needs seeking."""
    tmp_path.mkdir()
    paths = outputs(targets, tmp_path)
    log, what = make_all(source, paths)
    return digests(paths), log, what


def make_all(source: Path, paths: Mapping[Target, Path]) -> tuple[LogReader, Source]:
    """Run our command, with all outputs in one process."""
    data = source.read_bytes()
    what = sniff(data)
    (first, path), *others = paths.items()
    argv = [*command(FFMPEG, what, first, str(source) if what.needs_seeking else STREAM_URL, str(path))]
    for target, other in others:
        argv += [*output_arguments(target, what), str(other)]
    done = piped(argv, data)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    log = LogReader()
    log.feed(done.stderr)
    return log, what


def piped(argv: Iterable[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run with *data* on a pipe; that ffmpeg closes it early is fine."""
    return subprocess.run([*argv], input=data, capture_output=True, check=False, timeout=60, env={})


def digests(paths: Mapping[Target, Path]) -> dict[Target, str]:
    """The sha256 of each file."""
    return {target: hashlib.sha256(path.read_bytes()).hexdigest() for target, path in paths.items()}


def facts(paths: Iterable[Path]) -> list[str]:
    """What ffmpeg says of each file."""
    inputs = itertools.chain.from_iterable(("-i", str(path)) for path in paths)
    done = subprocess.run([FFMPEG, "-nostdin", "-hide_banner", *inputs], capture_output=True, check=False, timeout=60)
    return re.split(r"^Input #\d+", done.stderr.decode(errors="replace"), flags=re.MULTILINE)[1:]


def convert(source: Path, targets: Iterable[Target], tmp_path: Path) -> dict[str, str]:
    """Convert with the caged command; return ffmpeg's facts about each output, by format."""
    paths = outputs(targets, tmp_path)
    make_all(source, paths)
    return dict(zip((target.format for target in paths), facts(paths.values()), strict=True))


def in_formats(formats: Iterable[str], options: Mapping[str, object]) -> list[Target]:
    """The same wish in several formats."""
    return [parse_target(name, options) for name in formats]


# ── the matrix ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("1.4", "1.5")
@pytest.mark.parametrize("name", BY_NAME)
def test_every_format_pair_gives_the_bytes_of_plain_ffmpeg(name: str, folder: Path, tmp_path: Path) -> None:
    """From a pipe, or locally where needed, every output of every input is what plain ffmpeg writes from a file."""
    source = sample(folder, name)

    expected = plain(source, EVERY_FORMAT, tmp_path / "plain")
    actual, log, what = caged(source, EVERY_FORMAT, tmp_path / "caged")

    assert actual == expected
    assert (what.container, what.needs_seeking) == (BY_NAME[name].container, BY_NAME[name].seeking)
    assert log.finished
    assert (no_sound(log, Options()) or cut_off(what, log, trimmed=False)) is None
    assert what.cut_off is None
    assert what.suspect is None
    if what.declared_seconds is not None:
        assert log.position_seconds == pytest.approx(what.declared_seconds, abs=0.1)


@pytest.mark.requirement("1.4", "1.5")
@pytest.mark.parametrize("format", OUTPUT_FORMATS)
@pytest.mark.parametrize("name", ["mp3-cover-jpg.mp3", "m4a.m4a"])
def test_a_single_output_gives_the_bytes_of_plain_ffmpeg(name: str, format: str, folder: Path, tmp_path: Path) -> None:
    """What the matrix shows for all formats in one process holds for the command of a single job."""
    source, targets = sample(folder, name), [parse_target(format, {})]

    assert caged(source, targets, tmp_path / "caged")[0] == plain(source, targets, tmp_path / "plain")


@pytest.mark.requirement("1.4", "1.5")
@pytest.mark.parametrize("name", ["mp3-cover-jpg.mp3", "wav-96k.wav", "opus.opus", "m4a.m4a", "mkv.mkv", "amr.amr"])
def test_conversions_with_options_give_the_bytes_of_plain_ffmpeg(name: str, folder: Path, tmp_path: Path) -> None:
    """Trim, loudness, rate, channels, depth and quality also give the same bytes from a pipe as from a file."""
    source = sample(folder, name)
    targets = [
        *(parse_target(output, {"start_seconds": 0.25, "end_seconds": 1.1}) for output in OUTPUT_FORMATS),
        *(parse_target(output, {"loudness": True}) for output in ("mp3", "wav", "opus")),
        parse_target("flac", {"bit_depth": 24, "sample_rate": 48000, "channels": 1, "end_seconds": 1}),
        parse_target("mp3", {"quality": 2, "keep_tags": False, "keep_cover": False}),
        parse_target("mp3", {"bitrate_kbps": 320}),
        parse_target("m4a", {"bitrate_kbps": 320, "loudness": True, "start_seconds": 0.5}),
    ]

    assert caged(source, targets, tmp_path / "caged")[0] == plain(source, targets, tmp_path / "plain")


def test_every_input_format_has_a_sample() -> None:
    """No kind of input is offered that this matrix does not try."""
    assert {item.name for item in INPUT_FORMATS} == {item.container for item in SAMPLES}


# ── options and the real encoders ────────────────────────────────────────────────────────────────────────────────


def edges() -> list[Target]:
    """Every option value of every format: each band's lowest and highest bitrate at each of its rates and channels."""
    targets = []
    for name, output in OUTPUT_FORMATS.items():
        for band in output.bands:
            for rate, channels, bitrate in itertools.product(
                band.rates, band.channels, sorted({band.bitrates[0], band.bitrates[-1]})
            ):
                targets.append(parse_target(name, {"bitrate_kbps": bitrate, "sample_rate": rate, "channels": channels}))
        if not output.bands:  # elsewhere every rate is in a band, or has no bitrate that could be clamped
            targets += [parse_target(name, {"sample_rate": rate}) for rate in output.sample_rates]
        targets += [parse_target(name, {"channels": channels}) for channels in output.channels]
        targets += [parse_target(name, {"bit_depth": depth}) for depth in output.bit_depths]
        targets += [parse_target(name, {"quality": value}) for value in output.quality or ()]
    return targets


@pytest.mark.parametrize("format", OUTPUT_FORMATS)
def test_encoders_honour_every_allowed_option(format: str, folder: Path, tmp_path: Path) -> None:
    """At the edges of every band the real encoder does what was asked, without an error and without clamping."""
    source = media_samples.music(folder, seconds=0.4)
    targets = [target for target in edges() if target.format == format]
    paths = outputs(targets, tmp_path)
    argv = [FFMPEG, "-nostdin", "-hide_banner", "-loglevel", "warning", "-y", "-i", str(source)]
    for target, path in paths.items():
        argv += [*output_arguments(target), str(path)]

    done = subprocess.run(argv, capture_output=True, check=False, timeout=100)

    said = done.stderr.decode(errors="replace")
    assert done.returncode == 0, said
    assert not re.search("clamp|too (high|low|many)|not supported|unsupported|Invalid", said), said


@pytest.mark.parametrize("channels", [1, 2])
def test_sample_rate_and_channels_arrive_in_the_output(channels: int, folder: Path, tmp_path: Path) -> None:
    """The output has the sample rate and the channels that were asked for."""
    rates = {name: output.sample_rates[0] for name, output in OUTPUT_FORMATS.items()}
    targets = [parse_target(name, {"sample_rate": rate, "channels": channels}) for name, rate in rates.items()]

    for name, known in convert(media_samples.music(folder), targets, tmp_path).items():
        # Opus always decodes at 48 kHz, whatever went in.
        rate = 48000 if OUTPUT_FORMATS[name].encoder == "libopus" else rates[name]
        assert f"{rate} Hz, {'mono' if channels == 1 else 'stereo'}" in known, name


@pytest.mark.parametrize(
    ("format", "bitrate", "source_rate", "expected"),
    [
        ("mp3", 320, 8000, "32000 Hz, stereo, fltp, 320 kb/s"),
        ("mp3", 320, 44100, "44100 Hz, stereo, fltp, 320 kb/s"),
        ("mp3", 16, 44100, "24000 Hz, stereo, fltp, 16 kb/s"),
        ("ac3", 640, 44100, "44100 Hz, stereo, fltp, 640 kb/s"),
    ],
)
def test_a_bitrate_is_never_clamped(
    format: str, bitrate: int, source_rate: int, expected: str, folder: Path, tmp_path: Path
) -> None:
    """What the source's rate cannot carry is resampled, the bitrate stays as asked."""
    source = media_samples.music(folder, rate=source_rate)

    assert expected in convert(source, in_formats([format], {"bitrate_kbps": bitrate}), tmp_path)[format]


@pytest.mark.parametrize("layout", ["mono", "2.1", "4.0", "quad", "5.0(side)", "5.1(side)", "6.1", "7.1"])
def test_sources_of_any_layout_convert(layout: str, folder: Path, tmp_path: Path) -> None:
    """Channels that an encoder does not know are mixed to what it knows instead of failing the job."""
    source = folder / f"{layout}.wav"
    run_ffmpeg(
        FFMPEG, "-f", "lavfi", "-i", f"anoisesrc=d=0.3:r=48000:seed=1,aformat=channel_layouts={layout}", str(source)
    )

    assert all("Audio:" in known for known in convert(source, EVERY_FORMAT, tmp_path).values())


@pytest.mark.parametrize("rate", [6000, 37800, 96000, 192000])
def test_sources_of_any_rate_convert(rate: int, folder: Path, tmp_path: Path) -> None:
    """Sample rates that an encoder does not know are resampled to one that it knows."""
    source = media_samples.music(folder, rate=rate, seconds=0.3)

    assert all("Audio:" in known for known in convert(source, EVERY_FORMAT, tmp_path).values())


# ── covers, tags, trims ──────────────────────────────────────────────────────────────────────────────────────────

WITH_COVER = [name for name, output in OUTPUT_FORMATS.items() if output.keeps_cover]


@pytest.mark.parametrize(
    "name", ["mp3-cover-jpg.mp3", "flac-cover.flac", "m4a-cover.m4a", "cover.opus", "mka-cover.mka"]
)
def test_covers_are_kept(name: str, folder: Path, tmp_path: Path) -> None:
    """A cover travels from any container that has one to any that can hold it, trimmed or not; or stays on request."""
    source = sample(folder, name)

    for format, known in convert(source, in_formats(WITH_COVER, {"start_seconds": 0.5}), tmp_path).items():
        assert "(attached pic)" in known, format
    for format, known in convert(source, in_formats(WITH_COVER, {"keep_cover": False}), tmp_path).items():
        assert "Video:" not in known, format


@pytest.mark.parametrize("name", ["mp4-front.mp4", "theora.ogv", "wmv.wmv"])
def test_video_track_is_not_taken_for_a_cover(name: str, folder: Path, tmp_path: Path) -> None:
    """The moving picture of a video is never copied into the output, and never stops the conversion of its sound."""
    for format, known in convert(sample(folder, name), EVERY_FORMAT, tmp_path).items():
        assert "Audio:" in known, format
        assert "Video:" not in known, format


@pytest.mark.parametrize("kind", ["gif", "webp", "garbage"])
def test_a_cover_that_cannot_be_used_is_left_out(kind: str, folder: Path, tmp_path: Path) -> None:
    """A broken picture, or one in a format that we do not decode, does not break the music."""
    data = bytearray(sample(folder, "mp3-cover-jpg.mp3").read_bytes())
    at = data.index(b"\xff\xd8\xff")
    if kind == "garbage":
        data[at : at + 1000] = bytes(n * 37 % 251 for n in range(1000))
    else:
        mime = data.index(b"image/jpeg\0")
        data[mime : mime + 11] = f"image/{kind}".encode().ljust(11, b"\0")
    source = tmp_path / "in.mp3"
    source.write_bytes(data)

    for format, known in convert(source, EVERY_FORMAT, tmp_path).items():
        assert "Audio:" in known, format
        assert "Video:" not in known, format


TAGGED = [name for name, output in OUTPUT_FORMATS.items() if output.keeps_tags]


@pytest.mark.parametrize(
    "name", ["mp3.mp3", "vorbis.ogg", "opus.opus", "flac.flac", "m4a-front.m4a", "wma.wma", "mka.mka"]
)
def test_tags_are_kept(name: str, folder: Path, tmp_path: Path) -> None:
    """Title and artist travel from every container to every other that has room for them; or stay on request."""
    source = sample(folder, name)

    for format, known in convert(source, in_formats(TAGGED, {}), tmp_path).items():
        assert "Prélude № 1" in known, format
        assert "Ada & Søn" in known, format
    for format, known in convert(source, in_formats(TAGGED, {"keep_tags": False}), tmp_path).items():
        assert "Prélude" not in known, format
        assert "Ada" not in known, format


def test_chapters_are_kept_unless_trimmed(folder: Path, tmp_path: Path) -> None:
    """An audiobook keeps its chapters; after a trim, where they would point elsewhere, it has none."""
    source, formats = sample(folder, "m4b-chapters.m4b"), ("mp3", "m4a", "webm")

    for format, known in convert(source, in_formats(formats, {}), tmp_path).items():
        assert "title           : Two" in known, format
    for format, known in convert(source, in_formats(formats, {"end_seconds": 1}), tmp_path).items():
        assert "title           : Two" not in known, format


@pytest.mark.parametrize(
    ("options", "seconds"),
    [({"start_seconds": 0.5}, 1.0), ({"end_seconds": 0.75}, 0.75), ({"start_seconds": 0.5, "end_seconds": 1.25}, 0.75)],
)
@pytest.mark.parametrize("name", ["mp3.mp3", "m4a-front.m4a", "ts.ts", "webm.webm"])
def test_a_trim_is_exact(name: str, options: Mapping[str, float], seconds: float, folder: Path, tmp_path: Path) -> None:
    """Start and end count from the beginning of the music, to the sample, whatever the container's own clock says."""
    output, packed = tmp_path / "o.wav", tmp_path / "o.m4a"
    make_all(sample(folder, name), {parse_target("wav", options): output, parse_target("m4a", options): packed})

    padded = name == "ts.ts" and "end_seconds" not in options  # it does not say where the encoder's padding begins
    data = output.read_bytes()
    bytes_per_second = 4 * (48000 if name == "webm.webm" else media_samples.RATE)
    measured = (len(data) - data.index(b"data") - 8) / bytes_per_second

    assert measured == pytest.approx(seconds, abs=0.05 if padded else 0.0001)
    assert "start: 0.000000" in facts([packed])[0]


def test_loudness_normalisation_raises_a_quiet_piece(folder: Path, tmp_path: Path) -> None:
    """With loudness on, a piece that was 30 dB too quiet comes out near -16 LUFS, at a rate that players know."""
    source, output = tmp_path / "quiet.wav", tmp_path / "o.flac"
    run_ffmpeg(FFMPEG, "-i", str(media_samples.music(folder, seconds=6)), "-af", "volume=-30dB", str(source))

    make_all(source, {parse_target("flac", {"loudness": True}): output})

    measured = subprocess.run(
        [FFMPEG, "-nostdin", "-hide_banner", "-i", str(output), "-af", "ebur128", "-f", "null", "-"],
        capture_output=True, check=True, timeout=60,
    ).stderr.decode()  # fmt: skip
    assert "48000 Hz" in measured
    assert float(re.findall(r"I:\s+(-?[\d.]+) LUFS", measured)[-1]) == pytest.approx(-16, abs=2)


# ── what must not get in ─────────────────────────────────────────────────────────────────────────────────────────

HOSTILE = {
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/canary.ts\n#EXT-X-ENDLIST\n",
    "m3u8 with a file": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "SDP": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "DASH": b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>',
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "subfile": b"subfile,,start,0,end,9,,:/etc/passwd\n",
    "text": b"Dear all,\nplease find attached my latest song.\n" * 40,
    "text in UTF-8": "Füße und Ärger, ganz ohne Ton\n".encode() * 40,
    "zip": b"PK\x03\x04" + bytes(200),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(200),
}


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize("what", HOSTILE)
def test_playlists_are_refused_as_uploads(what: str) -> None:
    """Playlists, descriptions and documents are refused from their bytes."""
    with pytest.raises(UnsupportedMedia):
        sniff(HOSTILE[what])


@pytest.mark.requirement("6.9")
@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp", "bmp", "tiff", "avif"])
def test_pictures_are_refused_as_uploads(kind: str, tmp_path: Path) -> None:
    """Pictures are refused from their bytes."""
    path = tmp_path / f"p.{kind}"
    run_ffmpeg(FFMPEG, "-f", "lavfi", "-i", "testsrc=size=48x48", "-frames:v", "1", "-update", "1", str(path))

    with pytest.raises(UnsupportedMedia):
        sniff(path.read_bytes())


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("local", [False, True], ids=["stdin", "file"])
def test_ffmpeg_arguments_open_nothing_even_without_sniffing(what: str, local: bool, tmp_path: Path) -> None:
    """Even if a playlist got past the sniffing under any disguise, ffmpeg itself opens nothing and fails."""
    source = tmp_path / "in.mp3"
    source.write_bytes(HOSTILE[what])
    demuxers = sorted({item.demuxer for item in INPUT_FORMATS}) if what == "m3u8" else ["mp3"]
    for demuxer in demuxers:
        disguise = Source(container="mp3", demuxer=demuxer, content_type="audio/mpeg")
        url = str(source) if local else STREAM_URL
        done = piped(command(FFMPEG, disguise, parse_target("wav", {}), url, str(tmp_path / "o.wav")), HOSTILE[what])

        said = done.stderr.decode(errors="replace")
        assert done.returncode != 0, said
        assert "Opening '" not in said, said
        assert "canary" not in said, said


def test_ffmpeg_arguments_allow_no_other_demuxer(tmp_path: Path) -> None:
    """The white-list refuses a demuxer that reads playlists even if the pin itself were wrong."""
    disguise = Source(container="mp3", demuxer="mp3", content_type="audio/mpeg")
    argv = [*command(FFMPEG, disguise, parse_target("wav", {}), STREAM_URL, str(tmp_path / "o.wav"))]
    argv[argv.index("-f") + 1] = "hls"

    done = piped(argv, HOSTILE["m3u8"])

    assert done.returncode != 0
    assert "not on whitelist" in done.stderr.decode()


def test_ffmpeg_arguments_open_no_file_for_a_playlist_demuxer(tmp_path: Path) -> None:
    """If pin and white-list of the demuxer both failed, the protocols would still be closed."""
    music = media_samples.music(tmp_path)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1.5,\nfile://{music}\n#EXT-X-ENDLIST\n".encode()
    disguise = Source(container="mp3", demuxer="hls", content_type="audio/mpeg")
    argv = [*command(FFMPEG, disguise, parse_target("wav", {}), STREAM_URL, str(tmp_path / "o.wav"))]
    argv[argv.index("-format_whitelist") + 1] = "hls,wav"
    argv[argv.index("-i") : argv.index("-i")] = ["-allowed_extensions", "ALL", "-extension_picky", "0"]

    done = piped(argv, playlist)

    assert done.returncode != 0
    assert "not on whitelist 'fd'" in done.stderr.decode()


# ── what is broken ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("6.5")
@pytest.mark.parametrize(
    "name", ["wav.wav", "flac.flac", "mp3.mp3", "m4a-front.m4a", "aiff.aiff", "w64.w64", "mka.mka", "mov-front.mov"]
)
def test_truncated_input_does_not_pass_as_success(name: str, folder: Path, tmp_path: Path) -> None:
    """An input that declares its length and ends before it fails: by ffmpeg's exit code, or by our own judgement."""
    longer = tmp_path / "long"
    longer.mkdir()
    whole = longer_sample(name, longer)
    data = whole.read_bytes()[: whole.stat().st_size * 8 // 10]
    what = sniff(data)

    done = piped(command(FFMPEG, what, parse_target("wav", {}), STREAM_URL, str(tmp_path / "o.wav")), data)

    log = LogReader()
    log.feed(done.stderr)
    assert done.returncode != 0 or cut_off(what, log, trimmed=False)


def longer_sample(name: str, folder: Path) -> Path:
    """The same kind of file, six seconds long."""
    return media_samples.make(FFMPEG, name, folder, seconds=6.0)


@pytest.mark.requirement("6.5")
def test_input_damaged_all_over_fails(tmp_path: Path) -> None:
    """An input of which more than a tenth cannot be decoded fails; ffmpeg by itself would forgive two thirds."""
    data = bytearray(media_samples.make(FFMPEG, "mp3-bare.mp3", tmp_path, seconds=6.0).read_bytes())
    for at in range(2000, len(data) - 64, 320):
        data[at : at + 64] = hashlib.sha512(b"%d" % at).digest()
    target, damaged = parse_target("wav", {}), bytes(data)

    done = piped(command(FFMPEG, sniff(damaged), target, STREAM_URL, str(tmp_path / "o.wav")), damaged)

    assert done.returncode != 0, done.stderr.decode(errors="replace")


def test_options_survive_storage() -> None:
    """Every target of this file reads back from its record as it was."""
    for target in edges():
        assert Options.from_dict(target.options.to_dict()) == target.options
