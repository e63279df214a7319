"""Files to convert, made once for a run by the pinned ffmpeg, and what plain ffmpeg makes of them: the oracle."""

import hashlib
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from chaos.client.conversions import Conversion
from chaos.stack.watcher import dying_with_us

FFMPEG_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Input:
    """
    A file: so many seconds of stereo sound, encoded with `arguments`.

    `damage` cuts it off after this share of its bytes and appends noise. `refused` is the status with which its upload
    has to be refused; `failures` are the codes with which its jobs fail, if they cannot succeed.
    """

    name: str
    extension: str
    seconds: float = 0.0
    arguments: tuple[str, ...] = ()
    damage: float | None = None
    refused: int | None = None
    failures: tuple[str, ...] = ()


INPUTS = (
    Input("short.wav", "wav", 16),
    Input("song.wav", "wav", 40),
    Input("long.wav", "wav", 75),
    Input("song.mp3", "mp3", 45, ("-c:a", "libmp3lame", "-b:a", "128k")),
    Input("song.flac", "flac", 30, ("-c:a", "flac")),
    Input("moov-at-end.m4a", "m4a", 30, ("-c:a", "aac", "-b:a", "128k")),
    Input("broken.flac", "flac", 30, ("-c:a", "flac"), damage=0.3, failures=("bad_media", "transcode_failed")),
    Input("text.txt", "txt", refused=415),
)
BY_NAME: Mapping[str, Input] = {one.name: one for one in INPUTS}


@dataclass(frozen=True, slots=True)
class Made:
    """What plain ffmpeg made of an input."""

    digest: str
    size: int


class Library:
    """The files of a run in `folder`; any thread may ask, each file and each oracle is made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._made: dict[tuple[str, str], Made] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def path(self, name: str) -> Path:
        """Return the path of an input."""
        what, path = BY_NAME[name], self._folder / name
        with self._locked(name, ""):
            if path.exists():
                return path
            part = path.with_name(f"part-{name}")
            if not what.seconds:
                part.write_bytes(b"This is no audio, and its upload is refused.\n" * 400)
            else:
                # Music-like: tones that wander, and noise that no encoder can make small.
                sound = (
                    f"sine=f=220:d={what.seconds}:r=44100[a];sine=f=330:d={what.seconds}:r=44100[b];"
                    f"anoisesrc=d={what.seconds}:c=pink:r=44100:a=0.2:seed=11[n];"
                    "[a][b][n]amix=inputs=3,vibrato=f=2:d=0.5,aformat=channel_layouts=stereo"
                )
                self._ffmpeg("-f", "lavfi", "-i", sound, *what.arguments, "-fflags", "+bitexact", str(part))
            if what.damage is not None:
                whole = part.read_bytes()
                cut = int(len(whole) * what.damage)
                noise = b"".join(hashlib.sha256(bytes([n % 251, n // 251])).digest() for n in range(3000))
                part.write_bytes(whole[:cut] + noise)
            part.replace(path)
        return path

    def made(self, name: str, conversion: Conversion) -> Made:
        """Return what plain ffmpeg makes of an input."""
        source, key = self.path(name), (name, conversion.name)
        with self._locked(*key):
            if key not in self._made:
                path = self._folder / f"plain-{name}-{conversion.name}"
                self._ffmpeg("-i", str(source), *conversion.arguments, str(path))
                content = path.read_bytes()
                path.unlink()
                self._made[key] = Made(hashlib.sha256(content).hexdigest(), len(content))
        return self._made[key]

    def _locked(self, *key: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault((key[0], key[1]), threading.Lock())

    def _ffmpeg(self, *arguments: str) -> None:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
        with (self._folder / "ffmpeg.log").open("ab") as log:
            subprocess.run(
                dying_with_us(command), check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                timeout=FFMPEG_SECONDS,
            )  # fmt: skip
