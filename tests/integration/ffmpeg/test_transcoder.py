import asyncio
import dataclasses
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ReadTimeoutError

from service.adapters.aws.clients import Aws
from service.adapters.ffmpeg import transcoder as ffmpeg
from service.adapters.ffmpeg.output.draft import WindowDraft
from service.adapters.s3.output_upload import OutputUpload
from service.adapters.s3.part_body import PartBody
from service.adapters.s3.reading import ReadRetry
from service.adapters.system.ambient import SystemClock
from service.core.backoff import Backoff
from service.core.errors import (
    BadMedia,
    EmptyRange,
    Indefinite,
    NoFfmpeg,
    ObjectChanged,
    ObjectGone,
    StoreError,
    Unavailable,
)
from service.core.jobs.progress import TOP, percent_of
from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.inputs import Source
from service.core.media.sniff import HEAD_BYTES, TAIL_BYTES, identify
from tests.support import media_samples
from tests.support.conversions import (
    FFMPEG,
    INPUT_KEY,
    KIB,
    MIB,
    OUTPUT_KEY,
    Bench,
    children,
    memory_behind,
    moto_with_small_parts,
    noise,
    plain,
    read,
    running,
    script,
    small_bench,
    state_of,
    until,
)
from tests.support.flaky_proxy import Fault, FlakyProxy, How


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the inputs are, each made once."""
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture(scope="module")
def small_parts() -> Iterator[str]:
    """An S3 that takes parts of any size."""
    with moto_with_small_parts() as endpoint:
        yield endpoint


@pytest.fixture
async def bench(small_parts: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bucket with parts of 32 KiB; after the test, nothing may be left but what was published."""
    async for bench in small_bench(small_parts, tmp_path):
        yield bench


