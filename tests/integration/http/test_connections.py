"""Connections that delay, on real sockets: each is ended by the server, and no patient client is."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable

import pytest

from service.adapters.system.ambient import SystemClock
from service.core.jobs.job import State
from service.ports.objects import Stored
from service.testing.factories import a_job
from service.testing.memory_objects import MemoryObjects
from tests.support.served import PATIENCE, Served, served

JOB = "jobjobjobjobjobj"
SOON = {
    "REPRISE_HEADER_SECONDS": "1",
    "REPRISE_IDLE_SECONDS": "2",
    "REPRISE_BODY_GRACE_SECONDS": "1",
    "REPRISE_MIN_BODY_RATE": "100000",
    "REPRISE_STALL_SECONDS": "1",
    "REPRISE_MIN_READ_RATE": "100000",
}
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
SCHEMA = b"GET /schema/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPLOAD = b"POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\n"
NOWHERE = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
WAV = b"RIFF\x00\x10\x00\x00WAVEfmt "


def long(count: int) -> bytes:
    """Announce a body of so many bytes, and end the head."""
    return b"Content-Length: %d\r\n\r\n" % count


async def unread(server: Served, request: bytes) -> bytes:
    """Ask for much, and read nothing until the server has dropped the connection."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop, clock = asyncio.get_running_loop(), SystemClock()
    await loop.sock_connect(client, ("127.0.0.1", server.port))
    sending = asyncio.create_task(loop.sock_sendall(client, request))
    try:
        async with asyncio.timeout(PATIENCE):
            while not len(server.guard):
                await clock.sleep(0.01)
            while len(server.guard):
                await clock.sleep(0.1)
    except TimeoutError:
        return b"kept"
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        client.close()
    return b"dropped"


async def test_an_answer_is_sent_at_once() -> None:
    """The body of an answer does not wait for the client's ACK of its head, as Nagle's algorithm would let it."""
    async with served({}) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(PATIENCE):
            while not len(server.guard):
                await SystemClock().sleep(0.01)
        options = [
            one.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # type: ignore[attr-defined]
            for one in server.guard._open
        ]
        writer.close()
        await writer.wait_closed()

    assert options
    assert all(options)


