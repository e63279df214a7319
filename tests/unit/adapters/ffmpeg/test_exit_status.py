import dataclasses
import signal

import pytest

from service.adapters.ffmpeg.exit_status import ProcessEnd, outcome_of, signal_name, with_diagnostics
from service.core.errors import (
    BadMedia,
    DiskFull,
    EmptyRange,
    FfmpegCrashed,
    FfmpegStalled,
    MemoryExceeded,
    NoFfmpeg,
    OutputTooLarge,
    RepriseError,
    TimeExceeded,
)

WELL = ProcessEnd(exit_code=0, output_size=1000, max_output_bytes=5000, last_lines=("one", "two"))


def test_exit_code_0_with_an_output_is_success() -> None:
    """Exit code 0, an output, and no doubt: nothing to complain of."""
    assert outcome_of(WELL) is None


@pytest.mark.requirement("6.5")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"exit_code": 1}, BadMedia),
        ({"exit_code": 183, "last_lines": ()}, BadMedia),
        ({"doubt": "the input ends early"}, BadMedia),
        ({"doubt": "the sound ends before start_seconds (9)", "empty_range": True}, EmptyRange),
        ({"output_size": 0}, BadMedia),
        ({"exit_code": -signal.SIGSEGV}, FfmpegCrashed),
        ({"exit_code": -signal.SIGKILL}, FfmpegCrashed),
        ({"exit_code": -signal.SIGKILL, "killed_for_memory": True}, MemoryExceeded),
        ({"exit_code": -signal.SIGSEGV, "killed_for_memory": True}, FfmpegCrashed),
        ({"exit_code": 244}, MemoryExceeded),
        ({"exit_code": 245}, MemoryExceeded),
        ({"exit_code": -signal.SIGXFSZ}, OutputTooLarge),
        ({"exit_code": 1, "output_size": 5000}, OutputTooLarge),
        ({"exit_code": -signal.SIGXCPU}, TimeExceeded),
        ({"exit_code": -signal.SIGXFSZ, "disk_full": True}, DiskFull),
        ({"exit_code": 228, "disk_full": True}, DiskFull),
        ({"exit_code": 125, "last_lines": ("sandbox: cannot start: no such file",)}, NoFfmpeg),
        ({"exit_code": 125}, BadMedia),
    ],
)
def test_each_way_ffmpeg_can_end_has_its_error(changes: dict[str, object], error: type[RepriseError]) -> None:
    """What the media did is told apart from what ffmpeg, its limits or this machine did."""
    assert type(outcome_of(dataclasses.replace(WELL, **changes))) is error  # type: ignore[arg-type]


def test_file_without_a_track_of_sound_is_called_that() -> None:
    """A film without sound is told apart from a file that is damaged."""
    lines = ("Stream map '' matches no streams.", "Failed to set value '0:a:0' for option 'map': Invalid argument")
    error = outcome_of(dataclasses.replace(WELL, exit_code=234, last_lines=lines))

    assert isinstance(error, BadMedia)
    assert error.detail == "There is no track of sound in the file."


def test_diagnostics_name_exit_code_or_signal_and_last_lines() -> None:
    """Diagnostics name the exit code or the signal, and hold the last lines."""
    died = dataclasses.replace(WELL, exit_code=-11)
    assert died.diagnostics == {
        "stage": "convert",
        "exit_code": None,
        "signal": "SIGSEGV",
        "last_lines": ["one", "two"],
    }
    assert WELL.diagnostics["exit_code"] == 0
    assert signal_name(40) == "signal 40"


def test_errors_raised_while_ffmpeg_ran_get_its_last_lines() -> None:
    """An error keeps its kind and words when ffmpeg's last lines are added."""
    error = with_diagnostics(FfmpegStalled("It stood still."), -15, ("stuck",))
    assert isinstance(error, FfmpegStalled)
    assert error.detail == "It stood still."
    assert error.diagnostics["signal"] == "SIGTERM"
