"""What is logged of an instance's end: why it stops, how long that takes, and how many jobs it gives back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from service.ports.time import Clock
from service.telemetry import emit, events, subscribe
from service.telemetry.events import Event


class Lifetime:
    """From the start of an instance, which is when this is made, to its end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._stopping_since: float | None = None
        self._reason = "the worker ended by itself"
        self._released = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the jobs that are given back during this block."""
        with subscribe(self._note, {events.JOB_RELEASED}):
            yield

    def stopping(self, signal: str, active: int) -> None:
        """Log that the instance was told to stop, with so many conversions under way."""
        self._reason, self._stopping_since = signal, self._clock.monotonic()
        emit(events.SERVICE_STOPPING, signal=signal, active=active)

    def ended(self) -> None:
        """Log that nothing runs any more."""
        now = self._clock.monotonic()
        since = now if self._stopping_since is None else self._stopping_since
        emit(
            events.SERVICE_STOPPED,
            reason=self._reason,
            uptime=round(now - self._began, 1),
            seconds=round(now - since, 2),
            released=self._released,
        )

    def _note(self, _: Event, fields: Mapping[str, object]) -> None:
        if fields.get("reason") == "shutdown":
            self._released += 1
