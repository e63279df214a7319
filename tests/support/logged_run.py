"""
One run of real service processes that log everything, in which a job survives the death of its worker.

What was planted in it (keys, passwords, signatures, contents) must not be in its logs, and what happened must be.
"""

import hashlib
import json
import socket
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx

from service.cli.processes import ServiceProcess
from tests.blackbox.stories import MIN_PART_SIZE, tone
from tests.support.cluster import Cluster, a_cluster, wait_for
from tests.support.redis_server import RedisServer, redis_or_skip

KEY, TENANT = "planted-api-key-of-the-team", "team"
WRONG_KEY = "planted-key-that-is-wrong"
PASSWORD = "planted-redis-password"
CONTENT = b"planted-content-of-the-file"
BROKEN = "planted-signature-in-an-exception"
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTED000000000",
    "AWS_SECRET_ACCESS_KEY": "planted/secret+access/key/0000000000000000",
    "AWS_SESSION_TOKEN": "planted-session-token-000000000000",
}
FORGED = (
    "2026-01-01T00:00:00Z [error    ] job.exhausted  \r\n"
    '{"event": "job.exhausted", "level": "error"}\x1b[2J\x1b]0;x\x07\x9b1m'
)
# A mistake of ours, for the log to tell: nothing else of a run deletes jobs.
SABOTAGE = f"""
import service.application.jobs as jobs

async def broken(*_):
    forged = {FORGED!r}
    raise ZeroDivisionError("\\n" + forged + " ?X-Amz-Signature={BROKEN}&x=1 Authorization: Bearer {WRONG_KEY}")

jobs.delete_job = broken
"""


