"""What a client asks, and in which order, for every answer that it may get."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from reprise.asking import call
from reprise.errors import (
    Interrupted,
    NotFound,
    Rejected,
    RepriseError,
    TryLater,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
)
from reprise.files import BytesSource
from reprise.flows import download, follow, formats, jobs, look, notifications, remove, resend, submit, uploads
from reprise.models import Job
from reprise.steps import Answer, Ask, Close, Flow, Next, NoAnswer, Open, Pause, Piece, Step, Tell
from reprise.uploading import WHOLE, Begun, send

T = TypeVar("T")
MIB = 1024 * 1024
PART = 5 * MIB
AWAY = NoAnswer("ConnectError")
JOB = {
    "job_id": "j",
    "state": "queued",
    "percent": 0.0,
    "upload_id": "u",
    "filename": "song.mp3",
    "format": "mp3",
    "created_at": "2027-01-15T08:00:00Z",
    "expires_at": "2027-01-16T08:00:00Z",
}
UPLOAD = {
    "upload_id": "u",
    "state": "complete",
    "filename": "song.wav",
    "size": 12 * MIB,
    "format": "wav",
    "created_at": "2027-01-15T08:00:00Z",
    "expires_at": "2027-01-16T08:00:00Z",
}
SIGNED = {"method": "PUT", "url": "https://s3.example/part?X-Amz-Signature=abc", "headers": {}}


def ok(document: Any, status: int = 200, **headers: str) -> Answer:
    """An answer with a document."""
    return Answer(status, headers, msgspec.json.encode(document))


def problem(status: int, code: str, **headers: str) -> Answer:
    """A refusal."""
    return ok(
        {"code": code, "detail": f"{code} it is"}, status, **{name.replace("_", "-"): headers[name] for name in headers}
    )


def pending(*numbers: int, size: int = PART) -> Answer:
    """An upload of twelve MiB of which these parts are there."""
    parts = [{"number": number, "size": size, "etag": "e"} for number in numbers]
    known = {"upload_id": "u", "state": "pending", "filename": "song.wav", "size": 12 * MIB, "received": 0}
    return ok({**known, "parts": parts, "part_size": PART})


def play(flow: Flow[T], answers: Sequence[object]) -> tuple[T | RepriseError, list[Step]]:
    """Drive a flow with these answers, one for each step that gets one; returns its result or error, and its steps."""
    rest, steps = list(answers), []
    sent: object = None
    try:
        while True:
            step = flow.send(sent)
            steps.append(step)
            sent = rest.pop(0) if isinstance(step, Ask | Open | Next) else None
    except StopIteration as end:
        assert not rest, f"answers that nothing asked for: {rest}"
        return end.value, steps
    except RepriseError as error:
        assert not rest, f"answers that nothing asked for: {rest}"
        return error, steps


def drive(flow: Flow[object], answer: Callable[[Step], object]) -> None:
    """Drive a flow that has to give up by itself, answering every step alike."""
    sent: object = None
    for _ in range(100):
        sent = answer(flow.send(sent))
    raise AssertionError("it goes on and on")


def asked(steps: list[Step]) -> list[str]:
    """The requests among these steps, in short."""
    asks = [step.ask if isinstance(step, Open) else step for step in steps if isinstance(step, Ask | Open)]
    return [f"{ask.method} {ask.to.partition('?')[0]}" for ask in asks]


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "passing", [AWAY, problem(503, "busy"), problem(429, "queue_full"), problem(502, "bad_gateway")]
)
def test_request_is_repeated_while_the_trouble_may_pass(passing: object) -> None:
    """A client outlives a restart of the service: it asks again, each time a little later, until there is an answer."""
    result, steps = play(call(Ask(method="GET", to="/v1/jobs/j")), [passing, passing, passing, ok({})])

    assert isinstance(result, Answer)
    pauses = [step.seconds for step in steps if isinstance(step, Pause)]
    assert pauses == sorted(pauses)
    assert len(set(pauses)) == 3


def test_retry_after_is_honoured() -> None:
    """A client comes back when the service says, not before."""
    _, steps = play(call(Ask(method="GET", to="/x")), [problem(503, "busy", retry_after="7"), ok({})])

    assert [step.seconds for step in steps if isinstance(step, Pause)] == [7.0]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(401, "unauthorized"), Unauthorized),
        (problem(404, "not_found"), NotFound),
        (problem(410, "expired"), NotFound),
        (problem(422, "invalid_option"), Rejected),
        (problem(413, "upload_too_large"), Rejected),
        (Answer(418, {}, b"<html>teapot</html>"), Rejected),
    ],
)
def test_refusal_is_raised_at_once(answer: Answer, error: type[RepriseError]) -> None:
    """What no repetition changes is raised at once, with the service's own code."""
    result, steps = play(call(Ask(method="GET", to="/x")), [answer])

    assert type(result) is error
    assert len(steps) == 1


