"""Processes of `benchmarks.polled` that take turns, so that what is measured of each was measured of the others too."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Self

from service import wiring
from service.cli.processes import ROOT

SECONDS_OF_POLLS = 12.0  # in a run
POLLS, UNCOUNTED = 60, 6  # in a turn, and before them, while the code comes back into the caches
WARM = 500  # polls of a new process: Python is still finding out what is called often


def polls(environment: Mapping[str, str], kinds: Mapping[str, Mapping[str, str]]) -> list[dict[str, float]]:
    """Start the processes, let them take turns, and stop them; returns the seconds of CPU of one poll in each round."""
    rounds: list[dict[str, float]] = []
    with ExitStack() as stack:
        polled = {name: stack.enter_context(Polled({**environment, **more})) for name, more in kinds.items()}
        for one in polled.values():
            one.poll(WARM)
        clock = wiring.SystemClock()
        end = clock.monotonic() + SECONDS_OF_POLLS
        while not rounds or clock.monotonic() < end:
            order, first = list(polled.items()), len(rounds) % len(polled)
            found = {}
            for name, one in (*order[first:], *order[:first]):  # so that none comes always after the same, or itself
                one.poll(UNCOUNTED)
                found[name] = one.poll(POLLS)
            rounds.append({name: found[name] for name in kinds})
    return rounds


class Polled:
    """A process of `benchmarks.polled`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(
            wiring.mortal([sys.executable, "-m", "benchmarks.polled"]),
            cwd=ROOT,
            env={**environment, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.terminate()

    def poll(self, times: int) -> float:
        """Return the seconds of CPU of one of so many polls. Raises `ValueError` if the process has failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())
