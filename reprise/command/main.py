"""
The command line: ``reprise convert *.flac --to mp3 --out DIR``.

Exit codes: 0 all is done; 1 a file could not be converted; 2 the command line is wrong; 3 the service was not reached,
or could not do it now; 4 no API key, or a wrong one; 130 interrupted. After 3 and 130 the same command goes on.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from reprise import ambient
from reprise.client import Client
from reprise.command import batch
from reprise.command.options import add_flags, chosen
from reprise.errors import RepriseError, TryLater, Unauthorized, Unreachable

OK, FAILED, USAGE, LATER, KEY, INTERRUPTED = 0, 1, 2, 3, 4, 130


def run() -> None:
    """Run the command and end the process with its exit code."""
    code = main(sys.argv[1:])
    if code == INTERRUPTED:
        ambient.end(code)  # at once: a thread may be waiting for an answer
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    url = given.url or ambient.environment().get("REPRISE_URL")
    if not url:
        print("reprise: where is the service? Give --url, or set REPRISE_URL.", file=sys.stderr)
        return USAGE
    if "://" not in url:
        print(f"reprise: {url} is no address; it begins with http:// or https://.", file=sys.stderr)
        return USAGE
    key = given.key or ambient.environment().get("REPRISE_API_KEY")
    try:
        if given.command == "formats":
            return _formats(url, key, given)
        return _convert(url, key, given)
    except RepriseError as error:
        print(f"reprise: {error}", file=sys.stderr)
        return code_of(error)
    except KeyboardInterrupt:
        print("reprise: interrupted; the same command goes on where it stopped.", file=sys.stderr)
        return INTERRUPTED


def code_of(error: Exception | None) -> int:
    """Return the exit code that an error leads to."""
    match error:
        case None:
            return OK
        case Unauthorized():
            return KEY
        case TryLater() | Unreachable():
            return LATER
    return FAILED


def _convert(url: str, key: str | None, given: argparse.Namespace) -> int:
    problem = _problem(given)
    if problem:
        print(f"reprise: {problem}", file=sys.stderr)
        return USAGE
    work = batch.Work(
        url=url,
        key=key,
        files=given.files,
        out=given.out,
        target=given.to,
        options=chosen(given),
        at_once=given.jobs,
        overwrite=given.overwrite,
        patience=given.patience,
    )
    console = Console(stderr=True, quiet=given.quiet or given.json)
    results = batch.convert_all(work, console)
    if given.json:
        print(json.dumps([result.document() for result in results], indent=2))
    return max((code_of(result.error) for result in results), default=OK)


def _problem(given: argparse.Namespace) -> str | None:
    stream = given.files == ["-"]
    if "-" in given.files and not stream:
        return "'-' is standard input, and goes alone"
    if given.out == "-" and len(given.files) > 1:
        return "only one file at a time goes to standard output"
    if given.out == "-" and given.json:
        return "standard output is either the sound or --json"
    if stream and given.out is None:
        return "standard input has no name: say with --out where the result goes ('-' is standard output)"
    missing = [file for file in given.files if file != "-" and not Path(file).is_file()]
    if missing:
        return f"{missing[0]} is no file" + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
    return None


def _formats(url: str, key: str | None, given: argparse.Namespace) -> int:
    with Client(url, key=key, patience=given.patience) as client:
        found = client.formats()
    if given.json:
        print(json.dumps(found, indent=2))
        return OK
    table = Table(title="what comes out", title_justify="left")
    for heading in ("--to", "", "options"):
        table.add_column(heading)
    for one in found.get("output", []):
        table.add_row(one["format"], one.get("title", ""), ", ".join(_limits(one.get("options", {}))))
    Console().print(table)
    return OK


def _limits(options: dict[str, Any]) -> list[str]:
    words = []
    for name, limits in options.items():
        if isinstance(limits, dict) and "min" in limits:
            words.append(f"{name} {limits['min']:g}…{limits['max']:g}")
        elif isinstance(limits, dict) and limits.get("allowed"):
            allowed = limits["allowed"]
            words.append(f"{name} {'|'.join(map(str, allowed))}" if len(allowed) <= 8 else name)
        else:
            words.append(name)
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reprise",
        description="Convert audio with a Reprise service. An interrupted command goes on when it is run again.",
        epilog=" ".join((__doc__ or "").strip().splitlines()[-2:]),
    )
    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group("the service")
    group.add_argument("--url", help="its address (default: $REPRISE_URL)")
    group.add_argument("--key", help="an API key (default: $REPRISE_API_KEY, which no list of processes shows)")
    group.add_argument(
        "--patience", type=float, default=120, metavar="S", help="how long to wait for a service that is away (120)"
    )
    group.add_argument("--json", action="store_true", help="print what came of it as JSON")
    commands = parser.add_subparsers(required=True, dest="command", metavar="convert | formats")
    command = commands.add_parser("convert", parents=[common], help="convert files")
    command.add_argument("files", nargs="+", metavar="FILE", help="what to convert; - is standard input")
    command.add_argument("--to", required=True, metavar="FORMAT", help="mp3, wav, flac … (reprise formats lists them)")
    command.add_argument("--out", metavar="PLACE", help="a folder, a file, or - (default: beside each file)")
    command.add_argument("--jobs", type=_count, default=2, metavar="N", help="files at the same time (2)")
    command.add_argument("--overwrite", action="store_true", help="replace what is there already")
    command.add_argument("--quiet", action="store_true", help="no progress, only errors")
    add_flags(command)
    commands.add_parser("formats", parents=[common], help="what goes in, and what comes out")
    return parser


def _count(text: str) -> int:
    """Return a number of files at once. Raises `ValueError`, of which argparse makes a line."""
    if not 1 <= (number := int(text)) <= 64:
        raise ValueError(text)
    return number
