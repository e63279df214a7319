"""What is the same around every request."""

import asyncio
import io
import re

import httpx
import pytest
from structlog.testing import capture_logs

from service.testing.factories import a_job
from tests.unit.web.asgi import Call
from tests.unit.web.conftest import World, client_of


async def test_a_harmless_request_id_of_the_client_is_kept(api: httpx.AsyncClient) -> None:
    """A client's own request id is kept; without one, or with one that could do harm, it gets a new one."""
    assert (await api.get("/health/live", headers={"x-request-id": "abc-DEF_1.2"})).headers[
        "x-request-id"
    ] == "abc-DEF_1.2"
    for given in ("short", "x" * 65, "with space in it", "Ünicode-in-it", "semi;colon-in-it"):
        answer = await api.get("/health/live", headers=[(b"x-request-id", given.encode())])
        assert re.fullmatch(r"[a-z2-7]{26}", answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/", "/health/live", "/nowhere", "/v1/formats", "/schema", "/v1/jobs/short"])
async def test_every_answer_has_the_security_headers(api: httpx.AsyncClient, path: str) -> None:
    """Every answer, also of an unknown address, forbids guessing, framing and telling where one came from."""
    headers = (await api.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"]
    assert headers["x-request-id"]


async def test_every_request_is_one_log_line(world: World, api: httpx.AsyncClient, log: io.StringIO) -> None:
    """Every request is one line, with method, path, status, time, the problem's code and the request's id."""
    await api.get("/v1/jobs/short", headers={"x-request-id": "request-1"})
    line = log.getvalue()
    for part in ("request.done", "GET", "/v1/jobs/short", "404", "not_found", "request-1", '"seconds":'):
        assert part in line


async def test_polls_that_are_answered_well_are_logged_at_debug_only(world: World, api: httpx.AsyncClient) -> None:
    """Looks at a job and its progress are `request.polled`, with its size and format; a failed one is a request."""
    job = a_job(job_id="polledpolledpolled", tenant="", expires_at=world.clock.wall() + 60)
    await world.jobs.submit(job)
    with capture_logs() as lines:
        for path in ("polledpolledpolled", "polledpolledpolled/progress", "unknownunknownunknown", "short"):
            await api.get(f"/v1/jobs/{path}")

    told = [(line["event"], line["log_level"], line["status"]) for line in lines if "request" in line["event"]]
    assert told == [("request.polled", "debug", 200)] * 2 + [("request.done", "info", 404)] * 2
    assert (lines[0]["job_id"], lines[0]["size"], lines[0]["format"]) == (job.job_id, job.input_size, "mp3")


async def test_the_query_stays_out_of_the_log(world: World, api: httpx.AsyncClient, log: io.StringIO) -> None:
    """What is behind the question mark stays out of the log."""
    await api.get("/v1/formats?token=secret")
    assert "/v1/formats" in log.getvalue()
    assert "secret" not in log.getvalue()


async def test_after_an_early_answer_the_body_is_drained_for_a_while(world: World) -> None:
    """An early answer is complete before the body is, the rest is read and dropped for a while, then it is over."""
    headers = {"content-length": "1000000", "content-type": "multipart/form-data"}  # without a boundary: 400
    call = Call(world.app, "POST", "/v1/uploads", headers)
    task = asyncio.create_task(call.run())
    await call.answered()
    assert (call.status, call.headers["connection"]) == (400, "close")
    assert call.json()["code"] == "bad_request"  # all of it is there …
    assert not call.complete()  # … but the connection is kept
    for _ in range(5):
        await call.send_body(bytes(65536), more=True)
    await world.clock.advance(1.9)
    assert not task.done()
    await world.clock.advance(0.2)
    await task
    assert call.complete()
    assert world.clock.asleep == 0


async def test_draining_ends_with_the_body_or_the_client(world: World) -> None:
    """The wait ends when the client has heard the answer: it goes away, or its body is complete."""
    for ending in ("gone", "complete"):
        call = Call(world.app, "POST", "/nowhere", {"content-length": "1000000"})
        task = asyncio.create_task(call.run())
        await call.answered()
        assert call.status == 404
        if ending == "gone":
            call.disconnect()
        else:
            await call.send_body(b"x", more=False)
        await task
        assert call.complete()


async def test_a_client_that_expects_100_continue_is_not_drained(world: World) -> None:
    """A client that asked before sending (Expect: 100-continue) is not waited for: it has sent nothing."""
    call = Call(world.app, "POST", "/nowhere", {"content-length": "1000000", "expect": "100-continue"})
    await call.run()
    assert (call.status, call.complete(), call.headers["connection"]) == (404, True, "close")


async def test_small_bodies_keep_the_connection(world: World, api: httpx.AsyncClient) -> None:
    """A small body that nobody reads costs no connection."""
    answer = await api.post("/nowhere", content=b"hello")
    assert answer.status_code == 404
    assert "connection" not in answer.headers


@pytest.mark.parametrize(
    ("version", "connection"),
    [("1.1", "close"), ("1.1", "TE, Close"), ("1.0", "")],
    ids=["close", "a list", "HTTP/1.0"],
)
async def test_a_small_body_is_drained_where_the_connection_ends(world: World, version: str, connection: str) -> None:
    """No client, and no proxy, is reset while it still sends the little that it has announced."""
    call = Call(world.app, "POST", "/nowhere", {"content-length": "5", "connection": connection}, version=version)
    task = asyncio.create_task(call.run())
    await call.answered()
    assert call.status == 404
    assert not call.complete()
    await call.send_body(b"hello", more=False)
    await task
    assert call.complete()


async def test_a_read_body_keeps_the_connection(world: World) -> None:
    """A refusal after the whole body was read keeps the connection."""
    async with client_of(World().app) as api:
        answer = await api.post("/v1/uploads", content=b"text " * 50_000)
    assert answer.status_code == 415
    assert "connection" not in answer.headers
