from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.job import Job
from service.core.lease import State
from service.core.naming import input_key, output_key
from service.core.orphans import SLACK, Found, Reason, Records, orphaned, settle
from service.core.upload import PendingUpload, Upload
from service.testing.clock import NOON
from service.testing.factories import A_DAY, a_job, a_pending_upload, a_running_job, an_output, an_upload, changed

GRACE = 3600.0
INPUT = Found(input_key("upload1"), "etag1")


def made_by(attempt: int, transfer: str | None = None) -> Found:
    """Something that an attempt at job1 has left in the bucket."""
    return Found(output_key("job1", attempt, "song.mp3"), "etag", transfer)


def of_job(found: Found, job: Job | None, now: float = NOON) -> Reason | None:
    """What becomes of it if this is the record."""
    return orphaned(found, Records(jobs={"job1": job}), now)


def of_upload(found: Found, upload: Upload | PendingUpload | None, now: float = NOON) -> Reason | None:
    """The same for an input that no job reads."""
    return orphaned(found, Records(uploads={"upload1": upload}), now)


def succeeded(attempt: int = 2) -> Job:
    """A job that this attempt has finished."""
    job = a_running_job(attempt=attempt)
    return job.succeeded(an_output(job), NOON)


@pytest.mark.parametrize("transfer", [None, "transfer1"], ids=["object", "transfer"])
def test_the_attempt_that_runs_is_never_touched(transfer: str | None) -> None:
    """What the present attempt has made may be recorded in the next moment; what earlier ones made cannot any more."""
    job = a_running_job(attempt=2)

    assert of_job(made_by(2, transfer), job, NOON + 1e9) is None
    assert of_job(made_by(1, transfer), job) is Reason.FENCED


def test_final_job_owns_the_output_that_its_record_names() -> None:
    """Of all that attempts have made, the named output stays, and everything else is an orphan."""
    job = succeeded(2)

    assert of_job(made_by(2), job) is None
    assert of_job(made_by(1), job) is Reason.NOT_NAMED
    assert of_job(made_by(2, "a second transfer"), job) is Reason.NOT_NAMED
    for state in (State.FAILED, State.CANCELLED):
        assert of_job(made_by(2), a_job(state=state, attempt=2)) is Reason.NOT_NAMED


def test_a_queued_job_owns_no_output() -> None:
    """An attempt that gave its job back makes nothing of it any more."""
    job = a_job(attempt=2)

    assert of_job(made_by(2), job) is Reason.FENCED
    assert of_job(made_by(3), job) is None, "an attempt to come is none that has been"


def test_object_without_a_record_is_an_orphan() -> None:
    """What belongs to no job and no upload is an orphan; what could not be looked up is not."""
    assert of_job(made_by(1), None) is Reason.NO_RECORD
    assert of_upload(INPUT, None) is Reason.NO_RECORD
    assert orphaned(made_by(1), Records(), NOON) is None
    assert orphaned(INPUT, Records(), NOON) is None


@pytest.mark.parametrize("key", ["", "x", "uploads/upload1/other", "results/job1/x.mp3", "results/job1/01/x.mp3"])
def test_foreign_object_is_no_orphan(key: str) -> None:
    """A key that this service does not make is not this service's to delete."""
    records = Records(jobs={"job1": None}, uploads={"upload1": None})

    assert orphaned(Found(key, "e"), records, NOON) is None


def test_an_upload_owns_its_object_and_the_transfer_that_it_waits_for() -> None:
    """A pending upload keeps its own transfer, a complete one keeps none; both keep the object."""
    pending = a_pending_upload()

    assert of_upload(INPUT, pending) is None
    assert of_upload(replace(INPUT, transfer="transfer1"), pending) is None
    assert of_upload(replace(INPUT, transfer="transfer2"), pending) is Reason.NOT_NAMED
    assert of_upload(INPUT, an_upload()) is None
    assert of_upload(replace(INPUT, transfer="transfer1"), an_upload()) is Reason.NOT_NAMED


def test_orphan_rule_allows_for_a_wrong_clock() -> None:
    """Expiry is believed only when it is so long ago that no clock of ours can be that wrong."""
    late = NOON + A_DAY + SLACK

    for upload in (an_upload(), a_pending_upload()):
        assert of_upload(INPUT, upload, late - 1) is None
        assert of_upload(INPUT, upload, late) is Reason.EXPIRED
    assert of_job(made_by(2), succeeded(), late - 1) is None
    assert of_job(made_by(2), succeeded(), late) is Reason.EXPIRED
    assert SLACK > 3600


