"""
Uppy as npm has it, in a real browser, against real processes: its S3 plug-in with nothing but the address set.

Version 5 is the last with `endpoint` and `headers`, version 6 calls the address `companionEndpoint`; both are in use.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from playwright.sync_api import Page, Request

from tests.support.browser import browser_or_skip, bundled, chromium, site, visit
from tests.support.cluster import Cluster, a_cluster, wait_for
from tests.unit.web.conftest import wav

MIB = 1024 * 1024
PART = 5 * MIB  # what Uppy cuts a file of this size into
LARGE = 101 * MIB  # Uppy's own limit for sending in parts is 100 MiB
EVERY_PART = set(range(1, -(-LARGE // PART) + 1))
SPEED = 25 * MIB  # bytes a second that the browser may send, so that there is a middle to break something in
HERE = Path(__file__).parent
ENDPOINT = {5: "endpoint", 6: "companionEndpoint"}
ENTRY = """
import Uppy from "@uppy/core";
import AwsS3 from "@uppy/aws-s3";

globalThis.seen = { parts: [], keys: {}, errors: [] };

globalThis.start = (options) => {
  globalThis.uppy = new Uppy();
  uppy.use(AwsS3, options);
  uppy.on("s3-multipart:part-uploaded", (file, part) => seen.parts.push(part.PartNumber));
  uppy.on("upload-success", (file, response) => (seen.keys[file.name] = response.body.key));
  uppy.on("upload-error", (file, error) => seen.errors.push(String(error)));
};

globalThis.send = () => {
  for (const file of document.getElementById("file").files) {
    uppy.addFile({ name: file.name, type: file.type, data: file });
  }
  uppy.upload().catch(() => {});
};

globalThis.again = () => {
  const failed = uppy.getFiles().some((file) => file.error);
  if (failed) uppy.retryAll().catch(() => {});
  return failed;
};

// What docs/api.md has for Uppy 6.
globalThis.withKey = (service, key) => {
  const plain = globalThis.fetch;
  globalThis.fetch = (address, options = {}) => {
    const ours = String(address).startsWith(`${service}/v1/`);
    return plain(address, ours ? { ...options, headers: { ...options.headers, "X-API-Key": key } } : options);
  };
};