@pytest.mark.parametrize(
    ("flow", "answer"),
    [
        (formats(), Answer(200, {}, b"<html>welcome</html>")),
        (formats(), Answer(301, {"location": "https://other.example/?secret"}, b"")),
        (look("j"), ok({"error": "no job at all"})),
        (submit("u", "mp3", {}, "key"), ok([])),
        (send(BytesSource(b"x"), "a.wav"), Answer(200, {}, b"")),
        (send(BytesSource(bytes(WHOLE)), "a.wav"), ok({"welcome": True})),
        (download("j", Path("never")), ok({})),
    ],
)
def test_answer_of_something_else_is_told_apart(flow: Flow[object], answer: Answer) -> None:
    """An address where something else answers is an error of its own, and what is behind a redirect is not repeated."""
    result, steps = play(flow, [answer])

    assert isinstance(result, UnexpectedAnswer)
    assert len(steps) == 1
    assert "secret" not in str(result)


@pytest.mark.parametrize(("answer", "error"), [(AWAY, Unreachable), (problem(503, "busy"), TryLater)])
def test_patience_ends(answer: object, error: type[RepriseError]) -> None:
    """A client does not wait for ever: after its patience it says what was in the way."""
    with pytest.raises(error):
        drive(call(Ask(method="GET", to="/x"), patience=3.0), lambda step: answer if isinstance(step, Ask) else None)


# ── uploads ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_small_file_goes_in_one_request() -> None:
    """A small file is one request, with its name."""
    result, steps = play(send(BytesSource(b"x" * 1000), "a b.wav"), [ok(UPLOAD, 201)])

    assert asked(steps) == ["POST /v1/uploads"]
    assert isinstance(steps[0], Ask)
    assert steps[0].params == {"filename": "a b.wav"}
    assert not isinstance(result, RepriseError)


def test_large_file_goes_to_the_object_store_in_parts() -> None:
    """A large file is sent in parts to presigned URLs, which get no header of the service."""
    kept: list[Begun] = []
    seen: list[int] = []
    answers = [
        ok({"upload_id": "u", "part_size": PART}), pending(),
        ok(SIGNED), Answer(200, {}, b""), ok(SIGNED), Answer(200, {}, b""), ok(SIGNED), Answer(200, {}, b""),
        ok(UPLOAD),
    ]  # fmt: skip
    result, steps = play(
        send(BytesSource(b"x" * 12 * MIB), "song.wav", on_begun=kept.append, seen=seen.append), answers
    )

    assert not isinstance(result, RepriseError)
    assert [len(step.content) for step in steps if isinstance(step, Ask) and step.elsewhere and step.content] == [
        PART, PART, 2 * MIB
    ]  # fmt: skip
    assert kept == [Begun(upload_id="u", part_size=PART)]
    assert seen == sorted(seen)
    assert seen[-1] == 12 * MIB


def test_resumed_upload_sends_only_what_is_missing() -> None:
    """An interrupted upload goes on with the parts that have not arrived, or not whole."""
    begun = Begun(upload_id="u", part_size=PART)
    answers = [pending(1, 3), ok(SIGNED), Answer(200, {}, b""), ok(SIGNED), Answer(200, {}, b""), ok(UPLOAD)]
    result, steps = play(send(BytesSource(b"x" * 12 * MIB), "song.wav", begun=begun), answers)

    assert not isinstance(result, RepriseError)
    assert asked(steps).count("GET /v1/s3/multipart/u/2") == 1
    assert asked(steps).count("GET /v1/s3/multipart/u/1") == 0
    assert asked(steps).count("GET /v1/s3/multipart/u/3") == 1  # five MiB of it are not the two that it has


def test_upload_that_is_gone_is_begun_anew() -> None:
    """An upload that expired while nobody went on with it costs its bytes, not the conversion."""
    begun = Begun(upload_id="old", part_size=PART)
    answers = [
        problem(404, "not_found"), ok({"upload_id": "u", "part_size": 12 * MIB}), pending(),
        ok(SIGNED), Answer(200, {}, b""), ok(UPLOAD),
    ]  # fmt: skip
    result, _ = play(send(BytesSource(b"x" * 12 * MIB), "song.wav", begun=begun), answers)

    assert not isinstance(result, RepriseError)


def test_parts_go_through_the_service_where_the_store_is_out_of_reach() -> None:
    """A client that cannot reach the object store finds out with the first part, and sends all by the other way."""
    answers = [
        ok({"upload_id": "u", "part_size": PART}), pending(), ok(SIGNED), AWAY, ok(SIGNED), AWAY,
        ok({}), ok({}), ok({}), ok(UPLOAD),
    ]  # fmt: skip
    result, steps = play(send(BytesSource(b"x" * 12 * MIB), "song.wav"), answers)

    assert not isinstance(result, RepriseError)
    assert [line for line in asked(steps) if line.startswith("PUT /v1")] == [
        f"PUT /v1/uploads/u/parts/{number}" for number in (1, 2, 3)
    ]


