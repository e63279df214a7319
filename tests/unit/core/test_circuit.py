import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.circuit import CallOutcome, Circuit, CircuitState

pytestmark = pytest.mark.requirement("6.11")

ANSWERED, FAILED = CallOutcome.ANSWERED, CallOutcome.FAILED
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
FRESH = Circuit(threshold=3, reset=2.0)


def opened(at: float) -> Circuit:
    """A circuit whose third failure came at `at`."""
    circuit = FRESH
    for _ in range(3):
        circuit = circuit.after(FAILED, at, CLOSED)
    return circuit


def test_circuit_opens_at_the_threshold_and_not_before() -> None:
    """Two failures in a row are borne, the third opens the circuit."""
    circuit = FRESH.after(FAILED, 1.0, CLOSED).after(FAILED, 1.0, CLOSED)

    assert circuit.state is CLOSED
    assert circuit.after(FAILED, 1.0, CLOSED).state is OPEN


def test_an_answer_resets_the_count_of_failures() -> None:
    """Failures count only in a row."""
    circuit = FRESH
    for _ in range(10):
        circuit = circuit.after(FAILED, 1.0, CLOSED).after(FAILED, 1.0, CLOSED).after(ANSWERED, 1.0, CLOSED)

    assert circuit == FRESH


def test_open_circuit_says_how_long_to_wait() -> None:
    """A call is refused until the reset time has passed, and is told how long that will be."""
    circuit = opened(at=10.0)

    assert [circuit.decide(now).wait for now in (10.0, 11.5, 12.0)] == [2.0, 0.5, 0.0]
    assert circuit.decide(11.5).circuit == circuit


def test_half_open_circuit_lets_one_call_through_in_each_reset_time() -> None:
    """While one call finds out all others are refused; if it does not return, another may try after the reset time."""
    circuit = opened(at=10.0).decide(12.0).circuit

    assert circuit.state is HALF_OPEN
    assert circuit.decide(13.0).wait == 1.0
    assert circuit.decide(14.0).wait == 0.0


def test_half_open_circuit_closes_with_an_answer_and_opens_with_one_failure() -> None:
    """The call that finds out decides alone, whatever the threshold."""
    circuit = opened(at=10.0).decide(12.0).circuit

    assert circuit.after(ANSWERED, 12.5, HALF_OPEN) == FRESH
    again = circuit.after(FAILED, 12.5, HALF_OPEN)
    assert (again.state, again.decide(13.0).wait) == (OPEN, 1.5)


@pytest.mark.parametrize("outcome", [ANSWERED, FAILED])
def test_a_call_that_began_in_another_state_changes_nothing(outcome: CallOutcome) -> None:
    """The end of a call that was let through before the last change of state tells nothing about the present."""
    for circuit in (opened(at=10.0), opened(at=10.0).decide(12.0).circuit):
        assert circuit.after(outcome, 12.5, CLOSED) == circuit


def test_news_from_elsewhere_count_in_any_state() -> None:
    """A report without a state, such as that of a listener that has just connected, always counts."""
    assert opened(at=10.0).after(ANSWERED, 10.1) == FRESH
    assert opened(at=10.0).after(FAILED, 11.0).decide(12.0).wait == 1.0


@given(
    threshold=st.integers(1, 5),
    calls=st.lists(st.tuples(st.sampled_from([ANSWERED, FAILED]), st.integers(0, 40)), max_size=60),
)
def test_refusals_never_last_longer_than_the_reset_time(threshold: int, calls: list[tuple[CallOutcome, int]]) -> None:
    """Whatever happens, a caller is never told to wait longer than the reset time, and after it one is let through."""
    circuit, now = Circuit(threshold=threshold, reset=2.0), 0.0
    for outcome, pause in calls:
        now += pause / 8
        wait, circuit = circuit.decide(now)
        assert 0 <= wait <= 2.0
        if wait:
            now += wait + 0.001
            wait, circuit = circuit.decide(now)
        assert wait == 0
        circuit = circuit.after(outcome, now, circuit.state)
