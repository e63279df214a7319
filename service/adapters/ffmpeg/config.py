"""How conversions are run: every limit and every size in one place, with its unit."""

from dataclasses import dataclass

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class FfmpegConfig:
    """What `FfmpegTranscoder` is told. Sizes in bytes, times in seconds."""

    ffmpeg: str  # the binary, as an absolute path
    scratch_dir: str  # for inputs that have to be seekable; created with mode 0700

    # The window over the output, see service.adapters.ffmpeg.window.
    part_size: int = 8 * MIB  # S3 takes nothing below 5 MiB, and 10,000 parts at most
    window_parts: int = 4  # finished parts that may wait for their upload before ffmpeg is paused
    margin: int = MIB  # a part is finished when the end of the file is this far behind it
    concurrent_uploads: int = 2
    tick: float = 0.02  # between two looks at the size of the output

    # What ffmpeg may use up.
    max_output_bytes: int = 8 * GIB
    memory_bytes: int = 2 * GIB  # address space; ffmpeg 9 maps about 0.6 GiB for a stereo file
    open_files: int = 64
    disk_reserve: int = 256 * MIB  # of free space that a spooled file must leave to others

    # How long ffmpeg may take. Time in which it waits for us (paused, or starved by a slow S3) does not count.
    stall_seconds: float = 30.0
    least_patience: float = 60.0
    most_patience: float = 6 * 3600.0
    patience_per_second: float = 1.0  # of audio, where the duration is known
    patience_per_mib: float = 4.0  # of input
    polite_seconds: float = 2.0  # between SIGTERM and SIGKILL, for one that failed: its last words may tell why
    brisk_seconds: float = (
        0.2  # the same for one that is not wanted any more; waiting for input, ffmpeg hears no SIGTERM
    )

    report_seconds: float = 0.25  # between two readings
    feed_bytes: int = 256 * KIB  # a read from S3, a write to ffmpeg
    feed_attempts: int = 6  # breaks of the S3 stream in a row, without a byte in between
    feed_backoff: float = 0.1  # before the first attempt to mend it; doubles
    farewell_seconds: float = 2.0  # how long a cancelled conversion is waited for; ffmpeg is gone long before that

    def __post_init__(self) -> None:
        if self.margin < 0 or self.part_size < 1 or self.window_parts < 1 or self.concurrent_uploads < 1:
            raise ValueError("part_size, window_parts and concurrent_uploads have to be positive")
