"""How conversions are run: every limit and every size in one place, with its unit."""

from dataclasses import dataclass

from service.adapters.s3.reading import ReadRetry
from service.core import defaults

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """How the sandbox is entered, see service.adapters.ffmpeg.sandbox.enter."""

    optional: bool = False  # go on where the kernel has no seccomp; otherwise ffmpeg is not started there
    readable: tuple[str, ...] = ()  # files and directories that ffmpeg reads beside its own libraries


@dataclass(frozen=True, slots=True, kw_only=True)
class FfmpegConfig:
    """The settings of `FfmpegTranscoder`. Sizes in bytes, times in seconds."""

    ffmpeg: str  # the binary, as an absolute path
    scratch_dir: str  # for inputs that have to be seekable; created with mode 0700

    # The window over the output, see service.adapters.ffmpeg.output.window.
    part_size: int = 8 * MIB  # S3 takes nothing below 5 MiB, and 10,000 parts at most
    window_parts: int = 4  # finished parts that may wait for their upload before ffmpeg is paused
    margin: int = MIB  # a part is finished when the end of the file is this far behind it
    concurrent_uploads: int = 2
    tick: float = 0.02  # between two looks at the size of the output

    # What ffmpeg may use up.
    max_output_bytes: int = defaults.MAX_OUTPUT_BYTES
    address_space: int = 2 * GIB  # ffmpeg 9 maps about 0.6 GiB for a stereo file, most of which it never touches
    memory_bytes: int = 2 * GIB  # that it writes to; see service.adapters.ffmpeg.sandbox.memory
    stack_bytes: int = 2 * MIB  # of each thread: they count as memory, and there are more of them on more cores
    open_files: int = 64
    options: tuple[str, ...] = ()  # of ffmpeg, put in front of all others
    confinement: Confinement = Confinement()
    disk_reserve: int = 256 * MIB  # of free space that a spooled file must leave to others

    # How long ffmpeg may take, see service.adapters.ffmpeg.timeouts. Time in which it waits for us does not count.
    stall_seconds: float = 30.0
    min_time_limit: float = 60.0
    max_time_limit: float = 6 * 3600.0
    time_limit_per_second: float = 1.0  # of audio, where the duration is known
    time_limit_per_mib: float = 4.0  # of input
    stop_grace: float = 2.0  # between SIGTERM and SIGKILL, for one that failed: its last lines may tell why
    cancel_grace: float = (
        0.2  # the same for one that is not wanted any more; waiting for input, ffmpeg hears no SIGTERM
    )

    report_seconds: float = 0.25  # between two readings
    read_retry: ReadRetry = ReadRetry()  # noqa: RUF009  # frozen
    cancel_timeout: float = 2.0  # to wait for a cancelled conversion; ffmpeg is gone long before that

    @property
    def window_bytes(self) -> int:
        """What one output occupies in memory: the head, what waits, what is being written, what is being sent."""
        return self.part_size * (self.window_parts + self.concurrent_uploads + 2)

    def limits(self) -> dict[str, int]:
        """The limits of memory for setrlimit(2), by the names of the sandbox."""
        return {"as": self.address_space, "data": self.memory_bytes, "stack": self.stack_bytes}

    def __post_init__(self) -> None:
        if self.margin < 0 or self.part_size < 1 or self.window_parts < 1 or self.concurrent_uploads < 1:
            raise ValueError("part_size, window_parts and concurrent_uploads have to be positive")
