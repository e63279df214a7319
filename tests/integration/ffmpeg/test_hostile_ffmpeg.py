import asyncio
import http.server
import json
import os
import resource
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from service.core.errors import (
    BadMedia,
    FfmpegCrashed,
    FfmpegStalled,
    MemoryExceeded,
    ObjectGone,
    OutputTooLarge,
    TimeExceeded,
    TranscodeFailed,
)
from service.core.media.inputs import Source
from service.telemetry import events, subscribe
from service.telemetry.events import Event
from tests.support.bombs import index_bomb
from tests.support.conversions import (
    FFMPEG,
    INPUT_KEY,
    KIB,
    MIB,
    Bench,
    is_ffmpeg,
    moto_with_small_parts,
    noise,
    open_files,
    read,
    run_and_kill,
    running,
    script,
    small_bench,
    state_of,
    until,
)

WAV = Source(container="wav", demuxer="wav", content_type="audio/wav")
WELL = "sys.stderr.write('out_time_us=1000000\\nprogress=end\\n')\n"  # what a conversion that went well says


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the inputs are."""
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture(scope="module")
def small_parts() -> Iterator[str]:
    """An S3 that takes parts of any size."""
    with moto_with_small_parts() as endpoint:
        yield endpoint


@pytest.fixture
async def bench(small_parts: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bucket with parts of 32 KiB; after the test, nothing may be left."""
    async for bench in small_bench(small_parts, tmp_path):
        bench.configure(stop_grace=0.3)
        yield bench


async def convert(
    bench: Bench, content: Path | bytes = b"some input", what: Source = WAV, target: str = "wav"
) -> bytes:
    """Convert and publish."""
    draft = await bench.transcoder().convert(bench.order(content, what, target), bench.report)
    await draft.publish()
    return await bench.output()


async def failure(
    bench: Bench, content: Path | bytes = b"some input", what: Source = WAV, target: str = "wav"
) -> TranscodeFailed:
    """Convert in vain; nothing may be left behind."""
    with pytest.raises(TranscodeFailed) as caught:
        await bench.transcoder().convert(bench.order(content, what, target), bench.report)
    assert await bench.leftovers() == []
    return caught.value


# ── what it is given ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_sandboxed_ffmpeg_has_an_empty_environment_and_its_limits(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffmpeg runs with an empty environment, in a session of its own, with its limits, few descriptors and a filter."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    bench.configure(max_output_bytes=300 * MIB, memory_bytes=500 * MIB, open_files=40)
    source = noise(folder, 240)
    task = asyncio.create_task(convert(bench, source, target="mp3"))
    await until(lambda: running(FFMPEG, os.getpid()), "ffmpeg runs")
    [pid] = running(FFMPEG, os.getpid())
    assert read(f"/proc/{pid}/environ") == ""
    assert os.getsid(pid) == os.getpgid(pid) == pid
    limits = {line[:26].strip(): line[26:].split()[:2] for line in read(f"/proc/{pid}/limits").splitlines()[1:]}
    assert limits["Max file size"] == [str(300 * MIB)] * 2
    assert limits["Max address space"] == [str(2048 * MIB)] * 2
    assert limits["Max data size"] == [str(500 * MIB)] * 2
    assert read(f"/proc/{pid}/oom_score_adj").strip() == "1000"
    assert limits["Max open files"] == ["40", "40"]
    assert limits["Max core file size"] == ["0", "0"]
    status = dict(line.split(":", 1) for line in read(f"/proc/{pid}/status").splitlines())
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert {path.split(":")[0] for path in open_files(pid)} <= {"pipe", "/dev/null", "/memfd"}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("attempt", "refusal"),
    [
        ("socket.socket()", "PermissionError"),
        ("socket.socket(socket.AF_UNIX)", "PermissionError"),
        ("socket.socketpair()", "PermissionError"),
        ("os.fork()", "PermissionError"),
        ("os.posix_spawn('/bin/true', ['true'], {})", "PermissionError"),
        ("threading.Thread(target=print).start()", ""),
        ("print(len(os.environ))", ""),
    ],
)
async def test_sandboxed_ffmpeg_cannot_make_sockets_or_processes(
    bench: Bench, tmp_path: Path, attempt: str, refusal: str
) -> None:
    """Sockets, children and a look into the service are refused by the kernel; threads and files are not."""
    body = f"try: {attempt}\nexcept OSError as error: said = type(error).__name__\nelse: said = ''\n"
    body += "open(OUT, 'w').write(f'<{said}>')\n" + WELL
    bench.configure(ffmpeg=script(tmp_path, body))
    assert (await convert(bench)).decode() == f"<{refusal}>"


