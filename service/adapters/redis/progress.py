"""
`ports.ProgressBoard` on Redis: one small hash per job, gone an hour after its last reading.

Readings come from several containers (a frozen worker may thaw next to its successor) and in any order, so
the comparison and the write are one step, inside Redis.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from service.adapters.redis.connection import RedisLink
from service.core.jobs.progress import Hint

SECONDS_TO_LIVE = 3600
FIELDS = ["percent", "attempt"]

RISE = """
-- KEYS[1] a job; ARGV: percent, attempt, seconds to live, whether it was shown before. Percent and attempt only rise.
if ARGV[4] == '1' and redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
local shown = redis.call('HMGET', KEYS[1], 'percent', 'attempt')
local percent, attempt = tonumber(shown[1] or -1), tonumber(shown[2] or -1)
if tonumber(ARGV[1]) > percent then
    redis.call('HSET', KEYS[1], 'percent', ARGV[1])
    percent = tonumber(ARGV[1])
end
if tonumber(ARGV[1]) == percent and tonumber(ARGV[2]) > attempt then
    redis.call('HSET', KEYS[1], 'attempt', ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class RedisBoard:
    """Progress for all to see. Costs at most one time-out when Redis has just gone, and nothing while it is away."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._rise = link.client.register_script(RISE)

    async def publish(self, job_id: str, hint: Hint, *, again: bool = False) -> bool:
        args = [hint.percent, hint.attempt, SECONDS_TO_LIVE, int(again)]
        return await self._link.ask(lambda: self._rise(keys=[_key(job_id)], args=args)) != 0

    async def read(self, job_id: str) -> Hint | None:
        return _hint(await self._link.ask(lambda: self._link.client.hmget(_key(job_id), FIELDS)))

    async def read_many(self, job_ids: Sequence[str]) -> Mapping[str, Hint]:
        """See `ports.hints`; one round trip."""
        pipeline = self._link.client.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.hmget(_key(job_id), FIELDS)
        found = await self._link.ask(pipeline.execute)
        hints = zip(job_ids, map(_hint, found or ()), strict=False)  # nothing at all if Redis is away
        return {job_id: hint for job_id, hint in hints if hint}

    async def forget(self, job_id: str) -> None:
        await self._link.ask(lambda: self._link.client.delete(_key(job_id)))

    @property
    def degraded(self) -> bool:
        return self._link.degraded


def _hint(fields: Any) -> Hint | None:
    """Read the two fields of a hash; None if it is not there, or Redis did not answer."""
    match fields:
        case [str(percent), str(attempt)]:
            return Hint(percent=float(percent), attempt=int(attempt))
        case _:
            return None


def _key(job_id: str) -> str:
    return f"reprise:progress:{job_id}"
