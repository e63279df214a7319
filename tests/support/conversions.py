"""Conversions in a test: an object to convert, an order for it, plain ffmpeg to compare with, what may be left over."""

import asyncio
import contextlib
import dataclasses
import itertools
import os
import stat
import subprocess
import sys
import sysconfig
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
import pytest

from service.adapters.aws.clients import Aws, AwsSettings
from service.adapters.ffmpeg.config import Confinement
from service.adapters.ffmpeg.transcoder import FfmpegConfig, FfmpegTranscoder
from service.adapters.system.ambient import SystemClock
from service.core.jobs.progress import Reading
from service.core.media.arguments import output_arguments
from service.core.media.inputs import Source
from service.core.media.options import parse_target
from service.ports.transcoder import Order
from tests.support.media_samples import run_ffmpeg
from tests.support.moto import start_moto

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
KIB, MIB = 1 << 10, 1 << 20
INPUT_KEY, OUTPUT_KEY = "uploads/u/input", "results/j/1/out"
_numbers = itertools.count(1)
_sessions: list[object] = []  # a session of botocore reads its models from disk only once
# What a script needs to read that is started in ffmpeg's place: the sandbox shows it nothing but its interpreter.
PYTHON = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "/lib", "/usr/lib", "/usr/local/lib")
SCRIPT_HEAD = f"#!{sys.executable} -IS\nimport os, sys, time, signal, socket, threading\nOUT = sys.argv[-1]\n"
SCRIPT_HEAD += "def hang():\n    while True: time.sleep(1000)\n"


