"""Which tags a container has, and the one place where a spent budget or an overrun only means that nothing is known."""

import contextlib
from collections.abc import Callable

from service.core.media.containers.budget import Overrun, Spent
from service.core.media.containers.layout import Ends
from service.core.media.containers.tags import end_of_tags
from service.core.media.labels import asf, atoms, caf, chunks, id3, matroska, vorbis
from service.core.media.labels.text import Labels


def read_labels(ends: Ends, container: str) -> Labels:
    """Return what the tags of a file in this container tell; nothing where they cannot be read within the budget."""
    with contextlib.suppress(Spent, Overrun):
        if container in _READERS:
            return _READERS[container](ends)
    return Labels()


def _flac(ends: Ends) -> Labels:
    return vorbis.flac(ends, end_of_tags(ends))


_READERS: dict[str, Callable[[Ends], Labels]] = {
    "mp3": id3.read,
    "mp2": id3.read,
    "aac": id3.read,
    "flac": _flac,
    "ogg": vorbis.ogg,
    "opus": vorbis.ogg,
    "m4a": atoms.read,
    "mp4": atoms.read,
    "mov": atoms.read,
    "3gp": atoms.read,
    "wav": chunks.riff,
    "avi": chunks.riff,
    "aiff": chunks.aiff,
    "caf": caf.read,
    "wma": asf.read,
    "mka": matroska.read,
    "mkv": matroska.read,
    "webm": matroska.read,
}
