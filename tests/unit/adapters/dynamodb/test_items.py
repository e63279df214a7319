import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.dynamodb.items import (
    any_upload_from_item,
    idempotency_pk,
    job_from_item,
    job_to_item,
    pending_to_item,
    upload_from_item,
    upload_to_item,
)
from service.adapters.dynamodb.values import MAX_DIAGNOSTICS_SIZE, bounded, encode
from service.core.errors import Definite
from service.core.jobs.lease import State
from service.core.media.inputs import Source
from service.core.media.options import Options, Target
from service.core.media.tracks import Track
from service.testing.clock import NOON
from service.testing.factories import WAV, a_failure, a_job, a_pending_upload, a_running_job, an_output, an_upload

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "job",
    [
        a_job(),
        a_running_job(beat=7, lapses=2, faults=1, percent=33.3, shown=30.1, cancel_requested=True, path="local"),
        a_job(state=State.SUCCEEDED, percent=100.0, finished_at=NOON, output=an_output()),
        a_job(state=State.FAILED, failure=a_failure(), started_at=NOON, finished_at=NOON + 1),
        a_job(
            state=State.SUCCEEDED,
            source=replace(WAV, cut_off="c", tracks=(Track(number=1, codec="aac", language="eng", channels=2),)),
            target=Target(format="ogg", options=Options(track="eng", on_damage="convert")),
            output=replace(an_output(), report={"track": {"number": 1}, "warnings": [{"code": "c", "detail": "d"}]}),
        ),
        a_job(
            source=Source(
                container="m4a", demuxer="mov", content_type="audio/mp4", needs_seeking=True, reason="moov at the end"
            ),
            target=Target(format="ogg", options=Options(quality=5, start_seconds=1 / 3, loudness=True)),
        ),
    ],
    ids=["queued", "running", "succeeded", "failed", "reported", "with options"],
)
def test_job_survives_its_item(job: object) -> None:
    """A job that was written down is read back equal."""
    assert isinstance(job, type(a_job()))
    assert job_from_item(job_to_item(job, 4)) == job


WRITTEN_BY_EARLIER_RELEASES = {
    "pk": {"S": "job#job1"},
    "queue": {"S": "running#1"},
    "job_id": {"S": "job1"},
    "tenant": {"S": "tenant1"},
    "upload_id": {"S": "upload1"},
    "input_key": {"S": "uploads/upload1/input"},
    "input_etag": {"S": "etag1"},
    "input_size": {"N": "1000000"},
    "source": {
        "S": '{"container":"wav","demuxer":"wav","content_type":"audio/wav","needs_seeking":false,"reason":null,'
        '"declared_seconds":null}'
    },
    "format": {"S": "mp3"},
    "options": {"S": "{}"},
    "filename": {"S": "song.mp3"},
    "created_at": {"N": "1800000000.0"},
    "expires_at": {"N": "1800086400"},
    "state": {"S": "running"},
    "due_at": {"N": "1800000000.0"},
    "owner": {"S": "worker1"},
    "attempt": {"N": "3"},
    "beat": {"N": "7"},
    "lapses": {"N": "2"},
    "faults": {"N": "1"},
    "percent": {"N": "33.3"},
    "shown": {"N": "30.1"},
    "cancel_requested": {"BOOL": True},
    "path": {"S": "local"},
    "started_at": {"N": "1800000000.0"},
}
"""An item as the release before the lease had a class of its own wrote it."""


def test_item_is_what_earlier_releases_wrote() -> None:
    """During a deployment two releases share a table: a running job is written attribute by attribute as before."""
    job = a_running_job(
        attempt=3, beat=7, lapses=2, faults=1, percent=33.3, shown=30.1, cancel_requested=True, path="local"
    )

    assert job_to_item(job, 4) == WRITTEN_BY_EARLIER_RELEASES
    assert job_from_item(WRITTEN_BY_EARLIER_RELEASES) == job


def test_absent_fields_are_absent_attributes() -> None:
    """What is None is not written, because an index and a condition tell absent from empty."""
    item = job_to_item(a_job(), 4)

    assert not {"owner", "path", "started_at", "finished_at", "output_key", "failure_code", "stamp"} & set(item)


