"""Tests of `chaos.report`: what its page and its tables say, without a browser."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from chaos import report
from chaos.history import recording
from chaos.history.events import Attempt, Event, Fault, Operation
from chaos.report.__main__ import main
from chaos.report.drawing import Scale, kind_of, strip
from chaos.report.page import page
from chaos.report.stories import headline, story_of
from chaos.report.view import view_of
from chaos.verdict import judge
from tests.support.chaos_picture import write_run
from tests.support.chaos_run import made_up_run

VOID = {"meta", "br", "link", "input"}


class Checker(HTMLParser):
    """Reads a page, and keeps what matters for its safety: tags, addresses, attributes, and whether all is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep its attributes."""
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It closes what was opened last."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def drawn(events: list[Event]) -> str:
    """The page of a run."""
    return page(view_of(events, judge(events)), ["logs/service-1.log"])


def said(events: list[Event], job_id: str) -> str:
    """The story of a job, a sentence a line."""
    view = view_of(events, judge(events))
    job = next(one for one in view.jobs if one.job_id == job_id)
    return "\n".join(f"{one.at:.1f} {one.text}" for one in story_of(job, view))


@pytest.mark.parametrize("jobs", [1, 5, 200])
def test_report_of_any_size_is_well_formed_and_loads_nothing(jobs: int) -> None:
    """A report of one or of 200 jobs closes what it opens, and names no address outside its own folder."""
    read = Checker(drawn(made_up_run(jobs)))

    assert (read.open, read.wrong) == ([], [])
    addresses = {value for _, name, value in read.attributes if name in {"href", "src", "action", "srcset"}}
    assert {one for one in addresses if one.startswith(("http", "//", "data:"))} == set()
    assert {name for _, name, _ in read.attributes if name == "style" or name.startswith("on")} == set()
    assert sum(tag == "details" and name == "id" for tag, name, _ in read.attributes) == jobs


def test_report_forbids_everything_but_its_own_style_and_script() -> None:
    """The content security policy of the page allows the two blocks by their hashes, and nothing to be loaded."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', drawn(made_up_run(2)))

    assert policy.startswith("default-src &#x27;none&#x27;")
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2


def test_report_escapes_what_a_run_has_recorded() -> None:
    """Names, details and problems are text, whatever they hold."""
    evil = "</script><img src=x onerror=alert(1)>"
    events = made_up_run(3)
    events += [
        Fault(at=5.0, name=evil, phase="injected", targets=[evil], colour='red" onload="x', detail=evil),
        Attempt(at=6.0, job_id=evil, attempt=1, container=evil, what="claimed", detail=evil),
    ]
    events = [replace(one, code=evil, detail=evil) if isinstance(one, Operation) else one for one in events]
    read = Checker(drawn(events))

    assert not [one for one in read.attributes if one[0] == "img" or one[1].startswith("on")]
    assert (read.open, read.wrong) == ([], [])


def test_story_of_a_killed_job_says_what_happened_in_order() -> None:
    """A story tells of the kill, how long the job had no holder, the takeover, and the bytes that came in the end."""
    story = said(made_up_run(6, 11), "job001")
    found = [
        story.find(text)
        for text in (
            "submitted the job through",
            "claimed the job and began to convert: attempt 1",
            "was killed in the middle of attempt 1",
            "no container had held the job",
            "took the job over: attempt 2",
            "recorded the job as succeeded",
            "exactly the bytes of an undisturbed conversion",
        )
    ]

    assert -1 not in found
    assert found == sorted(found)


def test_story_of_a_frozen_job_says_that_its_late_write_was_refused() -> None:
    """The story of a job whose container slept longer than its lease names the freeze and the refusal."""
    story = said(made_up_run(6, 11), "job002")

    assert "was frozen in the middle of attempt 1" in story
    assert "tried to write for attempt 1, which had been replaced, and was refused (fenced)" in story


def test_story_of_a_wrong_download_says_so() -> None:
    """Bytes that are not those of the oracle are told where they were delivered, and as a broken promise."""
    events = [
        replace(one, digest="wrong") if isinstance(one, Operation) and one.verb == "download" else one
        for one in made_up_run(6, 11)
    ]
    story = said(events, "job001")

    assert "they are not those of an undisturbed conversion" in story
    assert "A promise was broken: job001: the download" in story


