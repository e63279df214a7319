"""
What `python -m service story` tells from the logs of a chaos run, compared with the run's own history.

The history has the final states from the table, the kills with their moments from the engine, and the container of each
attempt from the stream it was logged in; the story has the text of the logs.
`python -m tests.support.story_check FOLDER` prints the differences.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chaos.history.interruptions import Interruption, interruptions
from chaos.history.recording import history_of, read
from chaos.history.records import History
from tests.support.docker import ROOT

SLACK = timedelta(seconds=2)  # between a kill and its record, on a busy machine
BEGINS = frozenset({"claimed", "taken_over"})
Told = Mapping[str, Any]


def logs_of(folder: Path) -> bytes:
    """The logs of all containers of a run, as `docker compose logs` would print them."""
    lines = []
    for log in sorted((folder / "logs").glob("*.log")):
        lines += [log.stem.encode() + b"  | " + line for line in log.read_bytes().splitlines()]
    return b"\n".join(lines) + b"\n"


def story(logs: bytes, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the command on these logs."""
    command = [sys.executable, "-m", "service", "story", *arguments]
    return subprocess.run(command, cwd=ROOT, input=logs, capture_output=True, check=False, timeout=120)


def told(logs: bytes) -> list[Told]:
    """What it tells of every job, as objects."""
    done = story(logs, "--all", "--json")
    if done.returncode:
        raise AssertionError(done.stderr.decode(errors="replace"))
    return [json.loads(line) for line in done.stdout.splitlines()]


def differences(folder: Path) -> list[str]:
    """Compare both, job by job: final state, number of attempts, the container of each, and what ended each."""
    history = history_of(read(folder))
    lives = {one["job_id"]: one for one in told(logs_of(folder))}
    found = [f"{job_id} is not told of" for job_id in {one.job_id for one in history.accepted} - lives.keys()]
    for final in history.finals:
        life = lives.get(final.job_id)
        if life is None:
            continue
        if (life["state"], len(life["attempts"])) != (final.state, final.attempt):
            found.append(
                f"{final.job_id} is {final.state} in {final.attempt} attempts, and not "
                f"{life['state']} in {len(life['attempts'])}"
            )
        if final.state == "failed" and life["code"] != final.failure:
            found.append(f"{final.job_id} failed for {final.failure}, and not {life['code']}")
    holders: dict[tuple[str, int], str] = {
        (one.job_id, one.attempt): one.container for one in history.attempts if one.what in BEGINS
    }
    named = {(job_id, one["number"]): one for job_id, life in lives.items() for one in life["attempts"]}
    for which, container in holders.items():
        if which not in named or named[which]["container"] != container:
            found.append(f"attempt {which} was in {container}, and not {named.get(which)}")
    cuts = {(one.job_id, one.attempt): one for one in interruptions(history)}
    found += _ends({which: _cause(history, one) for which, one in cuts.items()}, named)
    deaths = {(life.name, life.at): life.wall for life in history.lives if life.what == "killed"}
    found += _moments({which: deaths.get((one.container, one.at), "") for which, one in cuts.items()}, named)
    return sorted(found)


def _cause(history: History, cut: Interruption) -> str:
    """What ended an attempt; a takeover by presence is often recorded before the death that it follows from."""
    killed = (life.at - cut.at for life in history.lives if (life.name, life.what) == (cut.container, "killed"))
    late = any(0 <= after <= SLACK.total_seconds() for after in killed)
    return "killed" if cut.cause == "replaced" and late else cut.cause


def _moments(deaths: Mapping[tuple[str, int], str], named: Mapping[tuple[str, int], Told]) -> list[str]:
    """
    A kill fell between the moments that the story names, unless clocks were wrong.

    The engine notes it a moment after it has done it.
    """
    found = []
    for which, wall in deaths.items():
        attempt = named.get(which)
        if not wall or attempt is None or attempt["end"] not in {"killed", "silent"} or not attempt["until"]:
            continue
        killed, last, until = (datetime.fromisoformat(one) for one in (wall, attempt["last"], attempt["until"]))
        if last <= until and not last - SLACK <= killed <= until + SLACK:
            found.append(f"attempt {which} was killed at {wall}, and not between {last} and {until}")
    return found


def _ends(cuts: Mapping[tuple[str, int], str], named: Mapping[tuple[str, int], Told]) -> list[str]:
    """An attempt that was cut short is told as such, by a death only if there was one; and none is made up."""
    found, by_cause = [], defaultdict[str, Sequence[str]](tuple)
    by_cause |= {
        "killed": ("killed", "silent"),
        "exited": ("killed", "silent"),
        "paused": ("replaced", "lost", "silent"),
        "stopped": ("released", "killed", "silent"),
        "replaced": ("replaced", "lost", "silent"),
        "lost": ("lost",),
        "refused": ("lost",),
    }
    for which, cause in cuts.items():
        end = named[which]["end"] if which in named else "not told of"
        if end not in by_cause[cause]:
            found.append(f"attempt {which} was cut short ({cause}), and is told as {end}")
    for which, attempt in named.items():
        if attempt["end"] in {"killed", "silent", "replaced"} and which not in cuts and attempt["begun"] is not None:
            found.append(f"attempt {which} is told as {attempt['end']}, and was not cut short")
    return found


if __name__ == "__main__":
    for difference in differences(Path(sys.argv[1])):
        sys.stdout.write(f"{difference}\n")
