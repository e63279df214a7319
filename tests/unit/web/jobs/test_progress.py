"""How far a job is, whoever is asked."""

import asyncio
from typing import Any

import httpx
import pytest

from service.core.errors import Unavailable
from service.core.jobs.job import Output
from service.core.jobs.progress import Hint
from service.testing.clock import NOON
from service.testing.memory_hints import MemoryBoard
from tests.unit.web.conftest import JOB, World, client_of

EVERYWHERE = [f"/v1/jobs/{JOB}", f"/v1/jobs/{JOB}/progress", f"/v1/jobs/{JOB}?wait=0"]


async def percent(api: httpx.AsyncClient, path: str = f"/v1/jobs/{JOB}/progress") -> Any:
    """What this address reads."""
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["percent"]


@pytest.mark.requirement("2.6", "4.3")
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_a_reading_on_the_board_is_the_answer(world: World, api: httpx.AsyncClient, path: str) -> None:
    """As long as Redis knows, its reading is the answer, and nothing is written for it."""
    world.running(percent=50.0, shown=10.0)
    world.hint(42.5)
    assert await percent(api, path) == 42.5
    assert world.jobs.jobs[JOB].shown == 10.0


@pytest.mark.requirement("2.6")
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_without_redis_the_ceiling_of_the_record_is_the_answer(
    world: World, api: httpx.AsyncClient, path: str
) -> None:
    """Without Redis the record's ceiling is the answer, and it is noted before anybody hears it."""
    world.running(percent=50.0)
    world.board.away = True
    assert await percent(api, path) == 50.0
    assert world.jobs.jobs[JOB].shown == 50.0


@pytest.mark.requirement("2.5")
async def test_never_back_when_redis_returns(world: World, api: httpx.AsyncClient) -> None:
    """What was answered without Redis holds when Redis is back with a lower reading, through any container."""
    world.running(percent=50.0)
    world.hint(42.5)
    other_board = MemoryBoard()
    other_board.away = True
    async with client_of(World(jobs=world.jobs, board=other_board).app) as without_redis:
        assert await percent(without_redis) == 50.0
    assert await percent(api) == 50.0


@pytest.mark.requirement("2.5")
async def test_nothing_is_shown_that_could_not_be_noted(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the record cannot be raised first, there is no answer: a reading that others do not know of could fall."""

    async def refuse(job_id: str, value: float) -> None:
        raise Unavailable

    monkeypatch.setattr(world.jobs, "note_shown", refuse)
    world.running(percent=50.0)
    for path in EVERYWHERE:
        answer = await api.get(path)
        assert answer.status_code == 503
        assert "50" not in answer.text.replace("503", "")


async def test_shown_is_written_before_the_answer(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note is written before the answer, not after it."""
    gate = asyncio.Event()

    async def slowly(job_id: str, value: float) -> None:
        await gate.wait()

    monkeypatch.setattr(world.jobs, "note_shown", slowly)
    world.running(percent=50.0)
    asking = asyncio.create_task(percent(api))
    await world.clock.advance(1)
    assert not asking.done()
    gate.set()
    assert await asking == 50.0


async def test_the_record_is_read_last(world: World, api: httpx.AsyncClient) -> None:
    """A hint is never paired with an older record: between the two somebody may have shown more."""

    class Board(MemoryBoard):
        async def read(self, job_id: str) -> Hint:
            # While this reader waits for Redis, another one shows 60 from the record alone.
            await world.jobs.note_shown(JOB, 60.0)
            return Hint(42.5, 1)

    world.running(percent=60.0)
    async with client_of(World(jobs=world.jobs, board=Board()).app) as slow:
        assert await percent(slow) == 60.0


@pytest.mark.requirement("2.5")
async def test_a_new_attempt_does_not_lower_what_is_shown(world: World, api: httpx.AsyncClient) -> None:
    """A new attempt starts at nought; what clients see goes to the ceiling of the record, and stays."""
    world.running(percent=50.0)
    world.hint(48.0)
    assert await percent(api) == 48.0
    world.jobs.jobs[JOB] = world.jobs.jobs[JOB].taken_over("another")
    answer = (await api.get(f"/v1/jobs/{JOB}/progress")).json()
    assert answer == {"job_id": JOB, "state": "running", "percent": 50.0, "attempt": 2, "resumed": True}


@pytest.mark.requirement("2.7")
@pytest.mark.parametrize("path", EVERYWHERE)
async def test_100_percent_is_shown_only_for_a_recorded_output(world: World, api: httpx.AsyncClient, path: str) -> None:
    """100 is read if, and only if, the record names the output; whatever Redis says before or after."""
    job = world.running(percent=99.9, shown=99.9)
    world.hint(100.0)
    assert await percent(api, path) == 99.9
    await world.jobs.succeed(job.holding, Output(key="k", size=1, etag="e"), NOON)
    world.hint(3.0)
    assert await percent(api, path) == 100.0
    world.board.away = True
    assert await percent(api, path) == 100.0


async def test_the_percentage_of_a_failed_job_stays(world: World, api: httpx.AsyncClient) -> None:
    """The reading of a job that failed stays where it is, whether Redis comes or goes."""
    world.failed()
    readings = []
    for away in (True, False, True):
        world.board.away = away
        world.hint(3.0)
        readings.append(await percent(api))
    assert readings == [12.0] * 3


@pytest.mark.requirement("2.8")
async def test_each_job_has_its_own_percentage(world: World, api: httpx.AsyncClient) -> None:
    """Each job has its own reading."""
    world.running()
    world.hint(10.0)
    world.running(job_id="anotherjobanotherjob")
    world.board.hints["anotherjobanotherjob"] = Hint(70.0, 1)
    assert await percent(api) == 10.0
    assert await percent(api, "/v1/jobs/anotherjobanotherjob/progress") == 70.0


async def test_a_queued_job_is_at_0_and_says_when_to_ask_again(world: World, api: httpx.AsyncClient) -> None:
    """A job that nobody has begun reads 0, and says when to ask again."""
    world.job()
    answer = await api.get(f"/v1/jobs/{JOB}/progress")
    assert answer.json() == {"job_id": JOB, "state": "queued", "percent": 0.0, "attempt": 0, "resumed": False}
    assert answer.headers["retry-after"] == "1"