def test_headline_counts_attempts_and_interruptions() -> None:
    """The line above a story says what became of a job, and through how much."""
    view = view_of(made_up_run(6, 11), judge(made_up_run(6, 11)))

    assert headline(view.jobs[2]) == "succeeded after 30.9 s in 2 attempts, through one interruption"


def test_report_of_a_failed_run_shows_what_is_broken_first() -> None:
    """A failed run says so at the top, links the job of each sentence, and gives the command that repeats it."""
    events = [
        replace(one, digest="wrong") if isinstance(one, Operation) and one.verb == "download" else one
        for one in made_up_run(6, 11)
    ]
    text = drawn(events)

    assert "A promise was broken." in text
    assert 'href="#job001">job 1 (job001)</a>: the download at' in text
    assert "make chaos SCENARIO=kill_the_converting SEED=11" in text


def test_terminal_shows_broken_promises_and_the_command() -> None:
    """On a terminal, a failed run says which promise was broken how, and how to repeat it."""
    events = made_up_run(6, 11)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(report.terminal(judge(events, recovery_bound=0.5)))
    text = console.export_text()

    assert "FAILED" in text
    assert "did not go on with it" in text
    assert "repeat it with:  make chaos SCENARIO=kill_the_converting SEED=11" in text


def test_report_is_written_again_from_its_folder(tmp_path: Path) -> None:
    """`python -m chaos.report FOLDER` makes the page again from the record, with links to the logs."""
    written = write_run(tmp_path / "run", 3)
    first = written.read_text(encoding="utf-8")
    written.unlink()

    assert main([str(tmp_path / "run")]) == 0
    assert written.read_text(encoding="utf-8") == first
    assert 'href="logs/service-1.log"' in first
    assert main([]) == 2


def test_report_is_written_without_a_verdict(tmp_path: Path) -> None:
    """A run that was killed before its verdict is judged when its report is written."""
    folder = tmp_path / "run"
    write_run(folder, 3)
    (folder / "run.json").unlink()

    assert "Every promise was kept." in report.write(folder).read_text(encoding="utf-8")


def test_report_keeps_the_verdict_of_the_runner(tmp_path: Path) -> None:
    """What `run.json` says is what the report says, with fields of the runner that a report does not know left out."""
    folder = tmp_path / "run"
    write_run(folder, 3)
    stored = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    stored |= {"verdict": "error", "reason": "the engine was gone", "runner": 1}
    (folder / "run.json").write_text(json.dumps(stored), encoding="utf-8")

    text = report.write(folder).read_text(encoding="utf-8")

    assert "The run broke off." in text
    assert "the engine was gone" in text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("kill_the_converting", "kill"),
        ("pause", "freeze"),
        ("redis_cut_off", "network"),
        ("hints killed", "network"),
        ("deploy new", "freeze"),
        ("disk_full", "resource"),
        ("x", "other"),
    ],
)
def test_fault_has_the_colour_of_its_kind(name: str, kind: str) -> None:
    """A fault without a colour of its own is coloured by what it does."""
    assert kind_of(name) == kind


@pytest.mark.parametrize("length", [3.0, 49.0, 520.0, 14400.0])
def test_axis_has_a_readable_number_of_ticks(length: float) -> None:
    """However long a run is, its axis has between four and thirteen moments, evenly spaced from 0."""
    ticks = Scale(length).ticks()

    assert ticks[0] == 0
    assert 4 <= len(ticks) <= 13
    assert ticks[-1] <= length


def test_history_of_the_example_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A record of a whole run goes to disk and back without a change."""
    write_run(tmp_path / "run", 3)
    back = recording.read(tmp_path / "run")

    assert [replace(one, wall="") for one in back] == made_up_run(3, 11)


def test_jobs_that_were_all_taken_over_at_once_are_drawn() -> None:
    """Recovery times of nought, as of a container that was cut off and not dead, are dots like others."""
    assert strip([0.0, 0.0], 0.0).count("0.00 s") == 2
