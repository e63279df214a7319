"""A transcoder as the worker sees the real one: parts go to an unfinished upload, and the draft completes it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.history.records import Conversion
from service.core.errors import BadMedia, Definite, FfmpegCrashed, FfmpegStalled, ObjectGone
from service.core.jobs.progress import Reading
from service.core.naming import UPLOADS
from service.ports.objects import Stored
from service.ports.transcoder import Order, always
from service.testing.memory_objects import MemoryObjects
from service.testing.virtual_time import Process, VirtualClock
from tests.simulation.wire import Wire
from tests.simulation.world import World

TICKS = 12
LONGEST_CLEAN_UP = 18.0  # seconds
LOOK = 0.5  # seconds between two looks whether there is trust
STALL = 3.0  # seconds of silence
_FORMAT = b"fmt " + (16).to_bytes(4, "little") + bytes.fromhex("0100 0100 401f0000 803e0000 0200 1000")
WAV_HEAD = b"RIFF" + (60).to_bytes(4, "little") + b"WAVE" + _FORMAT + b"data" + (24).to_bytes(4, "little")


def file_of(kind: str, seconds: float) -> bytes:
    """A file that is recognised as a WAV, and in which stands what it is really like."""
    return WAV_HEAD + f"{kind} {seconds:.2f}".encode()


def converted(input_key: str, target: str) -> bytes:
    """What an undisturbed run makes of it."""
    return f"{input_key} as {target}".encode()


def digest(data: bytes) -> str:
    """A name for bytes."""
    return hashlib.md5(data).hexdigest()


@dataclass(slots=True)
class SimulatedDraft:
    """Complete but for the last call."""

    world: World
    objects: MemoryObjects
    wire: Wire
    order: Order
    run: Conversion
    clear: Callable[[Order, Coroutine[Any, Any, None]], Awaitable[None]]
    facts: Mapping[str, object]
    under_way: asyncio.Task[Stored] | None = None
    discarded: bool = False
    small: bool = False  # so small that it is put in one piece

    async def publish(self) -> Stored:
        """Complete the upload; after a cancellation that goes on."""
        self.under_way = asyncio.create_task(self.wire.carry("publish", (self.order.output_key,), self._complete))
        return await asyncio.shield(self.under_way)

    async def discard(self) -> None:
        """Abort the upload, and delete the object if it exists, when nothing is under way any more."""
        await self.clear(self.order, self._take_back())

    async def _take_back(self) -> None:
        while self.under_way is not None and not self.under_way.done():
            await asyncio.wait({self.under_way})
        await VirtualClock().sleep(0)
        self.world.check()
        self.discarded = True
        self.objects.unfinished.pop(upload_of(self.order), None)
        self.objects.objects.pop(self.order.output_key, None)

    async def _complete(self) -> Stored:
        if not self.discarded:  # the real one holds a lock
            if not self.small and self.run.published is None and upload_of(self.order) not in self.objects.unfinished:
                raise Definite("there is no such upload any more")
            self.objects.unfinished.pop(upload_of(self.order), None)
            self.run.published = self.world.moment()
            self.objects.put(self.order.output_key, converted(self.order.input_key, self.order.target.format))
        return self.objects._stored(self.order.output_key)


@dataclass(slots=True)
class SimulatedTranscoder:
    """`ports.Transcoder` of one container. What a file is like stands at the start of its bytes."""

    world: World
    objects: MemoryObjects
    wire: Wire
    process: Process
    die: Callable[[], None]  # what a poisonous file does to its container
    clearing: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # by upload

    async def convert(
        self, order: Order, report: Callable[[Reading], None], trusted: Callable[[], bool] = always
    ) -> SimulatedDraft:
        """Read, tick by tick; however it ends short, the unfinished upload is aborted, now or a while later."""
        world, dice = self.world, self.world.dice
        await self.wire.peek(order.input_key, etag=order.input_etag, start=0, length=8)
        world.check()
        kind, seconds = nature_of(self.objects, order.input_key)
        ends_at = int(TICKS * dice.random())
        run = Conversion(job_id=order.job_id, attempt=order.attempt, via=self.process.name, begun=world.moment())
        world.history.conversions.append(run)
        small = dice.random() < 0.3
        if not small:
            self.objects.unfinished[upload_of(order)] = order.output_key
        try:
            for tick in range(TICKS + 1):
                report(Reading(position_seconds=float(tick), total_seconds=float(TICKS)))
                if tick == ends_at:
                    await self._meet(kind, run, trusted)
                await self._work(run, seconds / TICKS, trusted)
        except BaseException:
            if not world.over:
                self._begin(order, self._abort(order))
            raise
        finally:
            if not world.over:
                run.ended = world.moment()
        return SimulatedDraft(
            world, self.objects, self.wire, order, run, self._clear, {"path": "streaming"}, small=small
        )

    async def _work(self, run: Conversion, seconds: float, trusted: Callable[[], bool]) -> None:
        """Work for so long; without trust, stand still."""
        while seconds > 0:
            if trusted():
                if run.standing is not None:
                    run.stood.append((run.standing, self.world.moment()))
                    run.standing = None
                    self.world.hit("a conversion went on after its trust had ended")
                step = min(seconds, LOOK)
                seconds -= step
            else:
                step = LOOK
                if run.standing is None:
                    run.standing = self.world.moment()
                    self.world.hit("a conversion stood still without trust")
            await VirtualClock().sleep(step)

    async def wait_for_cleanup(self, order: Order) -> None:
        """Wait for the upload to be aborted."""
        if clearing := self.clearing.get(upload_of(order)):
            await asyncio.wait({clearing})

    async def _abort(self, order: Order) -> None:
        if self.world.dice.random() < self.world.slow_clean_up:
            self.world.hit("a clean-up was slow")
            await VirtualClock().sleep(LONGEST_CLEAN_UP * self.world.dice.random())
        self.world.check()
        self.objects.unfinished.pop(upload_of(order), None)

    async def _clear(self, order: Order, work: Coroutine[Any, Any, None]) -> None:
        """A caller that waits for it may give up; it goes on, as the thread of the real one does."""
        await asyncio.wait({self._begin(order, work)})

    def _begin(self, order: Order, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.clearing[upload_of(order)] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self.clearing.pop(upload_of(order), None))
        return task

    async def _meet(self, kind: str, run: Conversion, trusted: Callable[[], bool]) -> None:
        """What lies in the middle of a file, or happens to ffmpeg there."""
        trouble = self.world.dice.random() if self.world.noise else 1.0
        if kind == "bad":
            raise BadMedia
        if kind == "poison":
            self.world.hit("a poisonous file killed its container")
            self.die()
        elif trouble < 0.04:
            self.world.hit("ffmpeg stalled")
            await self._work(run, STALL, trusted)
            raise FfmpegStalled
        elif trouble < 0.08:
            self.world.hit("ffmpeg died")
            raise FfmpegCrashed


def upload_of(order: Order) -> str:
    """The id of the multipart upload of an attempt."""
    return f"{order.job_id}/{order.attempt}"


def nature_of(objects: MemoryObjects, input_key: str) -> tuple[str, float]:
    """What is in a file: its kind, and how many seconds its conversion takes."""
    if not input_key.startswith(UPLOADS):
        raise ValueError(input_key)
    if input_key not in objects.objects:
        raise ObjectGone(input_key)  # deleted in this moment
    kind, seconds = objects.objects[input_key].data[len(WAV_HEAD) :].decode().split()
    return kind, float(seconds)