// What a page does with an upload: all that it knows of it is its key.
globalThis.convert = async (service, key, headers) => {
  const [, upload_id] = key.split("/");
  const body = JSON.stringify({ upload_id, format: "flac" });
  const json = { "Content-Type": "application/json", ...headers };
  const created = await fetch(`${service}/v1/jobs`, { method: "POST", body, headers: json });
  let job = await created.json();
  while (["queued", "running"].includes(job.state)) {
    job = await (await fetch(`${service}${job.links.self}?wait=30`, { headers })).json();
  }
  if (job.state !== "succeeded") return { job };
  const { url } = await (await fetch(`${service}${job.links.download}?via=link`, { headers })).json();
  const followed = await fetch(`${service}${job.links.download}`).catch((error) => error);
  if (!(followed instanceof Error) && followed.ok) throw new Error("a redirect can be followed after all; say so");
  const answer = await fetch(url);
  const file = new Uint8Array(await answer.arrayBuffer());
  return { job, size: file.length, magic: String.fromCharCode(...file.slice(0, 4)) };
};
"""


@dataclass(slots=True)
class Scene:
    """A page with Uppy on it, the processes that it talks to, and what it sends to S3."""

    page: Page
    cluster: Cluster
    version: int
    puts: list[int] = field(default_factory=list)  # numbers of the parts that were begun to be sent, in order
    kept: list[int] = field(default_factory=list)  # … and that S3 answered

    @property
    def service(self) -> str:
        """The address of the newest process."""
        return self.cluster.services[-1].address

    def start(self, **options: object) -> None:
        """Put Uppy on the page with its defaults."""
        self.page.evaluate("options => start(options)", {ENDPOINT[self.version]: f"{self.service}/v1", **options})

    def send(self, *files: Path) -> None:
        """Choose files and press the button."""
        self.page.set_input_files("#file", list(files))
        self.page.evaluate("send()")

    def seen(self) -> dict[str, Any]:
        """What Uppy has told so far."""
        told: dict[str, Any] = self.page.evaluate("seen")
        return told

    def until(self, fact: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        """Wait until it has told this; where it gave up, the visitor presses "retry" as soon as the service is back."""
        wait_for(lambda: not self.retried() and fact(self.seen()), what)
        return self.seen()

    def retried(self) -> bool:
        """Whether something had failed, and now goes on, as by the button of Uppy's dashboard."""
        if self.cluster.services[-1].process.poll() is not None:
            return False
        return bool(self.page.evaluate("again()"))

    def line(self, *, offline: bool) -> None:
        """Cut the browser's line, or mend it."""
        limits = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SPEED}
        self.page.context.new_cdp_session(self.page).send("Network.emulateNetworkConditions", limits)

    def convert(self, key: str, **headers: str) -> dict[str, Any]:
        """As a page does it."""
        done: dict[str, Any] = self.page.evaluate(
            "([service, key, headers]) => convert(service, key, headers)", [self.service, key, headers]
        )
        return done

    def stored(self, key: str) -> str:
        """The SHA-256 of what S3 has."""
        pointed = self.cluster.pointed
        s3 = boto3.client("s3", endpoint_url=pointed["AWS_ENDPOINT_URL_S3"], region_name="us-east-1",
                          aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
        body = s3.get_object(Bucket=pointed["REPRISE_BUCKET"], Key=key)["Body"]
        mark = hashlib.sha256()
        for block in body.iter_chunks(MIB):
            mark.update(block)
        s3.close()
        return mark.hexdigest()

    def watch(self, request: Request, numbers: list[int]) -> None:
        """Note the number of a part."""
        number = parse_qs(urlsplit(request.url).query).get("partNumber")
        if request.method == "PUT" and number:
            numbers.append(int(number[0]))


@pytest.fixture(params=[5, 6], ids=["uppy5", "uppy6"])
def version(request: pytest.FixtureRequest) -> int:
    """Which Uppy."""
    browser_or_skip(npm=True)
    number: int = request.param
    return number


@pytest.fixture
def script(version: int) -> bytes:
    """The page's script, with that Uppy in it."""
    return bundled(HERE / f"uppy{version}", ENTRY)


@pytest.fixture
def scene(embedded_stack: Mapping[str, str], version: int, script: bytes) -> Iterator[Scene]:
    """A page of the one allowed origin, on a service that needs no key."""
    with ExitStack() as stack:
        yield a_scene(stack, embedded_stack, version, script)


def a_scene(stack: ExitStack, embedded: Mapping[str, str], version: int, script: bytes, **settings: str) -> Scene:
    """Start everything; it ends with the stack."""
    here = stack.enter_context(site(script))
    origin = here.origin("audio")
    cluster = stack.enter_context(a_cluster(embedded, extra={"REPRISE_CORS_ORIGINS": origin, **settings}))
    cluster.start()
    page = stack.enter_context(visit(stack.enter_context(chromium()), origin))
    scene = Scene(page, cluster, version)
    page.on("request", lambda request: scene.watch(request, scene.puts))
    page.on("requestfinished", lambda request: scene.watch(request, scene.kept))
    scene.line(offline=False)
    return scene


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small song and a large one, no two MiB of which are the same."""
    folder = tmp_path_factory.mktemp("songs")
    small, large = folder / "Lied Nr. 1.wav", folder / "large.wav"
    small.write_bytes(wav(2))
    header = bytearray(wav(0))
    for at in (4, 40):  # the lengths of the file and of its samples
        header[at : at + 4] = (LARGE - 44 + (36 if at == 4 else 0)).to_bytes(4, "little")
    header[24:34] = bytes.fromhex("44ac0000 10b10200 0400")  # 44.1 kHz, stereo: ten minutes
    header[22:24] = b"\2\0"
    with large.open("wb") as file:
        file.write(header)
        for number in range(LARGE // MIB):
            file.write(number.to_bytes(4, "little") * (MIB // 4 if number else MIB // 4 - 11))
    return small, large


def sum_of(file: Path) -> str:
    """Its SHA-256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.requirement("1.1", "1.2", "3.2", "6.1")
def test_uppy_uploads_with_its_defaults(scene: Scene, files: tuple[Path, Path]) -> None:
    """A small and a large file go up with the defaults, through a pause, are converted and downloaded by the page."""
    small, large = files
    scene.start()
    scene.send(small, large)
    scene.until(lambda seen: len(seen["parts"]) >= 3 and small.name in seen["keys"], "some of it is up")
    scene.page.evaluate("uppy.pauseAll()")
    held = set(scene.kept)
    begun = len(scene.puts)
    assert large.name not in scene.seen()["keys"]
    scene.page.evaluate("uppy.resumeAll()")
    seen = scene.until(lambda seen: len(seen["keys"]) == 2, "both are up")

    assert seen["errors"] == []
    assert held
    assert held.isdisjoint(scene.puts[begun:])
    assert set(scene.puts) == EVERY_PART
    for file in files:
        key = seen["keys"][file.name]
        assert scene.stored(key) == sum_of(file)
        converted = scene.convert(key)
        assert converted["job"]["state"] == "succeeded", converted
        assert (converted["magic"], converted["size"]) == ("fLaC", converted["job"]["size"])
        assert converted["job"]["filename"] == file.with_suffix(".flac").name
    assert scene.cluster.left_in_s3()[1] == []


@pytest.mark.requirement("1.9", "4.2", "6.1")
def test_uppy_sends_no_arrived_part_again_after_a_break(scene: Scene, files: tuple[Path, Path]) -> None:
    """The process that began an upload is killed, later the line is cut: no part that arrived is sent twice."""
    large = files[1]
    scene.start()
    scene.send(large)
    scene.until(lambda seen: len(seen["parts"]) >= 3, "some of it is up")
    scene.cluster.services[0].kill()
    if scene.version == 6:  # gives up at the first call that gets no answer; version 5 tries for nine seconds
        scene.until(lambda seen: seen["errors"], "Uppy has noticed")
    held, begun = set(scene.kept), len(scene.puts)
    assert held
    scene.cluster.start(REPRISE_PORT=str(urlsplit(scene.service).port))
    scene.until(lambda seen: len(seen["parts"]) >= 9, "more of it is up")
    assert held.isdisjoint(scene.puts[begun:])

    scene.line(offline=True)
    assert scene.page.evaluate("navigator.onLine") is False
    assert not scene.seen()["keys"]
    held, begun = set(scene.kept), len(scene.puts)
    scene.line(offline=False)
    seen = scene.until(lambda seen: seen["keys"], "all of it is up")
    assert held.isdisjoint(scene.puts[begun:])
    assert set(scene.puts) == EVERY_PART
    assert scene.stored(seen["keys"][large.name]) == sum_of(large)
    assert scene.cluster.left_in_s3()[1] == []


@pytest.mark.requirement("1.1")
def test_uppy_sends_the_api_key_with_every_call(
    embedded_stack: Mapping[str, str], version: int, script: bytes, files: tuple[Path, Path]
) -> None:
    """Where keys are in use, Uppy 5 sends one by its `headers`, Uppy 6 by the page's `fetch`; without, none enters."""
    key = "a-key-for-tests"
    keys = f"acme:{hashlib.sha256(key.encode()).hexdigest()}"
    with ExitStack() as stack:
        scene = a_scene(stack, embedded_stack, version, script, REPRISE_API_KEYS=keys)
        if version == 5:
            scene.start(headers={"X-API-Key": key})
        else:
            scene.page.evaluate("([service, key]) => withKey(service, key)", [scene.service, key])
            scene.start()
        scene.send(files[0])
        uploaded = scene.until(lambda seen: seen["keys"], "it is up")["keys"][files[0].name]
        assert scene.convert(uploaded, **{"X-API-Key": key})["job"]["state"] == "succeeded"

        scene.page.reload()
        scene.start()
        scene.send(files[0])
        wait_for(lambda: scene.seen()["errors"], "it was refused")
        assert scene.seen()["keys"] == {}
