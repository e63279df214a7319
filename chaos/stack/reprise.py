"""What the Docker stack has to know of Reprise: its variables, its log, its bucket and its table, and a test image."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.history.events import CLAIMED, LOST, REFUSED, RELEASED, TAKEN_OVER, Final, Leftover, Stored
from chaos.stack import HINTS, OBJECTS, RECORDS
from chaos.stack.backing import S3_PORT, Backing, images
from chaos.stack.images import build
from chaos.stack.kit import Shape

LEASE, HEARTBEAT = 6.0, 1.5  # seconds; the lease is that of the product, so that a busy machine does not lose it
JANITOR, GRACE = 2.0, 8.0  # seconds between its rounds, and how long it spares what it finds
SPEEDS = (4, 8, 12, 24)
TENANTS = {"anna": "key-of-anna-0123456789abcdef", "ben": "key-of-ben-0123456789abcdef"}
ATTEMPTS = {
    "job.claimed": CLAIMED,
    "job.taken_over": TAKEN_OVER,
    "job.succeeded": "ended",
    "job.failed": "ended",
    "job.stopped": "ended",
    "job.released": RELEASED,
    "job.lost": LOST,
}
# On top of the image under test: ffmpegs that read as fast as we say, so that faults fall into conversions on a fast
# machine as on a slow one, and a clock that can be set. The first stage depends on nothing of ours and is cached.
TEST_IMAGE = """\
ARG BASE
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE} AS clock
RUN apt-get -qq -o Acquire::Retries=3 update \\
 && apt-get -qq -o Acquire::Retries=3 install --yes --no-install-recommends libfaketime \\
 && install -D /usr/lib/*/faketime/libfaketimeMT.so.1 /chaos/libfaketimeMT.so.1
FROM ${BASE}
COPY --from=clock /chaos /chaos
COPY ffmpeg-* /chaos/
"""
SLOW = """#!/bin/sh
exec /opt/reprise/lib/python3*/site-packages/imageio_ffmpeg/binaries/ffmpeg-linux* -readrate {speed} "$@"
"""


def test_image(run: str, name: str, base: str) -> str:
    """Build the test image on an image of the service; returns its tag."""
    with tempfile.TemporaryDirectory(prefix="reprise-chaos-image-") as folder:
        (Path(folder) / "Dockerfile").write_text(TEST_IMAGE)
        for speed in SPEEDS:
            script = Path(folder) / f"ffmpeg-{speed}"
            script.write_text(SLOW.format(speed=speed))
            script.chmod(0o755)
        arguments = {"BASE": base, "PYTHON_IMAGE": images()["PYTHON_IMAGE"]}
        return build(run, name, Path(folder), arguments)


def slowed(speed: int, version: str) -> dict[str, str]:
    """Return what slows ffmpeg down: an option; in the older image, which has none and no sandbox either, a script."""
    if version == "old":
        return {"REPRISE_FFMPEG": f"/chaos/ffmpeg-{speed}"}
    return {"REPRISE_FFMPEG_OPTIONS": f"-readrate {speed}"}


class RepriseKit:
    """The service of one scenario: `name` is that of its bucket and its table."""

    port = 8080
    health = "/health/live"
    memory = 1 << 30
    scratch = "/scratch"  # inside of a container, in its own memory

    def __init__(self, name: str) -> None:
        self._name = name
        self._public = ""  # where clients reach S3

    def prepare(self, backing: Backing, image: str) -> None:
        box = backing.engine.box(
            "provision", image, command=["provision"], environment=self._common(backing, f"http://localstack:{S3_PORT}")
        )
        try:
            code = int(box.raw.wait(timeout=180)["StatusCode"])
            if code:
                raise RuntimeError(f"provision ended with {code}\n{box.raw.logs(tail=20).decode()}")
        finally:
            box.remove()
        self._public = backing.endpoint

    def environment(self, links: Mapping[str, int], shape: Shape, version: str) -> Mapping[str, str]:
        proxy = "http://toxiproxy"
        clock = {
            "LD_PRELOAD": "/chaos/libfaketimeMT.so.1",
            "FAKETIME_TIMESTAMP_FILE": "/tmp/clock",  # noqa: S108
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        return {
            **self._credentials(),
            "AWS_ENDPOINT_URL_S3": f"{proxy}:{links[OBJECTS]}",
            "AWS_ENDPOINT_URL_DYNAMODB": f"{proxy}:{links[RECORDS]}",
            "REDIS_URL": f"redis://toxiproxy:{links[HINTS]}",
            "REPRISE_S3_PUBLIC_ENDPOINT": self._public,
            **slowed(shape.speed, version),
            "REPRISE_SCRATCH": self.scratch,
            "REPRISE_SLOTS": str(shape.slots),
            "REPRISE_LEASE_SECONDS": f"{LEASE:g}",
            "REPRISE_HEARTBEAT_SECONDS": f"{HEARTBEAT:g}",
            "REPRISE_JANITOR_SECONDS": f"{JANITOR:g}",
            "REPRISE_JANITOR_GRACE_SECONDS": f"{GRACE:g}",
            "REPRISE_START_WAIT_SECONDS": "60",
            **(clock if shape.clock else {}),
            **dict(shape.settings),
        }

    def options(self) -> Mapping[str, Any]:
        return {
            "read_only": True,
            # Of its scratch space the service leaves 256 MiB to others, always.
            "tmpfs": {"/tmp": "size=64m", "/scratch": "size=400m,uid=10001,gid=10001,mode=0700"},  # noqa: S108
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
        }

    def attempt(self, line: Mapping[str, Any]) -> tuple[str, str, int, str] | None:
        what = ATTEMPTS.get(str(line.get("event")))
        if what is None or "job_id" not in line or "attempt" not in line:
            return None
        reason = str(line.get("reason") or line.get("code") or "")
        if what == LOST and reason == "fenced":
            what = REFUSED
        detail = f"{str(line['event']).partition('.')[2]} {reason}".strip()
        return what, str(line["job_id"]), int(line["attempt"]), detail

    # ── what is stored ───────────────────────────────────────────────────────────────────────────────────────────

    def stored(self, backing: Backing) -> Stored:
        return Stored(
            rows=len(list(self._rows(backing))),
            objects=len(self._objects(backing)),
            uploads_open=len(self._open(backing)),
        )

    def finals(self, backing: Backing) -> Sequence[Final]:
        return [
            Final(
                job_id=row["job_id"],
                upload_id=row["upload_id"],
                state=row["state"],
                attempt=int(row["attempt"]),
                output_key=row.get("output_key"),
                failure=row.get("failure_code"),
                tenant=row.get("tenant", ""),
            )
            for row in self._rows(backing)
            if row["pk"].startswith("job#")
        ]

    def leftovers(self, backing: Backing) -> Sequence[Leftover]:
        rows = list(self._rows(backing))
        known = {row.get("key") for row in rows} | {row.get("output_key") for row in rows}
        pending = {row.get("key") for row in rows if row.get("state") == "pending"}
        running = {f"results/{row['job_id']}/" for row in rows if row.get("state") == "running"}
        left = [key for key in self._objects(backing) if key not in known]
        left += [f"{key} (unfinished)" for key in self._open(backing) if key not in pending]
        return [Leftover(key=key) for key in left if not any(key.startswith(prefix) for prefix in running)]

    def _rows(self, backing: Backing) -> Iterator[Mapping[str, str]]:
        for page in backing.dynamodb.get_paginator("scan").paginate(TableName=self._name, ConsistentRead=True):
            for item in page["Items"]:
                yield {key: str(next(iter(value.values()))) for key, value in item.items() if "NULL" not in value}

    def _objects(self, backing: Backing) -> list[str]:
        pages = backing.s3.get_paginator("list_objects_v2").paginate(Bucket=self._name)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def _open(self, backing: Backing) -> list[str]:
        pages = backing.s3.get_paginator("list_multipart_uploads").paginate(Bucket=self._name)
        return [entry["Key"] for page in pages for entry in page.get("Uploads", [])]

    # ── variables ────────────────────────────────────────────────────────────────────────────────────────────────

    def _credentials(self) -> dict[str, str]:
        keys = ",".join(f"{tenant}:{hashlib.sha256(key.encode()).hexdigest()}" for tenant, key in TENANTS.items())
        return {
            "REPRISE_BUCKET": self._name,
            "REPRISE_TABLE": self._name,
            "REPRISE_API_KEYS": keys,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def _common(self, backing: Backing, endpoint: str) -> dict[str, str]:
        return {**self._credentials(), "AWS_ENDPOINT_URL": endpoint}