def test_input_of_an_unfinished_job_is_no_orphan() -> None:
    """While a job needs an input, or that is not known, it stays, whatever became of its record."""
    for upload in (None, an_upload()):
        for in_use in ([INPUT.key], None):
            records = Records(uploads={"upload1": upload}, inputs_in_use=in_use)
            assert orphaned(INPUT, records, NOON + 2 * A_DAY) is None


@given(
    state=st.sampled_from(State),
    attempt=st.integers(0, 5),
    made=st.integers(1, 5),
    transfer=st.none() | st.just("transfer1"),
    named=st.none() | st.integers(1, 5),
    now=st.floats(NOON, NOON + 3 * A_DAY),
)
def test_what_can_still_be_recorded_or_served_is_no_orphan(
    state: State, attempt: int, made: int, transfer: str | None, named: int | None, now: float
) -> None:
    """Whatever the record says: neither the running attempt's, nor the output named in an unexpired job, is taken."""
    named = min(named, attempt) if named else named
    output = an_output(a_running_job(attempt=named)) if named and state is State.SUCCEEDED else None
    job = a_job(state=state, attempt=attempt, output=output)
    found = made_by(made, transfer)

    verdict = of_job(found, job, now)

    if state is State.RUNNING and made >= attempt:
        assert verdict is None
    if output is not None and output.key == found.key and transfer is None and now < job.expires_at:
        assert verdict is None
    if verdict is not None:  # an orphan stays one, whatever happens to the job next
        for later in reachable(job):
            assert of_job(found, later, now) is not None


def reachable(job: Job) -> Iterable[Job | None]:
    """What a record can become in one step."""
    if job.final:
        yield None
    elif job.state is State.QUEUED:
        yield job.claimed("w", NOON)
        yield job.cancelled(NOON)
    else:
        yield job.taken_over("w")
        yield changed(job, owner="w").succeeded(an_output(job), NOON)
        yield job.stopped(NOON)
        yield job.released(NOON, fault=False)


# ── the grace ────────────────────────────────────────────────────────────────────────────────────────────────────────

A, B, C = (Found(f"results/{name}/1/x.mp3", "etag") for name in "abc")


def look(
    memory: dict[Found, float], orphans: Iterable[Found], now: float, *, after: str = "", last: str | None = None
) -> tuple[dict[Found, float], list[Found]]:
    """A look that takes ten seconds."""
    return settle(memory, orphans, after=after, last=last, began=now, ended=now + 10, grace=GRACE)


def test_orphan_is_due_after_two_sightings_a_grace_apart() -> None:
    """Nothing is due at first sight; the grace counts from the end of the first look to the beginning of the last."""
    memory, due = look({}, [A], 1e6)
    assert due == []

    memory, due = look(memory, [A], 1e6 + GRACE)
    assert due == [], "ten seconds of it were spent looking"

    memory, due = look(memory, [A, B], 1e6 + GRACE + 10)
    assert due == [A]
    assert memory == {A: 1e6 + 10, B: 1e6 + GRACE + 20}


def test_orphan_that_was_needed_in_between_starts_its_grace_anew() -> None:
    """What was owned, absent or different at any look is not due before another whole grace."""
    memory, _ = look({}, [A], 0)
    memory, _ = look(memory, [], GRACE)
    memory, due = look(memory, [A], 2 * GRACE)
    assert due == []

    _, due = look(memory, [replace(A, mark="another")], 9 * GRACE)
    assert due == []


def test_orphans_of_other_pages_are_remembered() -> None:
    """A look at one page says nothing about the others."""
    memory = {A: 1.0, B: 2.0, C: 3.0}

    memory, due = look(memory, [], 5.0, after=A.key, last=B.key)

    assert memory == {A: 1.0, C: 3.0}
    assert due == []
    assert look(memory, [], 5.0, after=A.key)[0] == {A: 1.0}


@given(looks=st.lists(st.tuples(st.floats(0, 2 * GRACE), st.booleans()), max_size=20))
def test_orphan_is_never_due_before_its_grace_is_over(looks: list[tuple[float, bool]]) -> None:
    """Over any history: due only after an unbroken run of sightings that spans the grace, and then certainly."""
    memory: dict[Found, float] = {}
    now, unbroken = 0.0, None
    for pause, seen in looks:
        now += pause + 10
        memory, due = look(memory, [A] if seen else [], now)
        ripe = seen and unbroken is not None and now - unbroken >= GRACE
        assert due == ([A] if ripe else [])
        unbroken = (now + 10 if unbroken is None else unbroken) if seen else None
