import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.core.filenames import MAX_NAME_LENGTH, content_disposition, output_filename, safe_filename

ANY_TEXT = st.text() | st.text("./\\ \t\u00a0\u200d\u200c\u0301aäم❤", max_size=12) | st.text(min_size=100, max_size=300)
WITH_SURROGATES = st.text(st.characters(exclude_categories=[]))
EXTENSIONS = st.sampled_from(["mp3", "wav", "flac", "ogg", "opus", "m4a", "aac", "aiff", "wma", "webm", "ac3"])


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("song.wav", "song.wav"),
        ("Ärger & Co. (live).wav", "Ärger & Co. (live).wav"),
        ('say "hi".wav', 'say "hi".wav'),
        ("日本語.flac", "日本語.flac"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\song.wav", "song.wav"),
        ("../../..", "audio"),
        (". .. .", "audio"),
        ("  .hidden. ", "hidden"),
        ("a\r\nSet-Cookie: b.wav", "aSet-Cookie: b.wav"),
        ("evil\u202egpj.wav", "evilgpj.wav"),
        ("u\u0308.wav", "ü.wav"),
        ("u\u200d\u0308.wav", "ü.wav"),
        ("song\u200d.wav", "song.wav"),
        ("\u200dsong\u200c", "song"),
        ("می\u200cخواهم.wav", "می\u200cخواهم.wav"),
        ("می\u200c\u200cخواهم.wav", "می\u200cخواهم.wav"),
        ("👨\u200d👩\u200d👧 song.wav", "👨\u200d👩\u200d👧 song.wav"),
        ("❤️\u200d🔥.wav", "❤️\u200d🔥.wav"),
        ("क्\u200dष.wav", "क्\u200dष.wav"),
        ("\U0001fadc.wav", "\U0001fadc.wav"),
        ("", "audio"),
        (None, "audio"),
    ],
)
def test_file_names_that_clients_send(name: str | None, safe: str) -> None:
    """Paths, control characters and dots at the ends go; letters of every script, quotes and spaces stay."""
    assert safe_filename(name) == safe


@given(name=ANY_TEXT | WITH_SURROGATES)
@example("0" * 110 + ".abc defghi  jklmnop")
def test_no_file_name_carries_a_path_or_control_character(name: str) -> None:
    """Whatever comes in, a bounded plain name in NFC comes out, that is no path and no directory."""
    safe = safe_filename(name)

    assert 0 < len(safe) <= MAX_NAME_LENGTH
    assert not set(safe) & {"/", "\\"}
    assert safe not in {".", ".."}
    assert not [c for c in safe if unicodedata.category(c) in {"Cc", "Cs", "Co"}]
    assert not set(safe) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u200b\u200e\u200f\xad")
    assert unicodedata.is_normalized("NFC", safe)
    assert safe == safe.strip()
    safe.encode()


@given(name=ANY_TEXT | WITH_SURROGATES)
def test_safe_name_stays_as_it_is(name: str) -> None:
    """A name that was made safe is not changed by being made safe again."""
    safe = safe_filename(name)

    assert safe_filename(safe) == safe


@given(stem=st.text("abc", min_size=200, max_size=300))
def test_long_name_keeps_its_extension(stem: str) -> None:
    """What is cut from a long name is its middle."""
    assert safe_filename(f"{stem}.flac").endswith("c.flac") or safe_filename(f"{stem}.flac").endswith(".flac")


@pytest.mark.parametrize(
    ("name", "extension", "output"),
    [
        ("song.wav", "mp3", "song.mp3"),
        ("song", "mp3", "song.mp3"),
        ("live.tar.gz", "ogg", "live.tar.gz.ogg"),
        ("Vol. 1", "mp3", "Vol. 1.mp3"),
        ("Vol. 1.wav", "mp3", "Vol. 1.mp3"),
        ("R.E.M.", "mp3", "R.E.M.mp3"),
        ("R.E.M..wav", "mp3", "R.E.M..mp3"),
        ("track 01 (feat. X)", "mp3", "track 01 (feat. X).mp3"),
        ("Recording 2024-05-01 at 10.30.15", "flac", "Recording 2024-05-01 at 10.30.15.flac"),
        ("Op.27b", "mp3", "Op.27b.mp3"),
        ("voice.3GP", "mp3", "voice.mp3"),
        ("mp3", "mp3", "mp3.mp3"),
        (".wav", "mp3", "wav.mp3"),
        ("Ärger.WAV", "flac", "Ärger.flac"),
        ("", "m4a", "audio.m4a"),
        ("../x/song.wav", "mp3", "song.mp3"),
    ],
)
def test_output_file_is_named_after_the_input(name: str, extension: str, output: str) -> None:
    """Only the extension changes."""
    assert output_filename(name, extension) == output


def test_a_name_of_any_length_keeps_its_beginning_and_its_extension() -> None:
    """What lies in the middle of an endless name is not looked at; where the name begins and ends is."""
    assert safe_filename("Prélude " + "x" * 100_000 + ".flac").startswith("Prélude xx")
    assert safe_filename("Prélude" + "x" * 100_000 + ".flac").endswith("x.flac")


@given(name=ANY_TEXT | WITH_SURROGATES, extension=EXTENSIONS)
def test_output_file_name_keeps_its_extension(name: str, extension: str) -> None:
    """No input name is so long or so odd that the extension of the output is lost."""
    output = output_filename(name, extension)

    assert output.endswith(f".{extension}")
    assert len(output) <= MAX_NAME_LENGTH
    assert safe_filename(output) == output


@pytest.mark.requirement("3.4")
@given(name=ANY_TEXT | WITH_SURROGATES)
def test_content_disposition_is_ascii_and_carries_the_name(name: str) -> None:
    """A Content-Disposition is one line of printable ASCII from which the whole name can be read back."""
    header = content_disposition(name)

    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    _, carried = header.split("; filename*=UTF-8''")
    assert unquote(carried) == name.encode(errors="replace").decode()


def test_content_disposition_of_an_umlaut() -> None:
    """Old clients get an approximation, others the name itself."""
    expected = "attachment; filename=\"Arger _1_.mp3\"; filename*=UTF-8''%C3%84rger%20%221%22.mp3"

    assert content_disposition('Ärger "1".mp3') == expected


def test_two_long_names_that_differ_at_their_end_stay_different() -> None:
    """The parts of a series, whose long names differ in a number at the end, do not become the same file."""
    series = (
        "A very long name of a symphony with all of its movements, soloists, the orchestra and the hall, recorded " * 2
    )
    names = [f"{series}part {number}" for number in (1, 2)]

    assert len({safe_filename(name) for name in names}) == 2
    assert len({output_filename(f"{name}.wav", "mp3") for name in names}) == 2
    assert all(output_filename(name, "mp3").startswith("A very long name") for name in names)
