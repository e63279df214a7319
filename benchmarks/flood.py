"""
``python -m benchmarks.flood ADDRESS KEY``: be a tenant that asks a service for everything at once, until stopped.

Sockets that say nothing, bodies that trickle, small files whose boxes are nested so that reading them takes the square
of their size, and event streams. What the service ends is begun again after a pause, so the flood goes on. Used by
`benchmarks.neighbours` and by the tests.
"""

import argparse
import asyncio
import contextlib
import resource
import struct
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

from service import wiring

PAUSE = 1.0  # seconds before what was ended is begun again
BOMBERS = 4  # files that are sent at the same time
TRICKLE = 100_000_000  # bytes that a trickling body announces


def main() -> int:
    """Flood; prints `flooding` once everything has been begun."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.flood", description=__doc__)
    made.add_argument("address")
    made.add_argument("key")
    for name, default in (("idle", 1100), ("trickles", 32), ("bombs", 40), ("streams", 0)):
        made.add_argument(f"--{name}", type=int, default=default)
    made.add_argument("--job", default="", help="whose events are followed")
    given = made.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_Flood(given).run())
    return 0


@contextlib.contextmanager
def flooding(address: str, key: str, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Flood a service from another process, for as long as the block lasts."""
    command = wiring.mortal([sys.executable, "-m", "benchmarks.flood", address, key, *options])
    process = subprocess.Popen(
        command, env=wiring.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None or process.stdout.readline() != "flooding\n":
            raise RuntimeError("the flood has not begun")
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def nested_boxes(traks: int = 3000) -> bytes:
    """Return an MP4 of 16 bytes for each trak, all of whose boxes claim to go on to the end."""
    inner = struct.pack(">I4sI4s", 16, b"trak", 0x7FFFFFFF, b"mdia") * traks
    kind = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"M4A ", 0, b"M4A ", b"isom")
    return kind + struct.pack(">I4s", 8 + len(inner), b"moov") + inner + struct.pack(">I4s", 24, b"mdat") + bytes(16)


class _Flood:
    def __init__(self, given: argparse.Namespace) -> None:
        self._given, self._clock = given, wiring.SystemClock()
        parts = urlsplit(given.address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._key = f"Host: {parts.netloc}\r\nX-API-Key: {given.key}\r\n".encode()
        self._begun = 0
        self._all = asyncio.Event()
        self._wanted = given.idle + given.trickles + given.streams

    async def run(self) -> None:
        given = self._given
        async with asyncio.TaskGroup() as group:
            for _ in range(given.idle):
                group.create_task(self._again(b"", 0))
            for _ in range(given.trickles):
                head = b"POST /v1/uploads HTTP/1.1\r\n" + self._key + b"Content-Length: %d\r\n\r\nRIFF" % TRICKLE
                group.create_task(self._again(head, PAUSE))
            for _ in range(given.streams):
                head = b"GET /v1/jobs/%s/events HTTP/1.1\r\n" % given.job.encode() + self._key + b"\r\n"
                group.create_task(self._again(head, 0))
            await self._all.wait()
            print("flooding", flush=True)
            shares = [given.bombs // BOMBERS + (number < given.bombs % BOMBERS) for number in range(BOMBERS)]
            for share in shares:
                group.create_task(self._bomb(share))

    async def _again(self, head: bytes, every: float) -> None:
        """Open a connection, say the beginning, let bytes trickle if they should, and begin again when it ends."""
        first = True
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                writer.write(head)
                if first:
                    first = False
                    self._begun += 1
                    if self._begun >= self._wanted:
                        self._all.set()
                dripping = asyncio.create_task(self._drip(writer, every)) if every else None
                try:
                    while await reader.read(65536):
                        pass
                finally:
                    if dripping:
                        dripping.cancel()
                    writer.close()
            await self._clock.sleep(PAUSE)

    async def _drip(self, writer: asyncio.StreamWriter, every: float) -> None:
        while True:
            await self._clock.sleep(every)
            writer.write(b"x")

    async def _bomb(self, count: int) -> None:
        body = nested_boxes()
        head = b"POST /v1/uploads HTTP/1.1\r\nConnection: close\r\n" + self._key
        while count:
            answer = b""
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                answer = await reader.read()
                writer.close()
            if b" 503 " not in answer[:20]:
                count -= 1
            else:
                await self._clock.sleep(PAUSE)  # its own bodies have taken all places; the files are looked at later


if __name__ == "__main__":
    sys.exit(main())
