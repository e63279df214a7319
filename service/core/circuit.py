"""
A circuit in front of a backing service, as a value: a service that fails again and again is left alone for a while.

    closed ── `threshold` failures in a row ──▶ open ── `reset` seconds ──▶ half-open ── an answer ──▶ closed
                                                 ▲                              │
                                                 └────────── a failure ─────────┘

While half-open, one call in `reset` seconds finds out whether the service is back; not one call until it has returned,
because that one may hang for longer than a lease lasts, and a heartbeat must not wait for it.

Pure: it is told the time (monotonic seconds), and each change is a new value. `adapters/aws/circuit.py` keeps one for
S3 and one for DynamoDB, `adapters/redis/connection.py` one for Redis.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple


class CircuitState(StrEnum):
    """What becomes of a call: it is made, it is refused, or one at a time is made to find out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CallOutcome(StrEnum):
    """How a call ended. A refusal, such as "no such key", is an answer: a service that refuses is there."""

    ANSWERED = "answered"
    FAILED = "failed"


class Decision(NamedTuple):
    """May a call be made now? `wait` is 0 if so, else the seconds until one may; `circuit` is the value from now on."""

    wait: float
    circuit: "Circuit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Closed at first. Opens after `threshold` failures in a row, for `reset` seconds."""

    threshold: int
    reset: float
    state: CircuitState = CircuitState.CLOSED
    failures: int = 0  # in a row, while closed
    next_try: float = 0.0  # monotonic seconds; while not closed

    def decide(self, now: float) -> Decision:
        """Decide on a call at `now`; one that is let through while the circuit is not closed is a trial."""
        if self.state is CircuitState.CLOSED:
            return Decision(0.0, self)
        if (wait := self.next_try - now) > 0:
            return Decision(wait, self)
        return Decision(0.0, replace(self, state=CircuitState.HALF_OPEN, next_try=now + self.reset))

    def after(self, outcome: CallOutcome, now: float, began: CircuitState | None = None) -> "Circuit":
        """
        Return the circuit after a call that ended at `now`.

        `began` is the state in which the call was let through. If the state is another one by now, the call began
        before the circuit opened (or closed) and tells nothing about the present. None: it counts in any case.
        """
        if began not in (None, self.state):
            return self
        if outcome is CallOutcome.ANSWERED:
            return replace(self, state=CircuitState.CLOSED, failures=0, next_try=0.0)
        failures = self.failures + 1
        if self.state is CircuitState.CLOSED and failures < self.threshold:
            return replace(self, failures=failures)
        return replace(self, state=CircuitState.OPEN, failures=0, next_try=now + self.reset)
