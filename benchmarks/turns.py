"""Processes of `benchmarks.polled` that take turns, so that what is measured of each was measured of the others too."""

import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import ClassVar, Self

from benchmarks.polled import PATH, record
from service import wiring
from service.cli.processes import ROOT

SECONDS_OF_POLLS = 15.0  # after each start: on a busy machine, rounds differ by ten times what is measured
POLLS, UNCOUNTED = 60, 6  # in a turn, and before them, while the code comes back into the caches
LATEST = 30.0  # seconds for an answer
CPU_CLOCK = 2  # of a process, in the id of its clock: Linux' CPUCLOCK_SCHED
WARM = 500  # polls of a new process: Python is still finding out what is called often


@dataclass(frozen=True, slots=True)
class Polls:
    """Medians of so many `rounds`: seconds of CPU of a poll, and what it takes more than one of the first kind."""

    rounds: int
    seconds: Mapping[str, float]
    more: Mapping[str, float]  # as a part of the first


def polls(environment: Mapping[str, str], kinds: Mapping[str, Mapping[str, str]]) -> Polls:
    """Start the processes, let them take turns, and stop them."""
    rounds: list[dict[str, float]] = []
    with ExitStack() as stack:
        table = stack.enter_context(a_table())
        polled = {name: stack.enter_context(Polled({**environment, **more}, table)) for name, more in kinds.items()}
        for one in polled.values():
            one.poll(WARM)
        clock = wiring.SystemClock()
        end = clock.monotonic() + SECONDS_OF_POLLS
        while not rounds or clock.monotonic() < end:
            order, first = list(polled.items()), len(rounds) % len(polled)
            found = {}
            for name, one in (*order[first:], *order[:first]):  # so that none comes always after the same, or itself
                one.poll(UNCOUNTED)
                found[name] = one.poll(POLLS)
            rounds.append({name: found[name] for name in kinds})
    first_kind = next(iter(kinds))
    return Polls(
        len(rounds),
        {name: median(one[name] for one in rounds) for name in kinds},
        {name: median(one[name] / one[first_kind] - 1 for one in rounds) for name in kinds},
    )


class Polled:
    """A process of `benchmarks.polled`, and one connection to it."""

    def __init__(self, environment: Mapping[str, str], table: str) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(
            wiring.mortal([sys.executable, "-m", "benchmarks.polled", table]),
            cwd=ROOT,
            env={**environment, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        port = self._process.stdout.readline() if self._process.stdout else ""
        self._request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._socket = socket.create_connection(("127.0.0.1", int(port)), timeout=LATEST)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        with self._process:
            self._process.terminate()

    def poll(self, times: int) -> float:
        """Return the seconds of CPU that the process took for each of so many polls; raises `RuntimeError`."""
        before = cpu_of(self._process.pid)
        for _ in range(times):
            self._socket.sendall(self._request)
            answer = b""
            while not answer.endswith(b"}"):  # a small document, that comes in one piece or two
                answer += self._socket.recv(65536)
                if not answer.startswith(b"HTTP/1.1 200 "):
                    raise RuntimeError(f"not an answer: {answer!r}")
        return (cpu_of(self._process.pid) - before) / times


class _Reader(socketserver.StreamRequestHandler):
    """Answers each request for the record, with one write and no look at what it says."""

    answer: ClassVar[bytes]

    def handle(self) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while size := self._body():
            self.rfile.read(size)
            self.wfile.write(self.answer)

    def _body(self) -> int:
        """Return the length of the body of the next request, 0 if there is none."""
        size = 0
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        return size


@contextmanager
def a_table() -> Iterator[str]:
    """Yield the address of something that answers every read of DynamoDB with the same record."""
    body = record()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    handler = type("Reader", (_Reader,), {"answer": head.encode() + body})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has taken so far, by the kernel's clock for it (nanoseconds)."""
    return time.clock_gettime((~pid << 3) | CPU_CLOCK)
