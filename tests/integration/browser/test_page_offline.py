"""The built-in page without a network, for so long that everything under way breaks off."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.browser import browser_or_skip, chromium, visit
from tests.support.built_in_page import MIB, Visitor
from tests.support.cluster import a_cluster, wait_for
from tests.unit.web.conftest import wav

LARGE = 45 * MIB  # nine parts, and more music than there is time to convert at this speed
SPEED = 4 * MIB  # bytes a second that the browser may send
AWAY = 10_000  # milliseconds
READ = 1  # times as fast as music plays
LONG = 30  # seconds of music


@pytest.mark.long
@pytest.mark.requirement("6.1")
def test_ten_seconds_without_a_network(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """After ten seconds offline an upload and a conversion that were under way go on, and nothing is sent twice."""
    browser_or_skip()
    large, long = tmp_path / "large.wav", tmp_path / "long.wav"
    large.write_bytes(wav((LARGE - 44) / 16000))
    long.write_bytes(wav(LONG))
    with a_cluster(embedded_stack) as cluster, chromium() as browser:
        cluster.start(REPRISE_ROLE="worker", **cluster.slow_ffmpeg(READ))
        with visit(browser, cluster.start(REPRISE_ROLE="api").address) as page:
            visitor = Visitor(page)
            visitor.add(long)
            wait_for(lambda: "Converting: " in visitor.says(long.name), "it is converted")
            visitor.send_at_most(SPEED)
            visitor.add(large)
            wait_for(visitor.parts_sent, "some of the large one is up")
            percent = visitor.progress(long.name)
            visitor.send_at_most(-1, offline=True)  # what is on its way arrives, and nothing else
            began = page.evaluate("performance.now()")
            wait_for(lambda: "No connection" in visitor.says(large.name), "the upload has no network")
            wait_for(lambda: "No connection" in visitor.says(long.name), "the conversion cannot be seen")
            visitor.check_accessibility()
            visitor.shot("offline")
            page.wait_for_function("([began, away]) => performance.now() - began >= away", arg=[began, AWAY])
            assert (visitor.phase(large.name), visitor.phase(long.name)) == ("uploading", "running")
            visitor.send_at_most(-1)
            wait_for(lambda: "Converting: " in visitor.says(long.name), "the conversion is seen again")
            assert visitor.progress(long.name) > percent
            assert "Uploading: " in visitor.says(large.name) or visitor.phase(large.name) != "uploading"
            wait_for(
                lambda: visitor.phase(large.name) in {"queued", "running"}, "the upload is whole, and its job begun"
            )
            visitor.wait_for_phase(long.name, "succeeded")
            for file in (large, long):
                visitor.check_what_was_shown(file.name)
            visitor.check_parts(9)
            assert visitor.complaints == []
