"""What the logs of real processes say of a run in which a worker is killed, and what they never say."""

import re
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from service.telemetry import events
from service.telemetry.events import CONTEXT, LINE, Event
from service.telemetry.limits import MOST_CHARACTERS
from tests.blackbox.stories import MIN_PART_SIZE, tone
from tests.support import logged_run
from tests.support.cluster import a_cluster, wait_for
from tests.support.logged_run import Run

pytestmark = pytest.mark.xdist_group("logs")  # one run for all of them
EVENTS = {it.name: it for it in vars(events).values() if isinstance(it, Event)}
API, FIRST, SECOND = "service0", "service1", "service2"
LINE_OF_TEXT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z \[[a-z]+ *\] ([a-z0-9]+\.[a-z_]+) ")
# What a job costs in a log of the default level, from its upload to its download.
LINES_OF_A_JOB = [
    "upload.stored", "request.done", "job.accepted", "request.done", "job.claimed", "ffmpeg.started", "ffmpeg.ended",
    "s3.completed", "job.succeeded", "download.started", "request.done",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(embedded_stack: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run."""
    return logged_run.logged_run(embedded_stack, tmp_path_factory.mktemp("run"))


@pytest.mark.requirement("7.1")
def test_every_request_is_logged_with_job_size_format_and_time(run: Run) -> None:
    """The line of a request names what it was about, and each request of the run has its line."""
    submitted = run.one(API, event="request.done", request_id="of-the-job")
    assert (submitted["job_id"], submitted["format"], submitted["tenant"]) == (run.job_id, "mp3", logged_run.TENANT)
    assert submitted["size"] == run.one(API, event="upload.stored", upload_id=run.upload_id)["size"]
    assert 0 < submitted["seconds"] < 100
    assert run.lines(API, event="request.polled", job_id=run.job_id, status=200, method="GET")
    done = [line for line in run.lines(API) if line["event"] in {"request.done", "request.polled"}]
    assert abs(len(done) - run.requests) <= 2  # a lie may be refused before it is a request


@pytest.mark.requirement("7.2")
def test_every_upload_is_logged_with_its_parts_bucket_and_key(run: Run) -> None:
    """From its beginning over its parts to its end; a part that was sent past the service is seen at the end."""
    begun = run.one(API, event="upload.begun", upload_id=run.in_parts)
    stored = run.one(API, event="upload.stored", upload_id=run.in_parts)
    part = run.one(API, event="s3.part_stored", key=stored["key"])
    whole = run.one(API, event="s3.completed", key=stored["key"])
    assert begun["key"] == stored["key"]
    assert (part["bucket"], part["part"], part["size"]) == (run.bucket, 1, MIN_PART_SIZE)
    assert (whole["bucket"], whole["parts"], whole["size"]) == (run.bucket, 2, stored["size"])
    assert run.one(API, event="upload.stored", request_id="of-the-upload")["filename"] == "song.wav"


@pytest.mark.requirement("7.3")
def test_every_job_is_logged_with_its_input_and_target(run: Run) -> None:
    """What was asked for, of which file, and where that is."""
    accepted = run.one(API, event="job.accepted", job_id=run.job_id)
    stored = run.one(API, event="upload.stored", upload_id=run.upload_id)
    assert (accepted["upload_id"], accepted["input_key"], accepted["size"]) == (
        run.upload_id, stored["key"], stored["size"],
    )  # fmt: skip
    assert (accepted["format"], accepted["options"]["bitrate_kbps"]) == ("mp3", 64)


@pytest.mark.requirement("7.4")
def test_every_start_of_ffmpeg_is_logged_with_arguments_input_and_process(run: Run) -> None:
    """On its own thread too, a line knows job, attempt, tenant and instance."""
    for name, attempt in ((FIRST, 1), (SECOND, 2)):
        started = run.one(name, event="ffmpeg.started", job_id=run.job_id)
        assert (started["attempt"], started["tenant"]) == (attempt, logged_run.TENANT)
        assert f"-{run.pids[name]}-" in started["instance"]
        assert started["pid"] != run.pids[name]
        assert started["input_key"] == run.one(API, event="job.accepted", job_id=run.job_id)["input_key"]
        assert "64k" in " ".join(started["arguments"]) or "64000" in " ".join(started["arguments"])


@pytest.mark.requirement("7.5")
def test_raw_stderr_of_ffmpeg_and_its_percentages_are_logged(run: Run) -> None:
    """What ffmpeg writes is there as it is, and so is what was read from it, under the job."""
    said = "".join(line["text"] for line in run.lines(SECOND, event="ffmpeg.said", job_id=run.job_id, attempt=2))
    assert "Stream #0:0" in said
    assert "progress=" in said
    readings = [line["percent"] for line in run.lines(FIRST, event="job.reading", job_id=run.job_id)]
    assert len(readings) > 2
    assert readings[-1] > 5


@pytest.mark.requirement("7.6")
def test_every_end_of_ffmpeg_is_logged_with_code_stderr_and_time(run: Run) -> None:
    """The end names the process that began, its exit code, its last lines and how long it ran."""
    started, ended = (run.one(SECOND, event=f"ffmpeg.{what}", job_id=run.job_id) for what in ("started", "ended"))
    assert (ended["pid"], ended["exit_code"]) == (started["pid"], 0)
    assert ended["last_lines"]
    assert 0 < ended["seconds"] < 100
    stopped = [line for line in run.lines(event="ffmpeg.ended", job_id=run.cancelled) if line["exit_code"]]
    assert len(stopped) <= 1  # it may have been cancelled before it began


@pytest.mark.requirement("7.7", "7.10", "7.11")
def test_every_call_to_aws_is_logged_with_operation_parameters_and_status(run: Run) -> None:
    """Service, operation, bucket or table and key, parameters, status, time and attempts, on whatever thread it is."""
    calls = run.lines(event="aws.call")
    operations = {(call["service"], call["operation"]) for call in calls}
    assert operations >= {
        ("dynamodb", "GetItem"), ("dynamodb", "PutItem"), ("dynamodb", "UpdateItem"), ("dynamodb", "Query"),
        ("s3", "GetObject"), ("s3", "PutObject"), ("s3", "HeadObject"), ("s3", "UploadPart"),
        ("s3", "CreateMultipartUpload"), ("s3", "CompleteMultipartUpload"),
    }  # fmt: skip
    assert {call["table"] for call in calls if call["service"] == "dynamodb" and "table" in call} >= {run.bucket}
    renewal = run.lines(FIRST, event="aws.call", operation="UpdateItem", job_id=run.job_id)[0]
    assert run.job_id in renewal["key"]
    assert (renewal["status"], renewal["attempts"]) == (200, 1)
    assert 0 < renewal["seconds"] < 100
    reading = run.lines(SECOND, event="aws.call", operation="GetObject", job_id=run.job_id)[0]
    assert reading["bucket"] == run.bucket
    assert reading["key"] == run.one(API, event="job.accepted", job_id=run.job_id)["input_key"]
    part = run.lines(API, event="aws.call", operation="UploadPart")[0]
    assert part["parameters"]["PartNumber"] == 1
    assert part["aws_request_id"]


@pytest.mark.requirement("7.8")
def test_every_failure_of_aws_is_logged_with_code_and_attempts(run: Run) -> None:
    """An object that is gone: its code, how often it was asked for, what AWS wrote, and the request that it failed."""
    failure = run.lines(API, event="aws.failure", service="s3", operation="GetObject")[-1]
    assert failure["reason"] == "NoSuchKey"
    assert failure["attempts"] == 1
    assert failure["message"]
    assert run.one(API, event="request.done", request_id=failure["request_id"])["status"] >= 400


@pytest.mark.requirement("7.9")
def test_every_operation_of_redis_is_logged_with_key_and_connection(run: Run) -> None:
    """Readings, wake-ups and looks, under their job; and the one that finds Redis gone."""
    written = run.lines(SECOND, event="redis.call", operation="EVALSHA", job_id=run.job_id, status="ok")[0]
    assert written["key"].endswith(run.job_id)
    assert written["connection"] == "closed"
    looked = run.lines(API, event="redis.call", status="ok")
    assert {line["operation"] for line in looked} >= {"PIPELINE", "PUBLISH"}
    assert run.lines(API, event="redis.call", status="ConnectionError")
    assert run.lines(API, event="redis.away")


@pytest.mark.requirement("7.12")
def test_restart_is_logged_with_what_it_means_for_running_jobs(run: Run) -> None:
    """The next process of the host names the one that is gone and its job; the takeover says what that costs."""
    found = run.one(SECOND, event="service.found")
    restarted = run.one(SECOND, event="service.restarted")
    assert found["running"] == 1
    assert restarted["jobs"] == [run.job_id]
    assert f"-{run.pids[FIRST]}-" in restarted["previous"]
    taken = run.one(SECOND, event="job.taken_over", job_id=run.job_id)
    assert (taken["previous_owner"], taken["attempt"]) == (restarted["previous"], 2)
    assert taken["cause"] == "gone" or taken["silent"] >= 2.0
    assert 5 < taken["percent"] <= 100
    size = run.one(API, event="upload.stored", upload_id=run.upload_id)["size"]
    assert taken["lost_bytes"] == pytest.approx(size * taken["percent"] / 100, rel=0.02)
    assert taken["lost_seconds"] == pytest.approx(30 * taken["percent"] / 100, rel=0.05)
    assert not run.lines(FIRST, event="service.stopped")
    stopped = run.one(SECOND, event="service.stopped")
    assert (stopped["reason"], stopped["released"]) == ("SIGTERM", 0)
    assert stopped["uptime"] > stopped["seconds"] >= 0


@pytest.mark.requirement("7.13")
def test_shortage_is_logged_with_the_active_jobs(run: Run) -> None:
    """A disk without room in the middle of a conversion: what is short, the readings, and the jobs under way."""
    high = run.one(FIRST, event="resources.high")
    assert (high["short_of"], high["active"], high["disk_free"]) == (["disk"], 1, 0)
    assert 0 < high["memory"] < 1
    assert 0 < high["descriptors"] < 0.8


@pytest.mark.requirement("7.14")
def test_every_download_is_logged_with_job_place_and_way(run: Run) -> None:
    """A redirect to S3, and a part through the service, with the bytes that were sent."""
    key = run.one(SECOND, event="job.succeeded", job_id=run.job_id)["key"]
    started = run.lines(API, event="download.started", job_id=run.job_id)
    assert [(line["key"], line["via"]) for line in started] == [(key, "url"), (key, "proxy")]
    assert (started[1]["start"], started[1]["stop"]) == (0, 100)
    assert run.one(API, event="download.ended", job_id=run.job_id)["size"] == 100


@pytest.mark.requirement("7.15")
def test_every_error_is_logged_with_trace_and_context(run: Run) -> None:
    """A mistake of ours has its traceback, and the request and tenant whose answer it was."""
    error = run.one(API, event="service.unexpected")
    assert "ZeroDivisionError" in error["exception"]
    assert "in broken" in error["exception"]
    request = run.one(API, event="request.done", request_id=error["request_id"])
    assert (request["method"], request["status"], error["tenant"]) == ("DELETE", 500, logged_run.TENANT)


def test_no_secret_is_in_any_log_of_a_debug_run(run: Run) -> None:
    """Neither keys, passwords, credentials, signatures nor contents of files, whatever was done with them."""
    planted = [
        logged_run.KEY, logged_run.WRONG_KEY, logged_run.PASSWORD, logged_run.CONTENT.decode(), logged_run.BROKEN,
        *logged_run.AWS.values(), *run.signatures,
    ]  # fmt: skip
    assert len(run.signatures) >= 3
    for name, text in run.logs.items():
        assert not [secret for secret in planted if secret in text], name


def test_lies_of_a_client_neither_forge_nor_flood_a_line(run: Run) -> None:
    """Each line of the log is one of the declared events, with its own fields, and none is long."""
    for name, text in run.logs.items():
        for raw in text.splitlines():
            if raw.startswith("{"):
                assert not re.search(r"[\x00-\x1f\x7f-\x9f]", raw), name
                assert len(raw) < 12 * MOST_CHARACTERS, (name, raw[:200])
        lines = run.lines(name)
        assert len(lines) == len(text.splitlines()), "every line is an object"
        for line in lines:
            event = EVENTS[line["event"]]
            assert set(event.fields) <= set(line), line
            assert set(line) <= {*LINE, *CONTEXT, *event.fields, *event.maybe}, line
            assert "instance" in line, line
            assert not {"trace_id", "span_id"} & set(line), "nothing is traced here"
    assert not run.lines(event="job.exhausted")


def test_log_of_default_level_is_short_and_safe_for_a_terminal(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """A job costs so many lines whatever is polled; in a terminal neither a lie nor a traceback makes a line."""
    with a_cluster(embedded_stack, redis=False, extra=logged_run.sabotage(tmp_path)) as cluster:
        service = cluster.start(REPRISE_LOG_FORMAT="text")

        def written() -> list[str]:
            return service.log.read_text().split("\n")[:-1]

        with httpx.Client(base_url=service.address, timeout=60) as http:
            wait_for(lambda: any("service.found" in line for line in written()), "all of its start is told")
            before = len(written())
            upload = http.post("/v1/uploads?filename=song.wav", content=tone(5)).json()["upload_id"]
            job = http.post("/v1/jobs", json={"upload_id": upload, "format": "mp3"}).json()["job_id"]
            url = f"/v1/jobs/{job}"
            wait_for(lambda: http.get(f"{url}/progress").json()["state"] == "succeeded", "success")
            http.get(url)
            http.get(f"{url}/download")
            wait_for(lambda: "/download" in written()[-1], "the last line is written")
            names = [LINE_OF_TEXT.match(line)[1] for line in written()[before:]]  # type: ignore[index]
            assert sorted(name for name in names if name != "queue.depth") == sorted(LINES_OF_A_JOB)

            before = len(written())
            sent = logged_run.lies(service.address)
            http.post("/v1/uploads", files={"file": (f"\n{logged_run.FORGED}", tone(0.1))})
            assert http.delete(url).status_code == 500
            wait_for(lambda: "DELETE" in written()[-1], "the last line is written")
            lines = [line for line in written()[before:] if "queue.depth" not in line]
    text = "\n".join(lines)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    trace = [line for line in lines if line.startswith("  | ")]
    assert any("ZeroDivisionError" in line for line in trace)
    assert not [line for line in lines if not line.startswith("  | ") and LINE_OF_TEXT.match(line) is None]
    assert len(lines) - len(trace) <= sent + 5  # one of them for what is no request
    assert max(map(len, lines)) < 2 * MOST_CHARACTERS
    assert logged_run.BROKEN not in text
    assert not [line for line in lines if line.startswith("2026-01-01")]
