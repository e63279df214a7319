"""Raw stderr in the log of level debug: all of it, unless it floods."""

from structlog.testing import capture_logs

from service.adapters.ffmpeg.stderr_log import BURST, PIECE, RATE, StderrLog


def test_stderr_is_logged_as_it_is_in_pieces() -> None:
    """Nothing of an ordinary run is left out."""
    text = bytes(range(32, 127)) * 50
    with capture_logs() as lines:
        StderrLog(0.0).write(text, 0.1)

    assert "".join(line["text"] for line in lines).encode() == text
    assert not [line for line in lines if len(line["text"]) > PIECE or "dropped" in line]


def test_flood_of_stderr_is_cut_and_says_how_much_was_dropped() -> None:
    """A damaged file that makes ffmpeg write megabytes costs few lines, and the next says how much was dropped."""
    said, written = StderrLog(0.0), 0
    with capture_logs() as lines:
        for tick in range(500):  # ten seconds
            said.write(b"x" * 10 * PIECE, tick / 50)
            written += 10 * PIECE
        said.write(b"end", 20.0)

    assert len(lines) <= BURST + 10 * RATE + 1
    assert lines[-1]["text"] == "end"
    assert sum(len(line["text"]) + line.get("dropped", 0) for line in lines) == written + 3
