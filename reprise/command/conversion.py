"""One file through the service: uploaded, converted, fetched. It can be killed at any moment, and run again."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reprise import ambient
from reprise.client import Client
from reprise.command.memory import Memory
from reprise.command.outputs import require_writable
from reprise.errors import JobCancelled, JobFailed, NotFound
from reprise.files import FileSource
from reprise.models import Job, Progress
from reprise.uploading import Begun

Phase = Literal["upload", "convert", "download"]
Seen = Callable[[Phase, float, float, bool], None]
"""Is told the phase, how much of it is done, how much that is of, and whether another worker took over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be done. `output` is a file."""

    source: Path
    output: Path
    target: str
    options: dict[str, object]
    overwrite: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of it."""

    output: Path
    job: Job


class Exists(Exception):
    """The output is there already, and may not be overwritten."""


def convert(client: Client, wanted: Wanted, memory: Memory, seen: Seen) -> Done:
    """
    Convert a file; what an earlier run has reached is not done again.

    Raises `Exists`, `OSError`, or what `reprise.errors` has. The output appears under its name only when it is whole.
    """
    output = wanted.output
    _refuse_existing(output, wanted)
    require_writable(output.parent)
    job = _job_of_earlier_run(client, memory)
    if job is None:
        job = _submitted(client, wanted, memory, seen)
    try:
        job = client.wait(job.job_id, lambda progress: _tell(seen, progress))
    except (JobFailed, JobCancelled):
        memory.forget()  # to try again is why it would be run again
        raise
    # Another command may be writing an output of this name at this moment: each has a file of its own.
    part = output.with_name(f"{output.name}.{memory.path.stem[:8]}.part")
    client.download(
        job.job_id,
        part,
        etag=memory.read().get("etag"),
        on_etag=lambda etag: memory.keep(etag=etag),
        seen=lambda count: seen("download", count, job.size or count, False),  # noqa: FBT003  # as `Seen` has it
    )
    if not wanted.overwrite:
        _place(part, output)
    else:
        part.replace(output)
    memory.forget()
    return Done(output=output, job=job)


def _job_of_earlier_run(client: Client, memory: Memory) -> Job | None:
    kept = memory.read()
    if "job_id" not in kept:
        return None
    try:
        job = client.job(str(kept["job_id"]))
    except NotFound:
        memory.forget()
        return None
    if job.state in {"failed", "cancelled"}:
        memory.forget()
        return None
    return job


def _submitted(client: Client, wanted: Wanted, memory: Memory, seen: Seen) -> Job:
    kept: dict[str, Any] = memory.read()
    source = FileSource(wanted.source)
    begun = Begun(**kept["upload"]) if "upload" in kept else None
    upload = client.upload(
        source,
        os.fsencode(wanted.source.name).decode(errors="replace"),  # a name may be any bytes, and JSON may not
        begun=begun,
        on_begun=lambda begun: memory.keep(upload={"upload_id": begun.upload_id, "part_size": begun.part_size}),
        seen=lambda count: seen("upload", count, source.size, False),  # noqa: FBT003  # as `Seen` has it
    )
    key = str(kept.get("key") or ambient.new_key())
    memory.keep(key=key)
    job = client.submit(upload.upload_id, wanted.target, wanted.options, key=key)
    memory.keep(job_id=job.job_id)
    return job


def _tell(seen: Seen, progress: Progress) -> None:
    seen("convert", progress.percent, 100.0, progress.resumed)


def _refuse_existing(output: Path, wanted: Wanted) -> None:
    if output.exists() and not wanted.overwrite:
        raise Exists(f"{output} is there already; --overwrite replaces it")


def _place(part: Path, output: Path) -> None:
    """Give the file its name, unless another process has made one of that name meanwhile."""
    try:
        output.hardlink_to(part)
    except FileExistsError:
        raise Exists(f"{output} is there already; --overwrite replaces it") from None
    except OSError:  # a file system without links
        part.replace(output)
        return
    part.unlink()
