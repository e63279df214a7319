from collections.abc import Sequence
from pathlib import Path

import pytest

from reprise.command.outputs import Misplaced, pairs, require_writable


@pytest.mark.parametrize(
    ("files", "out", "outputs"),
    [
        (["in/a.wav", "b.flac"], None, ["in/a.mp3", "b.mp3"]),
        (["in/a.wav"], "song.mp3", ["song.mp3"]),
        (["in/a.wav"], "new", ["new/a.mp3"]),
        (["in/a.wav"], "new.d/", ["new.d/a.mp3"]),
        (["in/a.wav", "b.flac"], "new.d", ["new.d/a.mp3", "new.d/b.mp3"]),
        (["in/a.wav"], "there", ["there/a.mp3"]),
        (["Übung 音 1.2.wav"], "new", ["new/Übung 音 1.2.mp3"]),
        (["-"], "new", ["new/stdin.mp3"]),
    ],
)
def test_place_of_each_output(
    files: Sequence[str], out: str | None, outputs: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An output goes beside its file, into a folder, or to a file whose name has an ending."""
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()

    assert [str(pair.output) for pair in pairs(files, out, "mp3", tmp_path)] == outputs


@pytest.mark.parametrize(
    ("files", "out", "words"),
    [
        (["a/x.wav", "b/x.flac"], "out", "a/x.wav and b/x.flac would both become out/x.mp3"),
        (["x.wav", "x.flac"], None, "would both become x.mp3"),
        (["x.wav", "./x.wav"], "out", "given twice"),
        (["x.mp3"], None, "replaced by its own output"),
        (["x.mp3"], "./x.mp3", "replaced by its own output"),
        (["a.wav", "b.wav"], "file", "file is a file, and 2 outputs need a folder"),
    ],
)
def test_outputs_that_would_replace_something_are_refused(
    files: Sequence[str], out: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two outputs of one name, or an output in the place of its source, are refused before anything is sent."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()

    with pytest.raises(Misplaced, match=words):
        pairs(files, out, "mp3", tmp_path / "scratch")


def test_folder_that_takes_no_file_is_refused(tmp_path: Path) -> None:
    """A folder that cannot be made, or cannot be written into, is named with the reason; another leaves no trace."""
    (tmp_path / "file").touch()

    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc")):
        with pytest.raises(Misplaced, match=f"into {folder} "):
            require_writable(folder)
    require_writable(tmp_path / "new" / "one")
    assert list((tmp_path / "new" / "one").iterdir()) == []
