"""
Try the test files of other projects: `python -m scripts.odd_files` (`make odd-files`) prints a table, and a verdict.

mutagen and tinytag read the tags of audio files, and their source distributions hold files that many programs wrote,
broken ones among them. pip downloads them by name, from wherever this machine gets its packages; nothing is copied
into this tree. Each file goes the way of an upload and a job (looked at in its own bytes, converted by the transcoder
from S3 to S3, moto standing in for S3), and through plain ffmpeg.

What plain ffmpeg converts must give the same bytes, or be refused by a name that `docs/formats.md` has. Exit code 1 if
anything differs, or fails where plain ffmpeg does not and that page does not say why.
"""

import argparse
import asyncio
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from service.core.errors import EmptyUpload, RepriseError, UnsupportedMedia
from service.core.media.arguments import decoder
from service.core.media.inputs import Source
from service.core.media.sniff import BEYOND_BYTES, HEAD_BYTES, TAIL_BYTES, Beyond, identify, tags_end
from service.telemetry import configure_logging
from tests.support.conversions import FFMPEG, Bench, moto_with_small_parts, small_bench

PACKAGES = ("mutagen", "tinytag")
SUFFIXES = (
    *(".mp3", ".mp2", ".ogg", ".oga", ".opus", ".spx", ".flac", ".wav", ".aif", ".aiff", ".aifc", ".m4a", ".m4b"),
    *(".mp4", ".aac", ".ac3", ".eac3", ".wma", ".asf", ".mka", ".mkv", ".webm", ".wv", ".tta", ".ape", ".mpc", ".ofr"),
    *(".ofs", ".tak", ".dsf", ".dff", ".mid", ".oggflac", ".oggtheora", ".ogv", ".3gp", ".mov", ".caf", ".au"),
    *(".w64", ".amr"),
)  # fmt: skip
SAME, REFUSED, FAILED, DIFFERENT = "same bytes", "refused by name", "failed", "different"
DOCUMENT = Path(__file__).parents[1] / "docs" / "formats.md"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one file. `code` is plain ffmpeg's exit code."""

    name: str
    outcome: str
    detail: str
    code: int
    sounds: bool  # plain ffmpeg got sound out of it

    @property
    def explained(self) -> bool:
        """Whether the outcome is one that the page allows."""
        if self.outcome == DIFFERENT:
            return False
        return self.outcome == SAME or self.code != 0 or not self.sounds or is_on_the_page(self.detail)


def is_on_the_page(sentence: str) -> bool:
    """Whether docs/formats.md has the sentence (each line of its block of sentences may end anywhere in it)."""
    block = DOCUMENT.read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    return any(line and line.lower() in sentence.lower() for line in block.splitlines())


def main() -> int:
    """Download, try, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="try these instead")
    given = parser.parse_args().files
    configure_logging(level="critical", form="text")
    with tempfile.TemporaryDirectory(prefix="reprise-odd-") as name:
        folder = Path(name)
        paths = given or list(downloaded(folder))
        findings = asyncio.run(tried(paths, folder))
    show(findings)
    return 0 if all(finding.explained for finding in findings) else 1


def downloaded(folder: Path) -> Iterator[Path]:
    """Yield the audio files of the source distributions."""
    # Not a dependency of this project: whatever is newest is tried.
    options = ("--no-binary", ":all:", "--no-deps", "--quiet", "--disable-pip-version-check", "--dest", str(folder))
    subprocess.run([sys.executable, "-m", "pip", "download", *options, *PACKAGES], check=True)
    for archive in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(archive) as package:
            package.extractall(folder / "unpacked", filter="data")
    for path in sorted((folder / "unpacked").rglob("*")):
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            yield path


async def tried(paths: list[Path], folder: Path) -> list[Finding]:
    """Try each file."""
    findings = list[Finding]()
    with moto_with_small_parts() as endpoint:
        async for bench in small_bench(endpoint, folder):
            findings += [await try_one(bench, path, folder) for path in paths]
    return findings


async def try_one(bench: Bench, path: Path, folder: Path) -> Finding:
    """Convert one file to WAV in both ways, and compare."""
    data = await asyncio.to_thread(path.read_bytes)
    try:
        what = recognised(data)
    except (UnsupportedMedia, EmptyUpload) as error:
        code, digest = plain(path, None, folder)
        return Finding(path.name, REFUSED, error.detail, code, digest is not None)
    code, expected = plain(path, what, folder)
    try:
        draft = await bench.transcoder().convert(bench.order(path, what, "wav"), bench.report)
    except RepriseError as error:
        outcome = REFUSED if isinstance(error, UnsupportedMedia) else FAILED
        return Finding(path.name, outcome, f"{error.code}: {error.detail}", code, expected is not None)
    await draft.publish()
    same = hashlib.sha256(await bench.output()).hexdigest() == expected
    detail = f"{what.container}, {draft.facts['path']}"
    return Finding(path.name, SAME if same else DIFFERENT, detail, code, expected is not None)


def recognised(data: bytes) -> Source:
    """Look at a file as at an upload."""
    at = tags_end(data[:HEAD_BYTES], len(data))
    beyond = None if at is None else Beyond(at, data[at : at + BEYOND_BYTES])
    return identify(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data), beyond=beyond)


def plain(path: Path, what: Source | None, folder: Path) -> tuple[int, str | None]:
    """Return the exit code of plain ffmpeg and the digest of what it wrote, None if there is no sound in it."""
    output = folder / "plain.wav"
    output.unlink(missing_ok=True)
    named = decoder(what) if what else ()
    tags = ("-map_metadata", "0", "-map_metadata", "0:s:a:0") if what and what.demuxer == "ogg" else ()
    argv = (FFMPEG, "-nostdin", "-y", "-loglevel", "error", *named, "-i", str(path), *tags, str(output))
    done = subprocess.run(argv, capture_output=True, check=False, timeout=100)
    if done.returncode or not output.exists():
        return done.returncode, None
    data = output.read_bytes()
    sound = len(data) - data.index(b"data") - 8 if b"data" in data else 0
    return done.returncode, hashlib.sha256(data).hexdigest() if sound > 0 else None


def show(findings: list[Finding]) -> None:
    """Print a row for all that is not the same, and the sums."""
    console = Console(width=160) if not sys.stdout.isatty() else Console()
    table = Table("file", "here", "why", "plain ffmpeg", "")
    for finding in findings:
        if finding.outcome != SAME:
            heard = "converts it" if finding.sounds else f"exit code {finding.code}" if finding.code else "no sound"
            table.add_row(finding.name, finding.outcome, finding.detail, heard, "" if finding.explained else "!")
    console.print(table)
    sums = Table(*(SAME, REFUSED, FAILED, DIFFERENT, "not explained"))
    counts = Counter(finding.outcome for finding in findings)
    unexplained = sum(not finding.explained for finding in findings)
    sums.add_row(*(str(counts[outcome]) for outcome in (SAME, REFUSED, FAILED, DIFFERENT)), str(unexplained))
    console.print(sums)


if __name__ == "__main__":
    sys.exit(main())
