"""Which tags a container has, and the one place where running out of budget only means that nothing is known."""

import contextlib
from collections.abc import Callable

from service.core.media.containers.budget import Spent
from service.core.media.containers.layout import Ends
from service.core.media.containers.tags import end_of_tags
from service.core.media.labels import atoms, chunks, id3, vorbis
from service.core.media.labels.text import Labels


def read_labels(ends: Ends, container: str) -> Labels:
    """Return what the tags of a file in this container tell; nothing where they cannot be read within the budget."""
    with contextlib.suppress(Spent):
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
    "wav": chunks.wav,
    "aiff": chunks.aiff,
}
