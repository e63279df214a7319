"""
A conversation with the service, written down so that two of them can be compared word for word.

What must differ from one conversation to the next is masked: ids (numbered in the order in which they appear, so that
what belongs together is still seen), moments, the name of the instance, readings of the machine, how far a job had come
that did not succeed, and the addresses and signatures of presigned URLs. All else counts, also headers that nobody
expected.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

ID = re.compile(r"(?<![a-z2-7])[a-z2-7]{26}(?![a-z2-7])")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
PRESIGNED = re.compile(r"https?://[^\s\"]+X-Amz-Signature=[^\s\"]+")
ORIGIN = re.compile(r"https?://[^\s;,]+")  # in a content security policy: where the storage is
POINTER = re.compile(r"0x[0-9a-f]{6,}|(?<=/proc/self/fd/)\d+")
# What every hop says for itself, or keeps to itself: the last one is an order to proxies.
OF_THE_HOP = frozenset({"connection", "date", "keep-alive", "server", "transfer-encoding", "x-accel-buffering"})
OF_S3 = ("content-type", "content-disposition", "content-length", "content-range", "accept-ranges", "etag")
READINGS = frozenset({"cpu", "disk_free", "memory", "seconds", "speed"})


@dataclass
class Conversation:
    """Speaks to one address, notes what is said, and insists on the status that the story expects."""

    http: httpx.Client
    lines: list[str] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, status: int, *, note: bool = True, **request: Any) -> httpx.Response:
        """Make a request of the service. Without `note` only its status is written down: the rest depends on luck."""
        answer = self.http.request(method, path, **request)
        said = f"{method} {path} answered {answer.status_code}, not {status}: {answer.text[:500]}"
        assert answer.status_code == status, said
        self.note(f"{method} {path} → {answer.status_code}", answer if note else None)
        return answer

    def outside(self, method: str, url: str, status: int, **request: Any) -> httpx.Response:
        """Make a request of S3, by a presigned URL; only what S3 documents is written down."""
        answer = httpx.request(method, url, timeout=60, **request)
        assert answer.status_code == status, f"{method} {url} answered {answer.status_code}: {answer.text[:500]}"
        self._write(f"{method} {url} → {answer.status_code}")
        for name in OF_S3:
            # An answer without a body may, or may not, say what it does not have.
            if name in answer.headers and (answer.content or name == "etag"):
                self._write(f"  {name}: {answer.headers[name]}")
        self._write(f"  {_body(answer)}")
        return answer

    def note(self, title: str, answer: httpx.Response | None) -> None:
        """Write an answer down."""
        self._write(title)
        if answer is None:
            return
        document = _is_document(answer)
        for name, value in sorted(answer.headers.items()):
            if name not in OF_THE_HOP and not (document and name == "content-length"):
                hidden = ORIGIN.sub("<storage>", value) if name == "content-security-policy" else value
                self._write(f"  {name}: {hidden}")
        self._write(f"  {_body(answer)}")

    def _write(self, line: str) -> None:
        line = PRESIGNED.sub(lambda found: _masked_url(found[0]), line)
        line = MOMENT.sub("<moment>", POINTER.sub("<pointer>", line))
        line = ID.sub(lambda found: self._ids.setdefault(found[0], f"<{len(self._ids) + 1}>"), line)
        self.lines += line.splitlines()


def _is_document(answer: httpx.Response) -> bool:
    return "json" in answer.headers.get("content-type", "")


def _body(answer: httpx.Response) -> str:
    if not answer.content:
        return "nothing"
    if _is_document(answer):
        return json.dumps(_masked(answer.json()), ensure_ascii=False, sort_keys=True, indent=2)
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        return _events(answer.text)
    return f"{len(answer.content)} bytes, sha256 {sha256(answer.content).hexdigest()}"


def _masked(document: Any, name: str = "") -> Any:
    """Readings and names of a container are its own business; that they are there, and numbers or null, is ours."""
    if isinstance(document, Mapping):
        masked = {key: _masked(value, key) for key, value in document.items()}
        if str(document.get("state")) in {"failed", "cancelled"} and "percent" in document:
            masked["percent"] = "<as far as it came>"
        return masked
    if isinstance(document, list):
        return [_masked(value) for value in document]
    if name in {"instance", "sandbox"}:  # the latter is what its kernel and its platform let it confine ffmpeg by
        return f"<{type(document).__name__}>"
    if name in READINGS and (document is None or isinstance(document, int | float)):
        return "<reading>"
    return document


def _masked_url(url: str) -> str:
    """The object and what was signed; neither the host, nor how the bucket is named in the address, nor the secret."""
    parts = urlsplit(url)
    key = re.search(r"/(uploads|results)/.*", parts.path)
    hidden = {"X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature", "uploadId"}
    query = [f"{name}={'…' if name in hidden else value}" for name, value in sorted(parse_qsl(parts.query))]
    return f"<S3>{key[0] if key else parts.path}?{'&'.join(query)}"


def _events(text: str) -> str:
    """Progress comes as often as it comes, but it rises; the last word is the whole job."""
    events: list[tuple[str, Any]] = []
    for block in text.split("\r\n\r\n" if "\r\n" in text else "\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in fields:
            events.append((fields.get("event", ""), json.loads(fields["data"])))
    percents = [document["percent"] for _, document in events]
    assert percents == sorted(percents), percents
    kinds = [kind for kind, _ in events]
    assert kinds[-1:] == ["done"], kinds
    assert set(kinds[:-1]) <= {"progress"}, kinds
    return f"rising events, done: {json.dumps(_masked(events[-1][1]), ensure_ascii=False, sort_keys=True, indent=2)}"
