"""
Which track of sound is converted: from what the head has told, else from what ffmpeg finds in the file.

The second costs a start of ffmpeg, so it is done only where a file may have several tracks and the head does not show
that it has one.
"""

import threading

from service.adapters.ffmpeg.context import ConversionContext, StoppedOnRequest
from service.adapters.ffmpeg.input import InputSource
from service.adapters.ffmpeg.process import FfmpegProcess
from service.adapters.ffmpeg.timeouts import Watchdog
from service.core.errors import InvalidOption, NoFfmpeg
from service.core.media.arguments import look
from service.core.media.ffmpeg_log import LogReader
from service.core.media.inputs import Source
from service.core.media.options import Target
from service.core.media.tracks import Track, choose
from service.ports.transcoder import Order

_SEVERAL = ("mov", "matroska", "asf", "mpegts", "mpeg", "avi", "ogg")  # demuxers of files with many tracks
_HIGHEST = 1 << 30  # Hz


def needs_look(source: Source, target: Target) -> bool:
    """Whether what the head has told is not enough to choose a track, and to know whether its rate can be encoded."""
    tracks = source.tracks
    if target.output_format.highest_rate < _HIGHEST and not (tracks and tracks[0].rate):
        return True
    return source.demuxer in _SEVERAL and len(tracks) != 1


def wanted_track(tracks: tuple[Track, ...], target: Target, usual: Track | None = None) -> Track | None:
    """
    Return the track to convert; None if none is known. `usual` is the one that ffmpeg has chosen, if it was asked.

    Raises `InvalidOption` if the one wanted is not there.
    """
    wanted = target.options.track
    chosen = usual if usual is not None and wanted is None else choose(tracks, wanted)
    if chosen is None and tracks:
        known = ", ".join(f"{one.number} ({one.language})" if one.language else str(one.number) for one in tracks)
        raise InvalidOption(f"There is no track {wanted!r} in this file; it has: {known}.", option="track")
    return chosen


def look_at(context: ConversionContext, order: Order, source: InputSource, stop: threading.Event) -> Track | None:
    """
    Let ffmpeg say which tracks there are, and return the one to convert; None, if it cannot read the file.

    Raises as a conversion does, and as `wanted_track`.
    """
    config, log, clock = context.config, LogReader(), context.clock
    limits = {"fsize": 0, "nofile": config.open_files, "cpu": int(config.min_time_limit), **config.limits()}
    argv = look(config.ffmpeg, order.source, source.url)
    try:
        process = FfmpegProcess(argv, limits, stdin=source.stdin, reads=source.keep, confinement=config.confinement)
    except OSError as error:
        raise NoFfmpeg(f"ffmpeg could not be started here: {error}") from error
    watchdog = Watchdog(config, 0, clock.monotonic())
    try:
        source.start()
        while True:
            ended = process.exit_code() is not None
            text = process.read_stderr(0 if ended else config.tick)
            log.feed(text)
            if ended and not text:
                break
            if stop.is_set():
                raise StoppedOnRequest
            if source.error is not None:
                raise source.error
            activity = (source.fed, len(text))
            watchdog.observe(clock.monotonic(), activity, waiting_for_us=source.waiting, media_seconds=None)
    finally:
        process.end(0)
        process.close()
    return wanted_track(log.tracks, order.target, log.chosen)
