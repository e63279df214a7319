"""A Redis client that logs what it asks for: operation, key, how long it took, and the state of the connection."""

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from service.telemetry import emit, events, wanted

ERRORS = (RedisError, OSError)  # a time-out is one of the latter
Monotonic = Callable[[], float]
State = Callable[[], str]
# Where the key stands in a command, 0 if there is none; in all others it comes first.
FIRST_KEY = {"EVALSHA": 3, "EVAL": 3, "PING": 0, "SCRIPT LOAD": 0}


class LoggedRedis(Redis):
    """`log_with` it before it is used. Passwords are sent with the connection, which does not come past here."""

    def log_with(self, monotonic: Monotonic, state: State) -> None:
        """Take how to tell the time in seconds, and the state of the circuit."""
        self._monotonic, self._state = monotonic, state

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""
        if not wanted(events.REDIS_CALL):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        began, state, status = self._monotonic(), self._state(), "ok"
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except ERRORS as error:
            status = type(error).__name__
            raise
        finally:
            log(str(args[0]), key_in(args), status, self._monotonic() - began, state)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> "LoggedPipeline":  # noqa: FBT001, FBT002  # as redis-py has it
        """Return a pipeline that logs itself as one command."""
        made = LoggedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.log_with(self._monotonic, self._state)
        return made


class LoggedPipeline(Pipeline):
    """Several commands in one round trip."""

    def log_with(self, monotonic: Monotonic, state: State) -> None:
        """See `LoggedRedis`."""
        self._monotonic, self._state = monotonic, state

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002  # as redis-py has it
        """Send all of them."""
        if not wanted(events.REDIS_CALL):
            return await super().execute(raise_on_error)
        keys = " ".join(key_in(command[0]) for command in self.command_stack)
        began, state, status = self._monotonic(), self._state(), "ok"
        try:
            return await super().execute(raise_on_error)
        except ERRORS as error:
            status = type(error).__name__
            raise
        finally:
            log("PIPELINE", keys, status, self._monotonic() - began, state)


def log(operation: str, key: str, status: str, seconds: float, connection: str) -> None:
    """Log one command; `status` is ``ok`` or the class of the error."""
    emit(
        events.REDIS_CALL, operation=operation, key=key, status=status, seconds=round(seconds, 4), connection=connection
    )


def key_in(command: tuple[Any, ...]) -> str:
    """Return the key, or the channel, of a command; empty if it has none."""
    at = FIRST_KEY.get(str(command[0]).upper(), 1)
    return str(command[at]) if 0 < at < len(command) else ""
