"""
A process that holds a worker's connection to Redis and does nothing else, to be killed and stopped.

    python tests/support/presence_holder.py URL INSTANCE    says "connected" when it is
"""

import asyncio
import sys

from service.adapters.redis.connection import RedisLink
from service.adapters.redis.presence import RedisPresence
from service.adapters.system.ambient import SystemClock


async def hold(url: str, instance: str) -> None:
    """Be connected until killed."""
    clock = SystemClock()
    presence = RedisPresence(RedisLink(url, clock, timeout=10.0), clock, instance)
    await presence.start()
    while await presence.look([]) is None:
        await clock.sleep(0.01)
    sys.stdout.write("connected\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(*sys.argv[1:]))
