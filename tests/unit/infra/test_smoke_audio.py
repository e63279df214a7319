"""The judge of bytes: it takes what is right, and says in what respect anything else is wrong."""

import struct
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from infra.smoke.audio import NotTheSame, compare_flac, compare_wav, samples, wav
from tests.support.media_samples import run_ffmpeg

PCM = samples(0.5)


@pytest.fixture(scope="module")
def by_ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """What plain ffmpeg makes of these samples."""
    folder: Path = tmp_path_factory.mktemp("smoke")
    (folder / "in.wav").write_bytes(wav(PCM))

    def made(target: str) -> bytes:
        output = folder / f"out.{target}"
        run_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(folder / "in.wav"), str(output))
        return output.read_bytes()

    return made


def test_what_ffmpeg_writes_is_taken(by_ffmpeg: Callable[[str], bytes]) -> None:
    """A WAV and a FLAC file that ffmpeg has made of the samples are the same to the judge."""
    compare_wav(by_ffmpeg("wav"), PCM)
    compare_flac(by_ffmpeg("flac"), PCM)


def test_what_is_sent_is_what_was_made() -> None:
    """The WAV file that is uploaded has exactly the samples that it is made of."""
    compare_wav(wav(PCM), PCM)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"", "no WAV file"),
        (lambda data: b"<Error><Code>AccessDenied</Code></Error>", "no WAV file"),
        (lambda data: data[:-2], "its head says"),
        (lambda data: data[:4] + struct.pack("<I", 0xFFFFFFFF) + data[8:], "its head says"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "other samples"),
        (lambda data: wav(PCM[:-4]), "other samples"),
        (lambda data: data[:24] + struct.pack("<I", 8000) + data[28:], "rate"),
    ],
    ids=["nothing", "an error page", "cut", "a head that was not mended", "one bit", "too few", "another rate"],
)
def test_a_wav_that_is_not_the_same_is_refused(spoil: Callable[[bytes], bytes], said: str) -> None:
    """A cut, foreign or altered WAV file is refused, with the respect in which it differs."""
    with pytest.raises(NotTheSame, match=said):
        compare_wav(spoil(wav(PCM)), PCM)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"", "no FLAC file"),
        (lambda data: data[:20], "no FLAC file"),
        (lambda data: data[:21] + bytes(5) + data[26:], "its head says 0 samples"),
        (lambda data: data[:26] + bytes(16) + data[42:], "other samples"),
        (lambda data: data[:26] + bytes([data[26] ^ 1]) + data[27:], "other samples"),
    ],
    ids=["nothing", "cut in the head", "an unmended number", "an unmended sum", "other samples"],
)
def test_a_flac_that_is_not_the_same_is_refused(
    by_ffmpeg: Callable[[str], bytes], spoil: Callable[[bytes], bytes], said: str
) -> None:
    """A FLAC file whose head was never mended, or is about other samples, is refused."""
    with pytest.raises(NotTheSame, match=said):
        compare_flac(spoil(by_ffmpeg("flac")), PCM)
