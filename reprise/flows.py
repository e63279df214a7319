"""Jobs as flows: submit, look, follow, download. Uploads have `reprise.uploading`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from reprise.asking import PATIENCE, call, decoded, delay_after, failure_of, passes
from reprise.errors import Interrupted, JobCancelled, JobFailed, ProblemError, UnexpectedAnswer
from reprise.models import Job, JobsPage, Link, NotificationsPage, Progress, UploadsPage
from reprise.steps import Answer, Ask, Close, Flow, Next, NoAnswer, Open, Pause, Piece, Tell

SILENCE = 30.0  # seconds without a byte of an event stream before another is tried
POLL = 1.0  # seconds, where event streams do not come through


def submit(
    upload_id: str, target: str, options: Mapping[str, object], idempotency_key: str, patience: float = PATIENCE
) -> Flow[Job]:
    """Ask for a conversion. It may be repeated: the same key gives the same job."""
    wanted = {"upload_id": upload_id, "format": target, "options": dict(options)}
    ask = Ask(method="POST", to="/v1/jobs", json=wanted, headers={"Idempotency-Key": idempotency_key})
    return _job((yield from call(ask, patience)))


def look(job_id: str, patience: float = PATIENCE) -> Flow[Job]:
    """Return a job as it is. Raises `NotFound`."""
    return _job((yield from call(Ask(method="GET", to=f"/v1/jobs/{job_id}"), patience)))


def jobs(states: Sequence[str] = (), patience: float = PATIENCE) -> Flow[None]:
    """Tell every job of this key, newest first; only those in `states`, if any are given."""
    cursor: str | None = None
    while True:
        page = decoded((yield from call(_page("/v1/jobs", states, cursor), patience)).body, JobsPage)
        for job in page.jobs:
            yield Tell(job)
        if (cursor := page.next) is None:
            return


def uploads(states: Sequence[str] = (), patience: float = PATIENCE) -> Flow[None]:
    """Tell every upload of this key, newest first; only those in `states`, if any are given."""
    cursor: str | None = None
    while True:
        page = decoded((yield from call(_page("/v1/uploads", states, cursor), patience)).body, UploadsPage)
        for upload in page.uploads:
            yield Tell(upload)
        if (cursor := page.next) is None:
            return


def notifications(state: str = "dead", patience: float = PATIENCE) -> Flow[None]:
    """Tell every notification of this key that was given up (`dead`), or that is to be delivered (`pending`)."""
    cursor: str | None = None
    while True:
        answer = yield from call(_page("/v1/notifications", [state], cursor), patience)
        page = decoded(answer.body, NotificationsPage)
        for one in page.notifications:
            yield Tell(one)
        if (cursor := page.next) is None:
            return


def resend(job_id: str, patience: float = PATIENCE) -> Flow[Job]:
    """Send the notification of a job again."""
    return _job((yield from call(Ask(method="POST", to=f"/v1/jobs/{job_id}/notification"), patience)))


def _page(place: str, states: Sequence[str], cursor: str | None) -> Ask:
    asked = [*(("state", state) for state in states), *([("cursor", cursor)] if cursor else [])]
    return Ask(method="GET", to=f"{place}?{urlencode(asked)}" if asked else place)


def cancel(job_id: str, patience: float = PATIENCE) -> Flow[Job]:
    """Ask for the end of a job."""
    return _job((yield from call(Ask(method="POST", to=f"/v1/jobs/{job_id}/cancel"), patience)))


def remove(to: str, patience: float = PATIENCE) -> Flow[None]:
    """Delete a job or an upload. A job that still runs is cancelled first, and asked for again until it is gone."""
    while True:
        answer = yield from call(Ask(method="DELETE", to=to), patience)
        if answer.status != 202:
            return
        yield Pause(POLL)


def formats(patience: float = PATIENCE) -> Flow[dict[str, Any]]:
    """Return what goes in and what comes out, with the options of each format."""
    return decoded((yield from call(Ask(method="GET", to="/v1/formats"), patience)).body, dict[str, Any])


def follow(job_id: str, patience: float = PATIENCE) -> Flow[Job]:
    """
    Tell each change of a job until it has ended, and return it.

    By server-sent events; where these do not come through (some proxies hold them back), by asking. What is told never
    falls, over reconnects too.
    """
    last, failures, waited = "", 0, 0.0
    while failures < 2 or waited < patience:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        ask = Ask(method="GET", to=f"/v1/jobs/{job_id}/events", headers=headers, seconds=SILENCE)
        answer: Answer | NoAnswer = yield Open(ask, "events")
        if isinstance(answer, Answer) and answer.status < 400:
            heard = False
            while isinstance(piece := (yield Next()), Piece):
                heard = True
                last = piece.id or last
                if piece.event == "done":
                    yield Close()
                    job = decoded(piece.data, Job)
                    yield Tell(job)
                    return job
                if piece.event == "progress":
                    yield Tell(decoded(piece.data, Progress))
            yield Close()
            if not heard:
                return (yield from _poll(job_id, patience))
            failures, waited = 0, 0.0
            yield Pause(delay_after(0))  # something in between may cut every stream after its first event
            continue
        error = failure_of(answer)
        if not passes(error):
            raise error
        delay = delay_after(failures, answer)
        failures, waited = failures + 1, waited + delay
        yield Pause(delay)
    return (yield from _poll(job_id, patience))


def _poll(job_id: str, patience: float) -> Flow[Job]:
    before: Progress | None = None
    while True:
        answer = yield from call(Ask(method="GET", to=f"/v1/jobs/{job_id}/progress"), patience)
        progress = decoded(answer.body, Progress)
        if progress.final:
            job = yield from look(job_id, patience)
            yield Tell(job)
            return job
        if progress != before:
            before = progress
            yield Tell(progress)
        yield Pause(POLL)


def require_output(job: Job) -> Job:
    """Return a job that succeeded. Raises `JobFailed` or `JobCancelled`."""
    if job.state == "failed":
        raise JobFailed(job)
    if job.state == "cancelled":
        raise JobCancelled(job)
    return job


def download(
    job_id: str, part: Path, *, etag: str | None = None, seen: Callable[[int], None] = lambda _: None,
    on_etag: Callable[[str], None] = lambda _: None, patience: float = PATIENCE,
) -> Flow[None]:  # fmt: skip
    """
    Write the output to `part`, going on behind what is there of the same file already.

    `etag` is what an earlier call was told through `on_etag`; without it the file begins anew. `seen` hears how many
    bytes are there. Raises `Rejected` (`not_ready`) before the job has succeeded, `Interrupted` if it will not end.
    """
    place = f"/v1/jobs/{job_id}/download"
    try:
        head = yield from call(Ask(method="HEAD", to=place), patience)
    except ProblemError:
        yield from _source(place, 0, "", direct=True, patience=patience)  # an answer to HEAD cannot say why
        raise
    if not {"content-length", "etag"} <= head.headers.keys():
        raise UnexpectedAnswer("what answers there does not say how long the output is")
    size, there = int(head.headers["content-length"]), head.headers["etag"]
    if etag != there or (part.exists() and part.stat().st_size > size):
        part.unlink(missing_ok=True)
        on_etag(there)
    failures, waited = 0, 0.0
    while (have := part.stat().st_size if part.exists() else 0) < size or not part.exists():
        direct = failures < 2 or failures % 2 == 1  # the object store may be out of reach, or the service's own way
        ask = yield from _source(place, have, there, direct=direct, patience=patience)
        answer: Answer | NoAnswer = yield Open(ask, "bytes")
        if isinstance(answer, Answer) and answer.status < 400:
            got = yield from _write(part, have if answer.status == 206 else 0, seen)
            if got:
                failures, waited = 0, 0.0
                continue
        elif isinstance(answer, Answer) and answer.status == 412:
            raise Interrupted("the output has changed meanwhile; download it again")
        failures += 1
        if waited >= patience:
            raise Interrupted(f"only {have} of {size} bytes could be fetched")
        delay = delay_after(failures)
        waited += delay
        yield Pause(delay)
    seen(size)


def _source(place: str, have: int, etag: str, *, direct: bool, patience: float) -> Flow[Ask]:
    headers = {"If-Match": etag} | ({"Range": f"bytes={have}-"} if have else {})
    if not direct:
        return Ask(method="GET", to=place, params={"via": "proxy"}, headers=headers)
    answer = yield from call(Ask(method="GET", to=place, params={"via": "link"}), patience)
    return Ask(method="GET", to=decoded(answer.body, Link).url, headers=headers)


def _write(part: Path, offset: int, seen: Callable[[int], None]) -> Flow[int]:
    """Append what comes, and return how many bytes that was."""
    got = 0
    with part.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        file.truncate()
        while isinstance(piece := (yield Next()), Piece):
            file.write(piece.data)
            got += len(piece.data)
            seen(offset + got)
    yield Close()
    return got


def _job(answer: Answer) -> Job:
    return decoded(answer.body, Job)