def test_part_that_is_missing_after_all_is_sent_again() -> None:
    """If the service says that parts are missing, they are sent, and the upload is completed again."""
    answers = [
        ok({"upload_id": "u", "part_size": 12 * MIB}), pending(), ok(SIGNED), Answer(200, {}, b""),
        problem(409, "upload_pending"), pending(), ok(SIGNED), Answer(200, {}, b""), ok(UPLOAD),
    ]  # fmt: skip
    result, _ = play(send(BytesSource(b"x" * 12 * MIB), "song.wav"), answers)

    assert not isinstance(result, RepriseError)


def test_whole_means_below_a_part() -> None:
    """What is sent in one request is never larger than the smallest part that S3 takes."""
    assert WHOLE <= PART


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_submission_is_repeated_under_one_key() -> None:
    """A submission whose answer was lost is repeated with the same idempotency key, and so makes one job."""
    result, steps = play(submit("u", "mp3", {"channels": 1}, "key"), [AWAY, ok(JOB, 202)])

    assert isinstance(result, Job)
    asks = [step for step in steps if isinstance(step, Ask)]
    assert [ask.headers["Idempotency-Key"] for ask in asks] == ["key", "key"]
    assert asks[0].json == {"upload_id": "u", "format": "mp3", "options": {"channels": 1}}


def event(name: str, document: object, mark: str = "") -> Piece:
    """A server-sent event."""
    return Piece(msgspec.json.encode(document), name, mark)


def test_follow_goes_on_after_a_broken_stream_where_it_was() -> None:
    """A stream that breaks, or reaches its time limit, is opened again behind the last event that was heard."""
    half = {"job_id": "j", "state": "running", "percent": 50.0}
    answers = [
        Answer(200, {}, b""), event("progress", half, "50.0"), AWAY, AWAY, Answer(200, {}, b""),
        event("done", {**JOB, "state": "succeeded", "percent": 100.0}),
    ]  # fmt: skip
    result, steps = play(follow("j"), answers)

    assert isinstance(result, Job)
    told = [step.value.percent for step in steps if isinstance(step, Tell)]
    assert told == [50.0, 100.0]
    opened = [step.ask.headers.get("Last-Event-ID") for step in steps if isinstance(step, Open)]
    assert opened == [None, "50.0", "50.0"]
    assert len([step for step in steps if isinstance(step, Pause)]) == 2  # also after a stream that told something
    assert isinstance(steps[-2], Close)


def test_jobs_are_told_page_by_page() -> None:
    """All pages are asked for in turn, each behind the one before, with the states that are wanted."""
    pages = [
        {"jobs": [JOB], "next": "a b"},
        {"jobs": [], "next": "c"},
        {"jobs": [{**JOB, "job_id": "k"}], "next": None},
    ]
    answers = [Answer(200, {}, msgspec.json.encode(page)) for page in pages]

    _, steps = play(jobs(["queued", "running"]), answers)

    assert [step.value.job_id for step in steps if isinstance(step, Tell)] == ["j", "k"]
    asked = [step.to for step in steps if isinstance(step, Ask)]
    first = "/v1/jobs?state=queued&state=running"
    assert asked == [first, f"{first}&cursor=a+b", f"{first}&cursor=c"]
    assert next(step.to for step in play(jobs(), [answers[2]])[1] if isinstance(step, Ask)) == "/v1/jobs"


def test_uploads_are_told_page_by_page() -> None:
    """A client that lost its ids finds its uploads again, those that are not complete among them."""
    waiting = {**UPLOAD, "state": "pending", "upload_id": "v", "size": None}
    media = {"format": "wav", "duration_seconds": 1.5, "title": "Song", "bitrate_kbps": 706, "new": "member"}
    pages = [{"uploads": [{**UPLOAD, "media": media}], "next": "c"}, {"uploads": [waiting], "next": None}]

    _, steps = play(uploads(["pending", "complete"]), [ok(page) for page in pages])

    first, second = (step.value for step in steps if isinstance(step, Tell))
    assert (first.upload_id, first.media.title, first.media.cover) == ("u", "Song", False)
    assert (second.upload_id, second.size, second.media) == ("v", None, None)
    place = "/v1/uploads?state=pending&state=complete"
    assert [step.to for step in steps if isinstance(step, Ask)] == [place, f"{place}&cursor=c"]


