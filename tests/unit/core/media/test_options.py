import itertools
import json
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import InvalidOption, UnknownFormat
from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.options import Options, carrier, parse_target

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


@pytest.mark.parametrize("spelling", ["mp3", "MP3", " mp3 ", ".mp3"])
def test_format_names_ignore_case_blanks_and_the_dot(spelling: str) -> None:
    """Case, blanks and the dot of an extension do not matter."""
    assert parse_target(spelling, {}).format == "mp3"


@pytest.mark.parametrize(("wrong", "meant"), [("mp", "mp3"), ("flak", "flac"), ("opsu", "opus"), ("m4b", "m4a")])
def test_an_unknown_format_is_answered_with_the_nearest(wrong: str, meant: str) -> None:
    """A slip is answered with what was probably meant, and with all there is."""
    with pytest.raises(UnknownFormat) as caught:
        parse_target(wrong, {})

    assert f"Did you mean '{meant}'?" in caught.value.detail
    assert caught.value.extra["allowed"] == list(OUTPUT_FORMATS)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"quality": 10**400}, "quality of mp3 is from 0 to 9"),
        ({"start_seconds": 10**400}, "start_seconds is a time"),
        ({"bitrate_kbps": 10**400}, "bitrate_kbps of mp3"),
        ({"quality": [[[0] * 1000]]}, "quality is a number, not a list."),
        ({"channels": {"a": 1}}, "channels is a whole number, not an object."),
    ],
)
def test_a_value_of_any_size_is_refused_in_few_words(options: dict[str, object], says: str) -> None:
    """A number larger than any float, and a list or an object in place of one, are mistakes of the client's."""
    with pytest.raises(InvalidOption) as caught:
        parse_target("mp3", options)

    assert caught.value.detail.startswith(says)


@pytest.mark.parametrize("wrong", [None, 3, ["mp3"], "", "x" * 10_000])
def test_values_that_are_no_format_name_are_refused(wrong: object) -> None:
    """Any JSON value may arrive as the format; the echo in the message stays short."""
    with pytest.raises(UnknownFormat) as caught:
        parse_target(wrong, {})

    assert len(caught.value.detail) < 300


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    """A misspelt option is never ignored."""
    with pytest.raises(InvalidOption, match="Did you mean 'bitrate_kbps'"):
        parse_target("mp3", {"bitrate": 128})


@pytest.mark.parametrize(
    ("format", "options", "says"),
    [
        ("mp3", {"bitrate_kbps": 320, "sample_rate": 8000}, "one of 8, 16, 24, 32, 40, 48, 56, 64"),
        ("mp3", {"bitrate_kbps": 100}, "one of 8, 16"),
        ("mp3", {"bitrate_kbps": 144, "sample_rate": 44100}, "at 44100 Hz is one of 32, 40"),
        ("mp3", {"channels": 6}, "one of 1, 2"),
        ("mp3", {"bit_depth": 16}, "mp3 has no bit_depth"),
        ("mp3", {"quality": 10}, "from 0 to 9 .0 is best."),
        ("mp3", {"quality": 2, "bitrate_kbps": 128}, "not both"),
        ("opus", {"sample_rate": 44100}, "one of 8000, 12000, 16000, 24000, 48000"),
        ("opus", {"quality": 3}, "opus has no quality scale; these have: mp3, ogg"),
        ("opus", {"bitrate_kbps": 320, "channels": 1}, "with 1 channel is from 6 to 256"),
        ("flac", {"bitrate_kbps": 320}, "lossless"),
        ("flac", {"bit_depth": 32}, "one of 16, 24"),
        ("m4a", {"bitrate_kbps": 320, "channels": 1, "sample_rate": 44100}, "from 8 to 264"),
        ("ogg", {"bitrate_kbps": 128, "sample_rate": 96000}, "has no bitrate to choose"),
        ("ac3", {"sample_rate": 22050}, "one of 32000, 44100, 48000"),
        ("ac3", {"bitrate_kbps": 32, "channels": 6}, "one of 64, 80"),
        ("wav", {"start_seconds": 5, "end_seconds": 5}, "end_seconds must be later than start_seconds"),
        ("wav", {"end_seconds": 0}, "above 0"),
        ("wav", {"start_seconds": -1}, "from 0"),
        ("wav", {"start_seconds": inf}, "is a number"),
        ("wav", {"start_seconds": nan}, "is a number"),
        ("wav", {"start_seconds": "1:30"}, "is a number"),
        ("wav", {"sample_rate": 44100.5}, "whole number"),
        ("wav", {"sample_rate": True}, "whole number"),
        ("wav", {"sample_rate": "44100"}, "whole number"),
        ("wav", {"loudness": 1}, "true or false"),
        ("wav", {"keep_tags": "no"}, "true or false"),
    ],
)
def test_refused_options_name_what_is_allowed(format: str, options: dict[str, object], says: str) -> None:
    """What the encoder would clamp, round or ignore is refused, with what is allowed in the words."""
    with pytest.raises(InvalidOption, match=says):
        parse_target(format, options)


