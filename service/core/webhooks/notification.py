"""
A notification: how far the word that a job has ended has come on its way to the endpoint of its tenant.

It is a part of the job's record. The very write that ends a job makes it ``pending``, so no end is without its
notification; and it goes when the record goes.

::

                  end of the job            delivered (2xx)
        (none) ───────────────▶ pending ───────────────────▶ delivered
                                 ▲ │ ▲                           │
                   postponed ────┘ │ └── resent ─────────────────┤
                                   └──────────────────────────▶ dead
                                     refused for good (410), or `MOST_TRIES` in vain

A notifier *takes* a pending one that is due: the number of the attempt rises, and it is due again `LEASE` seconds
later. That number is the fencing token of what the notifier records afterwards. If it is killed, the notification
becomes due again by itself, so each arrives at least once. Due times are those of wall clocks: a wrong clock makes a
notification early or late, or has it sent twice, which receivers have to expect anyway.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from service.core.backoff import Backoff
from service.core.errors import IllegalTransition
from service.core.jobs.lease import Holding
from service.core.webhooks.asked import Answer, seconds_asked

LEASE: Final = 60.0  # seconds for which a notifier keeps what it has taken; it sends for `SEND_SECONDS` at the most
SEND_SECONDS: Final = 15.0  # for all of a request: name, connection, handshake, headers of the answer
MOST_TRIES: Final = 14
LAST_CHANCE: Final = 60.0  # seconds before the end of its job at which a try comes that was put off for a receiver

# 5 s, 15 s, 45 s, … 3 hours, and from then on 4: with `MOST_TRIES` 22 to 25 hours in all.
RETRIES: Final = Backoff(first=5.0, factor=3.0, cap=4 * 3600.0, jitter=0.1)
FARTHEST: Final = max(RETRIES.cap, LEASE)  # no notification is ever due later than that from now


class Progress(StrEnum):
    """Where a notification is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Of a job that has ended. When it is due stands in the `due_at` of the job's lease, which needs it no more."""

    state: Progress = Progress.PENDING
    attempt: int = 0  # how often it was taken: the fencing token, which only rises
    tries: int = 0  # of these, since it was made or sent again
    owner: str | None = None  # the notifier that has taken it
    error: str | None = None  # why the last attempt was in vain, from a fixed vocabulary
    ended_at: float | None = None  # when it was delivered, or given up

    def taken(self, owner: str) -> Self:
        """Take it for a notifier."""
        self._only_pending("taken")
        return replace(self, attempt=self.attempt + 1, tries=self.tries + 1, owner=owner)

    def delivered(self, now: float) -> Self:
        """Note that the receiver has accepted it."""
        return replace(self, state=Progress.DELIVERED, owner=None, error=None, ended_at=now)

    def postponed(self, error: str) -> Self:
        """Note an attempt in vain, after which there is another one."""
        return replace(self, owner=None, error=error)

    def buried(self, error: str, now: float) -> Self:
        """Give it up."""
        return replace(self, state=Progress.DEAD, owner=None, error=error, ended_at=now)

    def resent(self) -> Self:
        """Begin again, whatever became of it. A notifier that has it just now is fenced off by `owner`."""
        return replace(self, state=Progress.PENDING, tries=0, owner=None, ended_at=None)

    def holding(self, job_id: str) -> Holding:
        """Return what the notifier's writes speak for; raises `IllegalTransition` if none has taken it."""
        if self.owner is None:
            raise IllegalTransition("No notifier has taken this notification.")
        return Holding(job_id, self.owner, self.attempt)

    def held_by(self, holding: Holding) -> bool:
        """Tell whether `holding` is what a notifier got when it took it, and no other has taken it since."""
        return self.state is Progress.PENDING and (self.owner, self.attempt) == (holding.owner, holding.attempt)

    def _only_pending(self, what: str) -> None:
        if self.state is not Progress.PENDING:
            raise IllegalTransition(f"a notification that is {self.state} cannot be {what}")


def message_id(job_id: str, state: str) -> str:
    """Return the id of the notification of this end, by which receivers know what they have had already."""
    return f"{job_id}_{state}"


def is_due(due_at: float, now: float) -> bool:
    """Tell whether it may be taken; a due time farther off than any delay was written by a clock that runs ahead."""
    return due_at <= now or due_at > now + FARTHEST


# ── what an attempt has come to ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has accepted it."""


@dataclass(frozen=True, slots=True)
class Later:
    """In vain; there is another attempt in `delay` seconds."""

    error: str
    delay: float


@dataclass(frozen=True, slots=True)
class Dead:
    """In vain, and the last one."""

    error: str


def conclude(
    answer: Answer | str, tries: int, draw: float, *, now: float, ends_at: float = math.inf
) -> Delivered | Later | Dead:
    """
    Decide what follows from an answer, or from why there was none.

    2xx is success. 410 says that nothing is wanted any more. All else, a redirect too, is in vain; `tries` counts the
    attempt that was just made, `draw` is uniform in [0, 1).

    A receiver may ask for a longer pause than ours, never for a shorter one, nor for one that lasts until its job is
    forgotten: that is at `ends_at`, by the wall clock, as is `now`.
    """
    if isinstance(answer, str):
        error, asked = answer, 0.0
    elif 200 <= answer.status < 300:
        return Delivered()
    else:
        error, asked = f"status_{answer.status}", min(seconds_asked(answer, now), ends_at - now - LAST_CHANCE)
    if error == "status_410" or tries >= MOST_TRIES:
        return Dead(error)
    return Later(error, max(RETRIES.delay(tries, draw), asked))
