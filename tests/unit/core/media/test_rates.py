"""The sample rates that no audio file has."""

import struct
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import UnsupportedMedia
from service.core.media.rates import LEAST, MOST, check_rate, declared_rate
from service.core.media.sniff import identify

REFUSED = (1, 100, LEAST - 1, MOST + 1, 2**32 - 1)
TAKEN = (LEAST, 4_000, 5_512, 8_000, 44_100, 192_000, 384_000, MOST)


def a_wav(rate: int, *, before: bytes = b"") -> bytes:
    """A second of sound or more, mono, 8 bit, with `before` in front of the chunk that says the rate."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    return b"RIFF" + bytes(4) + b"WAVE" + before + form + struct.pack("<4sI", b"data", 1000) + bytes(1000)


def an_aiff(rate: int) -> bytes:
    """As `a_wav`; the rate is an 80-bit number."""
    exponent = rate.bit_length() - 1
    extended = struct.pack(">HQ", 16383 + exponent, rate << 63 - exponent)
    return b"FORM" + bytes(4) + b"AIFF" + struct.pack(">4sIHIH", b"COMM", 18, 1, 1000, 8) + extended


HEADERS: Mapping[str, Callable[[int], bytes]] = {
    "wav": a_wav,
    "w64": lambda rate: bytes(40) + struct.pack("<4s12xQHHII", b"fmt ", 40, 1, 1, rate, rate),
    "aiff": an_aiff,
    "caf": lambda rate: b"caff" + bytes(16) + struct.pack(">d", rate),
    "flac": lambda rate: b"fLaC" + bytes(14) + (rate << 4).to_bytes(3, "big"),
    "au": lambda rate: b".snd" + bytes(12) + struct.pack(">I", rate),
    "tta": lambda rate: b"TTA1" + bytes(6) + struct.pack("<I", rate),
}


@pytest.mark.parametrize("container", HEADERS)
def test_a_sample_rate_that_no_file_has_is_refused(container: str) -> None:
    """Below 2,000 and above 768,000 Hz the answer names the rate; what is in use is taken."""
    widest = (1 << 20) - 1 if container == "flac" else 2**32 - 1
    for rate in TAKEN:
        check_rate(container, HEADERS[container](rate))
        assert declared_rate(container, HEADERS[container](rate)) == rate
    for rate in REFUSED:
        if rate <= widest:
            with pytest.raises(UnsupportedMedia, match="sample rate"):
                check_rate(container, HEADERS[container](rate))


def test_the_refusal_says_what_can_be_converted() -> None:
    """A person reads the rate that was found and the rates that are taken, when the file is uploaded."""
    file = a_wav(1, before=struct.pack("<4sI", b"LIST", 3) + b"fmt\0")
    with pytest.raises(UnsupportedMedia, match=r"a sample rate of 1 Hz; 2,000 to 768,000 Hz") as refused:
        identify(file, file, len(file))
    assert refused.value.extra == {"sample_rate": 1}


@pytest.mark.parametrize("rate", [0.25, -8000.0, float("nan"), float("inf")])
def test_a_rate_that_is_no_number_of_hertz_is_refused(rate: float) -> None:
    """A rate as a floating-point number may be anything; what is not a rate is not converted."""
    with pytest.raises(UnsupportedMedia):
        check_rate("caf", HEADERS["caf"](rate))  # type: ignore[arg-type]  # that is the point


@given(container=st.sampled_from([*HEADERS, "mp3"]), head=st.binary(max_size=200))
def test_no_bytes_make_the_look_for_a_rate_fail(container: str, head: bytes) -> None:
    """Whatever is in the header, there is a rate or there is none."""
    rate = declared_rate(container, head)
    assert rate is None or rate >= 0