@pytest.mark.requirement("6.7")
async def test_ffmpeg_dies_with_the_service(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """When the process that converts is killed with SIGKILL, its ffmpeg is gone at once, even while it is paused."""
    order = bench.order(noise(folder, 240), WAV, "mp3")
    program = script(tmp_path, "hang()")
    bench.configure(ffmpeg=program)
    code = (
        "import asyncio\n"
        "from service.adapters.system.ambient import SystemClock\n"
        "from service.adapters.aws.clients import Aws, AwsSettings\n"
        "from service.adapters.ffmpeg.config import Confinement\n"
        "from service.adapters.ffmpeg.transcoder import FfmpegConfig, FfmpegTranscoder\n"
        "from service.adapters.s3.reading import ReadRetry\n"
        "from service.core.backoff import Backoff\n"
        "from service.core.media.inputs import Source\n"
        "from service.core.media.options import Options, Target\n"
        "from service.ports.transcoder import Order\n"
        f"aws = Aws({bench.aws.settings!r})\n"
        f"transcoder = FfmpegTranscoder(aws, {bench.config!r}, SystemClock())\n"
        f"asyncio.run(transcoder.convert({order!r}, lambda reading: None))\n"
    )
    service, found = run_and_kill(code), list[int]()

    def runs() -> bool:
        found[:] = running(program, service.pid)  # once: it may be another the next time
        return bool(found)

    try:
        await until(runs, "ffmpeg runs")
        pid = found[0]
        os.kill(pid, signal.SIGSTOP)  # as if it were paused
        await until(lambda: state_of(pid) == "T", "it is stopped")
        service.kill()
        await until(lambda: state_of(pid) in {"", "Z"}, "ffmpeg is gone", seconds=5)
    finally:
        service.kill()
        service.communicate()
        if found and is_ffmpeg(found[0]):
            os.kill(found[0], signal.SIGKILL)


# ── what it is fed ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server on loopback: its address, and the requests that it saw."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()
    thread.join()


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nhttp://{canary}/m3u8.ts\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile 'http://{canary}/concat.mp3'\nfile '/etc/passwd'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "dash": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>http://{canary}/</BaseURL></MPD>",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize(("demuxer", "local"), [("mp3", False), ("mp3", True), ("hls", False), ("concat", True)])
async def test_playlist_as_input_makes_no_request(
    bench: Bench, canary: tuple[str, list[str]], kind: str, demuxer: str, local: bool
) -> None:
    """Even with the sniffing left out, and even with a playlist demuxer chosen, ffmpeg makes no request and fails."""
    address, seen = canary
    body = PLAYLISTS[kind].format(canary=address).encode()
    what = Source(container="mp3", demuxer=demuxer, content_type="audio/mpeg", needs_seeking=local)
    assert isinstance(await failure(bench, body, what, "mp3"), BadMedia)
    assert seen == []


def test_canary_server_records_a_request(canary: tuple[str, list[str]]) -> None:
    """The canary would have seen a request."""
    address, seen = canary
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /sing HTTP/1.0\r\n\r\n")
        connection.recv(100)
    assert seen == ["/sing"]


# ── what it does ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_endless_output_ends_at_the_output_cap(bench: Bench, folder: Path) -> None:
    """ffmpeg is ended by the kernel at the cap of the output, and the job is told why."""
    bench.configure(max_output_bytes=2 * MIB)
    error = await failure(bench, noise(folder, 60))
    assert isinstance(error, OutputTooLarge)


@pytest.mark.requirement("2.4", "6.6")
@pytest.mark.parametrize("manners", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"])
async def test_stalled_ffmpeg_is_ended(bench: Bench, tmp_path: Path, manners: str) -> None:
    """An ffmpeg that makes no progress is asked to end, then made to, and the job is told that it stalled."""
    bench.configure(stall_seconds=0.3, ffmpeg=script(tmp_path, f"{manners}sys.stderr.write('I am stuck\\n')\nhang()"))
    stopped: list[object] = []

    def hear(event: Event, fields: Mapping[str, object]) -> None:
        if event is events.FFMPEG_STOPPED:
            stopped.append(fields["code"])

    with subscribe(hear):
        error = await failure(bench)
    assert isinstance(error, FfmpegStalled)
    assert stopped == ["transcode_stalled"]
    assert error.diagnostics["signal"] == ("SIGKILL" if manners else "SIGTERM")
    assert error.diagnostics["last_lines"] == ["I am stuck"]


async def test_stalled_ffmpeg_without_stderr_is_ended(bench: Bench, tmp_path: Path) -> None:
    """Nobody waits for ever for a process that can say nothing any more."""
    bench.configure(stall_seconds=0.3, ffmpeg=script(tmp_path, "os.close(2)\nhang()"))
    assert isinstance(await failure(bench), FfmpegStalled)


@pytest.mark.requirement("6.12")
async def test_active_ffmpeg_is_ended_at_its_time_limit(bench: Bench, tmp_path: Path) -> None:
    """An ffmpeg that does make progress, but for longer than its media allows, is ended."""
    body = "n = 0\nwhile True: n += 1; os.write(2, b'out_time_us=%d\\nprogress=continue\\n' % n); time.sleep(0.01)"
    bench.configure(min_time_limit=0.3, ffmpeg=script(tmp_path, body))
    assert isinstance(await failure(bench), TimeExceeded)


@pytest.mark.parametrize(
    ("samples", "expected"), [(11_000_000, BadMedia), (2_600_000, MemoryExceeded)], ids=["one-large", "many"]
)
async def test_index_bomb_gets_no_more_memory_than_allowed(
    bench: Bench, samples: int, expected: type[TranscodeFailed]
) -> None:
    """A file of 22 KB that asks for gigabytes of index ends at once, at the limit of one allocation or of them all."""
    bench.configure(memory_bytes=300 * MIB)
    what = Source(container="mov", demuxer="mov", content_type="video/quicktime", needs_seeking=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    error = await failure(bench, index_bomb(tracks=64, samples=samples), what, "mp3")
    assert type(error) is expected
    assert not error.retryable
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, 400 * KIB)  # it counts KiB


@pytest.mark.requirement("2.4", "6.5")
async def test_crash_of_ffmpeg_names_the_signal(bench: Bench, tmp_path: Path) -> None:
    """A death by a signal that we did not send is told as such, with the signal's name."""
    bench.configure(ffmpeg=script(tmp_path, "signal.raise_signal(signal.SIGSEGV)"))
    error = await failure(bench)
    assert isinstance(error, FfmpegCrashed)
    assert error.diagnostics["signal"] == "SIGSEGV"


@pytest.mark.requirement("2.2", "6.5")
async def test_flood_on_stderr_is_read_in_bounded_memory(bench: Bench, tmp_path: Path) -> None:
    """100 MB on stderr are read to their end and cost no memory; the last lines are kept."""
    body = "for n in range(1600): os.write(2, b'x' * 65535 + b'\\n')\nos.write(2, b'the end\\n')\nsys.exit(3)"
    bench.configure(ffmpeg=script(tmp_path, body))
    before = resident()
    error = await failure(bench)
    assert isinstance(error, BadMedia)
    assert error.diagnostics["exit_code"] == 3
    assert error.diagnostics["last_lines"][-1] == "the end"  # type: ignore[index]
    assert len(json.dumps(error.diagnostics)) < 64 * KIB
    assert resident() - before < 20 * MIB


async def test_ffmpeg_that_closes_its_input_early_may_succeed(bench: Bench, tmp_path: Path) -> None:
    """Closing the input early and ending well is ffmpeg's own decision, and no error."""
    bench.configure(ffmpeg=script(tmp_path, f"os.read(0, 10)\nos.close(0)\nopen(OUT, 'wb').write(b'enough')\n{WELL}"))
    assert await convert(bench, bytes(8 * MIB)) == b"enough"


async def test_ffmpeg_waiting_for_a_failed_input_is_ended(bench: Bench, tmp_path: Path) -> None:
    """If the input fails while ffmpeg waits for it, ffmpeg is ended and never sees an end of the file."""
    body = f"data = sys.stdin.buffer.read()\nsys.stderr.write('the end')\nopen(OUT, 'wb').write(data)\n{WELL}"
    bench.configure(ffmpeg=script(tmp_path, body))
    said: list[object] = []

    def hear(event: Event, fields: Mapping[str, object]) -> None:
        if event is events.FFMPEG_ENDED:
            said.append(fields["last_lines"])

    order = bench.order(b"some input", WAV)
    bench.s3.delete_object(Bucket=bench.bucket, Key=INPUT_KEY)
    with subscribe(hear), pytest.raises(ObjectGone):
        await bench.transcoder().convert(order, bench.report)
    assert [list(lines) for lines in said] == [[]]  # type: ignore[call-overload]
    assert await bench.leftovers() == []


async def test_ffmpeg_without_any_output_is_bad_media(bench: Bench, tmp_path: Path) -> None:
    """An exit code of 0 without any output is no success."""
    bench.configure(ffmpeg=script(tmp_path, WELL))
    assert isinstance(await failure(bench), BadMedia)


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(read("/proc/self/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
