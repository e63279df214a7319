import msgspec
import pytest

from reprise.command.words import code_of, line
from reprise.errors import JobCancelled, UnexpectedAnswer, Unreachable, problem
from reprise.models import Job
from tests.unit.reprise.test_flows import JOB

HINTED = {"code": "invalid_option", "detail": "Not so.", "hint": "Do that."}


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (None, 0, None),
        (JobCancelled(msgspec.convert(JOB, Job)), 1, "the job was cancelled"),
        (problem(422, HINTED), 1, "Not so. (invalid_option). Do that."),
        (problem(401, {"code": "unauthorized", "detail": "No."}), 4, "--key"),
        (problem(503, {}), 3, "http_503"),
        (Unreachable("ConnectError"), 3, "http://here does not answer (ConnectError): is the address right"),
        (UnexpectedAnswer("a page"), 3, "http://here: a page"),
        (PermissionError(13, "Permission denied", "song.wav"), 1, "song.wav: Permission denied"),
    ],
)
def test_each_error_has_a_line_and_a_code(error: Exception | None, code: int, words: str | None) -> None:
    """An error is told in one line that says what to do, and ends with the exit code that is documented."""
    assert code_of(error) == code
    if error is not None and words is not None:
        assert words in line(error, "http://here")
        assert "\n" not in line(error, "http://here")
