"""Tests of `chaos.nemesis.faults`."""

from chaos.nemesis.faults import Fault, by_weight
from tests.simulation.faults import AIMED, AT_ANY_MOMENT


def test_duration_of_a_fault_lies_in_its_range() -> None:
    """The lowest draw gives the shortest duration, and a higher one a longer, up to the longest."""
    fault: Fault[None] = Fault("pause", 1, _nothing, _nothing, (2.0, 10.0))

    assert fault.duration(0.0) == 2.0
    assert fault.duration(0.5) == 6.0
    assert fault.duration(0.999) < 10.0


def test_uniform_draw_from_the_list_respects_the_weights() -> None:
    """A fault of weight 3 is in the list three times, one of weight 0 never."""
    often, once, never = (Fault(str(weight), weight, _nothing) for weight in (3, 1, 0))

    assert by_weight([often, once, never]) == [often, often, often, once]


def test_every_simulated_fault_that_is_healed_lasts_a_while() -> None:
    """A fault with a `heal` has a duration above nought, one without has none; names are unique."""
    faults = [fault for kind in AT_ANY_MOMENT + AIMED for fault in kind.faults]

    assert all((fault.heal is not None) == (fault.seconds[1] > fault.seconds[0] > 0) for fault in faults)
    assert len({fault.name for fault in faults}) == len(set(faults))


def _nothing(_: None) -> None:
    """A fault that does nothing."""
