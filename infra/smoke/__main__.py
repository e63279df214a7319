"""
``python -m infra.smoke URL [--key KEY]``: goes through the steps, says what it saw, and at a failure where to look.

Exit codes: 0, everything is right; 1, a step failed; 2, wrong arguments.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import httpx
from rich.console import Console
from rich.text import Text

from infra.smoke.audio import NotTheSame
from infra.smoke.journey import STEPS, Journey, Step
from infra.smoke.service import TRIES, Service, Unexpected

RIGHT, FAILED = 0, 1
KEY = "REPRISE_API_KEY"


def main(arguments: Sequence[str] | None = None, read: Callable[[], str] = sys.stdin.readline) -> int:
    """Run the command; returns its exit code."""
    given = _parser().parse_args(arguments)
    address = httpx.URL(given.url)
    if address.scheme not in {"http", "https"} or not address.host:
        _parser().error(f"an address like https://… expected, not {given.url!r}")
    # The environment keeps a key out of the shell's history and out of the list of processes.
    key = read().strip() if given.key == "-" else given.key or os.environ.get(KEY)  # noqa: TID251  # of this command
    service = Service(given.url, key or None, tries=given.tries)
    try:
        return run(
            Journey(service, key_given=bool(key), patience=given.patience),
            Console(highlight=False, soft_wrap=True),
            given,
        )
    finally:
        service.close()


def run(journey: Journey, console: Console, where: argparse.Namespace) -> int:
    """Take the steps in order up to the first that fails."""
    for number, step in enumerate(STEPS, 1):
        label = f"{number:2}/{len(STEPS)} {step.name}"
        try:
            with console.status(label):
                seen = step.run(journey)
        except (Unexpected, NotTheSame) as problem:
            _line(console, "failed", "bold red", label, str(problem))
            _tell_where(console, step, problem, journey, where)
            _tidy_up(console, journey)
            return FAILED
        _line(console, "ok", "green", label, seen)
    _line(console, "ok", "bold green", str(journey.service.address), "every step was right")
    return RIGHT


def _tell_where(console: Console, step: Step, problem: Exception, journey: Journey, where: argparse.Namespace) -> None:
    """What helps to find out why."""
    lines = [("usually", step.hint)]
    status, request_id = getattr(problem, "status", None), getattr(problem, "request_id", None)
    if status == 401:
        lines.insert(0, ("the key", f"a key is needed: --key KEY, or --key - to read it from standard input, or {KEY}"))
    words = request_id or (journey.jobs[-1] if journey.jobs else None)
    if where.log_group:
        pattern = f" --filter-pattern '\"{words}\"'" if words else ""
        lines.extend(("the log", f"aws logs tail {group} --since 30m{pattern}") for group in where.log_group)
    elif words:
        lines.append(("the log", f"search it for {words}"))
    if where.dashboard:
        lines.append(("the dashboard", where.dashboard))
    for label, text in lines:
        console.print(Text.assemble("       ", (f"{label}: ", "bold"), text))


def _tidy_up(console: Console, journey: Journey) -> None:
    left = [f"jobs/{job}" for job in journey.jobs] + [f"uploads/{upload}" for upload in journey.uploads]
    try:
        journey.tidy_up()
    except Unexpected as problem:
        console.print(Text(f"       left behind: {', '.join(left)} ({problem}); all of it expires by itself"))


def _line(console: Console, verdict: str, style: str, label: str, seen: str) -> None:
    console.print(Text.assemble((f"{verdict:6} ", style), f"{label}: ", (seen, "dim" if verdict == "ok" else "")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.smoke",
        description="Upload, convert, watch, download and compare bytes, once, through a deployed service.",
    )
    parser.add_argument("url", metavar="URL", help="its address; the stack's output `url`")
    parser.add_argument("--key", metavar="KEY", help=f"an API key; - reads it from standard input; left out: {KEY}")
    parser.add_argument("--log-group", metavar="NAME", action="append", default=[], help="named if a step fails")
    parser.add_argument("--dashboard", metavar="LINK", help="named if a step fails")
    parser.add_argument(
        "--patience", metavar="SECONDS", type=int, default=300, help="how long one conversion may take (%(default)s)"
    )
    parser.add_argument(
        "--tries",
        metavar="N",
        type=int,
        default=TRIES,
        help="how often a request is made that has no answer yet (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
