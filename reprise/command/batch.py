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
from reprise.command.memory import Memory, folder, forget_old
from reprise.command.outputs import STREAM, Misplaced, Pair, pairs
from reprise.command.words import line
from reprise.errors import RepriseError

SHARE = {"upload": (0.0, 30.0), "convert": (30.0, 90.0), "download": (90.0, 100.0)}  # percent of a file's bar
CHUNK = 1024 * 1024  # bytes
LOOK = 0.2  # seconds between two looks for Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the command line asks for. `extension` is how names of its format end."""

    url: str
    key: str | None
    files: list[str]
    out: str | None
    target: str
    extension: str
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

    def document(self, url: str) -> dict[str, Any]:
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
        if self.error is None:
            return {"source": self.source}
        code = getattr(self.error, "code", type(self.error).__name__)
        return {"source": self.source, "error": line(self.error, url), "code": code}


def convert_all(work: Work, console: Console, *, bars: bool, errors: bool = True) -> list[Result]:
    """
    Convert every file, and return what came of each, in their order.

    A file that fails does not keep the others from being converted. Ctrl-C ends it; what was reached is kept. `bars`:
    show how far it is; `errors`: say at once which files fail. Raises `Misplaced` before anything is sent.
    """
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-")))
        found = pairs(work.files, work.out, work.extension, scratch)
        if STREAM in work.files:
            _from_stdin(scratch / "stdin")
        columns = (
            TextColumn("{task.description}"), BarColumn(32), TaskProgressColumn(), TextColumn("{task.fields[phase]}"),
            TimeRemainingColumn(),
        )  # fmt: skip
        shown = stack.enter_context(Progress(*columns, console=console, disable=not (bars and console.is_terminal)))
        board = _Board(shown, console, len(found), bars=bars, errors=errors)
        forget_old(folder(ambient.environment()), ambient.now())
        pool = ThreadPoolExecutor(work.at_once, thread_name_prefix="file")
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        futures = [pool.submit(_one, work, pair, scratch, board) for pair in found]
        results = _collected(futures, board)
        if work.out == STREAM and (done := results[0].done):
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


def _one(work: Work, pair: Pair, scratch: Path, board: "_Board") -> Result:
    seen, ended = board.begin("stdin" if pair.given == STREAM else pair.source.name)
    wanted = Wanted(
        source=pair.source, output=pair.output, target=work.target, options=work.options, overwrite=work.overwrite
    )
    try:
        about = pair.source.stat()
        # What came by standard input cannot be recognised when it comes again.
        place = scratch if STREAM in {pair.given, work.out} else folder(ambient.environment())
        memory = Memory.of(
            place,
            work.url, str(pair.source.resolve()), about.st_size, about.st_mtime_ns, work.target, work.options,
            str(pair.output.resolve()),
        )  # fmt: skip
        with Client(work.url, key=work.key, patience=work.patience) as client:
            done = convert(client, wanted, memory, seen)
    except (RepriseError, OSError, Exists, Misplaced) as error:
        ended(line(error, work.url))
        return Result(source=pair.given, error=error)
    ended(None)
    return Result(source=pair.given, done=done)


class Stopped(BaseException):
    """Ctrl-C was pressed while a thread worked; not an `Exception`, so that nothing takes it for a failure."""


class _Board:
    """The bars; where there is no terminal, a line for each file that has ended."""

    def __init__(self, shown: Progress, console: Console, files: int, *, bars: bool, errors: bool) -> None:
        self._shown, self._console, self._bars, self._errors = shown, console, bars, errors
        self._all = shown.add_task(f"{files} files", total=files, phase="") if files > 1 else None
        self.stopped = threading.Event()

    def begin(self, name: str) -> tuple[Callable[[Phase, float, float, bool], None], Callable[[str | None], None]]:
        bar = self._shown.add_task(name[:40], total=100, phase="")

        def seen(phase: Phase, done: float, of: float, resumed: bool) -> None:  # noqa: FBT001  # as `Seen` has it
            if self.stopped.is_set():
                raise Stopped
            low, high = SHARE[phase]
            words = "goes on in another worker" if resumed and phase == "convert" else phase
            self._shown.update(bar, completed=low + (high - low) * (done / of if of else 1), phase=words)

        def ended(problem: str | None) -> None:
            self._end(bar, name, problem)

        return seen, ended

    def _end(self, bar: TaskID, name: str, problem: str | None) -> None:
        if problem is None:
            self._shown.update(bar, completed=100, phase="done")
        else:
            self._shown.update(bar, phase="failed")
        if self._all is not None:
            self._shown.advance(self._all)
        if problem is not None and self._errors:
            self._say(f"{name}: failed: {problem}")
        elif problem is None and self._bars and not self._console.is_terminal:
            self._say(f"{name}: done")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _from_stdin(path: Path) -> None:
    with path.open("wb") as spooled:
        while data := sys.stdin.buffer.read(CHUNK):
            spooled.write(data)


def _to_stdout(path: Path) -> None:
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