@pytest.fixture
async def large(aws: Aws, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bucket with the parts of production, 8 MiB, on an S3 that insists on 5."""
    bench = Bench(aws, tmp_path / "scratch")
    yield bench
    await bench.close()


def through(proxy: FlakyProxy, bench: Bench) -> Aws:
    """The same S3, reached through a proxy that misbehaves."""
    return Aws(dataclasses.replace(bench.aws.settings, s3_endpoint=f"http://{proxy.address}"))


def sniff(path: Path) -> Source:
    """What the service makes of a file."""
    data = path.read_bytes()
    return identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data))


# ── the bytes ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("1.4")
@pytest.mark.parametrize("target", sorted(OUTPUT_FORMATS))
async def test_every_format_is_what_plain_ffmpeg_writes(
    bench: Bench, folder: Path, tmp_path: Path, target: str
) -> None:
    """Streamed through a window of small parts, every output format is byte for byte the file of plain ffmpeg."""
    source = noise(folder, 25)
    what = sniff(source)
    order = bench.order(source, what, target)
    draft = await bench.transcoder().convert(order, bench.report)
    stored = await draft.publish()
    got = await bench.output()
    assert got == plain(source, what, order, tmp_path)
    assert (stored.key, stored.size) == (OUTPUT_KEY, len(got))
    assert draft.facts["path"] == "streaming"
    assert int(str(draft.facts["parts"])) > 5, "too short: nothing was punched"


@pytest.mark.requirement("1.4", "1.8")
@pytest.mark.parametrize("target", ["wav", "flac", "alac"])
async def test_long_outputs_in_production_part_size_give_the_bytes_of_plain_ffmpeg(
    large: Bench, folder: Path, tmp_path: Path, target: str
) -> None:
    """More than five parts of 8 MiB, punched and put together by S3, are the file of plain ffmpeg."""
    source = noise(folder, 400, extension="flac")
    what = sniff(source)
    order = large.order(source, what, target)
    draft = await large.transcoder().convert(order, large.report)
    await draft.publish()
    assert await large.output() == plain(source, what, order, tmp_path)
    assert int(str(draft.facts["parts"])) >= 5
    assert draft.facts["path"] == "streaming"


@pytest.mark.requirement("1.4")
@pytest.mark.parametrize(
    ("target", "options"), [("mp3", {"quality": 0}), ("m4a", {"bitrate_kbps": 320}), ("wav", {"bit_depth": 24})]
)
async def test_long_compressed_outputs_give_the_bytes_of_plain_ffmpeg(
    bench: Bench, folder: Path, tmp_path: Path, target: str, options: dict[str, object]
) -> None:
    """A VBR MP3 (whose Xing frame is patched at the end) and an M4A (whose mdat is) hold through dozens of parts."""
    source = noise(folder, 30)
    what = sniff(source)
    order = bench.order(source, what, target, options=options)
    draft = await bench.transcoder().convert(order, bench.report)
    await draft.publish()
    assert await bench.output() == plain(source, what, order, tmp_path)
    assert int(str(draft.facts["parts"])) > 10
    assert draft.facts["path"] == "streaming"


async def test_a_small_output_is_one_put(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """An output that fits into the head needs no multipart upload at all."""
    bench.configure(part_size=8 * MIB)
    source = noise(folder, 2)
    what = sniff(source)
    order = bench.order(source, what, "mp3")
    with patch.object(OutputUpload, "send", side_effect=AssertionError("a part was sent")):
        draft = await bench.transcoder().convert(order, bench.report)
        assert [one for one in await bench.leftovers() if one.startswith(("upload", "object"))] == []
        await draft.publish()
    assert await bench.output() == plain(source, what, order, tmp_path)


@pytest.mark.parametrize("options", [{"start_seconds": 3, "end_seconds": 7}, {"end_seconds": 2}])
async def test_trimmed_conversion_gives_the_bytes_of_plain_ffmpeg(
    bench: Bench, folder: Path, tmp_path: Path, options: dict[str, object]
) -> None:
    """ffmpeg may close its input when it has what it wants; that is its decision, and no broken stream."""
    source = noise(folder, 60)
    what = sniff(source)
    order = bench.order(source, what, "flac", options=options)
    await (await bench.transcoder().convert(order, bench.report)).publish()
    assert await bench.output() == plain(source, what, order, tmp_path)
    assert {reading.total_seconds for reading in bench.readings} <= {None, 4.0, 2.0}


# ── the local path ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("1.5", "4.4")
@pytest.mark.parametrize("name", ["m4a.m4a", "wav-list-behind.wav", "mp3-id3v1.mp3"])
async def test_input_that_has_to_be_seekable_takes_the_local_path(
    bench: Bench, folder: Path, tmp_path: Path, name: str
) -> None:
    """An input with its index or tags at the end is spooled, gives the bytes of plain ffmpeg, and leaves no file."""
    source = media_samples.make(FFMPEG, name, folder)
    what = sniff(source)
    assert what.needs_seeking
    order = bench.order(source, what, "flac")
    draft = await bench.transcoder().convert(order, bench.report)
    await draft.publish()
    assert await bench.output() == plain(source, what, order, tmp_path)
    assert draft.facts["path"] == "local"


@pytest.mark.requirement("1.5")
async def test_a_spooled_file_has_no_name(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """Not even while ffmpeg reads it does the input have a name on disk, so no kind of death can leave it there."""
    source = media_samples.make(FFMPEG, "m4a.m4a", folder)
    program = script(tmp_path, "hang()")
    bench.configure(ffmpeg=program)
    convert = asyncio.create_task(bench.transcoder().convert(bench.order(source, sniff(source)), bench.report))
    await until(lambda: running(program, os.getpid()), "the script runs")
    assert "\0-i\0/proc/self/fd/" in read(f"/proc/{running(program, os.getpid())[0]}/cmdline")
    assert list(bench.scratch.iterdir()) == []
    assert bench.scratch.stat().st_mode & 0o777 == 0o700
    convert.cancel()
    with pytest.raises(asyncio.CancelledError):
        await convert


@pytest.mark.requirement("1.5", "6.10")
async def test_too_little_disk_is_refused_before_anything_is_copied(bench: Bench, folder: Path) -> None:
    """Without room for the whole input nothing is begun here, and another container may try."""
    source = media_samples.make(FFMPEG, "m4a.m4a", folder)
    full = shutil.disk_usage(folder)._replace(free=source.stat().st_size)
    with patch("shutil.disk_usage", return_value=full), pytest.raises(Unavailable, match="disk space"):
        await bench.transcoder().convert(bench.order(source, sniff(source)), bench.report)
    assert await bench.leftovers() == []


async def test_muxer_that_writes_behind_the_window_gets_a_file_on_disk(bench: Bench, tmp_path: Path) -> None:
    """If bytes are written behind the window, the conversion is done again, whole, with its output on disk."""
    body = """
data, looks = sys.stdin.buffer.read(), 0
sys.stderr.write("out_time_us=1000000\\nprogress=end\\n")
with open(OUT, "r+b", buffering=0) as f:
    f.write(data)
    while os.lseek(f.fileno(), 65536, os.SEEK_DATA) < 98304 and looks < 400:
        looks += 1
        time.sleep(0.005)
    f.seek(70000)
    f.write(b"back again")
"""
    bench.configure(ffmpeg=script(tmp_path, body))
    content = bytes(range(256)) * 4096
    what = Source(container="wav", demuxer="wav", content_type="audio/wav")
    draft = await bench.transcoder().convert(bench.order(content, what), bench.report)
    await draft.publish()
    assert await bench.output() == content[:70000] + b"back again" + content[70010:]
    assert draft.facts["path"] == "local"


async def test_without_memory_files_the_output_goes_to_disk(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """A platform that has no memfd converts on disk, with the same bytes and nothing left."""
    source = noise(folder, 25)
    what = sniff(source)
    order = bench.order(source, what, "wav")
    with patch("service.adapters.ffmpeg.conversion.memory_file", return_value=None):
        draft = await bench.transcoder().convert(order, bench.report)
    await draft.publish()
    assert await bench.output() == plain(source, what, order, tmp_path)
    assert draft.facts["path"] == "local"


# ── slow uploads ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("1.8")
async def test_ffmpeg_is_paused_while_the_uploads_lag(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """When S3 takes nothing, ffmpeg stands still with a bounded output, is not called stalled, and goes on later."""
    bench.configure(stall_seconds=1.5, part_size=512 * KIB)  # a busy machine starves ffmpeg for less than that
    source = noise(folder, 400, extension="flac")
    what = sniff(source)
    order = bench.order(source, what, "wav")
    gate, send = threading.Event(), OutputUpload.send

    def slow(self: OutputUpload, number: int, body: PartBody) -> None:
        gate.wait(60)
        send(self, number, body)

    with patch.object(OutputUpload, "send", slow):
        convert = asyncio.create_task(bench.transcoder().convert(order, bench.report))
        await until(lambda: any(state_of(pid) == "T" for pid in children()), "ffmpeg is stopped")
        paused = len(bench.readings)
        await until(lambda: len(bench.readings) > paused + 50, "more than stall_seconds went by")
        assert bench.readings[-1].paused
        assert not convert.done()
        held = memory_behind(os.getpid())
        gate.set()
        draft = await convert
    await draft.publish()
    assert await bench.output() == plain(source, what, order, tmp_path)
    assert int(str(draft.facts["pauses"])) >= 1
    # The head, four parts of backlog, and what a fast decoder writes between two looks; the whole file has 67 MiB.
    assert held < 16 * MIB


async def test_failed_part_upload_ends_the_conversion(bench: Bench, folder: Path) -> None:
    """When S3 refuses a part for good, ffmpeg is ended and the fault is the storage's, not the media's."""
    source = noise(folder, 60)
    with (
        patch.object(OutputUpload, "send", side_effect=Indefinite("UploadPart: 500")),
        pytest.raises(Indefinite, match="UploadPart"),
    ):
        await bench.transcoder().convert(bench.order(source, sniff(source), "wav"), bench.report)
    assert await bench.leftovers() == []


# ── the input's stream ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("1.4")
@pytest.mark.parametrize("how", [How.RESET, How.TRUNCATE])
async def test_broken_input_stream_goes_on_at_the_offset(
    bench: Bench, small_parts: str, folder: Path, tmp_path: Path, how: How
) -> None:
    """S3's stream may break several times in the middle; ffmpeg does not notice, and the bytes are the same."""
    bench.configure(part_size=8 * MIB)  # the output fits into its head, so the input's are the only connections
    source = noise(folder, 60)
    what = sniff(source)
    order = bench.order(source, what, "mp3")
    address = urlsplit(small_parts)
    async with FlakyProxy(str(address.hostname), int(address.port or 0)) as proxy:
        proxy.faults = [Fault(how, 3 * MIB), Fault(how, 100), Fault(how, 2 * MIB)]
        flaky = through(proxy, bench)
        draft = await bench.transcoder(flaky).convert(order, bench.report)
        await draft.publish()
        flaky.close()
    assert await bench.output() == plain(source, what, order, tmp_path)
    assert int(str(draft.facts["mended"])) >= 2


@pytest.mark.requirement("1.4")
@pytest.mark.parametrize("how", [How.RESET, How.TRUNCATE])
async def test_broken_input_stream_is_never_the_end_of_the_file(
    bench: Bench, small_parts: str, folder: Path, how: How
) -> None:
    """If the rest of the input cannot be had, that is a fault of the storage; no short output comes of it."""
    bench.configure(part_size=8 * MIB, read_retry=ReadRetry(max_breaks=1, backoff=Backoff(first=0.01, cap=0.01)))
    # An endless MP3 stream: ffmpeg itself could not tell that its end is missing.
    source = noise(folder, 60, extension="mp3", arguments=("-b:a", "320k", "-write_xing", "0", "-id3v2_version", "0"))
    order = bench.order(source, sniff(source), "ogg", local=False)
    address = urlsplit(small_parts)
    async with FlakyProxy(str(address.hostname), int(address.port or 0)) as proxy:
        proxy.faults = [Fault(how, MIB), *[Fault(how, 10)] * 60]
        flaky = through(proxy, bench)
        with pytest.raises(StoreError) as caught:
            await bench.transcoder(flaky).convert(order, bench.report)
        flaky.close()
    assert not isinstance(caught.value, ObjectGone | ObjectChanged)
    assert await bench.leftovers() == []


async def test_input_that_changed_under_its_key_is_refused(bench: Bench, folder: Path) -> None:
    """The input is the very object that was uploaded, or the conversion ends with `ObjectChanged`."""
    source = noise(folder, 2)
    order = bench.order(source, sniff(source))
    bench.s3.put_object(Bucket=bench.bucket, Key=INPUT_KEY, Body=b"other bytes")
    with pytest.raises(ObjectChanged):
        await bench.transcoder().convert(order, bench.report)


async def test_missing_input_is_object_gone(bench: Bench, folder: Path) -> None:
    """A deleted input ends the conversion with `ObjectGone`, and is not tried again and again."""
    source = noise(folder, 2)
    order = bench.order(source, sniff(source))
    bench.s3.delete_object(Bucket=bench.bucket, Key=INPUT_KEY)
    with pytest.raises(ObjectGone):
        await bench.transcoder().convert(order, bench.report)


# ── bad media ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("6.5")
async def test_truncated_input_file_fails_the_conversion(bench: Bench, folder: Path) -> None:
    """ffmpeg converts what is left of a cut file and exits with 0; the headers tell that the end is missing."""
    whole = noise(folder, 60)
    data = whole.read_bytes()
    cut = folder / "cut.wav"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadMedia) as caught:
        await bench.transcoder().convert(bench.order(cut, sniff(cut), "flac"), bench.report)
    assert caught.value.diagnostics["exit_code"] == 0
    assert await bench.leftovers() == []


