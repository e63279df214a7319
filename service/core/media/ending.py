"""
Whether a conversion that ended with exit code 0 is to be believed.

A file that was cut off still decodes up to the cut, and ffmpeg calls that a success. But a length in seconds proves
nothing: times need not begin at zero, and many a whole file declares a length that it does not have. What counts is
that bytes are missing, as `sniff` has seen or as ffmpeg says. Where what was seen is no proof by itself
(`Source.suspect`), the sound has to be shorter than declared as well.
"""

from service.core.media.ffmpeg_log import LogReader
from service.core.media.inputs import Source
from service.core.media.options import Options

TOLERANCE_SECONDS = 0.5  # that an output may be shorter than its input declares
TOLERANCE_SHARE = 0.005  # of the declared length


def no_sound(log: LogReader, options: Options) -> str | None:
    """Return the sentence for an output without any sound."""
    if log.position_seconds:
        return None
    if not options.trimmed:
        return "there is no sound in it that could be decoded"
    begin = f"start_seconds ({options.start_seconds or 0:g})"
    if options.end_seconds is None:
        return f"the sound ends before {begin}"
    return f"there is no sound between {begin} and end_seconds ({options.end_seconds:g})"


def cut_off(source: Source, log: LogReader, *, trimmed: bool) -> str | None:
    """Return why the input is not all there, or None. A trimmed output says nothing about the end of its input."""
    if trimmed:
        return None
    declared, position = source.declared_seconds or log.promised_seconds, log.position_seconds or 0.0
    short = declared is not None and declared - position > max(TOLERANCE_SECONDS, declared * TOLERANCE_SHARE)
    missing = source.cut_off or (source.suspect if short else None)
    if missing is None:
        return "the input stops in the middle" if log.ended_early else None
    if short:
        return f"the input ends after {position:.1f} s of the {declared:.1f} s that it declares: {missing}"
    return f"the input is cut off: {missing}"
