"""
A circuit in front of one backing service: when it fails again and again, it is left alone for a moment.

Counting and the states are pybreaker's. What stands around it is what pybreaker leaves out: its `call` holds a lock
for as long as the guarded call takes, which would let one call through at a time, and it asks the wall clock. So calls
run outside, only their outcomes are handed in, and the pause is measured on our monotonic clock.

    closed ── `failures` in a row ──▶ open ── `reset` seconds ──▶ half open ── one good answer ──▶ closed
                                       ▲                            │
                                       └────────── a failure ───────┘

Any answer is a good one, also "no such key" or "the condition does not hold": a service that refuses is there. While
half open, one call in `reset` seconds finds out; not *one call until it comes back*, because that one may hang for
longer than a lease lasts, and a heartbeat must not wait for it.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

import pybreaker

from service.core.errors import CircuitOpen, Indefinite, Unavailable
from service.telemetry import emit, events

T = TypeVar("T")

FAILURES = 5  # in a row
RESET = 1.0  # seconds; much shorter than a lease, or the circuit would cost a worker its job


class Breaker:
    """
    The circuit of the service `name`, shared by all threads. `monotonic` tells the time in seconds.

    Only `Unavailable` and `Indefinite` are failures.
    """

    def __init__(
        self, name: str, monotonic: Callable[[], float], *, failures: int = FAILURES, reset: float = RESET
    ) -> None:
        self.name = name
        self._monotonic = monotonic
        self._reset = reset
        self._teller = _Teller(reset)
        self._circuit = pybreaker.CircuitBreaker(
            fail_max=failures,
            exclude=[_is_an_answer],
            listeners=[self._teller],
            name=name,
            throw_new_error_on_trip=False,
        )
        self._lock = threading.Lock()
        self._next_try = 0.0
        self._inside = threading.local()

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return str(self._circuit.current_state)

    def check(self) -> None:
        """Raise `CircuitOpen` if a call could not be made now. Never waits."""
        with self._lock:
            self._refuse()

    def guard(self, call: Callable[[], T]) -> T:
        """
        Make a call. Raises `CircuitOpen` instead if the circuit is open.

        A call within a call on the same thread belongs to the outer one.
        """
        if getattr(self._inside, "yes", False):
            return call()
        counts = self._enter()
        self._inside.yes = True
        try:
            result = call()
        except BaseException as error:
            self._leave(error, counts=counts)
            raise
        finally:
            self._inside.yes = False
        self._leave(None, counts=counts)
        return result

    def _refuse(self) -> None:
        if self.state != pybreaker.STATE_CLOSED and (left := self._next_try - self._monotonic()) > 0:
            raise CircuitOpen(f"{self.name} is left alone for another {left:.1f} s", retry_after=left)

    def _enter(self) -> str:
        """The state in which a call begins. Only one that began in the present state may change it."""
        with self._lock:
            self._refuse()
            if self.state != pybreaker.STATE_CLOSED:
                self._next_try = self._monotonic() + self._reset
                if self.state == pybreaker.STATE_OPEN:
                    self._circuit.half_open()
            return self.state

    def _leave(self, error: BaseException | None, *, counts: str) -> None:
        with self._lock:
            if counts != self.state:
                return  # it began before the circuit opened (or closed), and tells nothing about now
            try:
                self._teller.reason = str(error)
                self._circuit.call(_again, error)
            except BaseException as same:
                if same is not error:
                    raise
            if self.state == pybreaker.STATE_OPEN:
                self._next_try = self._monotonic() + self._reset


class _Teller(pybreaker.CircuitBreakerListener):
    """Says every change of state once."""

    def __init__(self, reset: float) -> None:
        self._reset = reset
        self.reason = ""

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        match new_state.name:
            case pybreaker.STATE_OPEN:
                emit(events.CIRCUIT_OPENED, service=cb.name, reason=self.reason, retry_after=self._reset)
            case pybreaker.STATE_HALF_OPEN:
                emit(events.CIRCUIT_HALF_OPEN, service=cb.name)
            case _:
                emit(events.CIRCUIT_CLOSED, service=cb.name)


def circuits(*breakers: Breaker) -> Mapping[str, str]:
    """The states by name."""
    return {breaker.name: breaker.state for breaker in breakers}


def _again(error: BaseException | None) -> None:
    if error is not None:
        raise error


def _is_an_answer(error: BaseException) -> bool:
    return not isinstance(error, Unavailable | Indefinite) or isinstance(error, CircuitOpen)