@pytest.mark.requirement("2.4", "6.5")
async def test_rubbish_fails_with_the_last_lines_of_ffmpeg(bench: Bench) -> None:
    """Bytes that are no audio end as `BadMedia`, with ffmpeg's exit code and what it said."""
    what = Source(container="flac", demuxer="flac", content_type="audio/flac")
    with pytest.raises(BadMedia) as caught:
        await bench.transcoder().convert(bench.order(b"fLaC" + bytes(5000), what), bench.report)
    facts = caught.value.diagnostics
    assert facts["exit_code"] not in {0, None}
    assert facts["stage"] == "convert"
    assert any("Invalid data" in str(line) for line in facts["last_lines"])  # type: ignore[attr-defined]


async def test_start_beyond_the_end_is_a_fault_of_the_option(bench: Bench, folder: Path) -> None:
    """A range without any sound in it fails as one, with its numbers; the file is not blamed."""
    source = noise(folder, 2)
    order = bench.order(source, sniff(source), "mp3", options={"start_seconds": 60})
    with pytest.raises(EmptyRange, match="ends before start_seconds \\(60\\)"):
        await bench.transcoder().convert(order, bench.report)
    assert await bench.leftovers() == []


async def test_missing_ffmpeg_is_no_fault_of_the_media(bench: Bench, folder: Path) -> None:
    """A missing binary is a fault of this container, never of the media."""
    bench.configure(ffmpeg="/nowhere/ffmpeg")
    source = noise(folder, 2)
    with pytest.raises(NoFfmpeg, match="could not be started"):
        await bench.transcoder().convert(bench.order(source, sniff(source)), bench.report)


