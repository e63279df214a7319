"""What a run of ffmpeg means for the client of its job: whether to believe it, which track, which warnings."""

from service.core.errors import UnsupportedCodec
from service.core.media.arguments import reproduction
from service.core.media.codecs import DECODERS, sentence
from service.core.media.ending import cut_off, no_sound
from service.core.media.ffmpeg_log import LogReader
from service.core.media.tracks import Track
from service.ports.transcoder import Order


def doubt(order: Order, log: LogReader) -> str | None:
    """
    Return why exit code 0 is not to be believed, or None.

    What is there of a damaged file is given where the client wants it; but only from a file, because a stream may have
    looked damaged for want of going back.
    """
    options = order.target.options
    if silent := no_sound(log, options):
        return silent
    if options.on_damage == "convert" and order.local:
        return None
    return cut_off(order.source, log, trimmed=options.trimmed)


def not_decoded(track: Track | None, log: LogReader) -> UnsupportedCodec | None:
    """Return the refusal of sound that ffmpeg found to be of a codec that is not decoded; None if that is not it."""
    number = track.number if track else 1
    codec = next((one.codec for one in log.tracks if one.number == number), None)
    if codec is None or codec in DECODERS:
        return None
    return UnsupportedCodec(sentence(codec if codec != "none" else "of a kind without a name"))


def report(order: Order, log: LogReader, track: Track | None) -> dict[str, object]:
    """Return what the job's record says of a conversion that went well."""
    number = track.number if track else 1
    found = next((one for one in log.tracks if one.number == number), track)
    return {
        "ffmpeg": {"version": log.version, "arguments": list(reproduction(order.source, order.target, track))},
        "track": found.describe() if found else None,
        "input_seconds": _rounded(log.promised_seconds),
        "output_seconds": _rounded(log.position_seconds),
        "warnings": [{"code": code, "detail": detail} for code, detail in _warnings(order, log)],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _warnings(order: Order, log: LogReader) -> list[tuple[str, str]]:
    source, target, found = order.source, order.target, list[tuple[str, str]]()
    if damage := cut_off(source, log, trimmed=target.options.trimmed):
        found.append(("cut_off", f"{damage[:1].upper()}{damage[1:]}."))
    if source.holds_more:
        found.append(("declares_less", f"{source.holds_more[:1].upper()}{source.holds_more[1:]}."))
    if log.dropped_covers and target.options.keep_cover and target.output_format.keeps_cover:
        kinds = ", ".join(sorted(set(log.dropped_covers)))
        found.append(("cover_dropped", f"A cover was left out: only JPEG and PNG are kept, and it is {kinds}."))
    return found
