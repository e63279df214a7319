"""
Faults of a real stack, as values; when each comes, drawn from the seed; and the thread that does it.

A fault acts upon an `Injection`: the stack, a source of draws of its own, and what it has chosen, which its healing
needs. `heal` may be called again, and after the stack has been healed as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.ambient import Draws
from chaos.stack import Stack

# The service gives a job up after so many takeovers, because the file itself may be the cause. A fault that would take
# a job further than this looks for another victim, unless that is what it is for.
BEARABLE = 3


@dataclass(slots=True)
class Injection:
    """One fault, once. `targets` is for the history and for the healing, and empty if nothing could be done."""

    stack: Stack
    draw: Draws
    targets: list[str] = field(default_factory=list)
    detail: str = ""
    wants_busy: bool | None = None  # drawn once, however often a victim is looked for

    def victim(self, *, busy: float = 0.8) -> str | None:
        """
        Choose a member that answers: with the probability `busy` one that converts.

        None while there is none such, while every one holds a job that was interrupted too often already, and while it
        is the only one that answers: a fault then waits. A slow machine would otherwise kill containers faster than it
        starts them, and no job would ever be hit.
        """
        ready = self.stack.ready()
        if len(ready) < min(2, len(self.stack.members)):
            return None
        spared = {one.member for one in self.stack.holdings() if one.takeovers >= BEARABLE}
        running = [member for member in ready if member not in spared]
        if self.wants_busy is None:
            self.wants_busy = self.draw.random() < busy
        if self.wants_busy:
            running = sorted({one.member for one in self.stack.holdings()} & set(running))
        return self.draw.choice(running) if running else None

    def aim(self, *targets: str) -> None:
        """Remember what was hit."""
        self.targets.extend(targets)


def link(member: str, dependency: str) -> str:
    """Return how a link is written in the history."""
    return f"{member}→{dependency}"


def ends(links: Sequence[str]) -> list[tuple[str, str]]:
    """Return the links that were written so."""
    return [(one.partition("→")[0], one.partition("→")[2]) for one in links if "→" in one]