def test_upload_survives_its_item() -> None:
    """An upload that was written down is read back equal."""
    upload = an_upload(filename="ä 'b' \"c\".wav", source=replace(WAV, declared_seconds=1 / 3))

    assert upload_from_item(upload_to_item(upload)) == upload


def test_fields_of_a_newer_release_are_left_out() -> None:
    """During a deployment, an item that a newer release wrote can still be read by this one."""
    item = dict(job_to_item(a_job(), 4))
    item["source"] = {"S": json.dumps({**json.loads(item["source"]["S"]), "invented_later": 1})}
    item["something_else"] = {"S": "new"}

    assert job_from_item(item) == a_job()


def test_pending_uploads_of_an_earlier_release_can_be_read() -> None:
    """What an earlier release has begun has no size of parts, and one that tells none is written as before."""
    item = pending_to_item(a_pending_upload(part_size=8_388_608))

    assert any_upload_from_item(item) == a_pending_upload(part_size=8_388_608)
    assert any_upload_from_item({k: v for k, v in item.items() if k != "part_size"}) == a_pending_upload()
    assert "part_size" not in pending_to_item(a_pending_upload())


@pytest.mark.parametrize("change", [{"state": {"S": "lost"}}, {"options": {"S": '{"no_such": 1}'}}, {"attempt": {}}])
def test_unreadable_item_is_a_definite_error(change: dict[str, object]) -> None:
    """An item that is no job is said to be none, by its key."""
    with pytest.raises(Definite, match="job#job1"):
        job_from_item({**job_to_item(a_job(), 4), **change})


@given(number=st.floats(-1e12, 1e12))
def test_numbers_keep_three_decimals(number: float) -> None:
    """DynamoDB gets decimal numbers that are within half a thousandth."""
    encoded = encode(number)

    assert abs(float(encoded["N"]) - number) <= 0.0005 + abs(number) * 1e-15


def test_boolean_is_not_written_as_a_number() -> None:
    """True is not 1: a condition on a flag would never hold."""
    assert encode(True) == {"BOOL": True}
    assert encode(1) == {"N": "1"}


@given(one=st.text(), other=st.text())
def test_idempotency_keys_are_kept_apart(one: str, other: str) -> None:
    """Whatever clients send as a key, it fits, and two keys never share an item."""
    assert len(idempotency_pk(one)) == len("idempotency#") + 64
    assert (idempotency_pk(one) == idempotency_pk(other)) == (one == other)


@settings(max_examples=40)
@given(diagnostics=st.dictionaries(st.text(), JSON, max_size=8))
def test_small_diagnostics_are_kept_whole(diagnostics: dict[str, object]) -> None:
    """What fits is not touched."""
    if len(json.dumps(diagnostics, ensure_ascii=False).encode(errors="replace")) < MAX_DIAGNOSTICS_SIZE:
        assert bounded(diagnostics) == diagnostics


@settings(max_examples=40)
@given(
    diagnostics=st.dictionaries(st.text(max_size=200), JSON, max_size=60),
    longest=st.integers(0, 50_000),
    letter=st.sampled_from(["a", "ü", "\n", "🎵"]),
)
def test_diagnostics_are_bounded(diagnostics: dict[str, object], longest: int, letter: str) -> None:
    """However much ffmpeg said, the record stays small and says that something is missing."""
    diagnostics = {**diagnostics, "stderr": letter * longest, "lines": [letter * 1000] * (longest // 1000)}

    kept = bounded(diagnostics)

    assert len(json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()) <= MAX_DIAGNOSTICS_SIZE
    assert kept == diagnostics or kept["truncated"] is True


def test_truncated_diagnostics_keep_the_last_lines() -> None:
    """Of a long story the end is kept, because that is where the reason stands."""
    lines = [f"line {n} {'x' * 100}" for n in range(500)]

    kept = bounded({"last_lines": lines, "stderr": "x" * 9000 + "the reason", "exit_code": 1})

    assert kept["exit_code"] == 1
    assert str(kept["stderr"]).endswith("the reason")
    assert isinstance(kept["last_lines"], list)
    assert kept["last_lines"][-1] == lines[-1]
