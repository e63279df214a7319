"""How files come to the built-in page: dropped, picked, and read again after a reload."""

from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page

from tests.support.browser import browser_or_skip, chromium, visit
from tests.support.built_in_page import MIB, Visitor
from tests.support.cluster import a_cluster, wait_for
from tests.unit.web.conftest import wav

LARGE = 12 * MIB  # three parts
HELD = 16 * 1024  # bytes a second that the browser may send while the page is loaded
MODULE = "*/page/view.js"

# The window in which a visitor picks a file opens for people only: here it answers with one that the page's own folder
# holds, which a browser can read again like any other that was picked.
PICKED = """
async ([name, size]) => {
  const handle = await (await navigator.storage.getDirectory()).getFileHandle(name, { create: true });
  const file = await handle.createWritable();
  const head = new Uint8Array(44), put = (at, text) => head.set(new TextEncoder().encode(text), at);
  const view = new DataView(head.buffer);
  put(0, "RIFF"), put(8, "WAVEfmt "), put(36, "data");
  view.setUint32(4, size - 8, true), view.setUint32(16, 16, true), view.setUint32(40, size - 44, true);
  view.setUint16(20, 1, true), view.setUint16(22, 1, true), view.setUint16(32, 2, true), view.setUint16(34, 16, true);
  view.setUint32(24, 8000, true), view.setUint32(28, 16000, true);
  await file.write(head);
  await file.write(new Uint8Array(size - 44));
  await file.close();
  globalThis.showOpenFilePicker = async () => [handle];
}
"""
# So does the question whether the page may read it again.
ASKING = """
FileSystemHandle.prototype.queryPermission = async () => "prompt";
FileSystemHandle.prototype.requestPermission = async () => "granted";
"""


def test_dropped_files_and_folders_are_converted(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """Of what a visitor drops each file is taken, and of a folder all that may be audio, however deep it lies."""
    browser_or_skip()
    album, single = tmp_path / "album", tmp_path / "single.wav"
    (album / "disc 1" / "side a").mkdir(parents=True)
    inner = [album / "first.wav", album / "disc 1" / "second.wav", album / "disc 1" / "side a" / "third.wav"]
    for file in (*inner, single):
        file.write_bytes(wav(1))
    (album / "notes.txt").write_text("nothing")
    with a_cluster(embedded_stack) as cluster, chromium() as browser, visit(browser, cluster.start().address) as page:
        visitor = Visitor(page)
        visitor.drop(album, single)
        for file in (*inner, single):
            visitor.wait_for_phase(file.name, "succeeded")
            visitor.check_what_was_shown(file.name)
        assert page.locator("#jobs li").count() == len(inner) + 1
        assert "1 file in the folder is no audio" in page.inner_text("#left")
        visitor.check_accessibility()
        visitor.shot("dropped")
        visitor.drop(album / "notes.txt")  # by itself it is taken, because it was meant
        visitor.wait_for_phase("notes.txt", "refused")
        assert page.is_hidden("#left")
        assert visitor.complaints == []
        load_without(page, MODULE)
        visitor.wait_for_phase("notes.txt", "refused")


def test_files_are_read_again_after_a_reload(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """After a reload an upload goes on by itself where the browser may still read the file, or asks for it."""
    browser_or_skip()
    dropped = tmp_path / "dropped.wav"
    dropped.write_bytes(wav((LARGE - 44) / 16000))
    with a_cluster(embedded_stack) as cluster, chromium() as browser, visit(browser, cluster.start().address) as page:
        visitor = Visitor(page)
        visitor.send_at_most(HELD)
        visitor.drop(dropped)
        wait_for(lambda: "Uploading: " in visitor.says(dropped.name), "it is uploaded")
        visitor.reload()
        visitor.send_at_most(-1)
        visitor.wait_for_phase(dropped.name, "succeeded")
        visitor.check_what_was_shown(dropped.name)

        page.evaluate(PICKED, ["picked.wav", LARGE])
        visitor.send_at_most(HELD)
        page.focus("#file")
        page.keyboard.press("Enter")
        wait_for(lambda: "Uploading: " in visitor.says("picked.wav"), "it is uploaded")
        page.add_init_script(ASKING)
        visitor.reload()
        wait_for(lambda: "Allow this page to read the file again" in visitor.says("picked.wav"), "it asks")
        visitor.check_accessibility()
        visitor.shot("allow")
        visitor.send_at_most(-1)
        visitor.entry("picked.wav").locator(".goon").click()
        visitor.wait_for_phase("picked.wav", "succeeded")
        visitor.check_what_was_shown("picked.wav")
        assert page.locator("#jobs li").count() == 2
        assert visitor.complaints == []


def load_without(page: Page, piece: str) -> None:
    """Load the page while a piece of it does not arrive, and see it loaded again by itself when that is there."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setBlockedURLs", {"urls": [piece]})
    with page.expect_event("requestfailed"):
        page.reload()
    assert not page.query_selector("#order[data-ready]")
    network.send("Network.setBlockedURLs", {"urls": []})
    page.wait_for_selector("#order[data-ready]")
