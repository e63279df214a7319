"""What the scenarios of one command share, and its end: images, LocalStack and the rest, removed whatever happens."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Generic, TypeVar

import imageio_ffmpeg

from chaos.ambient import new_name
from chaos.stack.backing import Backing
from chaos.stack.engine import Engine
from chaos.stack.images import NoSuchVersion, from_commit, from_tree
from chaos.stack.reprise import test_image
from chaos.stack.watcher import dismiss, watched
from chaos.workload.inputs import INPUTS, Library

T = TypeVar("T")
INTERRUPTED = 130
OLDER = "4be5c9d"  # a commit whose records, leases and hints the newer image has to live with


class Later(Generic[T]):
    """Something that is made in a thread, while other things are."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def get(self) -> T:
        """Wait for it; raises what making it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._make())
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            self._error = error


class Session:
    """
    Everything that a command starts in Docker, under one name.

    `image` is the one to test (None: build this tree), `older` a commit, or an image, to deploy from and back to.
    """

    def __init__(self, out: Path, image: str | None, older: str, *, versions: bool) -> None:
        self.run = new_name()
        self._watcher = watched(self.run)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it, for a soak
                signal.signal(number, self._interrupted)
        self.engine = Engine(self.run)
        self._backing = Later(lambda: Backing(self.engine))
        self._new = Later(lambda: test_image(self.run, "new", image or from_tree(self.run)))
        self._old = Later(lambda: self._older(older)) if versions else None
        ffmpeg = Path(imageio_ffmpeg.get_ffmpeg_exe()).name
        self.library = Library(out / "inputs" / ffmpeg)
        self._inputs = Later(lambda: [self.library.path(one.name) for one in INPUTS])
        self.backing: Backing
        self.versions: dict[str, str] = {}
        self.missing: str | None = None  # why there is no older image

    def wait(self) -> None:
        """Come back when all of it is there; raises what went wrong."""
        self.versions["new"] = self._new.get()
        if self._old is not None:
            try:
                self.versions["old"] = self._old.get()
            except NoSuchVersion as error:
                self.missing = str(error)
        self.backing = self._backing.get()
        self.backing.wait()
        self._inputs.get()

    def close(self) -> None:
        """Remove everything, and wait for that."""
        dismiss(self._watcher)

    def _older(self, older: str) -> str:
        base = older if ":" in older else from_commit(self.run, older)
        return test_image(self.run, "old", base)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        """Leave at once: threads and their commands end with this process, the rest is removed before."""
        sys.stderr.write("\ninterrupted: removing what was started\n")
        sys.stderr.flush()
        try:
            self.close()
        finally:
            os._exit(INTERRUPTED)
