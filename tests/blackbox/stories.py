"""
What a client can do, as conversations. Each says which status it expects; that all else is the same everywhere is for
the comparison of transcripts to say.

Nothing here imports the service: what is known about it is what docs/api.md says.
"""

import json
import math
import re
import socket
import struct
from collections.abc import Callable, Mapping
from hashlib import sha256
from urllib.parse import urlsplit

import httpx

from tests.blackbox.transcript import Conversation

NOBODY = "a" * 26
TOO_LARGE = 6 * 1024**3
MIN_PART_SIZE = 5 * 1024**2
Story = Callable[[Conversation], None]


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────────────────


def tone(seconds: float, rate: int = 8000) -> bytes:
    """A WAV file: one channel, 16 bits, a little music."""
    frames = int(seconds * rate)
    samples = b"".join(struct.pack("<h", int(9000 * math.sin(n * n / 9000))) for n in range(min(frames, rate)))
    data = (samples * (frames // rate + 1))[: 2 * frames]
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16,
                       b"data", len(data))  # fmt: skip
    return head + data


def uploaded(it: Conversation, data: bytes, filename: str = "tone.wav") -> str:
    """The id of a fresh upload."""
    return str(it.call("POST", f"/v1/uploads?filename={filename}", 201, content=data).json()["upload_id"])


def submitted(it: Conversation, upload: str, target: str = "mp3", **options: object) -> str:
    """The id of a fresh job."""
    order = {"upload_id": upload, "format": target, "options": options}
    # How far it is in this moment is luck.
    answer = it.call("POST", "/v1/jobs", 202, note=False, json=order)
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['job_id']}"
    if answer.json()["state"] in {"queued", "running"}:  # a short one may have ended before the answer is written
        assert answer.headers["Retry-After"] == "1"
    return str(answer.json()["job_id"])


def finished(it: Conversation, job: str, state: str = "succeeded") -> None:
    """Wait for the end, which is written down."""
    for _ in range(30):
        if it.http.get(f"/v1/jobs/{job}?wait=10").json()["state"] == state:
            break
    assert it.call("GET", f"/v1/jobs/{job}?wait=1", 200).json()["state"] == state


# ── stories ──────────────────────────────────────────────────────────────────────────────────────────────────────


def uploads(it: Conversation) -> None:
    """A file as it is, as a form, under several names; refused, shown, deleted."""
    song = tone(1)
    upload = uploaded(it, song)
    it.call("GET", f"/v1/uploads/{upload}", 200)
    named = {"Content-Disposition": "attachment; filename*=UTF-8''%C3%9Cbung%201.wav", "Content-Type": "text/plain"}
    it.call("POST", "/v1/uploads", 201, content=song, headers=named)
    it.call("POST", "/v1/uploads", 201, files={"file": ("../../etc/ärger.wav", song, "audio/wav")})
    it.call("POST", "/v1/uploads", 422, files={"file": ("a.wav", song), "more": ("b.wav", song)})
    it.call("POST", "/v1/uploads", 422, data={"no": "file"}, files={"x": (None, "y")})
    it.call("POST", "/v1/uploads", 422, content=b"")
    it.call("POST", "/v1/uploads?filename=song.mp3", 415, content=b"This is no song, it only says so. " * 40)
    it.call("POST", "/v1/uploads", 415, content=b"#EXTM3U\nhttp://169.254.169.254/latest/meta-data\n")
    it.call("POST", "/v1/uploads", 400, content=b"rubbish", headers={"Content-Type": "multipart/form-data"})
    for _ in range(2):
        it.call("DELETE", f"/v1/uploads/{upload}", 204)
    it.call("GET", f"/v1/uploads/{upload}", 404)
    it.call("GET", f"/v1/uploads/{NOBODY}", 404)
    it.call("GET", "/v1/uploads/short", 404)
    it.call("PATCH", f"/v1/uploads/{upload}", 405)
    it.lines.append(f"an announced length of {TOO_LARGE}: {_announced(it.http.base_url, TOO_LARGE)}")


def _announced(address: httpx.URL, length: int) -> str:
    """What is answered to a request that has announced a body, and not sent it."""
    parts = urlsplit(str(address))
    head = f"POST /v1/uploads HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=20) as line:
        line.sendall(head.encode())
        answer = b""
        while not (found := re.search(rb"\r\n\r\n.*(\{.*\})", answer, re.DOTALL)):
            piece = line.recv(65536)
            assert piece, f"no answer: {answer!r}"
            answer += piece
    document = json.loads(found[1])
    assert answer.split()[1] == b"413"
    return f"413 {document['code']}, limit {document['limit']}"


