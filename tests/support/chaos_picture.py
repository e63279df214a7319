"""
The picture of a chaos report that the README shows: `make chaos-picture` takes it anew.

It shows a made-up run, which is the same each time.
"""

import json
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from chaos import report
from chaos.history import recording
from chaos.verdict import judge
from tests.support.browser import chromium
from tests.support.chaos_run import made_up_run

PICTURE = Path("docs/images/chaos-report.png")
WIDTH = 1060
JOBS, SEED, SHOWN = 5, 11, "job003"


def write_run(folder: Path, jobs: int = JOBS, seed: int = SEED, containers: int = 3) -> Path:
    """Write the record of a made-up run, its verdict and its report; return the report."""
    events = made_up_run(jobs, seed, containers)
    (folder / "logs").mkdir(parents=True)
    for number in range(1, containers + 1):
        (folder / "logs" / f"service-{number}.log").touch()
    (folder / recording.NAME).write_bytes(b"".join(recording.encode(event) for event in events))
    (folder / "run.json").write_text(json.dumps(judge(events).to_dict()), encoding="utf-8")
    return report.write(folder)


def take(browser: Browser, page: Path, picture: Path) -> None:
    """Take a picture of the upper part of a report, from the verdict to the last job, one story opened."""
    context = browser.new_context(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
    try:
        shown = context.new_page()
        shown.goto(f"{page.as_uri()}#{SHOWN}")
        shown.evaluate("id => document.querySelectorAll('.job').forEach(job => job.open = job.id === id)", SHOWN)
        shown.evaluate("document.querySelectorAll('.bar-of-tools, .command').forEach(one => one.remove())")
        bottom = shown.evaluate("document.querySelector('.timeline').getBoundingClientRect().bottom + scrollY")
        size = {"x": 0.0, "y": 0.0, "width": float(WIDTH), "height": float(bottom) + 24.0}
        shown.screenshot(path=picture, full_page=True, clip=size)  # type: ignore[arg-type]
    finally:
        context.close()


def main() -> None:
    """Take the picture of the README."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        take(browser, write_run(Path(folder) / "run"), PICTURE)


if __name__ == "__main__":
    main()
