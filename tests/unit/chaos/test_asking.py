"""Tests of `chaos.client.asking`: what is known after a request."""

import httpx
import pytest

from chaos.client.asking import Answer, outcome_of_error, outcome_of_status
from chaos.history.events import FAIL, OK, UNKNOWN


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 307])
def test_granted_request_is_ok(status: int) -> None:
    """What was granted has happened."""
    assert outcome_of_status(status) == OK


@pytest.mark.parametrize("status", [400, 401, 404, 409, 410, 413, 415, 416, 422])
def test_refused_request_is_a_failure(status: int) -> None:
    """What was refused for good has not happened, and is not asked for again."""
    assert outcome_of_status(status) == FAIL
    assert Answer(FAIL, 0, 1, status).final_refusal


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_answer_that_asks_to_come_again_is_unknown(status: int) -> None:
    """A server in trouble cannot say whether the request had its effect."""
    assert outcome_of_status(status) == UNKNOWN


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("late")], ids=lambda error: type(error).__name__
)
def test_request_that_was_never_sent_has_certainly_failed(error: httpx.HTTPError) -> None:
    """Without a connection nothing was sent: that is definite, and another container may be asked."""
    assert outcome_of_error(error) == FAIL
    assert not Answer(FAIL, 0, 1).final_refusal


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("late"),
        httpx.WriteTimeout("late"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("cut off"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_request_that_may_have_been_heard_is_unknown(error: httpx.HTTPError) -> None:
    """After the first byte was sent, silence says nothing of what the server did."""
    assert outcome_of_error(error) == UNKNOWN
