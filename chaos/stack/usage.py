"""What a container uses, as its engine and its own /proc tell."""

import contextlib
from typing import Any

from docker.errors import APIError

from chaos.history.events import Sample
from chaos.stack.engine import Box, EngineError

DESCRIPTORS = "ls /proc/[0-9]*/fd 2>/dev/null | grep -c '^[0-9]'"


def sample(box: Box) -> Sample | None:
    """Measure a container; None if it does not run."""
    with contextlib.suppress(APIError, EngineError, KeyError, ValueError):
        stats: dict[str, Any] = box.raw.stats(stream=False, one_shot=True)
        memory = stats["memory_stats"]
        cached = memory.get("stats", {}).get("total_inactive_file", memory.get("stats", {}).get("inactive_file", 0))
        return Sample(
            container=box.name,
            memory_bytes=int(memory["usage"]) - int(cached),
            descriptors=int(box.run("sh", "-c", DESCRIPTORS)),
            tasks=int(stats["pids_stats"]["current"]),
        )
    return None