@contextmanager
def moto_with_small_parts() -> Iterator[str]:
    """A moto that takes parts of any size; S3 itself wants 5 MiB."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("S3_UPLOAD_PART_MIN_SIZE", "1")
        with start_moto() as endpoint:
            yield endpoint


def noise(folder: Path, seconds: float, *, extension: str = "wav", arguments: tuple[str, ...] = ()) -> Path:
    """Stereo noise, which no encoder can make small; the same bytes each time."""
    path = folder / f"noise-{seconds:g}{'-'.join(arguments).replace(':', '')}.{extension}"
    if not path.exists():
        heard = f"anoisesrc=d={seconds}:c=pink:r=44100:a=0.4:seed=7,aformat=channel_layouts=stereo"
        run_ffmpeg(FFMPEG, "-f", "lavfi", "-i", heard, *arguments, "-fflags", "+bitexact", str(path))
    return path


def plain(source: Path, what: Source, order: Order, folder: Path) -> bytes:
    """The file that plain ffmpeg writes with the same options."""
    result = folder / "plain.out"
    run_ffmpeg(FFMPEG, "-i", str(source), *output_arguments(order.target, what), str(result))
    return result.read_bytes()


def script(folder: Path, body: str) -> str:
    """The path of something that is started like ffmpeg, and does what `body` (Python) says."""
    path = folder / "ffmpeg-script"
    path.write_text(SCRIPT_HEAD + body)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@dataclass
class Bench:
    """A bucket, a scratch directory and a configuration, which may be changed before each `transcoder` is made."""

    aws: Aws
    scratch: Path
    config: FfmpegConfig = field(init=False)
    readings: list[Reading] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)  # a reading has come
    _made: list[FfmpegTranscoder] = field(default_factory=list)
    _ordered: list[Order] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.s3 = self.aws.s3()
        self.config = FfmpegConfig(
            ffmpeg=FFMPEG,
            scratch_dir=str(self.scratch),
            report_seconds=0.05,
            confinement=Confinement(readable=tuple(path for path in PYTHON if Path(path).exists())),
        )

    @property
    def bucket(self) -> str:
        return self.aws.settings.bucket

    def configure(self, **changes: object) -> None:
        self.config = dataclasses.replace(self.config, **changes)  # type: ignore[arg-type]

    def transcoder(self, aws: Aws | None = None) -> FfmpegTranscoder:
        self._made.append(FfmpegTranscoder(aws or self.aws, self.config, SystemClock()))
        return self._made[-1]

    def order(
        self,
        content: Path | bytes,
        what: Source,
        target: str = "wav",
        *,
        local: bool | None = None,
        options: Mapping[str, object] | None = None,
    ) -> Order:
        """Put the input into the bucket; return the order to convert it."""
        body = content.read_bytes() if isinstance(content, Path) else content
        etag = self.s3.put_object(Bucket=self.bucket, Key=INPUT_KEY, Body=body)["ETag"].strip('"')
        parsed = parse_target(target, options or {})
        order = Order(
            job_id="j",
            attempt=1,
            input_key=INPUT_KEY,
            input_etag=etag,
            input_size=len(body),
            source=what,
            target=parsed,
            output_key=OUTPUT_KEY,
            content_type=parsed.output_format.content_type,
            filename=f"out.{parsed.output_format.extension}",
            local=what.needs_seeking if local is None else local,
        )
        self._ordered.append(order)
        return order

    def report(self, reading: Reading) -> None:
        self.readings.append(reading)
        self.heard.set()

    async def output(self) -> bytes:
        """The object that was published."""
        answer = await asyncio.to_thread(self.s3.get_object, Bucket=self.bucket, Key=OUTPUT_KEY)
        return await asyncio.to_thread(answer["Body"].read)

    async def close(self) -> None:
        """Nothing may be left but what was published."""
        left = [one for one in await self.leftovers() if one != f"object {OUTPUT_KEY}"]
        self.s3.close()
        assert left == []

    async def leftovers(self) -> list[str]:
        """All that a conversion must not leave behind, but for a published object; waits until all is cleared up."""
        for transcoder in self._made:
            for order in self._ordered:
                await asyncio.wait_for(transcoder.wait_for_cleanup(order), 100)
        uploads = (await asyncio.to_thread(self.s3.list_multipart_uploads, Bucket=self.bucket)).get("Uploads", [])
        objects = (await asyncio.to_thread(self.s3.list_objects_v2, Bucket=self.bucket)).get("Contents", [])
        mine = [thread.name for thread in threading.enumerate() if thread.name.startswith(("convert", "feed", "ship"))]
        return [
            *(f"upload {one['Key']}" for one in uploads),
            *(f"object {one['Key']}" for one in objects if one["Key"] != INPUT_KEY),
            *(f"file {one}" for one in (self.scratch.iterdir() if self.scratch.exists() else ())),
            *(f"thread {name}" for name in mine),
            *(f"process {pid}" for pid in children()),
            *(f"descriptor {name}" for name in open_files(os.getpid()) if "memfd:output" in name or "scratch" in name),
        ]


async def small_bench(endpoint: str, folder: Path) -> AsyncIterator[Bench]:
    """A bench with parts of 32 KiB in a bucket of its own."""
    aws = Aws(
        AwsSettings(
            region="us-east-1",
            bucket=f"conversions-{next(_numbers)}",
            table="none",
            s3_endpoint=endpoint,
            access_key="test",
            secret_key="test",
            path_style=True,
        )
    )
    _sessions[:] = _sessions or [aws._session]
    aws._session = _sessions[0]  # type: ignore[assignment]
    bench = Bench(aws, folder / "scratch")
    bench.s3.create_bucket(Bucket=bench.bucket)
    bench.configure(part_size=32 * KIB, margin=8 * KIB)
    yield bench
    await bench.close()
    aws.close()


def children() -> list[int]:
    """Processes that are (or were, and still count) guests of this process."""
    return [pid for pid in processes() if parent_of(pid) == os.getpid() and is_ffmpeg(pid)]


def running(program: str, parent: int) -> list[int]:
    """
    Children of `parent` that have become `program` with ffmpeg's arguments, and have left the sandbox's script.

    Others name the program as well: what lists its libraries, and a child that has not executed anything yet, which
    still has the command of its parent.
    """
    commands = {pid: read(f"/proc/{pid}/cmdline") for pid in processes() if parent_of(pid) == parent}
    return [
        pid
        for pid, command in commands.items()
        if program in command and "\0-nostdin\0" in command and "sandbox/enter.py" not in command
    ]


def processes() -> list[int]:
    """All process ids that can be seen."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def is_ffmpeg(pid: int) -> bool:
    """Whether it is ffmpeg, a script in its place, the sandbox, or a zombie of one of these."""
    command = read(f"/proc/{pid}/cmdline")
    return state_of(pid) == "Z" or any(word in command for word in ("ffmpeg-script", "sandbox/enter.py", FFMPEG))


def parent_of(pid: int) -> int:
    """0 if it is gone."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def state_of(pid: int) -> str:
    """R, S, T (stopped), Z …; empty if it is gone."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[0] if fields else ""


def read(path: str) -> str:
    """A file of /proc; empty if the process is gone."""
    try:
        return Path(path).read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def open_files(pid: int) -> list[str]:
    """What its descriptors lead to."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return found


async def until(fact: Callable[[], object], what: str, *, seconds: float = 100.0) -> None:
    """Wait for a fact; fail with `what` if it does not come."""
    clock = SystemClock()
    deadline = clock.monotonic() + seconds
    while not fact():
        if clock.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        await clock.sleep(0.01)


def memory_behind(process: int) -> int:
    """Bytes that the output of a conversion in this process holds in memory; 0 if there is none."""
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if "memfd:output" in str(entry.readlink()):
                return entry.stat().st_blocks * 512
    return 0


def run_and_kill(code: str) -> subprocess.Popen[bytes]:
    """A Python of its own that runs `code`; the caller kills it."""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
