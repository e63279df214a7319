"""
A browser for tests: headless Chromium, the pages that it opens, and the packages of npm that they run.

Pages come from a server on loopback under made-up names below `localhost`, which every Chromium takes there by itself
and trusts like https. Nothing of a page's traffic is intercepted: playwright answers preflights in the browser's stead
as soon as it listens in, and then no rule of any server would be tested. Packages are installed beside the
interpreter's own, never in the tree, by the lock file that lies next to their `package.json`.
"""

import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
NO_NPM = "there is no npm to fetch packages with (apt-get install npm)"
PAGE_TIMEOUT = 200.0  # seconds for npm, or for anything that a page does
HTML = "<!doctype html><title>test</title><input type=file id=file multiple><script src=app.js></script>"


def browser_or_skip(*, npm: bool = False) -> None:
    """Without a browser (and npm) the test is skipped, or fails where REPRISE_REQUIRE_BROWSER is 1."""
    _skip_for(missing(npm=npm))


def npm_or_skip() -> None:
    """Without npm the test is skipped, or fails where REPRISE_REQUIRE_BROWSER is 1."""
    _skip_for(None if _has_npm() else NO_NPM)


def _skip_for(reason: str | None) -> None:
    if reason is None:
        return
    if os.environ.get("REPRISE_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and REPRISE_REQUIRE_BROWSER=1 demands it")
    pytest.skip(reason)


def missing(*, npm: bool) -> str | None:
    """What there is none of; None if all is there."""
    if program() is None:
        return "there is no Chromium (apt-get install chromium)"
    return NO_NPM if npm and not _has_npm() else None


def _has_npm() -> bool:
    return shutil.which("npm") is not None and shutil.which("node") is not None


def program() -> str | None:
    """The installed Chromium; playwright's own would be one more download."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@functools.cache
def installed(package: Path) -> Path:
    """
    A folder with the packages of npm that the folder `package` names, by `package.json` and its lock file.

    Raises `RuntimeError` with its output if npm fails.
    """
    files = [package / name for name in ("package.json", "package-lock.json")]
    mark = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    store = Path(sys.prefix) / "npm"
    home = store / f"{package.name}-{mark}"
    if not home.exists():
        store.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=store))
        for file in files:
            shutil.copy(file, fresh)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], fresh)
        try:
            fresh.rename(home)
        except OSError:  # another process was faster
            shutil.rmtree(fresh)
    return home


@functools.cache
def bundled(package: Path, entry: str) -> bytes:
    """A script for a page: `entry`, with the packages that it imports, see `installed`."""
    build = ["node_modules/.bin/esbuild", "--bundle", "--format=iife", "--log-level=error"]
    return _run(build, installed(package), entry.encode())


def _run(command: list[str], folder: Path, said: bytes = b"") -> bytes:
    done = subprocess.run(command, cwd=folder, input=said, capture_output=True, check=False, timeout=PAGE_TIMEOUT)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Site:
    """A web server with one page, whatever name it is asked by."""

    port: int

    def origin(self, name: str) -> str:
        """The same page as another site."""
        return f"http://{name}.localhost:{self.port}"


@contextmanager
def site(script: bytes = b"") -> Iterator[Site]:
    """Serve the page, with its script, until the block ends."""
    files: Mapping[str, tuple[str, bytes]] = {
        "/": ("text/html", HTML.encode()),
        "/app.js": ("text/javascript", script),
    }

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = files.get(self.path, ("text/plain", b""))
            self.send_response(200 if self.path in files else 404)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # of no interest
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Site(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a memory; it ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, address: str) -> Iterator[Page]:
    """Open a page as a visitor of its own; what it complains of is shown with a failure."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PAGE_TIMEOUT * 1000)
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    try:
        page.goto(address)
        yield page
    except BaseException:
        sys.stderr.write("\n".join(["the page said:", *said[-40:], ""]))
        raise
    finally:
        context.close()
