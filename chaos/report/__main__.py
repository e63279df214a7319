"""Write the report of a run again, from its folder: `python -m chaos.report build/chaos/kills-7`."""

import sys
from pathlib import Path

from rich.console import Console

from chaos import report


def main(folders: list[str]) -> int:
    """Write a report for each folder; without one, say how it is called."""
    console = Console()
    if not folders:
        console.print("usage: python -m chaos.report FOLDER ...", markup=False)
        return 2
    for folder in folders:
        console.print(str(report.write(Path(folder))), markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
