"""A transcoder whose conversions take as long, and end, as a test says."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from service.core.progress import Reading
from service.ports import Clock, ObjectStore, Order, Stored

TICKS = 40


def converted(order: Order) -> bytes:
    """The output of this fake: it depends on the job's input and target, and not on the attempt."""
    return f"{order.input_key} as {order.target.format}".encode()


@dataclass(slots=True)
class ScriptedDraft:
    """What `ScriptedTranscoder` makes."""

    objects: ObjectStore
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
    """`ports.Transcoder` that needs `seconds` for each conversion, and raises what `fails` puts first in line."""

    objects: ObjectStore
    clock: Clock
    seconds: float = 10.0
    fails: list[Exception] = field(default_factory=list)
    started: list[Order] = field(default_factory=list)
    stopped: list[Order] = field(default_factory=list)  # cancelled before their end

    async def convert(self, order: Order, report: Callable[[Reading], None]) -> ScriptedDraft:
        """Report progress at even steps; half-way, fail if there is something to fail with."""
        self.started.append(order)
        ended = False
        try:
            for tick in range(TICKS + 1):
                report(Reading(position_seconds=float(tick), total_seconds=float(TICKS)))
                if tick == TICKS // 2 and self.fails:
                    ended = True
                    raise self.fails.pop(0)
                await self.clock.sleep(self.seconds / TICKS)
            ended = True
        finally:
            if not ended:
                self.stopped.append(order)
        return ScriptedDraft(self.objects, order, {"path": "local" if order.local else "streaming"})
