"""Raw stderr in the log of level debug: all of it, unless it floods."""

from structlog.testing import capture_logs

from service.adapters.ffmpeg.stderr_log import BURST, HELD, PIECE, RATE, StderrLog


def test_stderr_is_logged_as_it_is_in_pieces() -> None:
    """Nothing of an ordinary run is left out."""
    text = bytes(range(32, 127)) * 50
    with capture_logs() as lines:
        said = StderrLog(0.0)
        said.write(text, 0.1)
        said.flush(0.2)

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
        said.flush(20.0)

    assert len(lines) <= BURST + 10 * RATE + 1
    assert lines[-1]["text"] == "end"
    assert sum(len(line["text"]) + line.get("dropped", 0) for line in lines) == written + 3


def test_lines_that_are_read_one_by_one_are_logged_together() -> None:
    """A short run whose every line is read by itself is logged whole, and nothing waits for longer than a moment."""
    said, text = StderrLog(0.0), b"".join(b"line %d of a banner\n" % number for number in range(3 * BURST))
    with capture_logs() as lines:
        for number, line in enumerate(text.splitlines(keepends=True)):
            said.write(line, number / 1000)
        said.write(b"", 1.0)
        assert "".join(each["text"] for each in lines).encode() == text

        said.write(b"more", 2.0)
        said.write(b"", 2.0 + HELD / 2)
        assert lines[-1]["text"] != "more"
        said.write(b"", 2.0 + HELD)

    assert lines[-1]["text"] == "more"
    assert not [each for each in lines if "dropped" in each]
