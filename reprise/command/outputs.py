"""Where each output goes: settled before anything is sent, so that a mistake is found while it costs nothing."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STREAM = "-"  # standard input, or standard output


class Misplaced(Exception):
    """What the command line says of the outputs does not fit; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A file, as it was given, and where its output goes."""

    given: str
    source: Path
    output: Path


def pairs(files: Sequence[str], out: str | None, extension: str, scratch: Path) -> list[Pair]:
    """
    Return where each output goes: beside its file, into the folder `out`, or to the file `out`.

    What does not exist and has no ending is a folder, so that ``*.flac`` means the same for one file as for many.
    What is a stream is a file in `scratch`. Raises `Misplaced` for outputs that would replace each other, or a source.
    """
    folder = _folder(files, out)
    found = []
    for file in files:
        source = scratch / "stdin" if file == STREAM else Path(file)
        if out == STREAM:
            output = scratch / "stdout"
        elif folder is not None or out is None:
            output = (folder or source.parent) / f"{source.stem}.{extension}"
        else:
            output = Path(out)
        found.append(Pair(file, source, output))
    _refuse_clashes(found)
    return found


def _folder(files: Sequence[str], out: str | None) -> Path | None:
    if out is None or out == STREAM:
        return None
    place = Path(out)
    if place.is_dir() or out.endswith("/"):
        return place
    if len(files) == 1 and (place.exists() or place.suffix):
        return None
    if place.exists():
        raise Misplaced(f"{out} is a file, and {len(files)} outputs need a folder: give another --out")
    return place


def _refuse_clashes(found: Sequence[Pair]) -> None:
    taken: dict[Path, Pair] = {}
    for pair in found:
        place = pair.output.resolve()
        if place == pair.source.resolve():
            raise Misplaced(f"{pair.given} would be replaced by its own output: say with --out where that goes")
        other = taken.setdefault(place, pair)
        if other is not pair and other.source == pair.source:
            raise Misplaced(f"{pair.given} is given twice")
        if other is not pair:
            raise Misplaced(
                f"{other.given} and {pair.given} would both become {pair.output}: convert them into different folders"
            )


def require_writable(folder: Path) -> None:
    """Make a folder where there is none. Raises `Misplaced` if no file can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Misplaced(f"nothing can be written into {folder} ({error.strerror}): give another --out") from None
