"""
The circuit (`core/circuit.py`) in front of one AWS service, shared by all threads of the process.

Calls run outside the lock: it is held to decide about a call, and again to note how it ended. Every change of state is
an event.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from service.core.circuit import CallOutcome, Circuit, CircuitState
from service.core.errors import CircuitOpen, Indefinite, Unavailable
from service.telemetry import emit, events

T = TypeVar("T")

# Failures in a row. Each has gone through botocore's own repetitions (3 or 4 requests), so five are some 15 requests
# without an answer: more than a hiccup of one connection, and still within a few seconds when the service is down.
FAILURES = 5

# Seconds. A heartbeat goes through the same circuit, and the pause comes on top of an outage before a lease can be
# renewed: it has to be a small part of the lease (wiring takes a twelfth of it where that is less).
RESET = 1.0

WORST_LAST = tuple(state.value for state in (CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.OPEN))


class CircuitBreaker:
    """
    Lets calls to the service `name` through, or refuses them. `monotonic` tells the time in seconds.

    Only `Unavailable` and `Indefinite` are failures; any other error is an answer.
    """

    def __init__(
        self, name: str, monotonic: Callable[[], float], *, failures: int = FAILURES, reset: float = RESET
    ) -> None:
        self.name = name
        self._monotonic = monotonic
        self._circuit = Circuit(threshold=failures, reset=reset)
        self._lock = threading.Lock()
        self._this_thread = threading.local()

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        return self._circuit.state.value

    def check(self) -> None:
        """Raise `CircuitOpen` if a call could not be made now. Never waits."""
        with self._lock:
            self._raise_if_refused(self._circuit.decide(self._monotonic()).wait)

    def guard(self, call: Callable[[], T]) -> T:
        """
        Make a call. Raises `CircuitOpen` instead if the circuit is open.

        A call within a call on the same thread belongs to the outer one.
        """
        if getattr(self._this_thread, "inside", False):
            return call()
        began = self._begin()
        self._this_thread.inside = True
        try:
            result = call()
        except BaseException as error:
            self._end(error, began)
            raise
        finally:
            self._this_thread.inside = False
        self._end(None, began)
        return result

    def _begin(self) -> CircuitState:
        with self._lock:
            wait, circuit = self._circuit.decide(self._monotonic())
            self._raise_if_refused(wait)
            self._become(circuit, reason="")
            return circuit.state

    def _end(self, error: BaseException | None, began: CircuitState) -> None:
        outcome = CallOutcome.FAILED if _is_failure(error) else CallOutcome.ANSWERED
        with self._lock:
            self._become(self._circuit.after(outcome, self._monotonic(), began), reason=str(error))

    def _raise_if_refused(self, wait: float) -> None:
        if wait > 0:
            raise CircuitOpen(f"{self.name} is left alone for another {wait:.1f} s", retry_after=wait)

    def _become(self, circuit: Circuit, *, reason: str) -> None:
        before, self._circuit = self._circuit.state, circuit
        if circuit.state is before:
            return
        match circuit.state:
            case CircuitState.OPEN:
                emit(events.CIRCUIT_OPENED, service=self.name, reason=reason, retry_after=circuit.reset)
            case CircuitState.HALF_OPEN:
                emit(events.CIRCUIT_HALF_OPEN, service=self.name)
            case CircuitState.CLOSED:
                emit(events.CIRCUIT_CLOSED, service=self.name)


def circuits(*breakers: CircuitBreaker) -> Mapping[str, str]:
    """The states by name; where several circuits lead to one service, the worst."""
    worst = sorted(breakers, key=lambda breaker: WORST_LAST.index(breaker.state))
    return {breaker.name: breaker.state for breaker in worst}


def _is_failure(error: BaseException | None) -> bool:
    return isinstance(error, Unavailable | Indefinite) and not isinstance(error, CircuitOpen)
