"""The client of our API, as docs/api.md has it, and the conversions that it can order."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from chaos.ambient import Draws, pause
from chaos.client.asking import Answer, Asker
from chaos.client.conversions import Conversion
from chaos.history.events import OK, UNKNOWN

WHOLE, FORM, PARTS, RELAYED = "whole", "form", "parts", "relayed"  # ways to upload
DOCUMENT, PROGRESS, WAIT = "document", "progress", "wait"  # ways to be asked
REDIRECT, PROXY, RANGES = "redirect", "proxy", "ranges"  # ways to download
RANGE_BYTES = 300_000
PART_TRIES = 12
WAIT_SECONDS = 8

CONVERSIONS = (
    Conversion("mp3", "mp3", ("-map", "0:a:0", "-c:a", "libmp3lame", "-b:a", "192k", "-f", "mp3"),
               {"bitrate_kbps": 192}),
    Conversion("mp3-vbr", "mp3", ("-map", "0:a:0", "-c:a", "libmp3lame", "-q:a", "4", "-f", "mp3"), {"quality": 4}),
    Conversion("flac", "flac", ("-map", "0:a:0", "-c:a", "flac", "-f", "flac")),
    Conversion("wav", "wav", ("-map", "0:a:0", "-c:a", "pcm_s24le", "-f", "wav"), {"bit_depth": 24}),
    Conversion("wav-mono", "wav", ("-map", "0:a:0", "-c:a", "pcm_s16le", "-ar", "22050", "-ac", "1", "-f", "wav"),
               {"sample_rate": 22050, "channels": 1}),
    # Large enough that parts of it are stored long before its end.
    Conversion("wav-192k", "wav", ("-map", "0:a:0", "-c:a", "pcm_s24le", "-ar", "192000", "-f", "wav"),
               {"sample_rate": 192000, "bit_depth": 24}),
    Conversion("m4a", "m4a", ("-map", "0:a:0", "-c:a", "aac", "-b:a", "128k", "-f", "ipod"), {"bitrate_kbps": 128}),
    Conversion("aiff", "aiff", ("-map", "0:a:0", "-c:a", "pcm_s16be", "-write_id3v2", "1", "-f", "aiff")),
)  # fmt: skip

Passage = Callable[[str], AbstractContextManager[object]]  # what lies around each request to a member


def open_passage(via: str) -> AbstractContextManager[object]:
    """Let a request through as it is."""
    return nullcontext(via)


class RepriseClient:
    """Implements `Client`. `addresses` says where a member is; `keys` are those of the tenant and of a stranger."""

    def __init__(
        self,
        asker: Asker,
        addresses: Callable[[str], str],
        keys: Mapping[str, str],
        stranger: str,
        draw: Draws,
        passage: Passage = open_passage,
    ) -> None:
        self._asker, self._address, self._keys, self._stranger, self._draw = asker, addresses, keys, stranger, draw
        self._passage = passage

    # ── uploads ──────────────────────────────────────────────────────────────────────────────────────────────────

    def upload(self, via: str, path: Path, route: str) -> Answer:
        asked = self._asker.clock()
        if route == WHOLE:
            with path.open("rb") as file:
                headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
                url = f"/v1/uploads?filename={quote(path.name)}"
                answer = self._ask(via, "POST", url, content=iter(lambda: file.read(1 << 18), b""), headers=headers)
        elif route == FORM:
            with path.open("rb") as file:
                answer = self._ask(via, "POST", "/v1/uploads", files={"file": (path.name, file)})
        else:
            answer = self._in_parts(via, path, relayed=route == RELAYED)
        answer.asked = asked
        if answer.ok:
            answer.upload_id = answer.upload_id or answer.body.get("upload_id")
            answer.bytes = path.stat().st_size
        return self._asker.record("upload", via, answer, detail=f"{route} {answer.detail}".strip())

    def _in_parts(self, via: str, path: Path, *, relayed: bool) -> Answer:
        """Begin, send each part until it has arrived, complete; each step again until it is answered."""
        content = path.read_bytes()
        begun = self._ask(
            via, "POST", "/v1/s3/multipart",
            json={"filename": path.name, "type": "application/octet-stream", "size": len(content)},
        )  # fmt: skip
        if not begun.ok:
            return begun
        upload_id, size = str(begun.body["upload_id"]), int(begun.body["part_size"])
        base = f"/v1/s3/multipart/{begun.body['uploadId']}"
        key = quote(str(begun.body["key"]), safe="")
        size = min(size, max(5 << 20, len(content) // 2 + 1))
        etags: list[dict[str, object]] = []
        for number, start in enumerate(range(0, len(content), size), 1):
            part = content[start : start + size]
            sent = self._again(lambda: self._part(via, upload_id, f"{base}/{number}?key={key}", number, part, relayed))  # noqa: B023  # called at once
            if not sent.ok:
                return sent
            etags.append({"PartNumber": number, "ETag": sent.headers.get("etag", "")})
        if relayed:
            answer = self._again(lambda: self._ask(via, "POST", f"/v1/uploads/{upload_id}/complete"))
        else:
            answer = self._again(lambda: self._ask(via, "POST", f"{base}/complete?key={key}", json={"parts": etags}))
        answer.upload_id = upload_id
        return answer

    def _part(self, via: str, upload_id: str, sign: str, number: int, part: bytes, relayed: bool) -> Answer:  # noqa: FBT001
        if relayed:
            return self._ask(via, "PUT", f"/v1/uploads/{upload_id}/parts/{number}", content=part)
        signed = self._ask(via, "GET", sign)
        return self._asker.ask("PUT", str(signed.body["url"]), content=part) if signed.ok else signed

    def _again(self, attempt: Callable[[], Answer]) -> Answer:
        answer = attempt()
        for _ in range(PART_TRIES):
            if answer.ok or answer.final_refusal:
                break
            pause(0.25 + 0.5 * self._draw.random())
            answer = attempt()
        return answer

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, via: str, upload_id: str, conversion: Conversion, key: str | None) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"upload_id": upload_id, **conversion.request()}
        answer = self._job(self._ask(via, "POST", "/v1/jobs", json=body, headers=headers))
        answer.upload_id = upload_id
        return self._asker.record("submit", via, answer, key=key)

    def read(self, via: str, job_id: str, how: str) -> Answer:
        path = {PROGRESS: "/progress", WAIT: f"?wait={WAIT_SECONDS}"}.get(how, "")
        return self._of_job("read", via, "GET", job_id, path, detail=how)

    def cancel(self, via: str, job_id: str) -> Answer:
        return self._of_job("cancel", via, "POST", job_id, "/cancel")

    def delete_job(self, via: str, job_id: str) -> Answer:
        answer = self._ask(via, "DELETE", f"/v1/jobs/{job_id}")
        answer.job_id = job_id
        answer.state = "stopping" if answer.status == 202 else None
        return self._asker.record("delete_job", via, answer)

    def delete_upload(self, via: str, upload_id: str) -> Answer:
        answer = self._ask(via, "DELETE", f"/v1/uploads/{upload_id}")
        answer.upload_id = upload_id
        return self._asker.record("delete_upload", via, answer)

    def peek(self, via: str, job_id: str) -> Answer:
        answer = self._ask(via, "GET", f"/v1/jobs/{job_id}", tenant=self._stranger)
        answer.job_id = job_id
        if answer.status is None:
            return answer  # it was not answered at all
        return self._asker.record("peek", via, answer, detail="read", tenant=self._stranger)

    def stream(self, via: str, job_id: str, last: str | None) -> Iterator[Answer]:
        headers = {**self._headers(), **({"Last-Event-ID": last} if last else {})}
        asked = self._asker.clock()
        url = f"{self._address(via)}/v1/jobs/{job_id}/events"
        timeout = httpx.Timeout(15, connect=5)  # a comment comes more often
        try:
            with self._passage(via), self._asker.http.stream("GET", url, headers=headers, timeout=timeout) as got:
                if got.is_error:
                    got.read()
                    yield self._recorded_event(via, job_id, self._asker.understood(got, asked))
                    return
                name = ""
                for line in got.iter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        name = value
                    elif field == "data":
                        answer = Answer(OK, asked, self._asker.clock(), got.status_code, body=json.loads(value))
                        answer.detail = name
                        yield self._recorded_event(via, job_id, self._job(answer))
        except httpx.HTTPError as error:
            yield self._recorded_event(via, job_id, self._asker.broken(error, asked))

    def _recorded_event(self, via: str, job_id: str, answer: Answer) -> Answer:
        answer.job_id = job_id
        return self._asker.record("stream", via, answer)

    # ── downloads ────────────────────────────────────────────────────────────────────────────────────────────────

    def download(self, via: str, job_id: str, how: str) -> Answer:
        asked, got, digest = self._asker.clock(), 0, hashlib.sha256()
        path = f"/v1/jobs/{job_id}/download" + ("" if how == REDIRECT else "?via=proxy")
        url, headers = self._address(via) + path, self._headers()
        if how == REDIRECT:
            signed = self._ask(via, "GET", path)
            if signed.status != 307:
                signed.job_id = job_id
                return self._asker.record("download", via, signed, detail=how)
            url, headers = signed.headers["location"], {}
        total = None
        while True:
            ranged = {"Range": f"bytes={got}-{got + RANGE_BYTES - 1}"} if how == RANGES else {}
            try:
                with self._passage(via), self._asker.http.stream("GET", url, headers={**headers, **ranged}) as answer:
                    if answer.is_error:
                        answer.read()
                        result = self._asker.understood(answer, asked)
                        break
                    for chunk in answer.iter_raw():
                        digest.update(chunk)
                        got += len(chunk)
                    if answer.status_code == 206:
                        total = int(answer.headers["content-range"].rpartition("/")[2])
                        if got < total:
                            continue
                    result = Answer(OK, asked, self._asker.clock(), answer.status_code)
                    result.digest = digest.hexdigest()
                    break
            except httpx.HTTPError as error:
                result = self._asker.broken(error, asked)
                break
        result.job_id, result.bytes = job_id, got
        return self._asker.record("download", via, result, detail=f"{how} {result.detail}".strip())

    def problem(self, answer: Answer) -> Mapping[str, Any]:
        return answer.body if answer.code else {}

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _of_job(self, verb: str, via: str, method: str, job_id: str, path: str, detail: str = "") -> Answer:
        answer = self._job(self._ask(via, method, f"/v1/jobs/{job_id}{path}"))
        answer.job_id = job_id
        return self._asker.record(verb, via, answer, detail=f"{detail} {answer.detail}".strip())

    def _job(self, answer: Answer) -> Answer:
        body = answer.body
        if answer.ok and "state" in body:
            answer.job_id = body.get("job_id", answer.job_id)
            answer.state, answer.percent, answer.attempt = body["state"], body.get("percent"), body.get("attempt")
        elif answer.ok:
            answer.outcome = UNKNOWN  # not a word of what it should say
        return answer

    def _ask(self, via: str, method: str, path: str, *, tenant: str | None = None, **request: Any) -> Answer:
        headers = {**self._headers(tenant), **request.pop("headers", {})}
        with self._passage(via):
            return self._asker.ask(method, self._address(via) + path, headers=headers, **request)

    def _headers(self, tenant: str | None = None) -> dict[str, str]:
        return {"X-API-Key": self._keys[tenant or self._asker.tenant]}
