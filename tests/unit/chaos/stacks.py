"""A stack that only remembers what was done to it."""

from dataclasses import dataclass, field

from chaos.stack import Holding


@dataclass
class RememberedStack:
    """As much of `chaos.stack.Stack` as faults of members need."""

    members: list[str] = field(default_factory=lambda: ["one", "two", "three"])
    down: set[str] = field(default_factory=set)
    held: list[Holding] = field(default_factory=list)
    done: list[tuple[str, ...]] = field(default_factory=list)

    def ended(self) -> list[str]:
        return []

    def running(self) -> list[str]:
        return [member for member in self.members if member not in self.down]

    def ready(self) -> list[str]:
        return self.running()

    def holdings(self) -> list[Holding]:
        return self.held

    def kill(self, *members: str) -> None:
        self.done.append(("kill", *members))
        self.down.update(members)

    def start(self, member: str, *, wait: bool = True) -> None:
        self.done.append(("start", member))
        self.down.discard(member)

    def pause(self, member: str) -> None:
        self.done.append(("pause", member))
        self.down.add(member)

    def thaw(self, member: str) -> None:
        self.done.append(("thaw", member))
        self.down.discard(member)
