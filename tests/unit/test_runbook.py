"""The runbook, held against the code: its questions to CloudWatch name events, fields and settings that exist."""

import re
from pathlib import Path

import pytest

from service import settings
from service.settings import NOT_OURS
from service.story.attempts import CUT
from service.telemetry import events
from service.telemetry.counters import COUNTERS
from service.telemetry.events import CONTEXT, LINE, Event
from service.telemetry.metrics import GAUGES

ROOT = Path(__file__).parent.parent.parent
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
EVENTS = {event.name: event for event in vars(events).values() if isinstance(event, Event)}
QUESTIONS: list[str] = re.findall(r"^```insights\n(.*?)^```$", RUNBOOK, flags=re.MULTILINE | re.DOTALL)
# What Logs Insights itself has, of which the runbook uses a part.
COMMANDS = {"fields", "filter", "sort", "limit", "stats"}
WORDS = {"by", "as", "asc", "desc", "and", "or", "in", "not", "like"}
FUNCTIONS = {"count", "count_distinct", "max", "min", "sum", "avg", "bin"}
ITS_OWN = {"@timestamp", "@logStream", "@message"}
PERIOD = re.compile(r"\d+[smhd]")
CASES = ("A container died", "A job is stuck", "A file is poison", "Redis is gone", "Throttling", "A bad deploy",
         "Bytes that belong to nobody", "Webhooks do not arrive")  # fmt: skip


def unknown(question: str) -> set[str]:
    """The commands, events and fields of a question that do not exist."""
    found = {line.split()[0] for line in question.replace("\n|", "\n").strip().splitlines()} - COMMANDS
    named = set(re.findall(r'"([a-z0-9]+\.[a-z_]+)"', question))
    found |= named - EVENTS.keys()
    asked = [EVENTS[name] for name in named & EVENTS.keys()] or list(EVENTS.values())
    fields = {field for event in asked for field in (*event.fields, *event.maybe)} | {*CONTEXT, *LINE}
    aliases = set(re.findall(r"\bas (\w+)", question))
    words = set(re.findall(r"@?[A-Za-z_]\w*|\d+\w+", re.sub(r'"[^"]*"', "", question)))
    words = {word for word in words if not PERIOD.fullmatch(word) and not word.isdecimal()}
    return found | (words - fields - aliases - COMMANDS - WORDS - FUNCTIONS - ITS_OWN)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda text: " ".join(text.split())[:60])
def test_question_to_cloudwatch_names_events_and_fields_that_exist(question: str) -> None:
    """Each event of a question is one of the vocabulary, logged by default, and has the fields that are asked for."""
    assert unknown(question) == set()
    assert all(EVENTS[name].level >= events.INFO for name in re.findall(r'"([a-z0-9]+\.[a-z_]+)"', question))
    assert question.count("(") == question.count(")")


def test_question_with_a_mistake_is_found() -> None:
    """A misspelt event, a field of another event and a command that there is not are noticed."""
    assert unknown('filter event = "job.taken"\n| fields job_id\n') == {"job.taken"}
    assert unknown('filter event = "redis.away"\n| fields percent, reason\n') == {"percent"}
    assert unknown('filter event = "redis.away"\n| order reason\n') == {"order"}


@pytest.mark.parametrize("case", CASES)
def test_each_case_says_what_to_look_at_ask_and_do(case: str) -> None:
    """For each case of trouble there is what to look at, at least one question that can be pasted, and what to do."""
    section = RUNBOOK.partition(f"\n## {case}\n")[2].partition("\n## ")[0]

    assert section
    assert all(f"**{part}**" in section for part in ("Look", "Ask", "Do"))
    assert "```insights\n" in section


def test_runbook_names_only_what_exists() -> None:
    """Every event, metric, setting and end of an attempt that the text names exists in the code."""
    codes = re.findall(r"`([^`\n]+)`", RUNBOOK)
    rooms = {name.partition(".")[0] for name in EVENTS}
    named = {word for word in codes if re.fullmatch(r"[a-z0-9]+\.[a-z_]+", word)}
    assert {word for word in named if word.partition(".")[0] in rooms} - EVENTS.keys() == set()

    metrics = set(re.findall(r"\breprise_[a-z0-9_]+", RUNBOOK))
    assert metrics <= {f"{one.name}_total" for one in COUNTERS} | GAUGES.keys()

    variables = {variable.name for variable in settings.VARIABLES} | NOT_OURS
    assert set(re.findall(r"\bREPRISE_[A-Z0-9_]+", RUNBOOK)) <= variables

    table = RUNBOOK.partition("| an attempt is |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == CUT


@pytest.mark.parametrize("page", ["runbook.md", "events.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Each link of the page leads to a file that is there, and to a heading that it has."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", text)):
        path = ROOT / "docs" / (target or page)
        assert path.is_file(), target
        headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert not anchor or anchor in {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings}
