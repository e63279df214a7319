"""
What a scenario can do to a system: `Stack`, a small interface, and its implementation on Docker.

A stack has members (the containers of the service under test, which may be any number) and dependencies (what they
stand on, each reached over a link of its own from each member, so that one link can fail alone). Another project that
wants to be tested writes its own `Stack`, or only its own `reprise.py`: the other modules of this package know
Docker, Toxiproxy, LocalStack and Valkey, and nothing of any service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chaos.history.events import Final, Leftover, Sample, Stored

OBJECTS, RECORDS, HINTS = "objects", "records", "hints"  # dependencies: S3, DynamoDB, Redis
BOTH, TO, FROM = "both", "to", "from"  # which way a link is cut


class StackError(Exception):
    """What was asked could not be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A job that a member works on, as its log says; `takeovers`: attempts at it that were cut short before."""

    job_id: str
    member: str
    attempt: int
    takeovers: int


class Stack(Protocol):
    """
    The system under test. All methods raise `StackError`.

    Whatever can be healed may be healed repeatedly, and also if it was never harmed. Every call blocks until it is
    done, and writes what it did to a member into the history.
    """

    @property
    def members(self) -> Sequence[str]:
        """The names of all members, running or not."""

    def running(self) -> Sequence[str]:
        """Return the members that can do something at this moment."""

    def ready(self) -> Sequence[str]:
        """Return those of them that have answered since they were started."""

    def ended(self) -> Sequence[str]:
        """Look for members that have ended by themselves, and return them; they do not run any more."""

    def address(self, member: str) -> str:
        """Return where clients reach a member."""

    def holdings(self) -> Sequence[Holding]:
        """Return what members work on at this moment, by their logs."""

    # ── members ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, member: str, *, wait: bool = True) -> None:
        """Start a member that is not running; with `wait`, come back when it answers."""

    def stop(self, member: str) -> None:
        """Ask it to end (SIGTERM), and wait for that."""

    def kill(self, *members: str) -> None:
        """SIGKILL, all of them at the same moment as far as that can be had."""

    def pause(self, member: str) -> None:
        """Freeze all of its processes."""

    def thaw(self, member: str) -> None:
        """Undo `pause`."""

    def signal(self, member: str, program: str, signal: str) -> int:
        """Send a signal (`KILL`, `STOP`, `CONT`) to the processes of a program in a member; return to how many."""

    def add(self) -> str:
        """Start one more member, and return its name."""

    def retire(self, member: str) -> None:
        """Stop a member for good."""

    def deploy(self, member: str, version: str) -> None:
        """Stop a member, and start it again from another image; `version` is a key that the runner was given."""

    def limit(self, member: str, *, memory: int | None = None, cpus: float | None = None) -> None:
        """Give a member so many bytes of memory and processors from now on; None: as at its start."""

    def fill(self, member: str, free: int) -> None:
        """Fill a member's scratch space up to so many free bytes; 0 empties what was filled."""

    def skew(self, member: str, seconds: float) -> None:
        """Set the clock of a member so many seconds ahead (or behind); 0 is right."""

    # ── links and dependencies ───────────────────────────────────────────────────────────────────────────────────

    def cut(self, member: str, dependency: str, way: str = BOTH) -> None:
        """Let no byte through any more, and close nothing."""

    def slow(self, member: str, dependency: str, milliseconds: int) -> None:
        """Let every answer come so much later."""

    def reset(self, member: str, dependency: str, after: int) -> None:
        """Break every connection after so many bytes that the member sent: in the middle of a request."""

    def refuse(self, member: str, dependency: str) -> None:
        """Answer every request with 503, without asking the dependency."""

    def mend(self, member: str | None = None, dependency: str | None = None) -> None:
        """Make a link as it was; without names, all that fit."""

    def harm(self, dependency: str, how: str) -> bool:
        """Do something to a dependency itself: `kill`, `pause` or `flush`. False if it does not run anyway."""

    def restore(self, dependency: str) -> None:
        """Undo `harm`; what was lost stays lost."""

    # ── what is there ────────────────────────────────────────────────────────────────────────────────────────────

    def samples(self) -> Sequence[Sample]:
        """Return what each running member uses."""

    def stored(self) -> Stored:
        """Return how much lies in the stores."""

    def finals(self) -> Sequence[Final]:
        """Return what the store says of all jobs."""

    def leftovers(self) -> Sequence[Leftover]:
        """Return what lies in the stores and belongs to no record."""

    def inside(self, member: str) -> Mapping[str, int]:
        """Count what must not outlive its job inside of a member: programs running, files in its scratch space."""

    def close(self) -> None:
        """Remove everything, keeping the logs."""
