import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from service.cli import main, story
from tests.unit.story.logs import CONTAINER, FIRST, JOB, NEIGHBOUR, ONE, SECOND


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command configures the logging of its process, which here is that of all tests."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


LOGS = b"\n".join([*FIRST, b"listening on http://0.0.0.0:8080", *SECOND])


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, logs: bytes = LOGS) -> int:
    """Run the command with these logs on its standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(logs)))
    return main.main(["story", *arguments])


def test_story_of_one_job_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The story names the process that died, with when and what it held, and counts the lines that are no events."""
    assert run(monkeypatch, JOB) == 0
    out = capsys.readouterr().out

    assert f"job {JOB}: succeeded after 15.5 s, in 2 attempts, of which 1 was cut short" in out
    assert f"cost: attempt 1, in {CONTAINER}, was killed between 02:19:50.000 and 02:19:54.000" in out
    assert f"{CONTAINER} ({ONE}) died without a word between 02:19:50.000 and 02:19:54.000" in out
    assert f"it held 1 job: {JOB}; it stood still for at most " in out
    assert "read: 13 lines, 1 left out (1 no event)" in out


def test_all_jobs_are_a_line_each(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--all has one line for each job, whatever its length; --json one object."""
    assert run(monkeypatch, "--all") == 0
    (line,) = (one for one in capsys.readouterr().out.splitlines() if one.strip().startswith(JOB))
    assert line.split() == [
        JOB,
        "succeeded",
        "02:19:45.000",
        "15.5",
        "s",
        "2",
        "1",
        "killed",
        f"{CONTAINER},",
        NEIGHBOUR,
    ]

    assert run(monkeypatch, "--all", "--json") == 0
    (told,) = (json.loads(one) for one in capsys.readouterr().out.splitlines())
    assert (told["job_id"], told["state"], [one["end"] for one in told["attempts"]]) == (
        JOB,
        "succeeded",
        ["killed", "succeeded"],
    )


def test_job_that_is_not_in_the_logs_is_exit_code_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that no line names is exit code 3, with how much was read; its name is shown harmlessly."""
    assert run(monkeypatch, "\x1b[2Jnone") == 3
    said = capsys.readouterr()

    assert said.out == ""
    assert (
        said.err
        == "reprise: job \\x1b[2Jnone is not in these logs, which have 13 lines, 1 left out (1 no event) of 1 job\n"
    )


def test_logs_without_events_say_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logs for people, which hold no JSON, are exit code 3, with the setting that changes it."""
    assert run(monkeypatch, "--all", logs=b"2026-11-26T02:19:43Z [info     ] job.claimed\n") == 3
    assert "REPRISE_LOG_FORMAT=json" in capsys.readouterr().err


def test_wrong_usage_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Neither a job nor --all, both, a page that cannot be written, or a terminal in place of logs: exit code 2."""
    assert run(monkeypatch) == 2
    assert run(monkeypatch, JOB, "--all") == 2
    assert run(monkeypatch, JOB, "--html", str(tmp_path / "none" / "page.html")) == 2
    assert "cannot be written" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert run_on_terminal() == 2


def run_on_terminal() -> int:
    """Run it where no logs are given."""
    return main.main(["story", JOB])


def test_page_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """--html writes a page of the jobs that are told of."""
    assert run(monkeypatch, "--all", "--html", str(tmp_path / "page.html")) == 0
    assert JOB in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert story.NOT_FOUND == 3
