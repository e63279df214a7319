"""The judge of sameness: blind to luck, and to nothing else."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from tests.blackbox.transcript import Conversation

A, B = "a" * 26, "b" * 26
JOB: Mapping[str, Any] = {"job_id": A, "links": {"self": f"/v1/jobs/{A}"}, "state": "running", "percent": 0.0}
STATUS: Mapping[str, Any] = {
    "instance": "one",
    "load": {"memory": 0.4, "cpu": None},
    "created_at": "2026-01-01T00:00:00Z",
}


def lines(document: Mapping[str, Any], **headers: str) -> list[str]:
    """What is written down of a service that says this."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=document, headers={"X-Request-Id": "c" * 26, "Date": "now", **headers})

    with httpx.Client(base_url="http://service", transport=httpx.MockTransport(answer)) as http:
        conversation = Conversation(http)
        conversation.call("GET", "/", 200)
    return conversation.lines


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (JOB, {**JOB, "job_id": B, "links": {"self": f"/v1/jobs/{B}"}}),
        (STATUS, {**STATUS, "instance": "another", "created_at": "2027-02-03T04:05:06.789Z"}),
        (STATUS, {**STATUS, "load": {"memory": None, "cpu": 0.1}}),
        ({"state": "failed", "percent": 3.0}, {"state": "failed", "percent": 9.0}),
        ({"url": f"http://a/b/uploads/{A}/input?X-Amz-Date=1&X-Amz-Signature=x"},
         {"url": f"https://b.example/uploads/{B}/input?X-Amz-Date=2&X-Amz-Signature=y"}),
    ],
    ids=["ids", "who and when", "readings", "how far", "addresses"],
)  # fmt: skip
def test_what_differs_by_nature_is_the_same_in_two_transcripts(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> None:
    """What differs from one run to the next by nature is the same in both transcripts."""
    assert lines(one) == lines(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda: lines({**JOB, "links": {"self": f"/v1/jobs/{B}"}}),
        lambda: lines({**JOB, "percent": 0.1}),
        lambda: lines({**JOB, "percent": None}),
        lambda: lines({**JOB, "extra": 1}),
        lambda: lines({key: value for key, value in JOB.items() if key != "state"}),
        lambda: lines(JOB, Unheard="of"),
        lambda: lines(JOB, **{"Retry-After": "2"}),
    ],
    ids=["another id", "a value", "a type", "one more", "one less", "a header", "its value"],
)
def test_every_other_difference_changes_the_transcript(change: Callable[[], list[str]]) -> None:
    """An id in the wrong place, a value, a type, a field or a header more or less: each is a difference."""
    assert change() != lines(JOB)


def test_an_unexpected_status_ends_the_story() -> None:
    """A story that expects another status hears of it with what was answered."""
    with (
        httpx.Client(base_url="http://service", transport=httpx.MockTransport(lambda _: httpx.Response(500))) as http,
        pytest.raises(AssertionError, match="answered 500, not 200"),
    ):
        Conversation(http).call("GET", "/", 200)
