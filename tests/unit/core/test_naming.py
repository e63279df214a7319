import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.core.naming import (
    MAX_NAME_LENGTH,
    RESULTS,
    UPLOADS,
    content_disposition,
    input_key,
    output_filename,
    output_key,
    parse_input_key,
    parse_output_key,
    result_prefix,
    safe_filename,
)

ANY_TEXT = st.text() | st.text("./\\ \t\u00a0\u200d\u0301aä", max_size=12) | st.text(min_size=100, max_size=300)
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
    assert not [c for c in safe if unicodedata.category(c).startswith("C")]
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
        ("archive.tar.gz", "ogg", "archive.tar.ogg"),
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


@pytest.mark.requirement("3.1")
@given(
    job_id=st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26), name=ANY_TEXT, extension=EXTENSIONS
)
def test_object_keys_fit_into_s3_and_stay_below_their_prefix(job_id: str, name: str, extension: str) -> None:
    """A key holds its id and attempt, fits into S3's 1,024 bytes, and has no level more than it should."""
    key = output_key(job_id, 12, output_filename(name, extension))

    assert key.startswith(result_prefix(job_id))
    assert key.split("/")[:3] == [RESULTS.rstrip("/"), job_id, "12"]
    assert key.count("/") == 3
    assert len(key.encode()) <= 1024


def test_two_attempts_never_share_an_output_key() -> None:
    """Each attempt of each job writes to a place of its own, apart from all inputs."""
    keys = {output_key(job, attempt, "a.mp3") for job in ("x", "y") for attempt in (1, 2, 11)}

    assert len(keys) == 6
    assert input_key("x") == f"{UPLOADS}x/input"
    assert not any(key.startswith(UPLOADS) for key in keys)


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


@given(name=ANY_TEXT, attempt=st.integers(0, 10**8), extension=EXTENSIONS)
def test_object_keys_can_be_parsed(name: str, attempt: int, extension: str) -> None:
    """A key tells whose it is, whatever the file is called."""
    assert parse_output_key(output_key("job1", attempt, output_filename(name, extension))) == ("job1", attempt)
    assert parse_input_key(input_key("upload1")) == "upload1"
    assert parse_output_key(input_key("upload1")) is None
    assert parse_input_key(output_key("job1", attempt, "input")) is None


@pytest.mark.parametrize(
    "key",
    [
        "",
        "results/",
        "results/job1/1/",
        "results/job1/x/a.mp3",
        "results//1/a.mp3",
        "results/job1/-1/a",
        "x/results/a/1/b",
        "uploads/",
        "uploads//input",
        "uploads/a/input/",
        "uploads/a/b/input",
        "uploads/a/input2",
        "Uploads/a/input",
    ],
)
def test_foreign_object_key_is_not_parsed(key: str) -> None:
    """What this service does not make, it does not claim to understand."""
    assert parse_output_key(key) is None
    assert parse_input_key(key) is None
