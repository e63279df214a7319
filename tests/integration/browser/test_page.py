"""The built-in page, used as a visitor uses it."""

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.support.browser import browser_or_skip, chromium, visit
from tests.support.built_in_page import MIB, NOWHERE, Visitor
from tests.support.cluster import a_cluster, wait_for
from tests.support.page_picture import PICTURE, take, write_flac_with_cover
from tests.unit.web.conftest import wav

LARGE = 40 * MIB  # eight parts
SPEED = 4 * MIB  # bytes a second that the browser may send
HELD = 16 * 1024  # … while a process starts, however long that takes
READ = 1  # times as fast as music plays
WIDTH, HEIGHT = 390, 844  # of a phone
PNG, LARGEST = b"\x89PNG\r\n", 250_000  # the first bytes of a picture, and the most that one in the repository has
MOST_BUSY = 200.0  # milliseconds
MOST_MEMORY = 64 * MIB


@pytest.mark.requirement("1.9", "6.1")
def test_a_large_file_survives_a_kill(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """A visitor reloads in the middle of an upload, and the process dies: no part that has arrived is sent again."""
    browser_or_skip()
    large = tmp_path / "large.wav"
    large.write_bytes(wav((LARGE - 44) / 16000))
    with a_cluster(embedded_stack) as cluster, chromium() as browser:
        address = cluster.start().address
        with visit(browser, address) as page:
            visitor = Visitor(page)
            page.select_option("#format", "flac")
            visitor.send_at_most(SPEED)
            visitor.add(large)
            wait_for(visitor.parts_sent, "some of the large one is up")
            visitor.send_at_most(HELD)
            cluster.services[0].kill()
            cluster.start(REPRISE_PORT=str(urlsplit(address).port))
            visitor.reload()
            assert visitor.phase("large.wav") == "absent"
            assert "Choose the file again" in visitor.says("large.wav")
            visitor.shot("upload-stopped")
            visitor.send_at_most(-1)
            visitor.add(large)
            visitor.wait_for_phase("large.wav", "succeeded")
            visitor.check_parts(8)
            visitor.check_what_was_shown("large.wav")
            with page.expect_download() as download:
                visitor.entry("large.wav").locator(".download").click()
            assert download.value.suggested_filename == "large.flac"
            assert Path(download.value.path()).read_bytes()[:4] == b"fLaC"
            assert visitor.complaints == []
        objects, transfers = cluster.left_in_s3()
        assert (len(objects), transfers) == (2, [])


@pytest.mark.requirement("1.9", "6.1")
def test_the_page_watches_another_container_take_over(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """A visitor reloads, the converter is killed, the network goes and comes back, and the file that was made plays."""
    browser_or_skip()
    song, long = tmp_path / "Übung.flac", tmp_path / "long.wav"
    write_flac_with_cover(song)
    long.write_bytes(wav(6))
    with a_cluster(embedded_stack) as cluster, chromium() as browser:
        slow = cluster.slow_ffmpeg(READ)
        workers = [cluster.start(REPRISE_ROLE="worker", **slow) for _ in range(2)]
        with visit(browser, cluster.start(REPRISE_ROLE="api").address) as page:
            visitor = Visitor(page)
            page.select_option("#format", "mp3")
            visitor.add(song)
            visitor.wait_for_phase(song.name, "succeeded")
            page.wait_for_selector("#jobs .cover:not([hidden])")
            told = visitor.says(song.name)
            for word in ("Lied ohne Worte – Fanny Hensel", "FLAC", "44.1 kHz", "Done, 0:08", "Übung.mp3 (0:08)"):
                assert word in told
            assert page.evaluate("document.querySelector('#jobs .cover').decode().then(() => true)")
            page.evaluate("document.querySelector('#jobs audio').play()")
            wait_for(lambda: page.evaluate("document.querySelector('#jobs audio').currentTime > 0.2"), "it is heard")
            visitor.check_accessibility()

            visitor.add(long)
            wait_for(lambda: "Converting: " in visitor.says(long.name), "it is converted")
            visitor.reload()
            holder = wait_for(cluster.holder, "a worker holds it")
            assert holder in workers
            holder.kill()
            wait_for(lambda: "Another one has taken over" in visitor.says(long.name), "another one takes over")
            visitor.shot("taken-over")
            page.context.set_offline(offline=True)
            wait_for(lambda: "No connection" in visitor.says(long.name), "the network is gone")
            page.context.set_offline(offline=False)
            visitor.wait_for_phase(long.name, "succeeded")
            visitor.check_what_was_shown(long.name)
            visitor.shot("done")
            take(visitor, tmp_path / "picture.png")
            assert visitor.complaints == []
    for picture in (PICTURE, tmp_path / "picture.png"):  # of the README, and as `make page-picture` takes it anew
        assert picture.read_bytes().startswith(PNG)
        assert 20_000 < picture.stat().st_size < LARGEST
    assert f"]({PICTURE})" in Path("README.md").read_text(encoding="utf-8")


@pytest.mark.requirement("6.1")
def test_ten_files_at_once_without_a_mouse(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """Ten files go in by the keyboard, past a storage out of reach; a refused one says why, all others can be had."""
    browser_or_skip()
    files = [tmp_path / f"piece {number}.wav" for number in range(8)]
    for number, file in enumerate(files):
        file.write_bytes(wav(1 + number))
    long, text = tmp_path / "long.wav", tmp_path / "notes.wav"
    long.write_bytes(wav((12 * MIB) / 16000))
    text.write_text("This is no music.\n" * 100)
    with (
        a_cluster(embedded_stack, extra={"REPRISE_S3_PUBLIC_ENDPOINT": NOWHERE}) as cluster,
        chromium() as browser,
        visit(browser, cluster.start().address) as page,
    ):
        visitor = Visitor(page)
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        page.evaluate("delete globalThis.showOpenFilePicker")  # nothing can look into its window
        with page.expect_file_chooser() as chooser:
            press_until(page, "file", "Tab")
            page.keyboard.press("Enter")
        press_until(page, "format", "Tab")
        page.keyboard.type("FLAC")
        chooser.value.set_files([*files, long, text])
        for file in (*files, long):
            visitor.wait_for_phase(file.name, "succeeded")
        visitor.wait_for_phase(text.name, "refused")
        assert "This is no audio that can be converted here." in visitor.says(text.name)
        assert "%" not in visitor.says(text.name)
        for file in (*files, long, text):
            visitor.check_what_was_shown(file.name)
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
        visitor.check_accessibility()
        visitor.shot("phone-light")
        page.emulate_media(color_scheme="dark")
        visitor.check_accessibility()
        visitor.shot("phone-dark")

        downloads: set[str] = set()
        page.on("download", lambda download: downloads.add(download.suggested_filename))
        press_until(page, "download-all", "Tab")
        page.keyboard.press("Enter")
        wait_for(lambda: page.evaluate("1") and len(downloads) == 9, "all are downloaded")
        assert downloads == {f"{file.stem}.flac" for file in (*files, long)}
        again = visitor.entry("long.wav").locator(".again")
        page.select_option("#format", "opus")
        again.focus()
        page.keyboard.press("Enter")
        wait_for(lambda: page.locator("#jobs li").count() == 11, "it is converted again")
        visitor.wait_for_phase("long.wav", "succeeded")
        for _ in range(2):
            visitor.entry("long.wav").locator(".remove").focus()
            page.keyboard.press("Enter")
        assert visitor.entry("long.wav").count() == 0
        assert page.evaluate("document.activeElement.tagName") in {"BUTTON", "A"}
        visitor.reload()
        assert page.locator("#jobs li").count() == 9
        assert visitor.complaints == []


def test_a_folder_and_options_that_go_together(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """Of a folder only what may be audio is taken, and no option is offered that the others rule out."""
    browser_or_skip()
    folder = tmp_path / "album"
    (folder / "disc 1").mkdir(parents=True)
    (folder / "disc 1" / "song.wav").write_bytes(wav(1))
    for name in ("cover.txt", ".hidden.wav"):
        (folder / name).write_bytes(b"nothing")
    with a_cluster(embedded_stack) as cluster, chromium() as browser, visit(browser, cluster.start().address) as page:
        visitor = Visitor(page)
        page.click("summary")
        page.select_option("#format", "mp3")
        page.select_option("[name=sample_rate]", "8000")
        assert offered(page, "bitrate_kbps")[-1] == "64"
        page.select_option("[name=sample_rate]", "")
        page.select_option("[name=bitrate_kbps]", "320")
        assert offered(page, "sample_rate") == ["", "32000", "44100", "48000"]
        page.select_option("[name=quality]", "2")
        assert page.input_value("[name=bitrate_kbps]") == ""
        page.select_option("#format", "wav")
        assert page.is_hidden("[name=bitrate_kbps]")
        assert page.is_hidden("[name=keep_cover]")
        assert offered(page, "bit_depth") == ["", "8", "16", "24", "32"]
        page.select_option("[name=bit_depth]", "24")
        page.fill("[name=end_seconds]", "0.5")
        page.set_input_files("#folder", folder)
        visitor.wait_for_phase("song.wav", "succeeded")
        assert page.locator("#jobs li").count() == 1
        assert "→ WAV (PCM), 24 bits, to 0.5 s" in visitor.says("song.wav")
        assert "Done, 0:01, 11.8 KiB" in visitor.says("song.wav")
        visitor.check_accessibility()
        visitor.shot("options")
        assert visitor.complaints == []


def offered(page: Page, name: str) -> list[str]:
    """The values that a choice has at the moment."""
    values: list[str] = page.eval_on_selector_all(f"[name={name}] option", "all => all.map(one => one.value)")
    return values


def press_until(page: Page, wanted: str, key: str) -> None:
    """Press a key until the focus is where it should be, as somebody does who has no mouse."""
    for _ in range(120):
        if page.evaluate("document.activeElement.id") == wanted:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {wanted}")


@contextmanager
def a_drain() -> Iterator[str]:
    """A storage that takes everything and keeps nothing."""

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_OPTIONS(self) -> None:
            self._say()

        def do_PUT(self) -> None:
            left = int(self.headers["Content-Length"])
            while left > 0:
                left -= len(self.rfile.read(min(left, MIB)))
            self._say()

        def _say(self) -> None:
            self.send_response(200)
            for name in ("Origin", "Methods", "Headers"):
                self.send_header(f"Access-Control-Allow-{name}", "*" if name != "Methods" else "PUT")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # of no interest
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.long
def test_ten_large_files_do_not_freeze_the_page(embedded_stack: Mapping[str, str], tmp_path: Path) -> None:
    """While ten files of 100 MiB go up, the page answers within 200 ms, and holds none of their bytes."""
    browser_or_skip()
    files = [tmp_path / f"large {number}.wav" for number in range(10)]
    for file in files:
        file.write_bytes(wav(1))
        with file.open("r+b") as opened:
            opened.truncate(100 * MIB)
    with (
        a_drain() as storage,
        a_cluster(embedded_stack, extra={"REPRISE_S3_PUBLIC_ENDPOINT": storage}) as cluster,
        chromium() as browser,
        visit(browser, cluster.start(REPRISE_ROLE="api").address) as page,
    ):
        visitor = Visitor(page)
        before = visitor.memory()
        visitor.add(*files)
        for file in files:  # the storage has kept nothing of it
            visitor.wait_for_phase(file.name, "refused")
            visitor.check_what_was_shown(file.name)
        assert len(visitor.parts_sent()) >= 10 * 13
        assert visitor.longest_task() < MOST_BUSY
        assert visitor.memory() - before < MOST_MEMORY
        assert visitor.complaints == []
