"""A transcoder whose conversions take as long, and end, as a test says."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from service.core.jobs.progress import Reading
from service.ports.objects import ObjectContents, Stored
from service.ports.time import Clock
from service.ports.transcoder import Order, always

TICKS = 40


def converted(order: Order) -> bytes:
    """Return the output of this fake: it depends on the job's input and target, and not on the attempt."""
    return f"{order.input_key} as {order.target.format}".encode()


@dataclass(slots=True)
class ScriptedDraft:
    """What `ScriptedTranscoder` makes."""

    objects: ObjectContents
    order: Order
    facts: Mapping[str, object]

    async def publish(self) -> Stored:
        """Store the output under its key."""

        async def chunks() -> AsyncIterator[bytes]:
            yield converted(self.order)

        return await self.objects.receive(
            self.order.output_key, chunks(), content_type=self.order.content_type, limit=1 << 20
        )

    async def discard(self) -> None:
        """Delete it again."""
        await self.objects.delete([self.order.output_key])


@dataclass(slots=True)
class ScriptedTranscoder:
    """
    `ports.Transcoder` that needs `seconds` for each conversion, and raises what `fails` puts first in line.

    One that ends without a draft takes another `clean_up` seconds to clear away what it has left.
    """

    objects: ObjectContents
    clock: Clock
    seconds: float = 10.0
    fails: list[Exception] = field(default_factory=list)
    started: list[Order] = field(default_factory=list)
    stopped: list[Order] = field(default_factory=list)  # cancelled before their end
    paused: list[Order] = field(default_factory=list)  # once for each time that they stood still without trust
    clean_up: float = 0.0
    clear_at: dict[str, float] = field(default_factory=dict)  # when nothing is left, by output key

    async def convert(
        self, order: Order, report: Callable[[Reading], None], trusted: Callable[[], bool] = always
    ) -> ScriptedDraft:
        """Report progress at even steps; half-way, fail if there is something to fail with."""
        self.started.append(order)
        ended = done = False
        try:
            for tick in range(TICKS + 1):
                report(Reading(position_seconds=float(tick), total_seconds=float(TICKS)))
                if tick == TICKS // 2 and self.fails:
                    ended = True
                    raise self.fails.pop(0)
                await self.clock.sleep(self.seconds / TICKS)
                if not trusted():
                    self.paused.append(order)
                while not trusted():
                    await self.clock.sleep(self.seconds / TICKS)
            ended = done = True
        finally:
            if not ended:
                self.stopped.append(order)
            if not done:
                self.clear_at[order.output_key] = self.clock.monotonic() + self.clean_up
        return ScriptedDraft(self.objects, order, {"path": "local" if order.local else "streaming"})

    async def wait_for_cleanup(self, order: Order) -> None:
        """Wait until it would be."""
        if (left := self.clear_at.get(order.output_key, 0.0) - self.clock.monotonic()) > 0:
            await self.clock.sleep(left)