def direct(it: Conversation) -> None:
    """Parts straight to S3, as Uppy does it."""
    song = tone(MIN_PART_SIZE / 16000 + 10)
    pieces = {1: song[:MIN_PART_SIZE], 2: song[MIN_PART_SIZE:]}
    kind = {"filename": "long.wav", "type": "audio/wav"}
    begun = it.call("POST", "/v1/s3/multipart", 200, json={**kind, "size": len(song)}).json()
    path, key = f"/v1/s3/multipart/{begun['uploadId']}", f"key={begun['key']}"
    it.call("GET", f"/v1/uploads/{begun['upload_id']}", 200)
    it.call("GET", f"{path}?{key}", 200)
    first = it.call("GET", f"{path}/1?{key}", 200).json()["url"]
    more = it.call("GET", f"{path}/batch?{key}&partNumbers=1,2", 200).json()["presignedUrls"]
    etags = {1: it.outside("PUT", first, 200, content=pieces[1]).headers["ETag"]}
    listed = [{"PartNumber": 1, "ETag": etags[1]}]
    it.call("POST", "/v1/jobs", 409, json={"upload_id": begun["upload_id"], "format": "mp3"})
    it.call("POST", f"{path}/complete?{key}", 409, json={"parts": listed})
    etags[2] = it.outside("PUT", more["2"], 200, content=pieces[2]).headers["ETag"]
    it.call("GET", f"{path}?{key}", 200)
    it.call("GET", f"/v1/uploads/{begun['upload_id']}", 200)
    listed.append({"PartNumber": 2, "ETag": etags[2]})
    wrong = [listed[0], {"PartNumber": 2, "ETag": '"00000000000000000000000000000000"'}]
    it.call("POST", f"{path}/complete?{key}", 422, json={"parts": wrong})
    for _ in range(2):
        assert it.call("POST", f"{path}/complete?{key}", 200, json={"parts": listed}).json()["size"] == len(song)
    it.call("GET", f"/v1/uploads/{begun['upload_id']}", 200)
    it.call("POST", "/v1/s3/multipart", 415, json={"filename": "page.html", "type": "text/html"})
    it.call("POST", "/v1/s3/multipart", 413, json={**kind, "size": TOO_LARGE})
    it.call("POST", "/v1/s3/multipart", 422, json={"type": "audio/wav"})
    it.call("GET", f"/v1/s3/multipart/{NOBODY}?{key}", 404)
    other = it.call("POST", "/v1/s3/multipart", 200, json=kind).json()
    path, key = f"/v1/s3/multipart/{other['uploadId']}", f"key={other['key']}"
    it.call("GET", f"{path}/0?{key}", 404)
    it.call("GET", f"{path}/1?key=uploads/elsewhere/input", 404)
    it.call("POST", f"{path}/complete?{key}", 409, json={"parts": []})
    it.call("DELETE", f"{path}?{key}", 200)
    it.call("DELETE", f"{path}?{key}", 404)
    it.call("GET", f"{path}?{key}", 404)


def in_parts(it: Conversation) -> None:
    """Parts through the service; one is sent twice, one comes late; what is no audio is found out at the end."""
    song = tone(MIN_PART_SIZE / 16000 + 5)
    begun = it.call("POST", "/v1/s3/multipart", 200, json={"filename": "long.wav", "size": len(song)}).json()
    path = f"/v1/uploads/{begun['upload_id']}"
    it.call("PUT", f"{path}/parts/2", 200, content=song[MIN_PART_SIZE:])
    it.call("POST", f"{path}/complete", 409)
    for _ in range(2):
        it.call("PUT", f"{path}/parts/1", 200, content=song[:MIN_PART_SIZE])
    it.call("PUT", f"{path}/parts/0", 404, content=b"x")
    it.call("PUT", f"{path}/parts/10001", 404, content=b"x")
    it.call("PUT", f"{path}/parts/3", 404, content=b"x")  # the declared size needs two
    it.call("PUT", f"{path}/parts/2", 422, content=b"")
    it.call("GET", path, 200)
    for _ in range(2):
        it.call("POST", f"{path}/complete", 200)
    it.call("PUT", f"{path}/parts/3", 404, content=b"x")
    for _ in range(2):
        it.call("DELETE", path, 204)
    it.call("POST", f"{path}/complete", 404)

    begun = it.call("POST", "/v1/s3/multipart", 200, json={"filename": "trick.wav"}).json()
    path = f"/v1/uploads/{begun['upload_id']}"
    it.call("POST", f"{path}/complete", 409)
    it.call("PUT", f"{path}/parts/1", 200, content=b"%PDF-1.7 is no audio " * 50)
    it.call("POST", f"{path}/complete", 415)
    it.call("GET", path, 404)


