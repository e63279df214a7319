"""A thousand histories of the whole service, each with its own faults; `docs/simulation.md` says what is simulated."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.run import simulate

ROOT = Path(__file__).parent.parent.parent
SHARD = 200
SHARDS = (0, *(pytest.param(number, marks=pytest.mark.long) for number in range(1, 5)))

REALLY_HAPPENED = (
    "killed in the middle of a conversion",
    "frozen in the middle of a conversion",
    "the whole host was frozen in the middle of a conversion",
    "a conversion stood still without trust",
    "a conversion went on after its trust had ended",
    "told to stop in the middle of a conversion",
    "stores cut in the middle of a conversion",
    "stores mute in the middle of a conversion",
    "stores late in the middle of a conversion",
    "stores slow in the middle of a conversion",
    "stores fickle in the middle of a conversion",
    "a clean-up was slow",
    "a cancellation was lost",
    "a zombie was refused",
    "a poisonous file killed its container",
    "ffmpeg stalled",
    "ffmpeg died",
    "an answer was lost after its effect",
    "a call was given up and lands later",
    "a reading was given up and lands later",
    "a call was refused",
    "a client got no answer",
    "a key was seen before",
    "a wall clock was wrong",
    "the index was behind",
    "a worker looked at the jobs of its neighbours",
    "a worker looked at the list of all running jobs",
    "killed in the middle of a conversion, and its entry was lost",
    "a lapsed job went back to the queue",
    "the entry of a dead worker was removed",
    "a tenant with less running went before an older job",
    "Redis was away",
    "Redis was flushed",
    "a death was heard",
    "a needless takeover happened",
    "a worker that lives without Redis was not taken for dead",
    "a worker found that it was taken for dead",
    "the word of Redis was void",
    "a job ended as succeeded",
    "a job ended as cancelled",
    "a job ended as bad_media",
    "a job ended as attempts_exhausted",
    "a job ended as input_gone",
    "something was deleted",
    "a deletion had to be repeated",
    "an upload was abandoned",
    "a stranger was sent away",
    "a janitor removed something",
    "a day later",
)


@pytest.mark.requirement("1.6", "2.5", "2.7", "2.8", "4.2", "4.5", "6.4", "6.7")
@pytest.mark.parametrize("shard", SHARDS)
def test_every_promise_holds_in_every_history(shard: int) -> None:
    """Whatever the seed does to containers, stores, Redis, clocks and ffmpeg, no checker finds a broken promise."""
    hits: Counter[str] = Counter()
    for seed in range(shard * SHARD, (shard + 1) * SHARD):
        result = simulate(seed)
        hits += result.hits
        if result.broken:
            pytest.fail(f"seed {seed}; replay: make simulate SEEDS={seed}\n" + "\n".join(result.broken))

    missing = [fact for fact in REALLY_HAPPENED if not hits[fact]]
    assert missing == [], "a simulation in which this never happens proves nothing about it"


@pytest.mark.parametrize("seed", [3, 44, 1187])
def test_seed_replays_the_same_history_byte_for_byte(seed: int) -> None:
    """The same seed gives the same trace, byte for byte, and the same records."""
    first, second = simulate(seed, trace=True), simulate(seed, trace=True)

    assert first.trace == second.trace
    assert first.history == second.history
    assert len(first.trace) > 1000


def test_seed_replays_the_same_history_in_another_process() -> None:
    """A seed that fails on one machine can be replayed on another: no hash and no address has a say in it."""
    play = "from tests.simulation.run import simulate\nfor seed in range(40): print(simulate(seed, trace=True).trace)"
    traces = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}  # noqa: TID251  # what the child needs to start
        command = [sys.executable, "-c", play]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=100
        )
        traces.add(done.stdout)

    assert len(traces) == 1
    assert traces.pop().count("job.claimed") > 40


def test_different_seeds_are_different_histories() -> None:
    """The seed decides about everything: no two of ten histories are alike."""
    assert len({simulate(seed, trace=True).trace for seed in range(10)}) == 10
