"""
One request, and what is known afterwards: ok, fail or unknown.

`fail` is definite: the request was never sent, or the service refused it for good. `unknown` is everything that may
have had its effect although the answer says nothing of it: a time-out or a reset after sending, and every 5xx and 429.
Only what is unknown, and what never was sent, is asked again, and only as far as the request may be repeated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from chaos.history.events import FAIL, OK, UNKNOWN, Operation
from chaos.history.recording import Recorder

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
TOO_MANY = 429


@dataclass(slots=True)
class Answer:
    """What came back, in the words of the history."""

    outcome: str
    asked: float
    answered: float
    status: int | None = None
    code: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    job_id: str | None = None
    upload_id: str | None = None
    state: str | None = None
    percent: float | None = None
    attempt: int | None = None
    digest: str | None = None
    bytes: int | None = None

    @property
    def ok(self) -> bool:
        """Whether it certainly happened."""
        return self.outcome == OK

    @property
    def final_refusal(self) -> bool:
        """Whether the service itself refused for good: to ask again is of no use."""
        return self.outcome == FAIL and self.status is not None


def outcome_of_status(status: int) -> str:
    """Classify an answer by its status."""
    if status == TOO_MANY or status >= 500:
        return UNKNOWN
    return FAIL if status >= 400 else OK


def outcome_of_error(error: httpx.HTTPError) -> str:
    """Classify what went wrong instead of an answer: before sending it is definite, after it nobody knows."""
    return FAIL if isinstance(error, NEVER_SENT) else UNKNOWN


class Asker:
    """Puts requests of one client, and records them. Used by one thread."""

    def __init__(self, name: str, tenant: str, recorder: Recorder, clock: Callable[[], float]) -> None:
        self.name, self.tenant = name, tenant
        self._recorder, self.clock = recorder, clock
        self.http = httpx.Client(timeout=httpx.Timeout(20, connect=5))

    def ask(self, method: str, url: str, **request: Any) -> Answer:
        """Put one request and read its answer, whatever it is."""
        asked = self.clock()
        try:
            got = self.http.request(method, url, **request)
        except httpx.HTTPError as error:
            return self.broken(error, asked)
        return self.understood(got, asked)

    def broken(self, error: httpx.HTTPError, asked: float) -> Answer:
        """Return what is known after an error."""
        return Answer(outcome_of_error(error), asked, self.clock(), detail=f"{type(error).__name__}: {error}"[:200])

    def understood(self, got: httpx.Response, asked: float) -> Answer:
        """Return what an answer says; its body has been read."""
        answer = Answer(outcome_of_status(got.status_code), asked, self.clock(), got.status_code, headers=got.headers)
        if "json" in got.headers.get("content-type", ""):
            try:
                body = got.json()
            except ValueError:
                answer.outcome, answer.detail = UNKNOWN, "cut off"
                return answer
            answer.body = body if isinstance(body, dict) else {"list": body}
        if got.is_error:
            answer.code = answer.body.get("code")
        return answer

    def record(self, verb: str, via: str, answer: Answer, *, key: str | None = None, detail: str = "",
               tenant: str | None = None) -> Answer:  # fmt: skip
        """Write an answer into the history, and return it."""
        self._recorder.write(
            Operation(
                client=self.name, via=via, verb=verb, asked=answer.asked, answered=answer.answered,
                outcome=answer.outcome, status=answer.status, code=answer.code, job_id=answer.job_id,
                upload_id=answer.upload_id, key=key, tenant=self.tenant if tenant is None else tenant,
                state=answer.state, percent=answer.percent, attempt=answer.attempt, digest=answer.digest,
                bytes=answer.bytes, detail=detail or answer.detail,
            )
        )  # fmt: skip
        return answer

    def close(self) -> None:
        """Close its connections."""
        self.http.close()
