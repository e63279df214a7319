"""The built-in page, used as a visitor uses it."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.support.browser import browser_or_skip, chromium, visit
from tests.support.cluster import Cluster, a_cluster, wait_for
from tests.unit.web.conftest import wav

MIB = 1024 * 1024
SIZE = 40 * MIB  # the page sends what is larger than 32 MiB in parts
PART = 8 * MIB  # what the service suggests
SPEED = 12 * MIB  # bytes a second that the browser may send


def state_of(page: Page) -> str:
    """What the first entry of the list says."""
    return page.inner_text("#jobs li:first-child .state") + page.inner_text("#jobs li:first-child .problem")


def part_puts(cluster: Cluster) -> list[int]:
    """The numbers of the parts that the processes have taken in."""
    done = [event for service in cluster.services for event in service.events() if event["event"] == "request.done"]
    return [
        int(event["path"].rsplit("/", 1)[1]) for event in done if "/parts/" in event["path"] and event["status"] == 200
    ]


@pytest.mark.requirement("1.9", "6.1")
def test_a_large_file_survives_a_kill(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """A visitor converts a small and a large file; the process dies while the large one goes up, which costs time."""
    browser_or_skip()
    small, large = tmp_path / "Übung.wav", tmp_path / "large.wav"
    small.write_bytes(wav(1))
    large.write_bytes(wav((SIZE - 44) / 16000))
    with a_cluster(embedded_stack) as cluster, chromium() as browser:
        address = cluster.start().address
        with visit(browser, address) as page:
            complaints: list[str] = []
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.wait_for_selector("#format option[value=flac]", state="attached")
            page.select_option("#format", "flac")
            page.set_input_files("#file", [small])
            wait_for(lambda: state_of(page).startswith("done"), "the small one is converted")
            assert part_puts(cluster) == []

            limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SPEED}
            page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", limits)
            page.set_input_files("#file", [large])
            wait_for(lambda: part_puts(cluster), "some of the large one is up")
            cluster.services[0].kill()
            assert len(part_puts(cluster)) < SIZE // PART
            cluster.start(REPRISE_PORT=str(urlsplit(address).port))
            wait_for(lambda: state_of(page).startswith("done"), "the large one is converted")

            parts = SIZE // PART
            assert set(part_puts(cluster)) == set(range(1, parts + 1))
            assert len(part_puts(cluster)) <= parts + 1  # the answer to one may have been lost with the process
            with page.expect_download() as download:
                page.click("#jobs li:first-child .download")
            assert download.value.suggested_filename == "large.flac"
            assert Path(download.value.path()).read_bytes()[:4] == b"fLaC"
            assert complaints == []
        objects, transfers = cluster.left_in_s3()
        assert (len(objects), transfers) == (4, [])
