"""Tests of `chaos.scenarios`: the table makes sense as a whole."""

from chaos.checkers.sometimes import SOMETIMES
from chaos.client.reprise import CONVERSIONS
from chaos.nemesis.members import KILL_FFMPEG
from chaos.scenarios import BY_NAME, SCENARIOS, SHORT
from chaos.stack.reprise import SPEEDS
from chaos.workload.inputs import BY_NAME as INPUTS

SHORT_SET_SECONDS = 240  # of faults; images, LocalStack and clean-up come on top


def test_names_are_unique() -> None:
    """A scenario is found by its name."""
    assert len(BY_NAME) == len(SCENARIOS)


def test_workloads_use_what_there_is() -> None:
    """Each input, conversion and speed of ffmpeg that a scenario names is known."""
    conversions = {one.name for one in CONVERSIONS}
    for one in SCENARIOS:
        assert set(one.workload.mix.inputs) <= INPUTS.keys()
        assert set(one.workload.mix.conversions) <= conversions
        assert one.workload.failures.keys() <= INPUTS.keys()
        assert one.shape.speed in SPEEDS


def test_each_scenario_requires_that_its_faults_meet_conversions() -> None:
    """No scenario passes if no fault fell into a conversion, and all names that it requires are known."""
    known = {one.name for one in SOMETIMES}
    for one in SCENARIOS:
        assert "fault_fell_into_a_conversion" in one.sometimes
        assert set(one.sometimes) <= known


def test_killed_ffmpeg_explains_a_crash_whatever_the_file() -> None:
    """Where ffmpeg is killed, each file that it is given may fail for that, a broken one as well."""
    for one in SCENARIOS:
        if KILL_FFMPEG in one.faults:
            given = [name for name in one.workload.mix.inputs if not INPUTS[name].refused]
            assert all("transcode_crashed" in one.workload.failures.get(name, ()) for name in given), one.name


def test_short_set_is_short() -> None:
    """The faults of the short set take four minutes at most, so that all of it fits into twelve."""
    assert sum(one.seconds for one in SHORT) <= SHORT_SET_SECONDS
    assert len(SHORT) >= 6


def test_faults_of_a_scenario_have_names_of_their_own() -> None:
    """A fault is known by its name in the report: no two of a scenario share one."""
    for one in SCENARIOS:
        faults = {*one.faults, *one.first}
        assert len({fault.name for fault in faults}) == len(faults)


def test_lasting_faults_have_a_duration() -> None:
    """A fault with a healing lasts a while, one without does not."""
    for one in SCENARIOS:
        for fault in (*one.faults, *one.first):
            assert (fault.heal is not None) == (fault.seconds[1] > 0)
