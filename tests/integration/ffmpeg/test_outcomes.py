"""What a conversion tells its client, and what it tries before it gives up: from S3 to S3, with the real ffmpeg."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.core.errors import BadMedia, InvalidOption, UnsupportedCodec
from service.core.media.inputs import Source
from service.telemetry import events, subscribe
from tests.integration.ffmpeg.test_foreign_files import MADE, sniff
from tests.support import media_samples
from tests.support.conversions import FFMPEG, Bench, moto_with_small_parts, plain, small_bench

CAF = Source(container="caf", demuxer="caf", content_type="audio/x-caf")  # as an earlier release took all of them


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


def behind_a_free_chunk(folder: Path) -> bytes:
    """A CAF as libsndfile writes it: ffmpeg cannot read it from a pipe."""
    data = media_samples.make(FFMPEG, "caf.caf", folder).read_bytes()
    at = data.index(b"data")
    return data[:at] + b"free" + (4000).to_bytes(8, "big") + bytes(4000) + data[at:]


def two_tracks(folder: Path) -> Path:
    """Two tracks, of which the second is the default; French and English."""
    names = {
        "MUSIC": str(media_samples.music(folder)),
        "SPEECH": str(media_samples.music(folder, rate=8000, channels=1)),
    }
    path = folder / "two.mka"
    languages = ("-metadata:s:a:0", "language=fre", "-metadata:s:a:1", "language=eng")
    arguments = (names.get(one, one) for one in MADE["second-default.mka"])
    media_samples.run_ffmpeg(FFMPEG, *arguments, *languages, str(path))
    return path


@pytest.mark.requirement("1.5")
async def test_a_stream_that_fails_is_tried_once_more_as_a_file(bench: Bench, tmp_path: Path) -> None:
    """What ffmpeg could not read from a pipe is converted from a file before the job fails, and it is logged."""
    path = tmp_path / "in.caf"
    path.write_bytes(behind_a_free_chunk(tmp_path))
    order, seen = bench.order(path, CAF), list[object]()
    with subscribe(lambda event, fields: seen.append((event, fields.get("container")))):
        draft = await bench.transcoder().convert(order, bench.report)
    await draft.publish()

    assert await bench.output() == plain(path, CAF, order, tmp_path)
    assert draft.facts["path"] == "local"
    assert seen.count((events.STREAM_RETRIED, "caf")) == 1


async def test_bad_media_is_tried_twice_and_no_more(bench: Bench) -> None:
    """A file that is bad on both paths fails after the second."""
    what, paths = Source(container="flac", demuxer="flac", content_type="audio/flac"), list[object]()
    with (
        subscribe(lambda event, fields: paths.append(fields["path"]) if event is events.FFMPEG_STARTED else None),
        pytest.raises(BadMedia),
    ):
        await bench.transcoder().convert(bench.order(b"fLaC" + bytes(5000), what), bench.report)

    assert paths == ["streaming", "local"]
    assert await bench.leftovers() == []


@pytest.mark.parametrize(("wanted", "number", "channels"), [(None, 2, 1), (1, 1, 2), ("fr", 1, 2), ("eng", 2, 1)])
async def test_the_track_that_was_converted_is_told(
    bench: Bench, tmp_path: Path, wanted: int | str | None, number: int, channels: int
) -> None:
    """Without a word the default track is converted, else the one of that number or language; the report names it."""
    path = two_tracks(tmp_path)
    options = {} if wanted is None else {"track": wanted}
    draft = await bench.transcoder().convert(bench.order(path, sniff(path.read_bytes()), options=options), bench.report)
    await draft.discard()

    report = draft.facts["report"]
    assert (report["track"]["number"], report["track"]["channels"]) == (number, channels)  # type: ignore[index]
    assert report["ffmpeg"]["version"]  # type: ignore[index]
    assert report["warnings"] == []  # type: ignore[index]


async def test_a_track_that_is_not_there_is_a_fault_of_the_option(bench: Bench, tmp_path: Path) -> None:
    """The failure names the option and the tracks that there are."""
    path = two_tracks(tmp_path)
    with pytest.raises(InvalidOption, match=r"it has: 1 \(fre\), 2 \(eng\)"):
        await bench.transcoder().convert(
            bench.order(path, sniff(path.read_bytes()), options={"track": "ger"}), bench.report
        )
    assert await bench.leftovers() == []


@pytest.mark.requirement("6.5")
async def test_a_truncated_file_is_converted_only_on_request(bench: Bench, tmp_path: Path) -> None:
    """With `on_damage: convert` what is there of a file is given, with a warning; without, the same file fails."""
    whole = media_samples.make(FFMPEG, "wav.wav", tmp_path, seconds=4.0).read_bytes()
    path = tmp_path / "cut.wav"
    path.write_bytes(whole[: len(whole) // 2])
    what = sniff(path.read_bytes())

    with pytest.raises(BadMedia, match=r"ends after 2\.0 s of the 4\.0 s"):
        await bench.transcoder().convert(bench.order(path, what), bench.report)
    order = bench.order(path, what, options={"on_damage": "convert"})
    draft = await bench.transcoder().convert(order, bench.report)
    await draft.publish()

    assert await bench.output() == plain(path, what, order, tmp_path)
    assert [one["code"] for one in draft.facts["report"]["warnings"]] == ["cut_off"]  # type: ignore[index]


async def test_what_is_left_out_without_harm_is_a_warning(bench: Bench, tmp_path: Path) -> None:
    """A cover that is not copied, and sound behind the end that a WAV declares, are told in the report."""
    wav = media_samples.make(FFMPEG, "wav.wav", tmp_path).read_bytes()
    at = wav.index(b"data") + 4
    shorter = wav[:at] + (40_000).to_bytes(4, "little") + wav[at + 4 :]
    mp3 = media_samples.make(FFMPEG, "mp3-cover-jpg.mp3", tmp_path).read_bytes()
    cover = mp3.replace(b"image/jpeg\0", b"image/gif\0\0", 1)

    for data, code in ((shorter, "declares_less"), (cover, "cover_dropped")):
        draft = await bench.transcoder().convert(bench.order(data, sniff(data), "flac"), bench.report)
        await draft.discard()
        assert [one["code"] for one in draft.facts["report"]["warnings"]] == [code]  # type: ignore[index]


async def test_sound_that_is_not_decoded_fails_by_its_name(bench: Bench, tmp_path: Path) -> None:
    """A codec that is found out only by ffmpeg has the code and the sentence that an upload of it is refused with."""
    data = media_samples.make(FFMPEG, "wav-alaw.wav", tmp_path).read_bytes()
    at = data.index(b"fmt ") + 8
    what = Source(container="wav", demuxer="wav", content_type="audio/wav")
    with pytest.raises(UnsupportedCodec, match=r"The sound is ATRAC3, which is not supported\."):
        await bench.transcoder().convert(bench.order(data[:at] + b"\x70\x02" + data[at + 2 :], what), bench.report)
    with pytest.raises(UnsupportedCodec, match=r"The sound is ATRAC3, which is not supported\."):
        sniff(data[:at] + b"\x70\x02" + data[at + 2 :])


async def test_film_without_sound_is_not_called_damaged(bench: Bench, tmp_path: Path) -> None:
    """A file that holds pictures alone fails with a sentence that says so."""
    path = tmp_path / "film.mkv"
    film = ("-f", "lavfi", "-i", "testsrc=size=32x32:rate=5:duration=1", "-c:v", "mpeg4")
    media_samples.run_ffmpeg(FFMPEG, *film, str(path))
    data = path.read_bytes()

    with pytest.raises(BadMedia, match=r"^There is no track of sound in the file\.$"):
        await bench.transcoder().convert(bench.order(data, sniff(data)), bench.report)
