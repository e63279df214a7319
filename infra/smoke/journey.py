"""
The way of a file through the service, in steps with names. Each returns what it saw, in a few words, and raises if it
was not right; the next one is not tried then.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.smoke.audio import NotTheSame, compare_flac, compare_wav, samples, wav
from infra.smoke.service import Service, Unexpected

SECONDS = 20.0  # of audio
LOOK = 20  # seconds that one request may wait for the end of a job
ENDED = frozenset({"succeeded", "failed", "cancelled"})
NO_JOB = "a" * 26


@dataclass
class Journey:
    """One file, and what has become of it so far."""

    service: Service
    key_given: bool = False
    patience: int = 300  # seconds that one conversion may take, waiting in the queue included
    pcm: bytes = field(default_factory=lambda: samples(SECONDS))
    uploads: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)  # the job document that was seen last

    @property
    def file(self) -> bytes:
        """What is uploaded."""
        return wav(self.pcm)

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def answers(self) -> str:
        """The process is there."""
        said = self.service.ask("GET", "/health/live", 200).json()
        return f"version {said.get('version', 'not told without a key')}"

    def is_ready(self) -> str:
        """DynamoDB and S3 can be reached with the service's own role; without the cache it is only slower."""
        said = self.service.ask("GET", "/health/ready", 200).json()
        checks = said.get("checks", {})  # none for a caller without a key, where there are keys
        return f"{said['status']}: " + ", ".join(f"{name} {state}" for name, state in sorted(checks.items()))

    def refuses_strangers(self) -> str:
        """Where a key is in use, a request without it is refused."""
        if not self.key_given:
            return "no key given: not tried"
        self.service.ask_without_key("GET", f"{self.service.address}/v1/jobs/{NO_JOB}", 401)
        return "401 without the key"

    def uploads_through_it(self) -> str:
        """A file is streamed through the service into the bucket."""
        said = self.service.ask("POST", "/v1/uploads?filename=smoke.wav", 201, content=self.file).json()
        self.uploads.append(said["upload_id"])
        return self._arrived(said)

    def uploads_to_the_store(self) -> str:
        """A file goes straight to the bucket with a signed form, as from a browser."""
        query = f"filename=smoke.wav&type=audio/wav&size={len(self.file)}"
        form = self.service.ask("GET", f"/v1/s3/params?{query}", 200).json()
        self.uploads.append(form["upload_id"])
        self.service.ask_without_key("POST", form["url"], 201, 204, data=form["fields"], files={"file": self.file})
        return self._arrived(self.service.ask("GET", f"/v1/uploads/{form['upload_id']}", 200).json())

    def converts(self) -> str:
        """A job ends well within its time, and is waited for with `wait`."""
        job = self._submitted(self.uploads[0], "flac")
        seen = 0.0
        for look in self._looks():
            document = self.service.ask("GET", f"/v1/jobs/{job}?wait={look}", 200).json()
            seen = self._risen(seen, document)
            if document["state"] in ENDED:
                return self._succeeded(document)
        raise Unexpected(self._unfinished(self.last))

    def tells_as_it_goes(self) -> str:
        """Another job is followed by events, which reach the client while it runs."""
        job = self._submitted(self.uploads[-1], "wav")
        seen, count = 0.0, 0
        for _ in self._looks():
            for name, data in self.service.events(f"/v1/jobs/{job}/events"):
                count += 1
                document = json.loads(data)
                seen = self._risen(seen, document)
                if name == "done":
                    return f"{self._succeeded(document)}, {count} events"
        raise Unexpected(self._unfinished(self.last))

    def downloads_from_the_store(self) -> str:
        """The redirect leads to the file in the bucket, and its bytes are right."""
        moved = self.service.ask("GET", f"/v1/jobs/{self.jobs[0]}/download", 307).headers["Location"]
        found = self.service.ask_without_key("GET", moved, 200).content
        compare_flac(found, self.pcm)
        through = self.service.ask("GET", f"/v1/jobs/{self.jobs[0]}/download?via=proxy", 200).content
        if through != found:
            raise NotTheSame(f"the redirect gives {_digest(found)}, the service itself {_digest(through)}")
        return f"FLAC of the samples that were sent, {len(found):,} bytes, twice the same"

    def downloads_through_it(self) -> str:
        """The service streams the file, whole and in a range, and its bytes are right."""
        path = f"/v1/jobs/{self.jobs[-1]}/download?via=proxy"
        answer = self.service.ask("GET", path, 200)
        compare_wav(answer.content, self.pcm)
        told = answer.headers.get("Content-Length")
        if told != str(len(answer.content)) or self.last.get("size") != len(answer.content):
            raise NotTheSame(
                f"{len(answer.content)} bytes; Content-Length {told}, the job says {self.last.get('size')}"
            )
        part = self.service.ask("GET", path, 206, headers={"Range": "bytes=40-139"}).content
        if part != answer.content[40:140]:
            raise NotTheSame(f"bytes 40 to 139 by themselves ({len(part)} bytes) are not those of the whole file")
        return f"WAV of the samples that were sent, {len(answer.content):,} bytes, also in a range"

    def forgets(self) -> str:
        """What this test has made is removed, and is gone."""
        jobs = list(self.jobs)
        self.tidy_up()
        for job in jobs:
            self.service.ask("GET", f"/v1/jobs/{job}", 404, 410)
        return f"{len(jobs)} jobs removed, with their files"

    # ── around them ──────────────────────────────────────────────────────────────────────────────────────────────

    def tidy_up(self) -> None:
        """Remove jobs and uploads; after a failure too."""
        for made, path in ((self.jobs, "jobs"), (self.uploads, "uploads")):
            while made:
                self.service.ask("DELETE", f"/v1/{path}/{made[-1]}", 204, 202)
                made.pop()

    def _looks(self) -> list[int]:
        """How long each look at a job may take, in seconds; all together they are `patience`."""
        whole, rest = divmod(self.patience, LOOK)
        return [LOOK] * whole + [rest] * bool(rest)

    def _submitted(self, upload: str, target: str) -> str:
        order = {"upload_id": upload, "format": target, "options": {}}
        once = {"Idempotency-Key": f"smoke-{upload}-{target}"}  # so that it may be repeated
        self.last = self.service.ask("POST", "/v1/jobs", 202, json=order, headers=once).json()
        self.jobs.append(self.last["job_id"])
        return self.jobs[-1]

    def _arrived(self, upload: Mapping[str, Any]) -> str:
        if (upload["size"], upload["format"]) != (len(self.file), "wav"):
            raise NotTheSame(f"{len(self.file)} bytes of wav were sent, {upload['size']} of {upload['format']} arrived")
        return f"{upload['size']:,} bytes"

    def _risen(self, seen: float, document: Mapping[str, Any]) -> float:
        self.last = {**self.last, **document}
        percent = float(document["percent"])
        if percent < seen:
            raise NotTheSame(f"progress fell from {seen:g} to {percent:g} percent")
        return percent

    def _succeeded(self, job: Mapping[str, Any]) -> str:
        if job["state"] != "succeeded":
            error = job.get("error") or {}
            why = " · ".join(str(error[name]) for name in ("code", "detail") if error.get(name))
            raise Unexpected(f"job {job['job_id']} {job['state']}: {why or 'no reason given'}")
        return f"{job['size']:,} bytes, attempt {job['attempt']}"

    def _unfinished(self, job: Mapping[str, Any]) -> str:
        return f"job {job['job_id']} is still {job['state']} at {job['percent']} percent, attempt {job.get('attempt')}"


