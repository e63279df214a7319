"""
The way from a container to the stores, and all that can happen on it.

A call that is delayed is carried out by the *network*: outside of the caller's process, so that it lands although the
caller was killed, frozen, or gave up waiting in the meantime.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from service.core.errors import Fenced, Indefinite, Unavailable
from service.core.jobs.lease import Holding
from service.testing.virtual_time import Process, VirtualClock
from tests.simulation.store import LoggedJobs
from tests.simulation.world import World

NETWORK = contextvars.Context()  # no process is current there
GIVES_UP = 2.0  # seconds after which a caller takes a call for lost
FINAL_WRITES = frozenset({"succeed", "fail", "stop"})
LOOKS = frozenset({"running", "glance"})  # how a watcher reads the jobs of others
CLEANING = frozenset({"delete", "delete_prefix"})


class Weather:
    """What the network is like for one container."""

    def __init__(self) -> None:
        self.stores = "fine"  # | "cut" (nothing arrives) | "mute" (no answer comes back) | "late" | "slow" | "fickle"
        self.redis = "fine"  # | "away" | "slow"


class Wire:
    """A port as one container has it: the shared fake, behind a network."""

    def __init__(self, world: World, weather: Weather, target: Any) -> None:
        self._world, self._weather, self._target = world, weather, target
        self._clock = VirtualClock()

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self._target, verb)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            result = await self.carry(verb, args, lambda: method(*args, **kwargs))
            if verb in LOOKS:
                self._world.looked(result.values() if verb == "glance" else result)
            return result

        setattr(self, verb, call)
        return call

    async def carry(self, verb: str, args: tuple[Any, ...], work: Callable[[], Awaitable[Any]]) -> Any:
        """Bring a call there and its answer back, as the weather permits."""
        world, dice = self._world, self._world.dice
        world.check()
        world.spring(verb, "before")
        fault = self._fault()
        if fault != "fine" and (process := Process.current.get()) is not None:
            world.hamper(process.name)
        match fault:
            case "fine":
                await self._clock.sleep(0.02 * dice.random())
                result = await self._effect(verb, args, work)
                world.spring(verb, "after")
                await self._clock.sleep(max(0.0, 0.04 * dice.random() - 0.02))
                return result
            case "refused":
                await self._clock.sleep(0.05)
                self._blame(verb, args)
                world.hit("a call was refused")
                raise Unavailable(f"{verb} was throttled")
            case "unsent":
                await self._clock.sleep(GIVES_UP)
                self._blame(verb, args)
                raise Indefinite(f"{verb} got no answer")
            case "mute":
                sent = self._send(verb, args, work, dice.random())
                await self._clock.sleep(0.1 + GIVES_UP * dice.random())
                self._blame(verb, args)
                if sent.done() and sent.exception() is None:
                    world.hit("an answer was lost after its effect")
                raise Indefinite(f"the answer to {verb} was lost")
            case "late":
                self._send(verb, args, work, 12 * dice.random())
                await self._clock.sleep(GIVES_UP)
                self._blame(verb, args)
                world.hit("a call was given up and lands later")
                raise Indefinite(f"{verb} took too long")
            case _:
                if verb in FINAL_WRITES:
                    self._blame(verb, args)  # trust may end before the answer is there
                result = await asyncio.shield(self._send(verb, args, work, 3 * dice.random()))
                await self._clock.sleep(2 * dice.random())
                return result

    def _fault(self) -> str:
        dice = self._world.dice
        match self._weather.stores:
            case "fine" if dice.random() >= self._world.noise:
                return "fine"
            case "fine":
                return ("refused", "mute", "mute", "slow", "late")[int(5 * dice.random())]
            case "fickle":
                return "fine" if dice.random() < 0.5 else "slow"
            case "cut":
                return "refused" if dice.random() < 0.5 else "unsent"
            case weather:
                return weather

    def _send(
        self, verb: str, args: tuple[Any, ...], work: Callable[[], Awaitable[Any]], delay: float
    ) -> asyncio.Task[Any]:
        async def travel() -> Any:
            await self._clock.sleep(delay)
            return await self._effect(verb, args, work)

        return asyncio.get_running_loop().create_task(travel(), context=NETWORK.copy())

    async def _effect(self, verb: str, args: tuple[Any, ...], work: Callable[[], Awaitable[Any]]) -> Any:
        self._world.check()
        target = self._target
        if not isinstance(target, LoggedJobs):
            return await work()
        target.verb, target.holder = verb, args[0] if args and isinstance(args[0], Holding) else None
        try:
            return await work()
        except Fenced:
            holder = target.holder
            if holder is not None and (job := target.jobs.get(holder.key)) and job.attempt > holder.attempt:
                self._world.hit("a zombie was refused")
            raise

    def _blame(self, verb: str, args: tuple[Any, ...]) -> None:
        """Clean-up that could not be done, or may not have been asked for, because of this fault."""
        if verb in FINAL_WRITES:
            self._world.excuses[args[0].key, args[0].attempt] = f"the answer to {verb} was lost or late"
        elif verb in CLEANING and not isinstance(self._target, LoggedJobs):  # objects, not a record
            for key in args[0] if verb == "delete" else args[:1]:
                parts = key.split("/")
                attempt = int(parts[2]) if len(parts) > 3 else 0  # 0: the sweep after all attempts
                self._world.excuses[parts[1], attempt] = f"{verb} failed"


class HintWire:
    """The board as one container has it."""

    def __init__(self, world: World, weather: Weather, board: Any) -> None:
        self._world, self._weather, self._board = world, weather, board
        self._clock = VirtualClock()

    async def publish(self, job_id: str, hint: Any, *, again: bool = False) -> bool:
        self._world.check()
        dice = self._world.dice
        if self._weather.redis == "slow" and dice.random() < 0.5:
            late = self._land(4 * dice.random(), self._board.publish(job_id, hint, again=again))
            asyncio.get_running_loop().create_task(late, context=NETWORK.copy())
            await self._clock.sleep(dice.random())
            self._world.hit("a reading was given up and lands later")
        elif await self._reached():
            return bool(await self._board.publish(job_id, hint, again=again))
        return True

    async def _land(self, seconds: float, publication: Awaitable[object]) -> None:
        """Redis stood still, and reads in any order what came meanwhile by connections that were given up."""
        await self._clock.sleep(seconds)
        await publication

    async def read(self, job_id: str) -> Any:
        if not await self._reached():
            return None
        hint = await self._board.read(job_id)
        await self._clock.sleep(0)
        return hint

    async def read_many(self, job_ids: Any) -> Any:
        if not await self._reached():
            return {}
        hints = await self._board.read_many(job_ids)
        await self._clock.sleep(0)
        return hints

    async def forget(self, job_id: str) -> None:
        if await self._reached():
            await self._board.forget(job_id)

    @property
    def degraded(self) -> bool:
        return self._weather.redis != "fine"

    async def _travel(self) -> None:
        """To Redis; the client there may lose a cancellation, as libraries have been seen to do."""
        dice = self._world.dice
        seconds = 2 * dice.random() if self._weather.redis == "slow" else 0.1 * dice.random() if self._world.deaf else 0
        try:
            await self._clock.sleep(seconds)
        except asyncio.CancelledError:
            if self._world.over or dice.random() >= self._world.deaf:
                raise
            self._world.hit("a cancellation was lost")

    async def _reached(self) -> bool:
        self._world.check()
        await self._travel()
        self._world.check()
        if self._weather.redis == "away":
            self._world.hit("Redis was away")
        return self._weather.redis != "away"
