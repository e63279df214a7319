import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.filenames import output_filename
from service.core.naming import (
    RESULTS,
    UPLOADS,
    input_key,
    output_key,
    parse_input_key,
    parse_output_key,
    result_prefix,
)

ANY_TEXT = st.text() | st.text("./\\ \t\u00a0\u200d\u0301aä", max_size=12) | st.text(min_size=100, max_size=300)
EXTENSIONS = st.sampled_from(["mp3", "wav", "flac", "ogg", "opus", "m4a", "aac", "aiff", "wma", "webm", "ac3"])


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
