"""``python -m benchmarks [NAME …]``: measure, and print ratios beside what is promised; `BENCHMARKS` has the names."""

import sys

from rich.console import Console

from benchmarks import memory, neighbours, overhead, polling, recovery, telemetry
from benchmarks.rig import parser
from service.telemetry import configure_logging
from service.wiring import environment

BENCHMARKS = {
    "overhead": overhead.run,
    "memory": memory.run,
    "polling": polling.run,
    "recovery": recovery.run,
    "neighbours": neighbours.run,
    "telemetry": telemetry.run,
}


def main() -> int:
    """Run the benchmarks that are named, or all of them."""
    given = parser().parse_args()
    if unknown := set(given.what) - BENCHMARKS.keys():
        print(f"reprise: unknown benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    configure_logging(level="warning", form="text")
    console = Console()
    for name in given.what or BENCHMARKS:
        BENCHMARKS[name](console, given, environment())
    return 0


if __name__ == "__main__":
    sys.exit(main())
