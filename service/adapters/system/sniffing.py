"""
Looks at uploaded bytes on threads of their own.

What really bounds a look is the budget in `service.core.media.containers.budget`: Python gives no way to stop a thread,
so a look that never ended would keep its thread, and a look on a thread still takes turns with the event loop. The
threads make these turns short (5 ms), and the time limit gives every caller an answer whatever happens.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from service.core.errors import Busy
from service.core.media.inputs import Source
from service.core.media.sniff import Beyond, identify

THREADS = 2  # a look computes and waits for nothing, so more would not end sooner
PATIENCE = 30.0  # seconds for a look and those before it; one takes some milliseconds

Look = Callable[..., Source]


class ThreadedSniffer:
    """The `service.ports.sniffer.Sniffer` of the service. Belongs to one event loop."""

    def __init__(self, look: Look = identify, patience: float = PATIENCE) -> None:
        self._look = look
        self._patience = patience
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sniff")
        self._looks: dict[str, asyncio.Future[Source]] = {}  # by tenant: the one that goes on

    async def identify(self, tenant: str, head: bytes, tail: bytes, size: int, beyond: Beyond | None = None) -> Source:
        try:
            async with asyncio.timeout(self._patience):
                while tenant in self._looks:
                    await asyncio.wait([self._looks[tenant]])
                # Shielded: if this caller leaves, the thread goes on, and the tenant's turn lasts as long as it does.
                return await asyncio.shield(self._begin(tenant, head, tail, size, beyond))
        except TimeoutError:
            raise Busy("This container took too long to look at the bytes.") from None

    def _begin(self, tenant: str, head: bytes, tail: bytes, size: int, beyond: Beyond | None) -> asyncio.Future[Source]:
        further = {} if beyond is None else {"beyond": beyond}
        call = partial(self._look, head, tail, size, **further)
        look = asyncio.get_running_loop().run_in_executor(self._threads, call)
        self._looks[tenant] = look
        look.add_done_callback(lambda ended: self._end(tenant, ended))
        return look

    def _end(self, tenant: str, look: asyncio.Future[Source]) -> None:
        del self._looks[tenant]
        if not look.cancelled():
            look.exception()  # asked for here, too: the caller may have left