# ── readings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("2.1")
@pytest.mark.parametrize("local", [False, True])
async def test_progress_readings_never_fall(bench: Bench, folder: Path, local: bool) -> None:
    """Readings come several times during a conversion, on the event loop, and never fall or say 100."""
    source = noise(folder, 120)
    what = sniff(source)
    where = set[int]()

    def report(reading: object) -> None:
        where.add(threading.get_ident())
        bench.report(reading)  # type: ignore[arg-type]

    draft = await bench.transcoder().convert(bench.order(source, what, "mp3", local=local), report)
    await draft.discard()
    percents = [percent_of(reading) for reading in bench.readings if reading.total_seconds]
    assert where == {threading.get_ident()}
    assert len(percents) >= 3
    assert percents == sorted(percents)
    assert 0 < percents[-1] <= TOP


# ── publishing and discarding ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seconds", [2, 25])
async def test_publishing_a_draft_twice_changes_nothing(bench: Bench, folder: Path, seconds: int) -> None:
    """Publishing is safe to repeat, for an output of one part and of many."""
    source = noise(folder, seconds)
    draft = await bench.transcoder().convert(bench.order(source, sniff(source), "wav"), bench.report)
    assert await draft.publish() == await draft.publish()


async def test_draft_is_invisible_until_published(bench: Bench, folder: Path) -> None:
    """Until it is published there is no object under the output's key."""
    source = noise(folder, 25)
    draft = await bench.transcoder().convert(bench.order(source, sniff(source), "wav"), bench.report)
    assert f"object {OUTPUT_KEY}" not in await bench.leftovers()
    await draft.discard()