async def test_each_way_of_delaying_a_connection_comes_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """No head, body, rest of a body, or idle connection is waited for without end, and each refusal says why."""
    many = b"".join(b"X-%d: y\r\n" % number for number in range(4000))
    async with served(SOON) as server:
        attacks: dict[str, Awaitable[bytes]] = {
            "silent": server.exchange(b""),
            "head, a byte at a time": server.exchange(LIVE[:1], LIVE[1:] * 9),
            "head, a line at a time": server.exchange(LIVE[:-2], b"X: y\r\n" * 99),
            "blank lines": server.exchange(b"\r\n", b"\r\n" * 99),
            "second head": server.exchange(LIVE + LIVE[:20], b"x" * 999),
            "head behind an answered body": server.exchange(
                b"POST /nowhere HTTP/1.1\r\nHost: x\r\n" + long(3) + b"abc" + LIVE[:9], b"x" * 999),
            "between two requests": server.exchange(LIVE),
            "rest of an answered body": server.exchange(
                b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\n" + long(60_000), b"x" * 999),
            "body": server.exchange(UPLOAD + long(100_000_000) + WAV, b"x" * 999),
            "body that never comes": server.exchange(UPLOAD + long(100_000_000)),
            "body of JSON": server.exchange(JSON + long(200), b'{"a": "' + b"x" * 999),
            "body in chunks": server.exchange(UPLOAD + CHUNKED + b"5\r\nRIFF.\r\n", b"1\r\nx\r\n" * 99),
            "extension of a chunk": server.exchange(UPLOAD + CHUNKED + b"1;", b"x" * 999),
            "trailer": server.exchange(UPLOAD + CHUNKED + b"4\r\nRIFF\r\n0\r\n", b"X: y\r\n" * 99),
            "after 100 Continue": server.exchange(UPLOAD + b"Expect: 100-continue\r\n" + long(9_000)),
            "HTTP/1.0 that wants to stay": server.exchange(
                b"GET /health/live HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n"),
        }  # fmt: skip
        ended = dict(zip(attacks, await asyncio.gather(*attacks.values()), strict=True))
        at_once = {
            "many headers": await server.exchange(LIVE[:-2] + many + b"\r\n"),
            "chunks of one byte": await server.exchange(UPLOAD + CHUNKED + b"1\r\nx\r\n" * 20_000),
            "chunks of one byte behind an answer": await server.exchange(NOWHERE + CHUNKED + b"1\r\nx\r\n" * 20_000),
            "a chunk that is none": await server.exchange(UPLOAD + CHUNKED + b"4\r\nRIFF\r\nzz\r\n"),
            "a chunk that is none behind an answer": await server.exchange(NOWHERE + CHUNKED + b"4\r\nRIFF\r\nzz\r\n"),
            "two lengths": await server.exchange(UPLOAD + b"Content-Length: 4\r\n" + CHUNKED + b"0\r\n\r\n" + LIVE),
            "chunks in HTTP/1.0": await server.exchange(UPLOAD.replace(b"1.1", b"1.0") + CHUNKED + b"0\r\n\r\n"),
            "a version that is none": await server.exchange(LIVE.replace(b"1.1", b"2.0")),
        }

    first = {name: answer.split(b"\r\n")[0].removeprefix(b"HTTP/1.1 ")[:3] for name, answer in ended.items()}
    assert first == {
        "silent": b"",
        "head, a byte at a time": b"408",
        "head, a line at a time": b"408",
        "blank lines": b"400",
        "second head": b"200",
        "head behind an answered body": b"404",
        "between two requests": b"200",
        "rest of an answered body": b"404",
        "body": b"408",
        "body that never comes": b"408",
        "body of JSON": b"408",
        "body in chunks": b"408",
        "extension of a chunk": b"408",
        "trailer": b"408",
        "after 100 Continue": b"100",
        "HTTP/1.0 that wants to stay": b"200",
    }
    for name in ("body", "body that never comes", "body of JSON", "body in chunks", "after 100 Continue"):
        assert b'"code":"body_too_slow"' in ended[name]
        assert b"connection: close" in ended[name].lower()
    assert b"HTTP/1.1 408 " in ended["second head"]
    small = ("a chunk that is none", "two lengths", "chunks in HTTP/1.0", "a version that is none")
    assert {name: at_once[name][9:12] for name in small} == dict.fromkeys(small, b"400")
    assert {answer[9:12] for answer in at_once.values()} <= {
        b"400",
        b"404",
        b"",
    }  # nothing: reset while they still send
    assert at_once["two lengths"].count(b"HTTP/1.1 ") == 1  # what stands behind it is no request
    assert "service.unexpected" not in capsys.readouterr().out


async def test_answers_that_are_not_read_are_dropped() -> None:
    """A client that asks for much and reads nothing loses its connection, whether it pipelines or wants it closed."""
    async with served(SOON) as server:
        pipelined = await unread(server, SCHEMA * 200)
        closing = await unread(server, SCHEMA * 199 + SCHEMA.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    assert (pipelined, closing) == (b"dropped", b"dropped")


class SlowObjects(MemoryObjects):
    """Takes its time before it reads a body."""

    async def receive(self, key: str, chunks: AsyncIterator[bytes], *, content_type: str, limit: int) -> Stored:
        await SystemClock().sleep(1.0)
        return await super().receive(key, self.slowly(chunks), content_type=content_type, limit=limit)

    async def slowly(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """And over each piece."""
        async for chunk in chunks:
            await SystemClock().sleep(0.2)
            yield chunk


async def test_no_deadline_is_for_those_who_wait_for_the_service() -> None:
    """An event stream, a waiting answer, and an upload whose store is slow outlive every deadline."""
    behind = Served(objects=SlowObjects())
    now = SystemClock().wall()
    behind.jobs.jobs[JOB] = a_job(job_id=JOB, tenant="", created_at=now, state=State.RUNNING, owner="w", attempt=1)
    quick = SOON | {"REPRISE_BODY_GRACE_SECONDS": "0.5", "REPRISE_MIN_BODY_RATE": "1000000000"}
    async with served(quick, behind) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /v1/jobs/%s/events HTTP/1.1\r\nHost: localhost\r\n\r\n" % JOB.encode())
        await asyncio.wait_for(reader.readuntil(b"event: progress"), PATIENCE)
        close = b"Connection: close\r\n"
        body = WAV + bytes(400_000)
        waited, uploaded = await asyncio.gather(
            server.exchange(b"GET /v1/jobs/%s?wait=4 HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (JOB.encode(), close)),
            server.exchange(UPLOAD + close + long(len(body)) + body),
        )
        alive = not reader.at_eof()
        writer.close()
        await writer.wait_closed()

    assert waited.startswith(b"HTTP/1.1 200 ")
    assert uploaded.startswith(b"HTTP/1.1 201 ")
    assert alive


async def test_one_connection_too_many_closes_the_oldest_idle_one() -> None:
    """At the cap the oldest idle connection is closed, none with a request in flight, and without idle ones: 503."""
    behind = Served()
    now = SystemClock().wall()
    behind.jobs.jobs[JOB] = a_job(job_id=JOB, tenant="", created_at=now, state=State.RUNNING, owner="w", attempt=1)
    wait = b"GET /v1/jobs/%s?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n" % JOB.encode()
    async with served({"REPRISE_MAX_CONNECTIONS": "16"}, behind) as server:
        made = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(16)]
        made[0][1].write(wait)
        while len(server.guard._silent) > 15:
            await SystemClock().sleep(0.01)
        answer = await server.exchange(LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        closed = await asyncio.wait_for(made[1][0].read(), PATIENCE)
        made[1][1].close()
        made.append(await asyncio.open_connection("127.0.0.1", server.port))
        for _, writer in made[2:]:
            writer.write(wait)
        while server.guard._silent or server.guard._kept:
            await SystemClock().sleep(0.01)
        refused = await server.exchange(LIVE)
        kept = not made[0][0].at_eof()
        for _, writer in made:
            writer.close()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert closed == b""
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert kept
