import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core import errors
from service.core.backoff import JOB_FAULT
from service.core.jobs.outcome import (
    MAX_START_FAULTS,
    MAX_STORE_FAULTS,
    Failed,
    Lost,
    Outcome,
    Released,
    exhausted,
    of_exception,
)
from service.core.jobs.trust import LeasePolicy
from service.testing.factories import a_running_job

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
DRAWS = st.floats(0, 1, exclude_max=True)


@given(faults=st.integers(1, 10**9), draw=DRAWS)
def test_delay_of_a_faulty_job_is_bounded(faults: int, draw: float) -> None:
    """A delay lies between half of its step and its step, and no count of faults can exceed the cap."""
    full = min(JOB_FAULT.cap, JOB_FAULT.first * 2.0 ** (min(faults, 30) - 1))

    assert full / 2 <= JOB_FAULT.delay(faults, draw) <= full <= JOB_FAULT.cap


@given(faults=st.integers(1, 100), draw=DRAWS)
def test_delay_of_a_faulty_job_grows(faults: int, draw: float) -> None:
    """With the same draw, another fault never makes the delay shorter."""
    assert JOB_FAULT.delay(faults, draw) <= JOB_FAULT.delay(faults + 1, draw)


def outcome(error: Exception, faults: int = 0) -> Outcome:
    """What `error` means in an attempt of a job with that many faults behind it."""
    return of_exception(error, faults, draw=0.0)


def test_fenced_attempt_writes_nothing() -> None:
    """Who was replaced has lost, whatever else."""
    assert outcome(errors.Fenced()) == Lost("fenced")


@pytest.mark.parametrize("error", [errors.ObjectGone(), errors.ObjectChanged()], ids=repr)
def test_missing_input_fails_the_job(error: Exception) -> None:
    """An input that is gone or changed will not come back."""
    ended = outcome(error)

    assert isinstance(ended, Failed)
    assert ended.failure.code == "input_gone"


@pytest.mark.requirement("6.5")
@pytest.mark.parametrize(
    "error", [errors.BadMedia, errors.OutputTooLarge, errors.TimeExceeded, errors.MemoryExceeded, errors.WindowViolated]
)
def test_bad_media_fails_the_job_at_once(error: type[errors.TranscodeFailed]) -> None:
    """What another attempt cannot mend fails with its code and diagnostics."""
    ended = outcome(error("no good", diagnostics={"exit_code": 1}))

    assert isinstance(ended, Failed)
    assert (ended.failure.code, ended.failure.detail) == (error.code, "no good")
    assert ended.failure.diagnostics == {"exit_code": 1}


@pytest.mark.requirement("6.5", "6.6")
@pytest.mark.parametrize("error", [errors.FfmpegStalled, errors.FfmpegCrashed])
def test_crash_and_stall_get_one_more_attempt(error: type[errors.TranscodeFailed]) -> None:
    """A crash or a stall may pass once; the second one is the job's."""
    assert outcome(error()) == Released(JOB_FAULT.delay(1, 0.0), fault=True, reason=error.code)
    assert isinstance(outcome(error(), faults=1), Failed)


@pytest.mark.requirement("6.3")
@pytest.mark.parametrize("error", [errors.Unavailable(), errors.Indefinite(), errors.Definite()], ids=repr)
def test_storage_trouble_is_retried_twenty_times(error: Exception) -> None:
    """Storage faults put a job off longer and longer, and fail it only after many."""
    for faults in range(MAX_STORE_FAULTS):
        assert outcome(error, faults) == Released(JOB_FAULT.delay(faults + 1, 0.0), fault=True, reason="unavailable")
    ended = outcome(error, MAX_STORE_FAULTS)
    assert isinstance(ended, Failed)
    assert ended.failure.code == "storage_failed"


def test_job_that_found_no_disk_space_anywhere_says_so() -> None:
    """A file for which no container had enough disk space is tried as often, and the failure names the disk."""
    before, ended = (outcome(errors.DiskFull(), faults) for faults in (MAX_STORE_FAULTS - 1, MAX_STORE_FAULTS))
    assert isinstance(before, Released)
    assert isinstance(ended, Failed)
    assert "disk space" in ended.failure.detail


def test_an_ffmpeg_that_cannot_be_started_ends_the_job_soon() -> None:
    """A job whose ffmpeg cannot be started is left to others a few times, and then fails as our own mistake."""
    error = errors.NoFfmpeg("ffmpeg could not be started here: no such file")
    for faults in range(MAX_START_FAULTS):
        assert outcome(error, faults) == Released(
            JOB_FAULT.delay(faults + 1, 0.0), fault=True, reason="ffmpeg_not_started"
        )
    ended = outcome(error, MAX_START_FAULTS)
    assert isinstance(ended, Failed)
    assert ended.failure.code == "internal"
    assert ended.failure.diagnostics == {"last": error.detail}


def test_unexpected_exception_gets_one_more_attempt() -> None:
    """An exception that nobody foresaw is retried once, and then fails without showing its insides."""
    assert outcome(KeyError("secret")) == Released(JOB_FAULT.delay(1, 0.0), fault=True, reason="internal")
    ended = outcome(KeyError("secret"), faults=1)
    assert isinstance(ended, Failed)
    assert ended.failure.code == "internal"
    assert "secret" not in repr(ended)


def _leaves(kind: type[errors.RepriseError]) -> list[type[errors.RepriseError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return [kind, *below]


@pytest.mark.parametrize("kind", [*_leaves(errors.RepriseError), RuntimeError, MemoryError], ids=lambda k: k.__name__)
@given(faults=st.integers(0, 100), draw=DRAWS)
def test_every_exception_becomes_an_outcome_of_the_attempt(kind: type[Exception], faults: int, draw: float) -> None:
    """No exception of ours or anybody's leaves a job without an end, and every delay can be waited for."""
    ended = of_exception(kind("why"), faults, draw)

    assert isinstance(ended, Failed | Released | Lost)
    if isinstance(ended, Released):
        assert 0 < ended.delay <= JOB_FAULT.cap
    assert not (isinstance(ended, Released) and faults >= MAX_STORE_FAULTS), "faults are bounded"


def test_exhausted_job_says_how_many_attempts_lapsed() -> None:
    """The failure of a poison file counts the lapse that ends it."""
    lease = a_running_job(attempt=5, lapses=LeasePolicy().max_lapses - 1).lease

    failure = exhausted(lease)

    assert failure.code == "attempts_exhausted"
    assert failure.detail.startswith(f"{LeasePolicy().max_lapses} attempts")


def test_architecture_counts_the_outcomes_as_they_are() -> None:
    """The document says how many outcomes an attempt can have, and that is how many there are."""
    document = (Path(__file__).parents[4] / "docs" / "architecture.md").read_text(encoding="utf-8")

    assert re.findall(r"one of (\w+)\s+outcomes", document) == [NUMBERS[len(get_args(Outcome))]]
