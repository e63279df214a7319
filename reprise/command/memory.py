"""
What is kept between two runs, so that the second goes on where the first was interrupted.

One small file for each conversion, named after what it is: the service, the file as it was (size and time of its last
change), the format and the options. It is removed when the output is there.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLD = 30 * 86_400  # seconds


def folder(environment: Mapping[str, str]) -> Path:
    """Return where it is kept: `$XDG_STATE_HOME/reprise`, or below the home directory."""
    base = environment.get("XDG_STATE_HOME") or str(Path(environment.get("HOME", "/")) / ".local" / "state")
    return Path(base) / "reprise"


def forget_old(place: Path, now: float) -> None:
    """Remove what no run has touched for a month; the service keeps what it is about for a day or a few."""
    for path in place.glob("*.json"):
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > OLD:
                path.unlink()


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of one conversion."""

    path: Path

    @classmethod
    def of(cls, place: Path, *what: object) -> "Memory":
        """Return the memory of a conversion; the same `what` gives the same one."""
        name = hashlib.sha256(json.dumps(what, default=str, sort_keys=True).encode()).hexdigest()[:32]
        return cls(place / f"{name}.json")

    def read(self) -> dict[str, Any]:
        """Return what was kept; nothing if there is nothing, or it cannot be read."""
        try:
            found = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def keep(self, **what: object) -> None:
        """Add to what is kept. Where nothing can be written, the next run begins anew."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self.read() | what))
            new.replace(self.path)
        except OSError:
            return

    def forget(self) -> None:
        """Drop it."""
        self.path.unlink(missing_ok=True)