def conversion(it: Conversation) -> None:
    """From the upload to the finished job, followed in every way; the same key is the same job."""
    upload = uploaded(it, tone(2), "Übung 1.wav")
    order = {"upload_id": upload, "format": "mp3", "options": {"bitrate_kbps": 64, "sample_rate": 16000}}
    once = {"Idempotency-Key": f"once-{upload}"}
    answer = it.call("POST", "/v1/jobs", 202, note=False, json=order, headers=once)
    job = answer.json()["job_id"]
    it.call("GET", f"/v1/jobs/{job}/events", 200)
    finished(it, job)
    it.call("GET", f"/v1/jobs/{job}", 200)
    it.call("GET", f"/v1/jobs/{job}/progress", 200)
    it.call("GET", f"/v1/jobs/{job}/events", 200)
    it.call("GET", f"/v1/jobs/{job}/events", 200, headers={"Last-Event-ID": "100"})
    assert it.call("POST", "/v1/jobs", 202, json=order, headers=once).json()["job_id"] == job
    it.call("POST", "/v1/jobs", 422, json={**order, "format": "flac", "options": {}}, headers=once)
    it.call("POST", "/v1/jobs", 422, json=order, headers={"Idempotency-Key": "x" * 256})
    it.call("POST", f"/v1/jobs/{job}/cancel", 200)  # what has ended stays as it is
    for target, options in (("flac", {}), ("ogg", {"quality": 3}), ("wav", {"start_seconds": 0.5})):
        finished(it, submitted(it, upload, target, **options))


def refused_orders(it: Conversation) -> None:
    """Orders that cannot be carried out, each with what would do."""
    upload = uploaded(it, tone(1))
    for changes in (
        {"format": "mp4"},
        {"options": {"bitrate_kbps": 100_000}},
        {"options": {"bitrate_kbps": "many"}},
        {"options": {"loudness": "yes"}},
        {"options": {"bit_depth": 16}},
        {"surprise": 1},
        {"upload_id": 7},
    ):
        it.call("POST", "/v1/jobs", 422, json={"upload_id": upload, "format": "mp3", **changes})
    it.call("POST", "/v1/jobs", 422, json={"format": "mp3"})
    it.call("POST", "/v1/jobs", 404, json={"upload_id": NOBODY, "format": "mp3"})
    it.call("POST", "/v1/jobs", 400, content=b'{"upload_id": ', headers={"Content-Type": "application/json"})
    it.call("POST", "/v1/jobs", 415, content=b'{"upload_id": "", "format": ""}', headers={"Content-Type": "text/plain"})
    it.call("GET", f"/v1/jobs/{NOBODY}?wait=soon", 422)
    for path in ("", "/progress", "/events", "/download"):
        it.call("GET", f"/v1/jobs/{NOBODY}{path}", 404)
    it.call("POST", f"/v1/jobs/{NOBODY}/cancel", 404)
    it.call("DELETE", f"/v1/jobs/{NOBODY}", 204)


def downloads(it: Conversation) -> None:
    """The finished file by redirect and through the service, whole and in ranges, until it is deleted."""
    job = submitted(it, uploaded(it, tone(3), "Grüße.wav"), "mp3")
    finished(it, job)
    path = f"/v1/jobs/{job}/download"
    moved = it.call("GET", path, 307).headers["Location"]
    whole = it.outside("GET", moved, 200).content
    it.outside("GET", moved, 206, headers={"Range": "bytes=100-199"})
    through = it.call("GET", f"{path}?via=proxy", 200)
    assert sha256(through.content).digest() == sha256(whole).digest()
    etag = {"If-None-Match": through.headers["ETag"]}
    it.call("GET", f"{path}?via=url", 307)
    it.call("HEAD", path, 200)
    it.call("HEAD", f"{path}?via=proxy", 200)
    for wanted, status in (("bytes=0-0", 206), ("bytes=100-199", 206), ("bytes=-50", 206), ("bytes=20-", 206),
                           ("bytes=0-1,5-6", 200), ("apples=1-2", 200), ("bytes=99999999-", 416)):  # fmt: skip
        it.call("GET", f"{path}?via=proxy", status, headers={"Range": wanted})
    it.call("GET", f"{path}?via=proxy", 304, headers=etag)
    for known, status in ((through.headers["ETag"], 206), ('"another"', 200)):
        it.call("GET", f"{path}?via=proxy", status, headers={"Range": "bytes=1-9", "If-Range": known})
    it.call("GET", f"{path}?via=pigeon", 422)
    for _ in range(2):
        it.call("DELETE", f"/v1/jobs/{job}", 204)
    it.call("GET", path, 404)
    assert httpx.get(moved).status_code in {403, 404}  # S3 says 403 to who may not know what there is


