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
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table

import reprise
from reprise import ambient
from reprise.command import batch, ready
from reprise.command.options import add_flags, chosen, flag_of
from reprise.command.outputs import Misplaced
from reprise.command.words import AGAIN, FAILED, INTERRUPTED, LATER, OK, USAGE, code_of, line
from reprise.errors import RepriseError


def run() -> None:
    """Run the command and end the process with its exit code."""
    code = main(sys.argv[1:])
    if code == INTERRUPTED:
        ambient.end(code)  # at once: a thread may be waiting for an answer
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit code."""
    given = parse(arguments)
    url = given.url or ambient.environment().get("REPRISE_URL")
    if not url:
        return _refuse("where is the service? Give --url, or set REPRISE_URL")
    key = given.key or ambient.environment().get("REPRISE_API_KEY")
    try:
        if given.command == "formats":
            return _formats(url, key, given)
        return _convert(url, key, given)
    except RepriseError as error:
        return _refuse(line(error, url), code_of(error))
    except (ValueError, Misplaced, ready.UnknownFormat) as error:
        return _refuse(str(error))
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the reader, as `head`, has seen enough; Python would flush once more
            ambient.drop_stdout()
            return OK
        return _refuse(line(error, url), FAILED)
    except KeyboardInterrupt:
        return _refuse(f"interrupted; {AGAIN}", INTERRUPTED)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was given on the command line. Ends the process if that is wrong."""
    return _parser().parse_args(arguments)


def _refuse(why: str, code: int = USAGE) -> int:
    print(f"reprise: {why}", file=sys.stderr)
    return code


def _convert(url: str, key: str | None, given: argparse.Namespace) -> int:
    if problem := _problem(given):
        return _refuse(problem)
    known = ready.formats(url, key, given.patience, _notify)
    ready.require_key(url, key, given.patience)
    work = batch.Work(
        url=url,
        key=key,
        files=given.files,
        out=given.out,
        target=given.to,
        extension=ready.extension(known, given.to),
        options=chosen(given),
        at_once=given.jobs,
        overwrite=given.overwrite,
        patience=given.patience,
    )
    bars = not (given.quiet or given.json)
    results = batch.convert_all(work, Console(stderr=True), bars=bars, errors=not given.json)
    if given.json:
        print(json.dumps([result.document(url) for result in results], indent=2), flush=True)
    code = max((code_of(result.error) for result in results), default=OK)
    if code == LATER:
        _notify(AGAIN)
    return code


def _notify(what: str) -> None:
    print(f"reprise: {what}", file=sys.stderr)


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
    found = ready.formats(url, key, given.patience, _notify)
    if given.json:
        print(json.dumps(found, indent=2))
        return OK
    table = Table(title="what comes out", title_justify="left")
    for heading in ("--to", "", "options"):
        table.add_column(heading)
    for one in found.get("output", []):
        table.add_row(one["format"], one.get("title", ""), ", ".join(_limits(one.get("options", {}))))
    # By ourselves: where the reader has seen enough, rich would end the process with an error.
    console = Console()
    with console.capture() as drawn:
        console.print(table)
    print(drawn.get(), end="", flush=True)
    return OK


def _limits(options: dict[str, Any]) -> list[str]:
    words = []
    for option, limits in options.items():
        name = flag_of(option)
        if isinstance(limits, dict) and "min" in limits:
            words.append(f"{name} {limits['min']:g}…{limits['max']:g}")
        elif isinstance(limits, dict) and limits.get("allowed"):
            allowed = limits["allowed"]
            words.append(f"{name} {'|'.join(map(str, allowed))}" if len(allowed) <= 8 else name)
        else:
            words.append(name)
    return words


class _Parser(argparse.ArgumentParser):
    """Answers a mistake with one line; all that can be said is in `--help`."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} ({self.prog} --help says more)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="reprise",
        description="Convert audio with a Reprise service. An interrupted command goes on when it is run again.",
        epilog=" ".join((__doc__ or "").strip().splitlines()[-2:]),
    )
    _add_common(parser)
    # What is left out after the command must not overwrite what was given before it.
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    _add_common(common, patience=argparse.SUPPRESS, json=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"reprise {reprise.__version__}")
    commands = parser.add_subparsers(required=True, dest="command", metavar="convert | formats")
    command = commands.add_parser("convert", parents=[common], help="convert files")
    command.add_argument("files", nargs="+", metavar="FILE", help="what to convert; - is standard input")
    command.add_argument("--to", required=True, metavar="FORMAT", help="mp3, wav, flac … (reprise formats lists them)")
    command.add_argument(
        "--out", metavar="PLACE", help="a folder, a file (its name has an ending), or - (default: beside each file)"
    )
    command.add_argument("--jobs", type=_count, default=2, metavar="N", help="files at the same time (2)")
    command.add_argument("--overwrite", action="store_true", help="replace what is there already")
    command.add_argument("--quiet", action="store_true", help="no progress, only errors")
    add_flags(command)
    commands.add_parser("formats", parents=[common], help="what goes in, and what comes out")
    return parser


def _add_common(parser: argparse.ArgumentParser, *, patience: float | str = 120.0, json: bool | str = False) -> None:
    """Add what every command has, with these defaults: it may stand before the command and after it."""
    group = parser.add_argument_group("the service")
    group.add_argument("--url", help="its address (default: $REPRISE_URL)")
    group.add_argument("--key", help="an API key (default: $REPRISE_API_KEY, which no list of processes shows)")
    group.add_argument(
        "--patience",
        type=float,
        default=patience,
        metavar="S",
        help="how long to wait for a service that is away (120)",
    )
    group.add_argument("--json", action="store_true", default=json, help="print what came of it as JSON")


def _count(text: str) -> int:
    """Return a number of files at once. Raises what argparse makes a line of."""
    if not (text.isdecimal() and 1 <= int(text) <= 64):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 64")
    return int(text)