def test_options_that_are_no_object_are_refused() -> None:
    """A list in the place of the options is a clear error."""
    with pytest.raises(InvalidOption, match="object"):
        parse_target("mp3", ["bitrate_kbps"])  # type: ignore[arg-type]  # what JSON may bring


def test_null_leaves_an_option_open() -> None:
    """A client may send every field, with null where it has no wish."""
    assert parse_target("mp3", {"bitrate_kbps": None, "loudness": None}) == parse_target("mp3", None)


def test_options_to_dict_holds_only_what_was_set() -> None:
    """The record and the API show a client its own words, not our defaults."""
    target = parse_target("mp3", {"bitrate_kbps": 192.0, "keep_cover": False, "keep_tags": True})

    assert target.options.to_dict() == {"bitrate_kbps": 192, "keep_cover": False}


@given(st.sampled_from(sorted(OUTPUT_FORMATS)), st.integers(1, 1100), st.data())
def test_every_pair_of_a_carrier_has_the_bitrate(format: str, bitrate: int, data: st.DataObject) -> None:
    """Whatever rate and channels ffmpeg picks out of a carrier, the encoder honours the bitrate there."""
    output = OUTPUT_FORMATS[format]
    options = Options(
        bitrate_kbps=bitrate,
        sample_rate=data.draw(st.none() | st.sampled_from(output.sample_rates)),
        channels=data.draw(st.none() | st.sampled_from(output.channels)),
    )
    try:
        chosen = carrier(output, options)
    except InvalidOption:
        return
    pairs = itertools.product(chosen.sample_rates or output.sample_rates, chosen.channels or output.channels)

    for rate, channels in pairs:
        assert any(
            bitrate in band.bitrates and rate in band.rates and channels in band.channels for band in output.bands
        )


@given(st.sampled_from(sorted(OUTPUT_FORMATS)), st.dictionaries(st.sampled_from(list(Options().__slots__)), SCALARS))
def test_any_json_as_options_is_understood_or_refused(format: str, options: dict[str, object]) -> None:
    """Any JSON value gives a target or an InvalidOption, and what passes survives storage."""
    try:
        target = parse_target(format, options)
    except InvalidOption:
        return

    assert Options.from_dict(json.loads(json.dumps(target.options.to_dict()))) == target.options


@pytest.mark.parametrize("format", OUTPUT_FORMATS)
def test_output_formats_describe_their_options(format: str) -> None:
    """What GET /v1/formats says of a format is plain JSON, and every value it names is accepted."""
    described = json.loads(json.dumps(OUTPUT_FORMATS[format].describe()))

    for option, limits in described["options"].items():
        for value in limits.get("allowed", [limits.get("min"), limits.get("max")]):
            assert parse_target(format, {option: value}).options.to_dict() == {option: value}