@pytest.mark.requirement("1.7")
async def test_publishing_counts_when_its_answer_got_lost(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """If S3 completed the object but the answer never came, publishing finds that out and succeeds."""
    source = noise(folder, 25)
    what = sniff(source)
    order = bench.order(source, what, "wav")
    draft = await bench.transcoder().convert(order, bench.report)
    await _lose_the_answer(draft)
    stored = await draft.publish()
    assert stored.size == len(await bench.output())
    assert await bench.output() == plain(source, what, order, tmp_path)


async def test_an_output_that_is_not_whole_is_not_published(bench: Bench, folder: Path) -> None:
    """If S3 says that it completed the object but bytes are missing, the attempt ends, and leaves nothing."""
    source = noise(folder, 25)
    draft = await bench.transcoder().convert(bench.order(source, sniff(source), "wav"), bench.report)
    once = draft._upload._uploads.completer.once
    complete = once.complete_multipart_upload

    def emptied(**arguments: Any) -> object:
        answer = complete(**arguments)
        bench.s3.put_object(Bucket=bench.bucket, Key=OUTPUT_KEY, Body=b"")
        return answer

    with patch.object(once, "complete_multipart_upload", emptied), pytest.raises(Indefinite, match="instead of"):
        await draft.publish()
    with pytest.raises(StoreError):
        await draft.publish()
    await draft.discard()
    assert await bench.leftovers() == []


async def _lose_the_answer(draft: WindowDraft) -> None:
    """Let the next completion take place without an answer, and the look back at it fail as well."""
    completer = draft._upload._uploads.completer
    s3, once = completer.client, completer.once
    complete, head = once.complete_multipart_upload, s3.head_object

    def lost(**arguments: object) -> object:
        complete(**arguments)  # type: ignore[arg-type]
        raise ReadTimeoutError(endpoint_url="s3")

    def away(**arguments: object) -> object:
        raise ReadTimeoutError(endpoint_url="s3")

    with (
        patch.object(once, "complete_multipart_upload", lost),
        patch.object(s3, "head_object", away),
        pytest.raises(Indefinite),
    ):
        await draft.publish()
    assert s3.head_object == head


@pytest.mark.requirement("7.16")
@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("seconds", [2, 25])
async def test_discarding_a_draft_leaves_nothing(bench: Bench, folder: Path, seconds: int, published: bool) -> None:
    """A discarded draft leaves neither an object nor an upload, whether it was published or not; twice is fine too."""
    source = noise(folder, seconds)
    draft = await bench.transcoder().convert(bench.order(source, sniff(source), "wav"), bench.report)
    if published:
        await draft.publish()
    await draft.discard()
    await draft.discard()
    assert await bench.leftovers() == []


# ── cancelling ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_conversion_cancelled_in_the_middle_leaves_nothing(bench: Bench, folder: Path) -> None:
    """When the cancellation arrives at the caller, ffmpeg is gone already; threads, parts and memory follow."""
    source = noise(folder, 120)
    convert = asyncio.create_task(bench.transcoder().convert(bench.order(source, sniff(source), "mp3"), bench.report))
    await until(lambda: bench.readings and bench.readings[-1].position_seconds, "it is under way")
    await until(lambda: bench.s3.list_multipart_uploads(Bucket=bench.bucket).get("Uploads"), "parts are on their way")
    convert.cancel()
    with pytest.raises(asyncio.CancelledError):
        await convert
    assert children() == []
    assert await bench.leftovers() == []


@pytest.mark.requirement("6.7")
@pytest.mark.parametrize("hangs", ["send", "abort"])
async def test_cancelled_conversion_does_not_wait_for_a_hung_s3(bench: Bench, folder: Path, hangs: str) -> None:
    """The caller goes on when ffmpeg is gone, though S3 never answers; what is left goes when S3 is back."""
    source = noise(folder, 120)
    bench.configure(cancel_timeout=60.0)
    order, transcoder = bench.order(source, sniff(source), "mp3"), bench.transcoder()
    gate, hung, original = threading.Event(), threading.Event(), getattr(OutputUpload, hangs)

    def hang(*arguments: object) -> object:
        hung.set()
        gate.wait(60)
        return original(*arguments)

    with patch.object(OutputUpload, hangs, hang):
        convert = asyncio.create_task(transcoder.convert(order, bench.report))
        sent = lambda: bench.s3.list_multipart_uploads(Bucket=bench.bucket).get("Uploads")  # noqa: E731
        await until(hung.is_set if hangs == "send" else sent, "S3 has something to take back")
        cancelled = SystemClock().monotonic()
        convert.cancel()
        with pytest.raises(asyncio.CancelledError):
            await convert
        assert SystemClock().monotonic() - cancelled < 5
        assert children() == []
        clearing = asyncio.create_task(transcoder.wait_for_cleanup(order))
        await asyncio.wait({clearing}, timeout=0.2)
        assert not clearing.done()
        gate.set()
        await clearing
    assert await bench.leftovers() == []


@pytest.mark.requirement("6.5")
async def test_failed_conversion_does_not_wait_for_a_hung_s3(bench: Bench, tmp_path: Path) -> None:
    """The caller hears that ffmpeg has failed although a part of its output is still on its way, for ever."""
    bench.configure(ffmpeg=script(tmp_path, "open(OUT, 'r+b').write(bytes(100_000)); time.sleep(0.3); sys.exit(1)"))
    what = Source(container="wav", demuxer="wav", content_type="audio/wav")
    order, transcoder = (
        bench.order(b"x" * 100, what, local=True),
        bench.transcoder(),
    )  # no stream: that would be tried again
    gate, sending = threading.Event(), threading.Event()

    def send(*_: object) -> None:
        sending.set()
        gate.wait(60)

    with patch.object(OutputUpload, "send", send):
        with pytest.raises(BadMedia):
            await asyncio.wait_for(transcoder.convert(order, bench.report), 20)
        assert sending.is_set()
        assert children() == []
        gate.set()
        await transcoder.wait_for_cleanup(order)
    assert await bench.leftovers() == []


async def test_conversion_cancelled_while_paused_leaves_nothing(bench: Bench, folder: Path) -> None:
    """A stopped ffmpeg is ended as well, and quickly: it is woken to hear of it."""
    source = noise(folder, 120)  # and a codec that takes its time, lest it be over before anybody looks
    gate = threading.Event()
    with patch.object(OutputUpload, "send", lambda *_: gate.wait(20)):
        convert = asyncio.create_task(
            bench.transcoder().convert(bench.order(source, sniff(source), "mp3"), bench.report)
        )
        await until(lambda: any(state_of(pid) == "T" for pid in children()), "ffmpeg is stopped")
        convert.cancel()
        with pytest.raises(asyncio.CancelledError):
            await convert
        assert children() == []
        gate.set()
        assert await bench.leftovers() == []
    assert await bench.leftovers() == []


async def test_second_cancellation_still_waits_until_ffmpeg_is_gone(bench: Bench, folder: Path) -> None:
    """However often it is cancelled, the caller goes on only when ffmpeg is gone."""
    source = noise(folder, 120)
    convert = asyncio.create_task(bench.transcoder().convert(bench.order(source, sniff(source), "mp3"), bench.report))
    await until(children, "ffmpeg runs")
    for _ in range(5):
        convert.cancel()
        await asyncio.wait({convert}, timeout=0)
    with pytest.raises(asyncio.CancelledError):
        await convert
    assert children() == []
    assert await bench.leftovers() == []


async def test_conversion_cancelled_at_its_end_leaves_nothing(bench: Bench, folder: Path) -> None:
    """A draft that was finished in the instant of the cancellation is discarded."""
    source = noise(folder, 25)
    transcoder = bench.transcoder()
    convert = asyncio.create_task(transcoder.convert(bench.order(source, sniff(source), "wav"), bench.report))
    finished = asyncio.Event()
    original = ffmpeg._Run._finish

    def finish(run: object, draft: WindowDraft | None) -> None:
        original(run, draft)  # type: ignore[arg-type]
        convert.cancel()
        finished.set()

    with patch.object(ffmpeg._Run, "_finish", finish), pytest.raises(asyncio.CancelledError):
        await convert
    assert finished.is_set()
    assert await bench.leftovers() == []


async def test_concurrent_conversions_do_not_mix(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """Several conversions at a time keep their bytes and readings apart."""
    source = noise(folder, 25)
    what = sniff(source)
    order = bench.order(source, what, "flac")
    transcoder = bench.transcoder()
    orders = [dataclasses.replace(order, job_id=str(n), output_key=f"results/{n}/1/out") for n in range(3)]
    drafts = await asyncio.gather(*(transcoder.convert(one, bench.report) for one in orders))
    expected = plain(source, what, order, tmp_path)
    for one, draft in zip(orders, drafts, strict=True):
        await draft.publish()
        assert bench.s3.get_object(Bucket=bench.bucket, Key=one.output_key)["Body"].read() == expected
        await draft.discard()
