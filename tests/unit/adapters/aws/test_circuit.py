import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from service.adapters.aws.circuit import CircuitBreaker
from service.core.errors import (
    CircuitOpen,
    Definite,
    Indefinite,
    Misconfigured,
    ObjectChanged,
    ObjectGone,
    StoreError,
    Throttled,
    Unavailable,
)
from service.testing.clock import SteppingClock

pytestmark = pytest.mark.requirement("6.11")


class Service:
    """Something that answers, or raises what it is told to; counts how often it was really asked."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return "answer"


@pytest.fixture
def clock() -> SteppingClock:
    """Time that stands still."""
    return SteppingClock()


@pytest.fixture
def service() -> Service:
    """Something behind the circuit."""
    return Service()


@pytest.fixture
def breaker(clock: SteppingClock) -> CircuitBreaker:
    """A circuit that opens after three failures, for a second."""
    return CircuitBreaker("s3", clock.monotonic, failures=3, reset=1.0)


def fail(breaker: CircuitBreaker, service: Callable[[], object], times: int) -> None:
    """Let it fail so often, each time with its own error."""
    for _ in range(times):
        with pytest.raises(StoreError) as caught:
            breaker.guard(service)
        assert not isinstance(caught.value, CircuitOpen)


@pytest.mark.parametrize("error", [Unavailable(), Throttled(), Indefinite()])
def test_failures_in_a_row_open_the_circuit(breaker: CircuitBreaker, service: Service, error: Exception) -> None:
    """After so many failures in a row the service is not asked any more, and it is said when it will be."""
    service.error = error
    fail(breaker, service, 3)
    assert breaker.state == "open"
    with pytest.raises(CircuitOpen) as caught:
        breaker.guard(service)
    assert (caught.value.retry_after, service.asked) == (1.0, 3)
    with pytest.raises(CircuitOpen):
        breaker.check()


def test_an_answer_resets_the_failures_of_the_circuit(breaker: CircuitBreaker, service: Service) -> None:
    """Failures with good answers in between never open it."""
    for _ in range(4):
        service.error = Indefinite()
        fail(breaker, service, 2)
        service.error = None
        breaker.guard(service)
    assert breaker.state == "closed"


@pytest.mark.parametrize("error", [ObjectGone(), ObjectChanged(), Definite(), Misconfigured(), KeyError("ours")])
def test_a_refusal_by_aws_is_no_failure_of_the_circuit(
    breaker: CircuitBreaker, service: Service, error: Exception
) -> None:
    """A service that says no is there, however often it says so, and forgives failures like any answer."""
    service.error = Unavailable()
    fail(breaker, service, 2)
    service.error = error
    for _ in range(10):
        with pytest.raises(type(error)):
            breaker.guard(service)
    service.error = Unavailable()
    fail(breaker, service, 2)
    assert breaker.state == "closed"


async def test_an_answer_after_the_pause_closes_the_circuit(
    breaker: CircuitBreaker, clock: SteppingClock, service: Service
) -> None:
    """When the pause is over, one call is let through, and its good answer closes the circuit."""
    service.error = Unavailable()
    fail(breaker, service, 3)
    await clock.advance(0.75)
    with pytest.raises(CircuitOpen) as caught:
        breaker.guard(service)
    assert caught.value.retry_after == 0.25
    await clock.advance(0.25)
    service.error = None
    assert breaker.guard(service) == "answer"
    assert breaker.state == "closed"


async def test_a_failed_trial_opens_the_circuit_again(
    breaker: CircuitBreaker, clock: SteppingClock, service: Service
) -> None:
    """One failure of the call that was let through is enough for another pause."""
    service.error = Unavailable()
    fail(breaker, service, 3)
    await clock.advance(1.0)
    fail(breaker, service, 1)
    assert breaker.state == "open"
    with pytest.raises(CircuitOpen) as caught:
        breaker.guard(service)
    assert caught.value.retry_after == 1.0


async def test_half_open_circuit_lets_one_call_through_at_a_time(
    breaker: CircuitBreaker, clock: SteppingClock, service: Service
) -> None:
    """While half open all but one are refused; one that hangs is not waited for longer than a pause."""
    service.error = Unavailable()
    fail(breaker, service, 3)
    service.error = None
    await clock.advance(1.0)
    begun, hanging = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        hanging.wait(30)
        raise Indefinite

    def first_try() -> None:
        with pytest.raises(Indefinite):
            breaker.guard(hang)

    probe = threading.Thread(target=first_try)
    probe.start()
    assert begun.wait(30)
    try:
        assert breaker.state == "half-open"
        with pytest.raises(CircuitOpen):
            breaker.guard(service)
        await clock.advance(1.0)
        assert breaker.guard(service) == "answer"
        assert breaker.state == "closed"
    finally:
        hanging.set()
        probe.join()
    assert breaker.state == "closed", "what began before the circuit closed tells nothing about now"


@pytest.mark.parametrize("state", ["open", "half-open"])
@pytest.mark.parametrize("end", [None, Unavailable("late")])
async def test_calls_from_before_the_outage_do_not_change_the_circuit(
    breaker: CircuitBreaker, clock: SteppingClock, service: Service, state: str, end: Exception | None
) -> None:
    """What began before the circuit opened gets its own answer, whenever that comes, and changes nothing."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(30)
        if end is not None:
            raise end
        return "late"

    def finish() -> str:
        go_on.set()
        try:
            return late.result(30)
        except Unavailable as error:
            return error.detail

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(breaker.guard, slow)
        assert begun.wait(30)
        service.error = Unavailable()
        fail(breaker, service, 3)
        service.error = None
        if state == "open":
            assert finish() == "late"
        else:
            await clock.advance(1.0)
            assert breaker.guard(lambda: (finish(), breaker.state)) == ("late", "half-open")
    assert breaker.state == ("open" if state == "open" else "closed")


def test_circuit_does_not_serialise_calls(breaker: CircuitBreaker) -> None:
    """The circuit never makes one call wait for another."""
    both = threading.Barrier(2, timeout=30)
    calls = [threading.Thread(target=breaker.guard, args=(both.wait,)) for _ in range(2)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert not both.broken


async def test_a_call_within_a_guarded_call_is_not_refused(
    breaker: CircuitBreaker, clock: SteppingClock, service: Service
) -> None:
    """A call made inside another is part of it: the one that is let through is not refused by itself."""
    service.error = Unavailable()
    fail(breaker, service, 3)
    service.error = None
    await clock.advance(1.0)
    assert breaker.guard(lambda: breaker.guard(service)) == "answer"
    assert breaker.state == "closed"


async def test_each_change_of_the_circuit_is_logged_once(
    breaker: CircuitBreaker, clock: SteppingClock, service: Service
) -> None:
    """Opened, half open and closed are events, with the reason; calls that are refused are not."""
    with capture_logs() as said:
        service.error = Unavailable("GetObject: 503")
        fail(breaker, service, 3)
        for _ in range(5):
            with pytest.raises(CircuitOpen):
                breaker.guard(service)
        await clock.advance(1.0)
        service.error = None
        breaker.guard(service)
    assert [event["event"] for event in said] == ["circuit.opened", "circuit.half_open", "circuit.closed"]
    assert said[0]["reason"] == "GetObject: 503"
