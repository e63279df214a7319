"""The report of a chaos run, opened as a reader opens it; and the picture of it in the README."""

from pathlib import Path

from tests.support.browser import browser_or_skip, chromium
from tests.support.chaos_picture import PICTURE, take, write_run

LARGEST = 250_000  # bytes of a picture in the repository
PNG = b"\x89PNG\r\n"


def test_report_opens_and_explains_a_job(tmp_path: Path) -> None:
    """A reader filters jobs, opens the story of one and hovers: no error, and nothing wider than a phone."""
    browser_or_skip()
    address = write_run(tmp_path / "run", 30, 7, 4).as_uri()
    with chromium() as browser:
        for width in (1280, 390):
            context = browser.new_context(viewport={"width": width, "height": 800})
            page = context.new_page()
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(message.text))  # noqa: B023
            page.on("pageerror", lambda error: complaints.append(str(error)))  # noqa: B023
            page.goto(address)

            assert page.inner_text("h1").startswith("Every promise was kept.")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.click("[data-show=is-cut]")
            assert 0 < page.locator(".job:visible").count() < 30
            page.click("[data-show=all]")
            page.evaluate("document.querySelectorAll('.job').forEach(job => job.open = false)")
            page.click("#job002 summary .label")
            assert "claimed the job and began to convert" in page.inner_text("#job002 .story")
            page.dispatch_event("#job002 .bar >> nth=0", "pointermove")
            assert page.inner_text("#tip").startswith("attempt 1 in service-")
            assert complaints == []
            context.close()


def test_picture_of_the_readme_can_be_taken_again(tmp_path: Path) -> None:
    """The picture of a report that the README shows is there, is small, and `make chaos-picture` makes it anew."""
    browser_or_skip()
    with chromium() as browser:
        take(browser, write_run(tmp_path / "run"), tmp_path / "picture.png")

    for picture in (PICTURE, tmp_path / "picture.png"):
        assert picture.read_bytes().startswith(PNG)
        assert 20_000 < picture.stat().st_size < LARGEST
    assert f"]({PICTURE})" in Path("README.md").read_text(encoding="utf-8")
