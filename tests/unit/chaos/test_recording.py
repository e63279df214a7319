"""Tests of `chaos.history.recording`: what is written is read again, and a killed run loses only its last line."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from chaos.history import recording
from chaos.history.events import (
    Attempt,
    Container,
    Event,
    Expected,
    Fault,
    Final,
    Leftover,
    Operation,
    Run,
    Sample,
    Stored,
)

EVENTS: tuple[Event, ...] = (
    Run(scenario="kills", seed=7, parameters={"jobs": 5, "minutes": 0.5}, command="make chaos", containers=["a"]),
    Operation(client="c1", via="a", verb="read", asked=1.0, answered=1.5, outcome="ok", percent=12.5, attempt=1),
    Fault(name="kill", phase="injected", targets=["a"], colour="#c00"),
    Container(name="a", what="killed"),
    Attempt(job_id="j", attempt=1, container="a", what="claimed", at=0.75),
    Sample(container="a", memory_bytes=1, descriptors=2, tasks=3),
    Stored(rows=1, objects=2, uploads_open=3),
    Expected(upload_id="u", digest="d", failures=["broken"]),
    Final(job_id="j", upload_id="u", state="succeeded", attempt=2, output_key="k"),
    Leftover(key="k", excuse=None),
)


def recorder(path: Path) -> recording.Recorder:
    """A recorder at 3 seconds of the run."""
    return recording.Recorder(path, lambda: 3.0, lambda: datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC))


def test_every_event_that_is_written_is_read_again(tmp_path: Path) -> None:
    """A record holds every kind of event, in the order of writing, with the moment and the time of day."""
    with recorder(tmp_path / recording.NAME) as record:
        for event in EVENTS:
            record.write(event)

    read = recording.read(tmp_path)

    assert [type(event) for event in read] == [type(event) for event in EVENTS]
    assert {type(event) for event in EVENTS} == set(recording.TYPES.values())
    assert {event.wall for event in read} == {"2026-01-02T03:04:05.006Z"}
    assert [event.at for event in read] == [3.0] * 4 + [0.75] + [3.0] * 5
    assert isinstance(read[1], Operation)
    assert (read[1].percent, read[1].attempt, read[1].digest) == (12.5, 1, None)


def test_a_line_is_one_json_object_that_begins_with_moment_time_and_type(tmp_path: Path) -> None:
    """Each line can be read by other tools: a JSON object, `at`, `wall` and `type` first."""
    path = tmp_path / "history.jsonl"
    with recorder(path) as record:
        record.write(EVENTS[3])

    assert path.read_bytes() == (
        b'{"at":3.0,"wall":"2026-01-02T03:04:05.006Z","type":"container","name":"a","what":"killed","detail":""}\n'
    )


def test_a_line_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    """A run that is killed leaves what it saw: each event is flushed."""
    path = tmp_path / "history.jsonl"
    with recorder(path) as record:
        record.write(EVENTS[3])

        assert len(recording.read(path)) == 1


def test_a_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    """Of a run that was killed while it wrote, everything before is read."""
    path = tmp_path / "history.jsonl"
    whole = recording.encode(EVENTS[3])
    path.write_bytes(whole + whole[:20])

    assert len(recording.read(path)) == 1


@pytest.mark.parametrize("line", [b'{"type":"nonsense"}\n', b'{"at":1,"type":"container","name":5,"what":"x"}\n'])
def test_a_line_that_is_no_event_is_refused(line: bytes) -> None:
    """What is no event is an error that shows, and never skipped."""
    with pytest.raises(msgspec.ValidationError):
        recording.decode([line])
