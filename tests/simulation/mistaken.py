"""What a watcher would conclude about others if it were less careful; for `tests.simulation.mutations`."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from service.core.jobs.presence import Look, Memory, recall
from service.worker.fleet.deaths import Deaths
from tests.simulation.presence import SimulatedPresence

Concluded: TypeAlias = tuple[Memory, frozenset[str]]


def recall_across_epochs(before: Memory, look: Look | None, *rest: Any) -> Concluded:
    """Take what was seen through another connection for evidence."""
    return recall(before, look and Look("1", look.present), *rest)


def recall_without_grace(before: Memory, look: Look | None, *rest: Any) -> Concluded:
    """Give no time to connect again."""
    asked, sent, now, policy = rest
    return recall(before, look, asked, sent, now, replace(policy, grace=0.0))


def trusts_any_server(self: SimulatedPresence, present: frozenset[str]) -> bool:  # as what it replaces
    """Look also where the own connection is not."""
    return True


async def believes_redis(self: Deaths, owners: Iterable[str | None]) -> set[str]:  # as what it replaces
    """Take workers for dead that say that they live."""
    return set()
