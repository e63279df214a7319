"""How much a call does, in numbers that are the same on every machine and under any load."""

import contextlib
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, SupportsIndex

TOP = 1_000_000  # lines; a call that runs more of them is cut off there


class Watched(bytes):
    """Bytes that count what is copied out of them, piece by piece."""

    copied = 0

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        self.copied += len(found) if isinstance(found, bytes) else 1
        return found


def lines_of(call: Callable[[], object]) -> int:
    """Run a call, whatever it returns or raises, and count the lines of Python that it runs; `TOP` at most."""
    lines = 0

    class CutOffError(BaseException):
        pass

    def trace(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal lines
        lines += event == "line"
        if lines >= TOP:
            raise CutOffError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except (CutOffError, Exception):  # noqa: BLE001  # its answer is the matter of other tests
        pass
    finally:
        sys.settrace(before)
    return lines


def cpu_seconds(call: Callable[[], object]) -> float:
    """Run a call, whatever it returns or raises, and measure the time that this thread computes."""
    began = time.thread_time()
    with contextlib.suppress(Exception):  # its answer is the matter of other tests
        call()
    return time.thread_time() - began
