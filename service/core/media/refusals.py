"""What an upload is instead of sound, told from its first bytes."""

from service.core.media.containers import boxes

_FIRST = 2048  # bytes that are looked at before all
_CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r\x1b"})  # what no text has

_BINARY = (
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"%PDF", "a PDF document"),
    (b"MThd", "MIDI notes"),
    (b"MAC ", "Monkey's Audio, which is not supported"),
    (b"MPCK", "Musepack, which is not supported"),
    (b"MP+", "Musepack, which is not supported"),
)

_TEXTS = (
    (b"#EXTM3U", "a playlist (M3U)"),
    (b"ffconcat", "a playlist (ffconcat)"),
    (b"[playlist]", "a playlist (PLS)"),
    (b"v=0", "a session description (SDP)"),
    (b"<?xml", "an XML document"),
    (b"<", "a document in XML or HTML"),
    (b"{", "a text document"),
)


def refused(head: bytes) -> str | None:
    """Return what this is, if it is certainly no sound. Only what is text throughout is called a text."""
    if boxes.is_picture(head) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "a picture"
    for magic, what in _BINARY:
        if head.startswith(magic):
            return what
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "a picture (BMP)"
    if not _is_text(head[:_FIRST]) or not _is_text(head):
        return None
    begin = head[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((what for magic, what in _TEXTS if begin.startswith(magic)), "a text" if begin.isascii() else None)


def _is_text(data: bytes) -> bool:
    """Whether it is UTF-8 without control characters; what was cut off at its end does not count."""
    if len(data.translate(None, _CONTROLS)) != len(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start > len(data) - 4 > 0
    return True
