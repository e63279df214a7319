"""Server-sent events."""

import asyncio
import json
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import Unavailable
from service.core.job import Job, Output
from service.core.progress import TOP
from service.testing.clock import NOON
from service.web.jobs.events import floor_of
from tests.unit.web.asgi import Call
from tests.unit.web.conftest import JOB, World


class Listener:
    """An EventSource whose clock the test moves."""

    def __init__(self, world: World, headers: dict[str, str] | None = None) -> None:
        self.world = world
        self.call = Call(world.app, "GET", f"/v1/jobs/{JOB}/events", headers)

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.call.run())
        await self.call.answered()
        await self.world.clock.advance(0)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.call.disconnect()
        await self.task

    @property
    def blocks(self) -> list[dict[str, str]]:
        """Everything that came, one dictionary per block."""
        text = self.call.body.decode().replace("\r\n", "\n")
        return [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]

    @property
    def events(self) -> list[dict[str, str]]:
        return [block for block in self.blocks if "event" in block]

    @property
    def percents(self) -> list[float]:
        return [json.loads(event["data"])["percent"] for event in self.events]


@pytest.mark.requirement("2.6")
async def test_every_change_is_an_event_and_the_end_closes_the_stream(world: World) -> None:
    """Every change is an event, the end is the whole job, and then the stream is closed."""
    job = world.running()
    async with Listener(world) as listener:
        assert listener.call.headers["content-type"].startswith("text/event-stream")
        assert listener.call.headers["cache-control"] == "no-cache"
        assert listener.blocks[0] == {"retry": "1000"}
        for percent in (10.0, 20.5, 20.5):
            world.hint(percent)
            await world.clock.advance(0.25)
        assert listener.percents == [0.0, 10.0, 20.5]
        assert [event["id"] for event in listener.events] == ["0.0", "10.0", "20.5"]
        await world.jobs.succeed(job.holding, Output(key="k", size=1, etag="e"), NOON)
        await world.clock.advance(1)
        last = listener.events[-1]
        assert (last["event"], last["id"]) == ("done", "100.0")
        document = json.loads(last["data"])
        assert (document["state"], document["percent"]) == ("succeeded", 100.0)
        assert document["links"]["download"] == f"/v1/jobs/{JOB}/download"
        assert listener.call.complete()


@pytest.mark.requirement("2.5")
async def test_the_percentage_of_a_stream_never_falls(world: World) -> None:
    """One stream never falls: not when Redis goes, comes back empty, or a new attempt starts at nought."""
    world.running(percent=30.0)
    world.hint(29.0)
    async with Listener(world) as listener:
        world.board.away = True
        await world.clock.advance(1)
        world.board.away = False
        world.board.flush()
        world.hint(2.0, attempt=2)
        world.jobs.jobs[JOB] = world.jobs.jobs[JOB].taken_over("another")
        await world.clock.advance(2)
        world.hint(31.0, attempt=2)
        await world.clock.advance(1)
        assert listener.percents == sorted(listener.percents)
        assert listener.percents[0] == 29.0
        assert listener.percents[-1] == 31.0
        assert world.jobs.jobs[JOB].shown == 30.0


@pytest.mark.requirement("2.5")
async def test_a_reconnect_never_reads_less_than_its_last_event_id(world: World) -> None:
    """A browser that reconnects with its last id never reads less than that."""
    world.running(percent=50.0)
    world.hint(40.0)
    async with Listener(world, {"last-event-id": "44.5"}) as listener:
        assert listener.percents == [44.5]
        world.hint(46.0)
        await world.clock.advance(0.25)
        assert listener.percents == [44.5, 46.0]


@given(st.text() | st.floats().map(str))
def test_any_last_event_id_gives_a_floor_below_100(text: str) -> None:
    """Whatever a client sends as its last id: the floor stays below the 100 that only success may read."""
    assert 0 <= floor_of(text) <= TOP


async def test_a_stream_ends_after_its_time(world: World) -> None:
    """The stream ends by itself after its time, and the client is told to come back soon."""
    world.running()
    async with Listener(world) as listener:
        await world.clock.advance(99)
        assert not listener.call.complete()
        await world.clock.advance(1.5)
        assert listener.call.complete()
        assert "done" not in [event["event"] for event in listener.events]


async def test_a_stream_without_news_sends_comments(world: World) -> None:
    """While nothing changes, a comment now and then shows that the line is alive."""
    world.running()
    async with Listener(world) as listener:
        await world.clock.advance(31)
        assert listener.percents == [0.0]
        assert listener.call.body.count(b": still here") == 3


async def test_a_job_that_has_ended_is_told_at_once(world: World) -> None:
    """A job that has ended is told at once."""
    world.failed()
    async with Listener(world) as listener:
        assert [event["event"] for event in listener.events] == ["done"]
        assert json.loads(listener.events[0]["data"])["error"]["code"] == "bad_media"
        assert listener.call.complete()


async def test_a_deleted_job_ends_its_streams(world: World) -> None:
    """A job that is deleted ends its streams; whoever reconnects hears 404."""
    world.running()
    async with Listener(world) as listener:
        world.jobs.jobs.clear()
        await world.clock.advance(1.5)
        assert listener.call.complete()


async def test_a_stream_survives_a_store_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away costs freshness, not the stream."""
    world.running()
    world.hint(1.0)
    async with Listener(world) as listener:
        get = world.jobs.get

        async def away(job_id: str) -> None:
            raise Unavailable

        monkeypatch.setattr(world.jobs, "get", away)
        world.hint(2.0)
        await world.clock.advance(5)
        assert listener.percents == [1.0]
        monkeypatch.setattr(world.jobs, "get", get)
        await world.clock.advance(1.25)
        assert listener.percents == [1.0, 2.0]


async def test_a_client_that_leaves_ends_the_looking(world: World) -> None:
    """When the client goes away, nobody goes on looking for it."""
    world.running()
    async with Listener(world):
        assert world.clock.asleep == 1
    assert world.clock.asleep == 0


async def test_a_stream_without_news_reads_the_record_once_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing changes, the store is asked once a second."""
    world.running()
    async with Listener(world):
        asked = 0
        get = world.jobs.get

        async def counted(job_id: str) -> Job | None:
            nonlocal asked
            asked += 1
            return await get(job_id)

        monkeypatch.setattr(world.jobs, "get", counted)
        await world.clock.advance(20)
        assert asked == 20
