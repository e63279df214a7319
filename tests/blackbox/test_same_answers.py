"""Answer for answer the same, wherever the service runs."""

import ast
import difflib
import fcntl
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.blackbox import stories
from tests.blackbox.transcript import Conversation
from tests.support.containers import folder_of_run
from tests.support.docker import one_worker
from tests.support.targets import OURS, TARGETS, THEIRS, Start, Target, embedded

pytestmark = pytest.mark.timeout(900)
FAILED = "not as the story has it"
AT_ONCE = 4
ALONE = ("around",)  # asks how many jobs there are
Transcripts = dict[str, list[str]]


def told(target: Target) -> Transcripts:
    """What all stories were answered, by story. Each minds its own business, so several are told at once."""
    tellers: list[tuple[str, str, stories.Story]] = []
    if target.keyed:
        tellers.append(("keys", target.keyed, lambda it: stories.keys(it, OURS, THEIRS)))
    tellers += [(name, target.address, story) for name, story in stories.STORIES.items() if name not in ALONE]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        lines = threads.map(lambda teller: _conversation(*teller[1:]), tellers)
        found = {name: said for (name, _, _), said in zip(tellers, lines, strict=True)}
    for name in ALONE:
        found[name] = _conversation(target.address, stories.STORIES[name])
    return found


def _conversation(address: str, story: Callable[[Conversation], None]) -> list[str]:
    with httpx.Client(base_url=address, timeout=120) as http:
        conversation = Conversation(http)
        try:
            story(conversation)
        except (AssertionError, httpx.HTTPError) as error:  # shown with the differences of the other stories
            conversation.lines += f"{FAILED}: {error!r}".splitlines()
    return conversation.lines


def once(request: pytest.FixtureRequest, start: Start, folder: Path) -> Transcripts:
    """What the embedded service answers; it is asked once in a run, by whichever worker needs it first."""
    note = folder_of_run() / "embedded-answers.json"
    with note.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not note.exists():
            with start(request, folder) as target:
                found = told(target)
            assert not (failed := [line for lines in found.values() for line in lines if line.startswith(FAILED)]), (
                failed
            )
            note.write_text(json.dumps(found))
        transcripts: Transcripts = json.loads(note.read_text())
    return transcripts


def differences(expected: Transcripts, found: Transcripts, name: str) -> str:
    """Line by line, for people; empty if there are none."""
    return "\n".join(
        line
        for story in found
        for line in difflib.unified_diff(expected[story], found[story], f"{story}, embedded", f"{story}, {name}", n=1)
    )


@pytest.mark.requirement("5.6")
def test_the_embedded_service_answers_as_documented(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Every route answers as docs/api.md says, without any setting."""
    assert once(request, embedded, tmp_path).keys() == {*stories.STORIES, "keys"}


@one_worker
@pytest.mark.requirement("5.1", "5.2", "5.4", "5.6")
@pytest.mark.parametrize("name", list(TARGETS))
def test_every_environment_answers_the_same(request: pytest.FixtureRequest, tmp_path: Path, name: str) -> None:
    """The same conversations get the same answers as from the embedded service: status, headers, bodies."""
    (tmp_path / "embedded").mkdir()
    (tmp_path / "other").mkdir()
    expected = once(request, embedded, tmp_path / "embedded")
    with TARGETS[name](request, tmp_path / "other") as target:
        found = told(target)

    assert not (differing := differences(expected, found, name)), f"\n{differing}"


def test_blackbox_suite_imports_nothing_of_the_service() -> None:
    """The stories and their transcripts import nothing of the service, and so cannot share its mistakes."""
    for module in ("stories.py", "transcript.py"):
        tree = ast.parse((Path(__file__).parent / module).read_text())
        imported = [
            name
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        ]
        assert imported
        assert not [name for name in imported if name.split(".")[0] == "service" or name.startswith("tests.support")]
