"""
Kill it anywhere: `python -m chaos` runs the short set of scenarios, `--scenario NAME` one of them.

Exit code 0: all promises held. 1: one was broken. 2: the run itself could not be done. 130: interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from chaos import report, runner
from chaos.ambient import monotonic, new_seed
from chaos.display import Display
from chaos.scenarios import BY_NAME, SCENARIOS, SHORT, Scenario, for_minutes
from chaos.session import OLDER, Session
from chaos.stack.engine import engine_missing
from chaos.verdict import ERROR, PASSED, Verdict

BROKEN, IMPOSSIBLE = 1, 2


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; returns the exit code."""
    given = _parser().parse_args(arguments)
    display = Display(Console(highlight=False))
    if given.list:
        for one in SCENARIOS:
            display.say(f"{one.name:12} {'short set' if one.short else '':10} {one.seconds:4.0f} s  {one.meaning}")
        return 0
    if reason := engine_missing():
        display.say(f"No Docker engine answers: {reason}")
        return IMPOSSIBLE
    chosen = [BY_NAME[name] for name in given.scenario] if given.scenario else list(SHORT)
    if given.minutes is not None:
        chosen = [for_minutes(one, given.minutes) for one in chosen]
    seed = new_seed() if given.seed is None else given.seed
    began = monotonic()
    session = Session(given.out, given.image, given.older, versions=any(one.versions for one in chosen))
    display.say(f"run {session.run}: seed {seed}, reports in {given.out}")
    try:
        runner.ready(session, display)
        verdicts = [one for one in (_one(each, seed, session, given, display) for each in chosen) if one is not None]
    except Exception as error:  # noqa: BLE001  # said, and then everything is removed
        display.clear()
        display.say(f"The run could not be done: {type(error).__name__}: {error}")
        return IMPOSSIBLE
    finally:
        display.clear()
        session.close()
    display.say(f"\nseed {seed}, {monotonic() - began:.0f} s in all")
    for judged in verdicts:
        page = given.out / f"{judged.scenario}-{judged.seed}" / "report.html"
        display.say(f"  {judged.verdict:7} {judged.scenario:12} {page}")
        if judged.verdict != PASSED:
            display.say(f"          repeat it with: {judged.command}")
    if any(judged.verdict == ERROR for judged in verdicts) or not verdicts:
        return IMPOSSIBLE
    return 0 if all(judged.verdict == PASSED for judged in verdicts) else BROKEN


def _one(
    scenario: Scenario, seed: int, session: Session, given: argparse.Namespace, display: Display
) -> Verdict | None:
    if scenario.versions and session.missing:
        display.say(f"skipped {scenario.name}: {session.missing}")
        return None
    display.say(f"{scenario.name}: {scenario.meaning}")
    judged = runner.run(scenario, seed, session, given.out, _command(scenario, seed, given), display)
    display.clear()
    figures = judged.figures
    display.say(
        f"  {judged.verdict} after {judged.seconds:.0f} s: {figures.get('jobs')} jobs, {figures.get('faults')} faults, "
        f"{figures.get('kills')} kills, recovery p50 {figures.get('recovery_p50')} s, "
        f"max {figures.get('recovery_max')} s"
    )
    if judged.verdict != PASSED:
        display.console.print(report.terminal(judged))
    return judged


def _command(scenario: Scenario, seed: int, given: argparse.Namespace) -> str:
    words = ["python -m chaos", f"--scenario {scenario.name}", f"--seed {seed}"]
    if given.minutes is not None:
        words.append(f"--minutes {given.minutes:g}")
    if given.image:
        words.append(f"--image {given.image}")
    if given.older != OLDER:
        words.append(f"--older {given.older}")
    return " ".join(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=(__doc__ or "").strip())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--scenario", action="append", choices=sorted(BY_NAME), help="may be repeated (default: the short set)"
    )
    parser.add_argument("--seed", type=int, help="repeat a run (default: a new one)")
    parser.add_argument("--minutes", type=float, help="how long faults come (default: as the scenario says)")
    parser.add_argument("--image", help="the image to test (default: built from this tree)")
    parser.add_argument(
        "--older", default=OLDER, help=f"commit or image:tag for the scenario `versions` (default: {OLDER})"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/chaos"), help="where the reports go (default: build/chaos)"
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
