"""What is cut off still fails, in every kind of file that can tell: the other side of `test_foreign_files`."""

from pathlib import Path

import imageio_ffmpeg
import pytest

from service.core.media.arguments import STREAM_URL, command
from service.core.media.ending import cut_off, no_sound
from service.core.media.options import Options, parse_target
from tests.integration.ffmpeg.test_foreign_files import ran, sniff
from tests.support import media_samples

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SECONDS = 4.0
# Frames without a container, transport and program streams say nowhere how much there must be.
TELLING = (
    *("mp3.mp3", "mp3-vbr.mp3", "mp3-mono-8k.mp3", "wav.wav", "wav-adpcm.wav", "wav-rf64.wav", "wav-mp3-inside.wav"),
    *("w64.w64", "aiff.aiff", "aifc.aifc", "caf.caf", "au.au", "flac.flac", "flac-id3v1.flac"),
    *("vorbis.ogg", "flac.oga", "opus.opus", "chained.ogg", "m4a.m4a", "m4a-front.m4a", "m4a-fragments.m4a"),
    *("m4a-half-fragments.m4a", "mov-front.mov", "3gp.3gp", "wma.wma", "mka.mka", "webm.webm", "webm-live.webm"),
    *("avi.avi", "flv.flv", "tta.tta", "wv.wv"),
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session's samples are, each made once."""
    return tmp_path_factory.mktemp("cut")


@pytest.mark.requirement("6.5")
@pytest.mark.parametrize("name", TELLING)
def test_a_file_without_its_end_fails(name: str, folder: Path, tmp_path: Path) -> None:
    """A third of the bytes is missing: ffmpeg fails, or its success is not believed."""
    whole = media_samples.make(FFMPEG, name, folder, seconds=SECONDS).read_bytes()
    path = tmp_path / name
    path.write_bytes(data := whole[: len(whole) * 2 // 3 + 1])
    what = sniff(data)
    url = str(path) if what.needs_seeking else STREAM_URL

    code, log = ran(command(FFMPEG, what, parse_target("wav", {}), url, str(tmp_path / "o.wav")), data)

    assert code != 0 or no_sound(log, Options()) or cut_off(what, log, trimmed=False)
