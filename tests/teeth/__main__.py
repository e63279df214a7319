"""
Break each guard in an image, run the scenario that has to notice, and write the table of docs/chaos.md.

    python -m tests.teeth                 all of them
    python -m tests.teeth fence janitor   only these; the other rows stay as they are
    python -m tests.teeth fence --seed 3  with another seed

It takes two or three minutes for each, on a machine that has nothing else to do.
Exit code 1: a broken guard was not noticed.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from chaos.history import recording
from tests.mutations.tree import ROOT
from tests.teeth.document import DOCUMENT, Bite, first_red, with_table
from tests.teeth.images import BASE, broken_image, build_base, remove
from tests.teeth.table import TEETH, Tooth

OUT = Path("build/teeth")
RUN_TIMEOUT = 1200.0  # seconds for one scenario, with its images and its janitors


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.teeth", description=(__doc__ or "").strip())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    names = [tooth.name for tooth in TEETH]
    parser.add_argument("name", nargs="*", choices=[*names, []], help=f"of {', '.join(names)} (default: all)")
    parser.add_argument("--seed", type=int, help="instead of that of the table")
    given = parser.parse_args(arguments)
    chosen = [tooth for tooth in TEETH if not given.name or tooth.name in given.name]
    base = build_base()
    try:
        bites = [bite for tooth in chosen if (bite := _try(tooth, base, given.seed)) is not None]
    finally:
        remove(BASE)
    path = ROOT / DOCUMENT
    path.write_text(with_table(path.read_text(encoding="utf-8"), bites), encoding="utf-8")
    return 0 if len(bites) == len(chosen) else 1


def _try(tooth: Tooth, base: str, seed: int | None) -> Bite | None:
    """Return what noticed the broken guard, or None."""
    used = tooth.seed if seed is None else seed
    with broken_image(base, tooth.name, tooth.edits) as image:
        out = OUT / tooth.name
        command = [sys.executable, "-m", "chaos", "--image", image, "--scenario", tooth.scenario]
        command += ["--seed", str(used), "--out", str(out)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=RUN_TIMEOUT)
    folder = ROOT / out / f"{tooth.scenario}-{used}"
    said = f"{tooth.name:14}"
    if not (folder / "run.json").exists():
        print(f"{said}the run could not be done:\n{(done.stdout + done.stderr)[-2000:]}", flush=True)  # noqa: T201
        return None
    verdict = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    broken = [check["name"] for check in verdict["checks"] if check["broken"]]
    noticed = [name for name in tooth.red if name in broken]
    if not noticed:
        print(f"{said}NOT NOTICED; red were: {broken or 'none'} ({verdict['reason']})", flush=True)  # noqa: T201
        return None
    after = first_red(recording.read(folder), noticed[0])
    print(f"{said}{noticed[0]} after {after:.0f} s; red were: {', '.join(broken)}", flush=True)  # noqa: T201
    return Bite(tooth=tooth, seed=used, checker=noticed[0], after=after)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
