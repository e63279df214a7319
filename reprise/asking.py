"""One request, repeated through what passes by itself."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from reprise.errors import ProblemError, RepriseError, TryLater, UnexpectedAnswer, Unreachable, problem
from reprise.steps import Answer, Ask, Flow, NoAnswer, Pause

T = TypeVar("T")

PATIENCE = 120.0  # seconds of waiting in all, before a service that is away is reported
FIRST_DELAY = 0.25  # seconds; doubled each time
LONGEST_DELAY = 10.0  # seconds


def call(ask: Ask, patience: float = PATIENCE) -> Flow[Answer]:
    """
    Return the answer to a request that may be repeated without harm.

    Repeats it while nothing answers, and while the service says that it cannot now (429, 5xx), as late as it asks for.
    Raises `ProblemError` for a refusal, `Unreachable` or `TryLater` once `patience` (seconds) is over, and
    `UnexpectedAnswer` for a redirect, which the service never sends to this client.
    """
    waited, failures = 0.0, 0
    while True:
        answer: Answer | NoAnswer = yield ask
        if isinstance(answer, Answer) and answer.status < 300:
            return answer
        if isinstance(answer, Answer) and answer.status < 400:
            place = answer.headers.get("location", "nowhere").partition("?")[0]
            raise UnexpectedAnswer(f"what answers there sends everything on to {place}: give the service's own address")
        error = failure_of(answer)
        if not passes(error) or waited >= patience:
            raise error
        delay = delay_after(failures, answer)
        waited, failures = waited + delay, failures + 1
        yield Pause(delay)


def decoded(body: bytes, kind: type[T]) -> T:
    """Return a document of the API. Raises `UnexpectedAnswer` for anything else, such as the page of a proxy."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"what answers there is no Reprise service ({error})") from None


def failure_of(answer: Answer | NoAnswer) -> RepriseError:
    """Return what is to be raised for this."""
    if isinstance(answer, NoAnswer):
        return Unreachable(answer.reason)
    return refusal(answer)


def refusal(answer: Answer) -> ProblemError:
    """Return the exception for a status of 400 or more; a proxy in front may send something that is no problem."""
    body = answer.json()
    return problem(answer.status, body if isinstance(body, dict) else {})


def passes(error: RepriseError) -> bool:
    """Tell whether the same request may succeed later."""
    return isinstance(error, TryLater | Unreachable)


def delay_after(failures: int, answer: Answer | NoAnswer | None = None) -> float:
    """Return seconds to wait: what `Retry-After` says, or twice as long each time."""
    wanted = _retry_after(answer.headers) if isinstance(answer, Answer) else None
    return min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(failures, 10)) if wanted is None else wanted


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    try:
        return min(60.0, max(0.0, float(headers["retry-after"])))
    except (KeyError, ValueError):
        return None
