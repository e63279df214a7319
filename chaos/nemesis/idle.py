"""App Runner's freeze: a container without a request in flight gets no processor."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from chaos.stack import Stack, StackError


class IdleFreezer:
    """Lies around each request to a member: thaws it before the first, freezes it after the last."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._in_flight: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._over = False

    @contextmanager
    def passage(self, member: str) -> Iterator[None]:
        """Let one request through."""
        with self._lock:
            self._in_flight[member] += 1
            self._stack.thaw(member)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight[member] -= 1
                if not self._in_flight[member] and not self._over and member in self._stack.running():
                    with suppress(StackError):  # it was killed at this moment
                        self._stack.pause(member)

    def end(self) -> None:
        """Thaw all, and freeze none any more."""
        with self._lock:
            self._over = True
            for member in self._stack.members:
                self._stack.thaw(member)