def test_follow_asks_where_streams_do_not_come_through() -> None:
    """Behind a proxy that holds event streams back, a client still hears how far its job is."""
    done = {**JOB, "state": "succeeded", "percent": 100.0}
    half = {"job_id": "j", "state": "running", "percent": 50.0}
    answers = [Answer(200, {}, b""), None, ok(half), ok(half), ok(done), ok(done)]
    result, steps = play(follow("j"), answers)

    assert isinstance(result, Job)
    assert [step.value.percent for step in steps if isinstance(step, Tell)] == [50.0, 100.0]


def test_delete_waits_until_the_job_is_gone() -> None:
    """A job that still runs is asked for again until its record is gone."""
    _, steps = play(remove("/v1/jobs/j"), [ok(JOB, 202), Answer(204, {}, b"")])

    assert asked(steps) == ["DELETE /v1/jobs/j", "DELETE /v1/jobs/j"]


# ── downloads ────────────────────────────────────────────────────────────────────────────────────────────────────

HEAD = Answer(200, {"content-length": "10", "etag": '"e"'}, b"")
LINK = ok({"url": "https://s3.example/out?X-Amz-Signature=abc", "expires": 900})


def test_download_goes_on_behind_what_is_there(tmp_path: Path) -> None:
    """A download that broke is continued at its offset, and only of the very same file."""
    part = tmp_path / "song.mp3.part"
    answers = [
        HEAD, LINK, Answer(200, {}, b""), Piece(b"0123"), AWAY,
        LINK, Answer(206, {}, b""), Piece(b"456789"), None,
    ]  # fmt: skip
    result, steps = play(download("j", part), answers)

    assert result is None
    assert part.read_bytes() == b"0123456789"
    wanted = [dict(step.ask.headers) for step in steps if isinstance(step, Open)]
    assert wanted == [{"If-Match": '"e"'}, {"If-Match": '"e"', "Range": "bytes=4-"}]


def test_download_of_another_file_begins_anew(tmp_path: Path) -> None:
    """What is left of another output is never continued: two files would become one."""
    part = tmp_path / "song.mp3.part"
    part.write_bytes(b"zzzz")
    answers = [HEAD, LINK, Answer(200, {}, b""), Piece(b"0123456789"), None]
    play(download("j", part, etag='"other"'), answers)

    assert part.read_bytes() == b"0123456789"


def test_download_goes_through_the_service_where_the_store_is_out_of_reach(tmp_path: Path) -> None:
    """A client that cannot reach the object store gets its file all the same."""
    part = tmp_path / "song.mp3.part"
    answers = [HEAD, LINK, AWAY, LINK, AWAY, Answer(200, {}, b""), Piece(b"0123456789"), None]
    result, steps = play(download("j", part), answers)

    assert result is None
    assert part.read_bytes() == b"0123456789"
    assert asked(steps)[-1] == "GET /v1/jobs/j/download"


def test_download_that_does_not_get_on_can_be_continued_later(tmp_path: Path) -> None:
    """After its patience a download says how far it got, and keeps what it has."""
    part = tmp_path / "song.mp3.part"
    part.write_bytes(b"0123")

    def answer(step: Step) -> object:
        if isinstance(step, Open):
            return AWAY
        if isinstance(step, Ask):
            return HEAD if step.method == "HEAD" else LINK
        return None

    with pytest.raises(Interrupted, match="only 4 of 10"):
        drive(download("j", part, etag='"e"', patience=1.0), answer)

    assert part.read_bytes() == b"0123"


def test_download_of_a_job_without_output_says_why(tmp_path: Path) -> None:
    """An answer to HEAD has no body, so the reason is asked for: a client hears `not_ready`, not just 409."""
    result, _ = play(download("j", tmp_path / "part"), [Answer(409, {}, b""), problem(409, "not_ready")])

    assert isinstance(result, Rejected)
    assert result.code == "not_ready"
    assert not (tmp_path / "part").exists()


def test_notifications_are_told_page_by_page_and_sent_again() -> None:
    """All pages of those that are wanted are asked for in turn; sending one again gives the job as it is then."""
    one = {"id": "j_failed", "state": "dead", "attempts": 14, "job_id": "j", "job_state": "failed"}
    pages = [{"notifications": [one], "next": "ab"}, {"notifications": [{**one, "job_id": "k"}], "next": None}]

    _, steps = play(notifications("dead"), [ok(page) for page in pages])
    asked = [step for step in steps if isinstance(step, Ask)]
    job, again = play(resend("j"), [ok({**JOB, "notification": {"id": "j_failed", "state": "pending"}}, 202)])

    assert [step.value.job_id for step in steps if isinstance(step, Tell)] == ["j", "k"]
    assert [step.to for step in asked] == [
        "/v1/notifications?state=dead",
        "/v1/notifications?state=dead&cursor=ab",
    ]
    assert isinstance(job, Job)
    assert job.notification is not None
    assert job.notification.state == "pending"
    assert [(step.method, step.to) for step in again if isinstance(step, Ask)] == [("POST", "/v1/jobs/j/notification")]
