import pytest
from redis.exceptions import AuthenticationError, ConnectionError, TimeoutError  # noqa: A004  # of redis

from service.adapters.redis.check import check_redis
from service.adapters.redis.connection import RedisLink
from service.testing.clock import SteppingClock


@pytest.fixture
def link() -> RedisLink:
    """A link that never connects."""
    return RedisLink("redis://user:hunter2@cache:6379", SteppingClock())


@pytest.mark.requirement("4.1", "6.4")
@pytest.mark.parametrize(
    ("error", "code", "fix"),
    [
        (AuthenticationError("WRONGPASS for hunter2"), "redis_refused", "user and password"),
        (ConnectionError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "redis_tls", "rediss:// is TLS"),
        (ConnectionError("certificate verify failed"), "redis_tls", "certificate"),
        (ConnectionError("Connection refused"), "redis_away", "REDIS_URL"),
        (TimeoutError("Timeout reading from cache"), "redis_away", "rediss://"),
        (OSError("no route"), "redis_away", "network"),
    ],
    ids=["password", "scheme", "certificate", "refused", "silent", "unreachable"],
)
async def test_start_up_goes_on_whatever_is_wrong_with_redis(
    link: RedisLink, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, fix: str
) -> None:
    """Whatever is wrong with Redis is said with its fix and without its password, stops nothing, and is remembered."""

    async def ping() -> None:
        raise error

    monkeypatch.setattr(link.client, "ping", ping)
    (found,) = await check_redis(link)

    assert (found.code, found.stops) == (code, False)
    assert fix in found.fix
    assert "hunter2" not in str(found)
    assert link.degraded


async def test_redis_that_answers_is_no_finding(link: RedisLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is no finding, and ends whatever was thought before."""

    async def ping() -> bool:
        return True

    link.note_failure(OSError("away"))
    monkeypatch.setattr(link.client, "ping", ping)

    assert await check_redis(link) == []
    assert not link.degraded


@pytest.mark.requirement("6.4")
async def test_running_without_redis_is_a_finding_with_its_fix() -> None:
    """Without a Redis it is said what that means, and how to have one."""
    (found,) = await check_redis(None)

    assert (found.code, found.stops) == ("redis_none", False)
    assert "DynamoDB" in found.problem
    assert "REDIS_URL" in found.fix
