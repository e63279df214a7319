"""Many files: some at the same time, a bar for each and one in all."""

import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from reprise import ambient
from reprise.client import Client
from reprise.command.conversion import Done, Exists, Phase, Wanted, convert
from reprise.command.memory import Memory, folder
from reprise.errors import RepriseError

SHARE = {"upload": (0.0, 30.0), "convert": (30.0, 90.0), "download": (90.0, 100.0)}  # percent of a file's bar
CHUNK = 1024 * 1024  # bytes
LOOK = 0.2  # seconds between two looks for Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the command line asks for."""

    url: str
    key: str | None
    files: list[str]
    out: str | None
    target: str
    options: dict[str, object]
    at_once: int
    overwrite: bool
    patience: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one file."""

    source: str
    done: Done | None = None
    error: Exception | None = None

    def document(self) -> dict[str, Any]:
        """Return it for `--json`."""
        if self.done is not None:
            job = self.done.job
            return {
                "source": self.source,
                "output": str(self.done.output),
                "size": job.size,
                "job_id": job.job_id,
                "attempt": job.attempt,
                "warnings": job.warnings,
            }
        code = getattr(self.error, "code", type(self.error).__name__)
        return {"source": self.source, "error": str(self.error), "code": code}


def convert_all(work: Work, console: Console) -> list[Result]:
    """
    Convert every file, and return what came of each, in their order.

    A file that fails does not keep the others from being converted. Ctrl-C ends it; what was reached is kept.
    """
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-")))
        wanted = [_wanted(work, file, scratch) for file in work.files]
        columns = (
            TextColumn("{task.description}"), BarColumn(32), TaskProgressColumn(), TextColumn("{task.fields[phase]}"),
            TimeRemainingColumn(),
        )  # fmt: skip
        bars = stack.enter_context(Progress(*columns, console=console, disable=not console.is_terminal))
        board = _Board(bars, console, len(wanted))
        pool = ThreadPoolExecutor(work.at_once, thread_name_prefix="file")
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        futures = [pool.submit(_one, work, one, board) for one in wanted]
        results = _collected(futures, board)
        if work.out == "-" and (done := results[0].done):
            _to_stdout(done.output)
        return results


def _collected(futures: list[Future[Result]], board: "_Board") -> list[Result]:
    waiting: set[Future[Result]] = set(futures)
    try:
        while waiting:
            _, waiting = wait(waiting, timeout=LOOK, return_when=FIRST_COMPLETED)
    except KeyboardInterrupt:
        board.stopped.set()  # the next thing that a conversion tells ends it
        for future in futures:
            future.cancel()
        raise
    return [future.result() for future in futures]


def _wanted(work: Work, file: str, scratch: Path) -> Wanted:
    source = Path(file)
    if file == "-":
        source = scratch / "stdin"
        with source.open("wb") as spooled:
            while data := sys.stdin.buffer.read(CHUNK):
                spooled.write(data)
    out = scratch / "out" if work.out == "-" else Path(work.out) if work.out else source.parent
    into_folder = work.out is None or out.is_dir() or len(work.files) > 1 or work.out.endswith("/")
    if into_folder:
        out.mkdir(parents=True, exist_ok=True)
    return Wanted(
        source=source, output=out, into_folder=into_folder, target=work.target, options=work.options,
        overwrite=work.overwrite,
    )  # fmt: skip


def _one(work: Work, wanted: Wanted, board: "_Board") -> Result:
    source = str(wanted.source)
    seen, ended = board.begin(wanted.source.name)
    try:
        about = wanted.source.stat()
        memory = Memory.of(
            folder(ambient.environment()),
            work.url, str(wanted.source.resolve()), about.st_size, about.st_mtime_ns, work.target, work.options,
            str(wanted.output.resolve()),
        )  # fmt: skip
        with Client(work.url, key=work.key, patience=work.patience) as client:
            done = convert(client, wanted, memory, seen)
    except (RepriseError, OSError, Exists) as error:
        ended(f"failed: {error}")
        return Result(source=source, error=error)
    ended(None)
    return Result(source=source, done=done)


class Stopped(BaseException):
    """Ctrl-C was pressed while a thread worked; not an `Exception`, so that nothing takes it for a failure."""


class _Board:
    """The bars; where there is no terminal, a line for each file that has ended."""

    def __init__(self, bars: Progress, console: Console, files: int) -> None:
        self._bars, self._console = bars, console
        self._all = bars.add_task(f"{files} files", total=files, phase="") if files > 1 else None
        self.stopped = threading.Event()

    def begin(self, name: str) -> tuple[Callable[[Phase, float, float, bool], None], Callable[[str | None], None]]:
        bar = self._bars.add_task(name[:40], total=100, phase="")

        def seen(phase: Phase, done: float, of: float, resumed: bool) -> None:  # noqa: FBT001  # as `Seen` has it
            if self.stopped.is_set():
                raise Stopped
            low, high = SHARE[phase]
            words = "goes on in another worker" if resumed and phase == "convert" else phase
            self._bars.update(bar, completed=low + (high - low) * (done / of if of else 1), phase=words)

        def ended(problem: str | None) -> None:
            self._end(bar, name, problem)

        return seen, ended

    def _end(self, bar: TaskID, name: str, problem: str | None) -> None:
        if problem is None:
            self._bars.update(bar, completed=100, phase="done")
        else:
            self._bars.update(bar, phase="failed")
        if self._all is not None:
            self._bars.advance(self._all)
        if problem is not None or not self._console.is_terminal:
            self._console.print(f"{name}: {problem or 'done'}", markup=False, highlight=False, soft_wrap=True)


def _to_stdout(path: Path) -> None:
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