@dataclass(frozen=True, slots=True)
class Step:
    """One of them: its name, what is done, and what is usually the matter when it fails."""

    name: str
    run: Callable[[Journey], str]
    hint: str


STEPS: tuple[Step, ...] = (
    Step("it answers", Journey.answers, "the address, the service's state and its health check; the log of its start"),
    Step("it is ready", Journey.is_ready, "the role's permissions, the gateway endpoints of the VPC, bucket and table"),
    Step("it refuses strangers", Journey.refuses_strangers, "REPRISE_API_KEYS of the service is none, or not set"),
    Step("upload through the service", Journey.uploads_through_it, "s3:PutObject of the api role; a key (--key)"),
    Step("upload to the bucket", Journey.uploads_to_the_store,
         "whether this machine reaches S3, and whether the api role may put what it signs"),
    Step("conversion", Journey.converts, "whether a worker runs: its log, the age of the queue, the error in the job"),
    Step("events", Journey.tells_as_it_goes, "something in front that buffers answers; the worker's log"),
    Step("download from the bucket", Journey.downloads_from_the_store, "s3:GetObject of the api role on results/*"),
    Step("download through the service", Journey.downloads_through_it, "s3:GetObject of the api role on results/*"),
    Step("removal", Journey.forgets, "s3:DeleteObject and dynamodb:DeleteItem of the api role"),
)  # fmt: skip


def _digest(data: bytes) -> str:
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:12]}"
