"""What can be said on the command line. A mistake gets one line that says what to do, and exit code 2."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from service.cli import convert, demo, provision, serve, story
from service.settings import VARIABLES
from service.telemetry import configure_logging
from service.wiring import environment


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit code."""
    given = _parser().parse_args(arguments)
    configure_logging(level="warning", form="text")  # `serve` does it again, as its settings say
    try:
        return int(given.run(given))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    width = max(len(variable.name) for variable in VARIABLES)
    table = "\n".join(f"  {v.name:{width}}  {v.about} (default: {v.default})" for v in VARIABLES)
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Reprise converts audio, and picks the work up again when it is killed.",
        epilog=f"settings, as environment variables:\n{table}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="serve | convert | demo | provision | story")

    command = commands.add_parser(
        "serve", help="run the service, embedded unless REPRISE_BUCKET and REPRISE_TABLE are set"
    )
    command.set_defaults(run=lambda _: serve.run(environment()))

    command = commands.add_parser("convert", help="convert one file")
    command.add_argument("input", type=Path, help="the file to convert")
    command.add_argument("output", type=Path, nargs="?", help="where to put the result (default: beside the input)")
    command.add_argument("--to", required=True, metavar="FORMAT", help="mp3, wav, flac … (GET /v1/formats lists them)")
    command.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="e.g. bitrate_kbps=192")
    command.add_argument("--url", help="a running service (default: $REPRISE_URL, or an embedded one)")
    command.add_argument("--key", help="an API key (default: $REPRISE_API_KEY, which no list of processes shows)")
    command.set_defaults(run=lambda given: convert.run(given, environment()))

    command = commands.add_parser("demo", help="see a conversion survive the death of its process")
    command.add_argument("--minutes", type=float, default=10, help="length of the piece (default: 10)")
    command.add_argument("--keep", type=Path, default=Path("demo-output"), help="folder for the result")
    command.set_defaults(run=lambda given: demo.run(given, environment()))

    command = commands.add_parser("provision", help="make the bucket and the table at the endpoints that are set")
    command.add_argument("--wait", type=seconds, default=0, metavar="SECONDS", help="wait for endpoints to come up")
    command.add_argument(
        "--on-aws", action="store_true", help="also on AWS itself, where `pulumi up` is the better way"
    )
    command.set_defaults(run=lambda given: provision.run(given, environment()))

    command = commands.add_parser("story", help="tell the life of a job from logs on standard input")
    story.arguments(command)
    command.set_defaults(run=story.run)
    return parser


def seconds(text: str) -> float:
    """What `--wait` takes; argparse turns the error into a line."""
    if not 0 <= (number := float(text)) <= 3600:
        raise ValueError(text)
    return number