def broken_audio(it: Conversation) -> None:
    """A file that is none inside fails its job, with a reason; there is nothing to download."""
    job = submitted(
        it, uploaded(it, b"fLaC\x00\x00\x00\x22" + b"\x10\x00" * 17 + b"\x84\x00\x00\x00" * 400, "x.flac"), "mp3"
    )
    finished(it, job, "failed")
    it.call("GET", f"/v1/jobs/{job}/progress", 200)
    it.call("GET", f"/v1/jobs/{job}/events", 200)
    it.call("GET", f"/v1/jobs/{job}/download", 409)
    it.call("GET", f"/v1/jobs/{job}/download?via=proxy", 409)
    it.call("DELETE", f"/v1/jobs/{job}", 204)


def cancelled(it: Conversation) -> None:
    """A long conversion is called off; a deleted one is gone."""
    upload = uploaded(it, tone(1500))
    job = submitted(it, upload, "opus")
    it.call("GET", f"/v1/jobs/{job}/download", 409, note=False)
    it.call("POST", f"/v1/jobs/{job}/cancel", 200, note=False)
    for _ in range(200):
        if it.http.get(f"/v1/jobs/{job}?wait=1").json()["state"] == "cancelled":
            break
    it.call("POST", f"/v1/jobs/{job}/cancel", 200, note=False)  # how far it had come is luck
    it.call("GET", f"/v1/jobs/{job}/download", 409)
    it.call("DELETE", f"/v1/jobs/{job}", 204)
    it.call("GET", f"/v1/jobs/{job}", 404)

    job = submitted(it, upload, "opus")
    for _ in range(200):
        if it.http.delete(f"/v1/jobs/{job}").status_code == 204:
            break
        it.http.get(f"/v1/jobs/{job}?wait=1")
    it.call("GET", f"/v1/jobs/{job}", 404)
    it.call("DELETE", f"/v1/uploads/{upload}", 204)


def around(it: Conversation) -> None:
    """What is there besides: formats, health, status, the description, the page, and what is not there."""
    it.call("GET", "/v1/formats", 200)
    it.call("GET", "/health/live", 200)
    it.call("GET", "/health/ready", 200)
    it.call("GET", "/v1/status", 200)
    for path in ("/schema", "/schema/openapi.json", "/schema/openapi.yaml", "/", "/nowhere", "/v1/nowhere"):
        it.call("GET", path, 404 if path.endswith("nowhere") else 200)
    it.call("GET", "/metrics", 200, note=False)
    it.call("OPTIONS", "/v1/jobs", 204)
    it.call("DELETE", "/v1/jobs", 405)
    it.call("GET", "/v1/formats", 200, headers={"X-Request-Id": "of-the-client-1"})
    it.call("GET", "/v1/formats", 200, headers={"X-Request-Id": "not\tgood"})


STORIES: Mapping[str, Story] = {
    story.__name__: story
    for story in (
        uploads, direct, in_parts, conversion, refused_orders, downloads, broken_audio, cancelled, around,
    )
}  # fmt: skip


# ── with keys ────────────────────────────────────────────────────────────────────────────────────────────────────


def keys(it: Conversation, ours: str, theirs: str) -> None:
    """Without a key nobody gets in, and with one nobody sees what is another's."""
    for headers in ({}, {"X-API-Key": "guessed"}, {"Authorization": "Bearer guessed"}, {"Authorization": "Basic eDp5"}):
        it.call("GET", f"/v1/jobs/{NOBODY}", 401, headers=headers)
        it.call("POST", "/v1/uploads", 401, content=tone(0.1), headers=headers)
    it.call("GET", f"/v1/jobs/{NOBODY}?api_key={ours}", 401)
    for path in ("/v1/formats", "/health/live", "/schema/openapi.json", "/"):
        it.call("GET", path, 200)
    us, them = {"X-API-Key": ours}, {"Authorization": f"Bearer {theirs}"}
    upload = it.call("POST", "/v1/uploads", 201, content=tone(0.5), headers=us).json()["upload_id"]
    order = {"upload_id": upload, "format": "mp3"}
    it.call("GET", f"/v1/uploads/{upload}", 404, headers=them)
    it.call("POST", "/v1/jobs", 404, json=order, headers=them)
    it.call("DELETE", f"/v1/uploads/{upload}", 204, headers=them)
    it.call("GET", f"/v1/uploads/{upload}", 200, headers=us)
    job = it.call("POST", "/v1/jobs", 202, note=False, json=order, headers=us).json()["job_id"]
    for _ in range(30):
        if it.http.get(f"/v1/jobs/{job}?wait=10", headers=us).json()["state"] == "succeeded":
            break
    it.call("GET", f"/v1/jobs/{job}", 200, headers=us)
    for path in ("", "/progress", "/events", "/download"):
        it.call("GET", f"/v1/jobs/{job}{path}", 404, headers=them)
    it.call("POST", f"/v1/jobs/{job}/cancel", 404, headers=them)
    it.call("DELETE", f"/v1/jobs/{job}", 204, headers=them)
    it.call("GET", f"/v1/jobs/{job}/download?via=proxy", 200, headers=us)
