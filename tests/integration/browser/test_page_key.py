"""The built-in page of a service that needs API keys."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page, Request

from tests.support.browser import browser_or_skip, chromium, visit
from tests.support.built_in_page import MIB, NOWHERE, Visitor
from tests.support.cluster import a_cluster, wait_for
from tests.unit.web.conftest import wav

KEY, WRONG = "a-key-of-the-page-c0ffee", "a-wrong-key-bad1"
CONFIGURED = f"acme:{hashlib.sha256(KEY.encode()).hexdigest()}"
LARGE = 9 * MIB  # sent in parts, straight to the storage
KEPT = "[sessionStorage.getItem('reprise.key'), localStorage.getItem('reprise.key')]"


def test_the_page_asks_for_a_key_where_one_is_needed(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """A visitor puts in a wrong key and the right one, converts, plays and saves with it, and has it forgotten."""
    browser_or_skip()
    song = tmp_path / "song.wav"
    song.write_bytes(wav(LARGE / 16000))
    with a_cluster(embedded_stack, extra={"REPRISE_API_KEYS": CONFIGURED}) as cluster, chromium() as browser:
        service = cluster.start(REPRISE_LOG_LEVEL="debug")
        with visit(browser, service.address) as page:
            asked: list[Request] = []
            page.context.on("request", lambda request: asked.extend([request]))
            visitor = Visitor(page)
            page.wait_for_selector("#access:not([hidden])")
            assert page.is_hidden("#key-used")
            visitor.add(song)
            wait_for(lambda: "This waits for the API key." in visitor.says(song.name), "it waits for the key")
            visitor.check_accessibility()
            visitor.shot("key")

            put_in_wrong_ones(page)
            put_in(page, KEY)
            visitor.wait_for_phase(song.name, "succeeded")
            assert visitor.parts_sent()
            assert page.is_hidden("#access")
            assert "until this tab is closed" in page.inner_text("#key-used")
            assert page.evaluate(KEPT) == [KEY, None]
            visitor.check_what_was_shown(song.name)
            visitor.check_accessibility()
            visitor.shot("key-in-use")
            save(page, visitor, song)
            play(page)
            visitor.reload()
            visitor.wait_for_phase(song.name, "succeeded")
            assert page.is_hidden("#access")

            forget_and_remember(page)
            assert visitor.complaints == []
        own = [one for one in asked if one.url.startswith(service.address)]
        assert not [one.url for one in asked if KEY in one.url or WRONG in one.url]
        assert not [one.url for one in asked if one not in own and "x-api-key" in one.headers]
        assert [one for one in own if one.url.endswith("/events") and one.headers.get("x-api-key") == KEY]
        log = service.log.read_text()
        assert KEY not in log
        assert WRONG not in log


def test_the_page_saves_and_plays_with_a_key_past_a_storage_out_of_reach(
    embedded_stack: Mapping[str, str], tmp_path: Path
) -> None:
    """Where neither a link can send the key nor the storage be reached, the page fetches the file to play it."""
    browser_or_skip()
    song = tmp_path / "song.wav"
    song.write_bytes(wav(2))
    settings = {"REPRISE_API_KEYS": CONFIGURED, "REPRISE_S3_PUBLIC_ENDPOINT": NOWHERE}
    with (
        a_cluster(embedded_stack, extra=settings) as cluster,
        chromium() as browser,
        visit(browser, cluster.start().address) as page,
    ):
        visitor = Visitor(page)
        page.wait_for_selector("#access:not([hidden])")
        put_in(page, KEY)
        visitor.add(song)
        visitor.wait_for_phase(song.name, "succeeded")
        save(page, visitor, song)
        page.wait_for_selector("#jobs .listen:not([hidden])")
        visitor.check_accessibility()
        visitor.shot("key-listen")
        page.click("#jobs .listen")
        wait_for(lambda: page.evaluate("document.querySelector('#jobs audio')?.currentTime > 0.2"), "it is heard")
        assert visitor.complaints == []


def put_in_wrong_ones(page: Page) -> None:
    """Try keys that are none, and see them refused and not kept."""
    put_in(page, "a key with spaces")
    assert "This cannot be a key" in page.inner_text("#key-problem")
    put_in(page, WRONG)
    wait_for(lambda: "does not know this key" in page.inner_text("#key-problem"), "the key is refused")
    assert page.evaluate("document.activeElement.id") == "key"
    assert page.evaluate(KEPT) == [None, None]


def forget_and_remember(page: Page) -> None:
    """Have the key forgotten, put it in to stay, and find it in a new tab."""
    page.click("#key-used button")
    page.wait_for_selector("#access:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "key"
    assert page.evaluate(KEPT) == [None, None]
    page.check("#key-stays")
    put_in(page, KEY)
    page.wait_for_selector("#key-used:not([hidden])")
    assert page.evaluate(KEPT) == [None, KEY]
    another = page.context.new_page()
    another.goto(page.url)
    another.wait_for_selector("#jobs audio")
    assert "remembered on this device" in another.inner_text("#key-used")
    assert another.is_hidden("#access")


def put_in(page: Page, key: str) -> None:
    """Type a key and press Enter."""
    page.fill("#key", key)
    page.focus("#key")
    page.keyboard.press("Enter")


def save(page: Page, visitor: Visitor, song: Path) -> None:
    """Save what came of a file, by the link on the page."""
    page.wait_for_selector("#jobs .download:not([hidden])")
    with page.expect_download() as download:
        visitor.entry(song.name).locator(".download").click()
    assert download.value.suggested_filename == "song.mp3"
    assert Path(download.value.path()).read_bytes()[:3] in {b"ID3", b"\xff\xfb\x50", b"\xff\xfb\x90"}


def play(page: Page) -> None:
    """Play it."""
    page.wait_for_selector("#jobs audio")
    page.evaluate("document.querySelector('#jobs audio').play()")
    wait_for(lambda: page.evaluate("document.querySelector('#jobs audio').currentTime > 0.2"), "it is heard")