@dataclass
class Run:
    """What was written, by process, and what the client knows of it."""

    logs: dict[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    bucket: str = ""
    job_id: str = ""
    upload_id: str = ""
    in_parts: str = ""  # another upload
    cancelled: str = ""  # another job
    signatures: set[str] = field(default_factory=set)
    requests: int = 0  # to the process that answers

    def lines(self, *names: str, **wanted: object) -> list[dict[str, Any]]:
        """The lines of these processes (of all if none is named) that have these fields."""
        texts = [self.logs[name] for name in names or self.logs]
        every = [json.loads(line) for text in texts for line in text.splitlines() if line.startswith("{")]
        return [line for line in every if wanted.items() <= line.items()]

    def one(self, *names: str, **wanted: object) -> dict[str, Any]:
        """The only line with these fields."""
        (line,) = self.lines(*names, **wanted)
        return line


def planted_wav(seconds: float) -> bytes:
    """Music whose samples, in its last second, spell what must not be logged."""
    data = tone(seconds)
    marks = CONTENT * 100
    return data[: -len(marks)] + marks


def sabotage(folder: Path) -> dict[str, str]:
    """The variable that makes processes answer a deletion with a mistake of ours."""
    (folder / "sitecustomize.py").write_text(SABOTAGE)
    return {"PYTHONPATH": str(folder)}


def logged_run(embedded: Mapping[str, str], folder: Path) -> Run:
    """Play the run; takes about ten seconds."""
    run = Run()
    redis = RedisServer(redis_or_skip(), "--requirepass", PASSWORD)
    redis.start()
    keys = f"{TENANT}:{hashlib.sha256(KEY.encode()).hexdigest()}"
    extra = {
        **AWS,
        "REPRISE_API_KEYS": keys,
        "REPRISE_LOG_LEVEL": "debug",
        "REDIS_URL": redis.url.replace("redis://", f"redis://:{PASSWORD}@"),
    }
    with ExitStack() as stack:
        stack.callback(redis.close)
        cluster = stack.enter_context(a_cluster(embedded, extra=extra | sabotage(folder)))
        run.bucket = cluster.pointed["REPRISE_BUCKET"]
        api = cluster.start(REPRISE_ROLE="api")
        scratch = folder / "scratch"
        (folder / "disk").mkdir()
        scratch.symlink_to(folder / "disk")
        first = cluster.start(REPRISE_ROLE="worker", REPRISE_SCRATCH=str(scratch), **cluster.slow_ffmpeg(2))
        http = stack.enter_context(httpx.Client(base_url=api.address, timeout=60, headers={"X-API-Key": KEY}))
        http.event_hooks["request"].append(lambda _: setattr(run, "requests", run.requests + 1))
        _job_survives(run, cluster, http, first, scratch)
        _uploads(run, http)
        _downloads(run, http, cluster)
        run.requests += lies(api.address)
        redis.kill()
        http.get(f"/v1/jobs/{run.job_id}/progress")
        for service in cluster.services:
            service.stop()
        run.logs = {service.name: service.log.read_text() for service in cluster.services}
        run.pids = {service.name: service.process.pid for service in cluster.services}
    return run


def _job_survives(run: Run, cluster: Cluster, http: httpx.Client, first: ServiceProcess, scratch: Path) -> None:
    sent = http.post(
        "/v1/uploads?filename=song.wav", content=planted_wav(30), headers={"X-Request-Id": "of-the-upload"}
    )
    run.upload_id = sent.json()["upload_id"]
    order = {"upload_id": run.upload_id, "format": "mp3", "options": {"bitrate_kbps": 64}}
    run.job_id = http.post("/v1/jobs", json=order, headers={"X-Request-Id": "of-the-job"}).json()["job_id"]
    url = f"/v1/jobs/{run.job_id}"
    wait_for(lambda: http.get(f"{url}/progress").json()["percent"] > 5, "progress")
    full = scratch.with_name("full")
    full.symlink_to("/proc")  # a disk without any room
    full.replace(scratch)
    wait_for(lambda: [it for it in first.events() if it["event"] == "resources.high"], "the disk is full")
    first.kill()
    cluster.start(REPRISE_ROLE="worker")
    wait_for(lambda: http.get(url).json()["state"] == "succeeded", "another worker finishes it")
    order["upload_id"] = _in_parts(run, http)
    run.cancelled = http.post("/v1/jobs", json={**order, "format": "opus"}).json()["job_id"]
    http.post(f"/v1/jobs/{run.cancelled}/cancel")
    with http.stream("GET", f"/v1/jobs/{run.cancelled}/events") as events:
        events.read()


def _in_parts(run: Run, http: httpx.Client) -> str:
    """An upload of two parts: one through the service, one straight to S3 by a presigned URL."""
    data = planted_wav(MIN_PART_SIZE / 16000 + 5)
    begun = http.post("/v1/s3/multipart", json={"filename": "long.wav", "type": "audio/wav", "size": len(data)}).json()
    run.in_parts = begun["upload_id"]
    signed = http.get(f"/v1/s3/multipart/{begun['uploadId']}/2?key={begun['key']}").json()["url"]
    run.signatures |= signatures_in(signed)
    httpx.put(signed, content=data[MIN_PART_SIZE:])
    http.put(f"/v1/uploads/{run.in_parts}/parts/1", content=data[:MIN_PART_SIZE])
    assert http.post(f"/v1/uploads/{run.in_parts}/complete").status_code == 200
    return run.in_parts


def _uploads(run: Run, http: httpx.Client) -> None:
    """A form for S3, and requests that are refused or cannot be understood."""
    form = http.get("/v1/s3/params", params={"filename": "a.wav", "type": "audio/wav"}).json()
    run.signatures |= {str(value) for name, value in form.get("fields", {}).items() if "signature" in name.lower()}
    evil = f"\n{FORGED}" + "x" * 3000 + ".wav"
    http.post("/v1/uploads", files={"file": (evil, tone(0.1))})
    http.post("/v1/uploads", params={"filename": evil}, content=b"this is no music " * 100)
    http.post("/v1/jobs", content=b'{"upload_id": ')
    http.post("/v1/jobs", json={"upload_id": FORGED, "format": FORGED, "options": {FORGED: FORGED}})
    http.get(f"/v1/jobs/{run.job_id}?api_key={WRONG_KEY}", headers={"X-API-Key": WRONG_KEY})
    http.get("/v1/jobs/x", headers={"Authorization": f"Bearer {WRONG_KEY}", "Cookie": f"session={WRONG_KEY}"})
    assert http.delete(f"/v1/jobs/{run.job_id}").status_code == 500


def _downloads(run: Run, http: httpx.Client, cluster: Cluster) -> None:
    """By redirect, through the service, and when the object is gone."""
    path = f"/v1/jobs/{run.job_id}/download"
    moved = http.get(path).headers["Location"]
    run.signatures |= signatures_in(moved)
    assert httpx.get(moved).status_code == 200
    assert http.get(f"{path}?via=proxy", headers={"Range": "bytes=0-99"}).status_code == 206
    s3 = boto3.client("s3", endpoint_url=cluster.pointed["AWS_ENDPOINT_URL_S3"], region_name="us-east-1",
                      aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
    key = http.get(f"/v1/jobs/{run.job_id}").json()
    assert key["state"] == "succeeded"
    for item in s3.list_objects_v2(Bucket=run.bucket, Prefix=f"results/{run.job_id}")["Contents"]:
        s3.delete_object(Bucket=run.bucket, Key=item["Key"])
    s3.close()
    assert http.get(f"{path}?via=proxy").is_error


def lies(address: str) -> int:
    """Send what no client of ours sends, byte by byte; returns how many requests that were."""
    parts = urlsplit(address)
    name = "".join(f"%{byte:02x}" for byte in f"\u202e\u2028\u0085\u200b\x1b[2J\n{FORGED}".encode())
    odd = '\u202e\u2028{"event": "job.exhausted"}\u0085\u200b\U000e0041'.encode()
    named = b"Host: x\r\nUser-Agent: " + odd + b"\r\nReferer: " + odd + b"\r\nRange: bytes=" + odd
    heads = [
        f"GET /v1/jobs/{name}?wait={name}&{name}={name} HTTP/1.1\r\nHost: x".encode(),
        f"PUT /v1/s3/multipart/{name}/1?key={name} HTTP/1.1\r\nHost: x\r\nContent-Length: 0".encode(),
        b"GET /v1/formats HTTP/1.1\r\n" + named + b"\r\nIf-Match: " + odd + b"\r\nIdempotency-Key: " + odd,
        b"GET /v1/formats HTTP/1.1\r\n" + named + b"\r\ntracestate: " + odd + b"\r\nbaggage: " + b"%zz," * 2000,
        b"GARBAGE\r\n" * 1000,
        b"GET /v1/jobs/%0A%1B%5B2J" + FORGED.encode("latin-1", "replace").hex().encode() + b" HTTP/1.1\r\nHost: x",
        b"GET /%0a%7B%22event%22%3A%22job.exhausted%22%7D%0a HTTP/1.1\r\nHost: x\r\nX-Request-Id: of\x1b[2Jthe-lie",
        b"GET /v1/formats HTTP/1.1\r\nHost: \x1b[2J\r\nUser-Agent: \x1b[2J" + b"u" * 10_000,
        b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\nHost: x",
        b"FORGE /v1/formats HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + b"r" * 10_000,
        b"GET /v1/formats HTTP/1.1\r\nHost: x\r\ntraceparent: \x1b[2J\r\nX-Forwarded-For: \x1b[2J",
    ]
    for head in heads:
        with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=30) as line:
            line.sendall(head + b"\r\nConnection: close\r\n\r\n")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
            while line.recv(65536):
                pass
    return len(heads) - 1  # garbage is no request


def signatures_in(url: str) -> set[str]:
    """The secret parts of a presigned URL."""
    query = parse_qs(urlsplit(url).query)
    return {value for name in ("X-Amz-Signature", "X-Amz-Security-Token") for value in query.get(name, ())}
