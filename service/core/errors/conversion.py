"""The branch of conversions that failed: what a job ends with. `errors` shows the whole tree."""

from collections.abc import Mapping

from service.core.errors.client import RepriseError


class TranscodeFailed(RepriseError):
    """The conversion failed."""

    code = "transcode_failed"
    retryable: bool = False  # worth another attempt, because the media need not be at fault

    def __init__(self, detail: str | None = None, /, *, diagnostics: Mapping[str, object] | None = None) -> None:
        super().__init__(detail)
        self.diagnostics: Mapping[str, object] = diagnostics or {}


class BadMedia(TranscodeFailed):
    """The input is truncated or corrupt, or has no audio stream."""

    code = "bad_media"


class EmptyRange(BadMedia):
    """There is no sound between the `start_seconds` and the `end_seconds` that were asked for."""

    code = "empty_range"


class OutputTooLarge(TranscodeFailed):
    """The output grew beyond the limit."""

    code = "output_too_large"


class FfmpegStalled(TranscodeFailed):
    """ffmpeg made no progress for too long."""

    code = "transcode_stalled"
    retryable = True


class FfmpegCrashed(TranscodeFailed):
    """ffmpeg was killed by a signal that this service did not send."""

    code = "transcode_crashed"
    retryable = True


class TimeExceeded(TranscodeFailed):
    """The conversion ran longer than its media allows."""

    code = "time_exceeded"


class MemoryExceeded(TranscodeFailed):
    """
    ffmpeg needed more memory than one conversion may use.

    Not worth another attempt: the file would take as much again, from a container that others use too.
    """

    code = "memory_exceeded"


class WindowViolated(TranscodeFailed):
    """The muxer went back to bytes that had already left; only a local file can hold this output."""

    code = "window_violated"
