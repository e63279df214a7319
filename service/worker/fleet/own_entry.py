"""A worker's own entry on the ring, which names its jobs to those that watch it; see `service.core.jobs.ring`."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from service.core.errors import StoreError
from service.core.jobs import ring
from service.core.jobs.lease import State
from service.core.jobs.ring import Entry
from service.worker.context import WorkerConfig, WorkerPorts

NEVER = float("-inf")
UNSURE = 3.0  # leases for which a job is named whose claim got no answer: others have looked at it by then
LEAVING = 2.0  # seconds that the end of a worker may take longer for it


class OwnEntry:
    """`held` returns the ids of the jobs that this worker holds, `free` how many it could begin."""

    def __init__(
        self, ports: WorkerPorts, config: WorkerConfig, held: Callable[[], set[str]], free: Callable[[], int]
    ) -> None:
        self._ports, self._instance, self._lease = ports, config.instance, config.lease.duration
        self._held, self._free = held, free
        self._beat, self._shown = 0, tuple[str, ...]()  # of the last one
        self._entered = self._kept_up = NEVER  # monotonic seconds
        self._named: Counter[str] = Counter()  # jobs about to be claimed
        self._unsure: dict[str, float] = {}  # those whose claim got no answer, and until when to name them

    @asynccontextmanager
    async def naming(self, keys: Iterable[str]) -> AsyncIterator[None]:
        """
        Name jobs in the entry *before* they are claimed or taken over within this context.

        A worker that is killed right after a claim is then watched, and so is a job whose claim got no answer and may
        have had its effect. Raises `StoreError` if the entry cannot be written.
        """
        named = Counter(keys)
        self._named += named
        try:
            await self.write()
            yield
        except (StoreError, asyncio.CancelledError):
            self._unsure |= dict.fromkeys(named, self._ports.clock.monotonic() + UNSURE * self._lease)
            raise
        finally:
            self._named -= named

    async def write(self) -> None:
        """Write it. Raises `StoreError`."""
        self._beat += 1
        now = self._ports.clock.monotonic()
        self._unsure = {key: until for key, until in self._unsure.items() if until > now}
        jobs, idle = self._held() | set(self._named) | set(self._unsure), self._free() > len(self._named)
        me, named, apart = self._instance, tuple(sorted(jobs)), self._apart()
        self._shown = named
        await self._ports.workers.enter(Entry(instance=me, beat=self._beat, jobs=named, idle=idle, apart=apart))
        self._entered = max(self._entered, now)

    async def show(self) -> None:
        """Write whether this worker is apart, if it holds or claims something. Raises `StoreError`."""
        if self._named or self._held():
            await self.write()

    async def leave(self) -> None:
        """
        Take it off the ring, as this worker stops; not if a job that it names is still this worker's, or may become so.

        It is removed as that of a dead worker, then, and also if the store is away or hangs.
        """
        if self._unsure:
            return
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(LEAVING):
                named = await self._ports.workers.glance(self._shown, strongly=True) if self._shown else {}
                if not any(job.state is State.RUNNING and job.owner == self._instance for job in named.values()):
                    await self._ports.workers.remove(Entry(instance=self._instance, beat=self._beat))

    async def keep_up(self, workers: int | None, ahead: float) -> None:
        """
        Write it if that is due among so many `workers`, or will be in `ahead` seconds. Raises `StoreError`.

        One that has stood still for a lease writes at once: it may have been taken off the ring meanwhile.
        """
        now = self._ports.clock.monotonic()
        stood, self._kept_up = now - self._kept_up, now
        if stood > self._lease or now - self._entered >= self._sign_every(workers) - ahead:
            await self.write()

    def _sign_every(self, workers: int | None) -> float:
        """Return seconds between two entries, if nothing else makes this worker write one."""
        if self._held():
            return ring.SIGN_WITH_JOBS * self._lease
        return (ring.SIGN_OF_FEW if ring.everything(workers) else ring.SIGN_OF_LIFE) * self._lease

    def _apart(self) -> bool:
        return self._ports.presence is not None and not self._ports.presence.connected
