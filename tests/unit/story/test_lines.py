import json

import pytest

from service.story import lines
from service.story.lines import LONGEST, read, whole_lines
from tests.unit.story.logs import line

PLAIN = line(1, "job.claimed", job_id="j", attempt=1)
ENVELOPE = json.dumps({"logStreamName": "api/task/1", "message": PLAIN.decode(), "timestamp": 1764123580000}).encode()
FORMS = {
    "alone": (PLAIN, ""),
    "docker compose logs": (b"service-1  | " + PLAIN, "service-1"),
    "docker compose logs, in colours": (b"\x1b[36mservice-1  | \x1b[0m" + PLAIN, "service-1"),
    "docker compose logs --timestamps": (b"service-1  | 2026-11-26T02:19:43.821Z " + PLAIN, "service-1"),
    "an export of CloudWatch": (b"2026-11-26T02:19:43.821Z " + PLAIN, ""),
    "aws logs tail": (b"2026-11-26T02:19:43.821000+00:00 api/task/1 " + PLAIN, "api/task/1"),
    "a table of texts": (b"api/task/1\t" + PLAIN, "api/task/1"),
    "an event of the API of CloudWatch": (ENVELOPE, "api/task/1"),
}


@pytest.mark.parametrize("form", FORMS)
def test_event_is_found_in_what_each_tool_prints(form: str) -> None:
    """An event is read behind what docker compose and CloudWatch put before it, and its container is known."""
    text, source = FORMS[form]
    (entry,) = read([text]).entries

    assert (entry.event, entry.source, entry.fields["job_id"]) == ("job.claimed", source, "j")
    assert entry.at == read([PLAIN]).entries[0].at


NO_EVENTS = {
    "a line of text": b"listening on http://0.0.0.0:8080",
    "an event in a request": b'front-1  | 172.18.0.1 - - "GET /' + PLAIN + b' HTTP/1.1" 200',
    "text before": b"text before " + PLAIN,
    "text behind": PLAIN + b"text behind",
    "a list as event": b'{"event": ["job.claimed"], "timestamp": "2026-11-26T02:19:43Z"}',
    "half a line": b'{"event": "job.claimed", "timestamp": ',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "an endless number": b'{"event": "x", "size": ' + b"9" * 5000 + b"}",
    "no text": b"\xff\xfe{\x00}",
}


@pytest.mark.parametrize("text", NO_EVENTS.values(), ids=NO_EVENTS)
def test_what_is_no_event_is_skipped_and_counted(text: bytes) -> None:
    """Text, an event in the middle of a line, and damaged or hostile JSON are no events, and are counted."""
    logs = read([text, b"", b"  "])

    assert logs.entries == []
    assert (logs.lines, logs.skipped, logs.no_event) == (1, 1, 1)


@pytest.mark.parametrize("stamp", ["", "yesterday", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 5, None])
def test_event_without_a_time_is_counted(stamp: object) -> None:
    """An event whose time cannot be read, or is of another age, is left out and counted."""
    logs = read([json.dumps({"event": "job.claimed", "timestamp": stamp}).encode()])

    assert (logs.entries, logs.no_time) == ([], 1)


def test_line_that_is_given_twice_counts_once() -> None:
    """Logs that overlap, in whatever form, tell nothing twice."""
    logs = read([PLAIN, b"service-1 | " + PLAIN, PLAIN])

    assert (len(logs.entries), logs.repeated) == (1, 2)


def test_endless_line_is_never_held() -> None:
    """Of a line without an end no more is held than the longest that is read, and the next line is read as ever."""
    sizes = list[int]()

    def chunks() -> list[bytes]:
        return [b"x" * (1 << 16)] * 100 + [b"\n", PLAIN]

    found = list(whole_lines(chunks()))
    sizes = [len(one) for one in found]
    logs = read(found)

    assert max(sizes) <= LONGEST + (1 << 16)
    assert (logs.too_long, len(logs.entries)) == (1, 1)


def test_long_texts_are_cut() -> None:
    """A text of half a megabyte in a field is not kept."""
    (entry,) = read([line(1, "upload.stored", filename="x" * 500_000)]).entries

    assert len(entry.text("filename")) == lines.MOST_FIELD
