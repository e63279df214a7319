"""Logs as containers write them, for tests: one job through a container that is killed, and the like."""

import json
from datetime import UTC, datetime

JOB, UPLOAD = "y7w3gebimltsalmcxjeol7cu2a0kvlzwv", "4yd6eo5dkptreyfr5zrvbcalyi"
ONE, OTHER = "dda11009cc7d-7-gfadnh", "499fec3b77a2-7-z63o6n"
CONTAINER, NEIGHBOUR = "dda11009cc7d", "499fec3b77a2"  # what Docker calls their containers
AGAIN = "dda11009cc7d-6-aaaaaa"  # another process in the container of ONE
BEGAN = datetime(2026, 11, 26, 2, 19, 40, tzinfo=UTC).timestamp()


def line(at: float, event: str, **fields: object) -> bytes:
    """A line at `at` seconds after the begin."""
    moment = datetime.fromtimestamp(BEGAN + at, UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({**fields, "event": event, "timestamp": moment}).encode()


def started(at: float, instance: str) -> bytes:
    """A process begins."""
    return line(at, "service.starting", instance=instance, role="all", level="info")


def about(at: float, event: str, attempt: int | None = None, **fields: object) -> bytes:
    """A line about the job."""
    return line(at, event, job_id=JOB, **({} if attempt is None else {"attempt": attempt}), **fields)


ARRIVAL = (
    line(5, "upload.stored", upload_id=UPLOAD, filename="song.wav", format="wav", size=7056044, key="uploads/x/input"),
    about(7, "job.accepted", upload_id=UPLOAD, format="flac", input_key=f"uploads/{UPLOAD}/input", request_id="r"),
)
KEY = f"results/{JOB}/2/song.flac"
FIRST = (
    started(1, ONE),
    *ARRIVAL,
    about(8, "job.claimed", 1),
    about(8.1, "ffmpeg.started", 1, pid=7),
    about(10, "ffmpeg.paused", 1, behind=3),
    started(14, AGAIN),
    line(60, "queue.depth", queued=0),
)
SECOND = (
    started(1.5, OTHER),
    about(16, "job.taken_over", 2, previous_owner=ONE, excused=False, level="warning"),
    about(20, "ffmpeg.ended", 2, exit_code=0, seconds=3.5),
    about(20.5, "job.succeeded", 2, seconds=4.5, size=721748, key=KEY),
)
