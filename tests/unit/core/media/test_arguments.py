import pytest

from service.core.media.arguments import STREAM_URL, command, input_arguments, output_arguments
from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.inputs import INPUT_FORMATS, Source
from service.core.media.options import parse_target

MP3 = Source(container="mp3", demuxer="mp3", content_type="audio/mpeg")
M4A = Source(container="m4a", demuxer="mov", content_type="audio/mp4", needs_seeking=True, reason="moov behind")
OGG = Source(container="ogg", demuxer="ogg", content_type="audio/ogg")


def value_of(argv: tuple[str, ...], option: str) -> str:
    """Return what follows an option."""
    return argv[argv.index(option) + 1]


def test_ffmpeg_command_of_a_plain_conversion() -> None:
    """One complete argv, to be read by people."""
    argv = command("ffmpeg", MP3, parse_target("flac", {"bit_depth": 24}), STREAM_URL, "/proc/self/fd/7")

    assert " ".join(argv).replace(value_of(argv, "-codec_whitelist"), "…") == (
        "ffmpeg -nostdin -nostats -y -loglevel info -progress pipe:2 -stats_period 0.1"
        " -max_alloc 67108864 -max_error_rate 0.1"
        " -protocol_whitelist fd -fd 0 -format_whitelist mp3 -codec_whitelist … -max_streams 64 -f mp3 -i fd:"
        " -map 0:a:0 -map 0:v:disp:attached_pic:u:? -c:v copy -c:a flac -sample_fmt s32 -bits_per_raw_sample 24"
        " -f flac /proc/self/fd/7"
    )


@pytest.mark.parametrize("kind", INPUT_FORMATS, ids=lambda kind: kind.name)
def test_every_input_is_limited_to_its_demuxer_and_protocol(kind: object) -> None:
    """One demuxer, one protocol, a list of decoders, a bound on streams: for every kind, on both paths."""
    source = Source(container=kind.name, demuxer=kind.demuxer, content_type=kind.content_type)  # type: ignore[attr-defined]

    for local, protocol in ((False, "fd"), (True, "file")):
        argv = input_arguments(source, local=local)
        assert value_of(argv, "-f") == value_of(argv, "-format_whitelist") == source.demuxer
        assert value_of(argv, "-protocol_whitelist") == protocol
        assert "-max_streams" in argv
        assert not {"h264", "hevc", "gif", "webp", "magicyuv"} & set(value_of(argv, "-codec_whitelist").split(","))


def test_input_arguments_follow_the_source_unless_told() -> None:
    """A source that needs seeking is read from a file, others from descriptor 0."""
    assert value_of(input_arguments(M4A), "-protocol_whitelist") == "file"
    assert value_of(input_arguments(MP3), "-protocol_whitelist") == "fd"


@pytest.mark.parametrize("url", [STREAM_URL, "pipe:0", "-"])
def test_all_names_of_stdin_become_the_stream_url(url: str) -> None:
    """Whatever a caller calls stdin, ffmpeg is told `fd:`, of which the MP3 demuxer thinks better."""
    argv = command("ffmpeg", MP3, parse_target("wav", {}), url, "out")

    assert value_of(argv, "-i") == STREAM_URL
    assert value_of(argv, "-fd") == "0"


def test_any_source_may_be_converted_from_a_file() -> None:
    """The fallback is always allowed."""
    argv = command("ffmpeg", MP3, parse_target("wav", {}), "/tmp/spooled", "out")

    assert value_of(argv, "-protocol_whitelist") == "file"
    assert "-fd" not in argv


@pytest.mark.parametrize("format", OUTPUT_FORMATS)
def test_a_muxer_and_an_encoder_are_always_named(format: str) -> None:
    """Nothing is left to the output's name, which is that of a file descriptor."""
    argv = output_arguments(parse_target(format, {}))

    assert argv[-2:] == ("-f", OUTPUT_FORMATS[format].muxer)
    assert value_of(argv, "-c:a") == OUTPUT_FORMATS[format].encoder
    assert argv[:2] == ("-map", "0:a:0")
    assert "+faststart" not in argv


def test_bit_depth_overrides_the_default_codec() -> None:
    """A depth in WAV is another encoder, named behind the default one."""
    argv = output_arguments(parse_target("wav", {"bit_depth": 24}))

    assert [argv[at + 1] for at, word in enumerate(argv) if word == "-c:a"][-1] == "pcm_s24le"


def test_trimming_is_done_by_a_filter() -> None:
    """Start and end are cut out of the decoded sound, so that pipe and file agree and the cover stays."""
    argv = output_arguments(parse_target("mp3", {"start_seconds": 1.5, "end_seconds": 3}))

    assert value_of(argv, "-af") == "atrim=start=1.500000:end=3.000000,asetpts=PTS-STARTPTS"
    assert not {"-ss", "-to", "-t"} & set(argv)
    assert value_of(argv, "-map_chapters") == "-1"


def test_loudness_output_has_a_usual_sample_rate() -> None:
    """The filter works at 192 kHz; the output has the rate asked for, or 48 kHz, or what the bitrate allows."""
    assert value_of(output_arguments(parse_target("wav", {"loudness": True})), "-ar") == "48000"
    assert value_of(output_arguments(parse_target("wav", {"loudness": True, "sample_rate": 22050})), "-ar") == "22050"
    assert value_of(output_arguments(parse_target("mp3", {"loudness": True, "bitrate_kbps": 16})), "-ar") == "24000"


def test_a_bitrate_limits_sample_rates_and_channels_to_those_that_carry_it() -> None:
    """Rates that cannot carry the bitrate are resampled to the nearest that can, unless the client chose."""
    open_rate = output_arguments(parse_target("mp3", {"bitrate_kbps": 320}))
    chosen = output_arguments(parse_target("mp3", {"bitrate_kbps": 320, "sample_rate": 48000}))

    assert value_of(open_rate, "-af") == "aformat=sample_rates=32000|44100|48000"
    assert "-af" not in chosen


def test_tags_of_an_ogg_stream_become_tags_of_the_file() -> None:
    """Ogg keeps its tags where ffmpeg would not look for those of an MP3."""
    moved = output_arguments(parse_target("mp3", {}), OGG)

    assert [moved[at + 1] for at, word in enumerate(moved) if word == "-map_metadata"] == ["0", "0:s:a:0"]
    assert "-map_metadata" not in output_arguments(parse_target("mp3", {}), MP3)


def test_muxers_with_random_stream_numbers_are_made_bitexact() -> None:
    """Ogg and WebM would number their streams by chance; two attempts must give the same bytes."""
    for format in ("ogg", "opus", "webm"):
        assert "+bitexact" in output_arguments(parse_target(format, {}))
