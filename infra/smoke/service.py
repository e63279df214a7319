"""
The service as a client sees it: requests that say which answer is expected, patient with a platform that scales.

A platform answers 429 while it adds a container, and 502, 503 or 504 while it replaces one. That is no failure of a
deployment that has just been made, so such a request is repeated for a while. Anything else that is not expected is.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx

COME_AGAIN = frozenset({429, 502, 503, 504})
TRIES = 12
LONGEST_PAUSE = 10.0  # seconds
Pause = Callable[[float], object]


class Unexpected(Exception):
    """An answer that was not expected, or none at all; the message is for people."""

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class Service:
    """Talks to one address, with a key or without."""

    def __init__(self, address: str, key: str | None = None, *, tries: int = TRIES, pause: Pause | None = None) -> None:
        self.address = address.rstrip("/")
        # A whole answer may take the 100 seconds of `wait`; nothing that keeps silent for longer is going to answer.
        limits = httpx.Timeout(115, connect=10)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._with_key = httpx.Client(base_url=self.address, headers=headers, timeout=limits)
        self._plain = httpx.Client(timeout=limits)
        self._tries = tries
        self._pause = pause or threading.Event().wait

    def close(self) -> None:
        """Close the connections."""
        self._with_key.close()
        self._plain.close()

    def ask(self, method: str, path: str, *expected: int, **request: Any) -> httpx.Response:
        """One request of the service, repeated while it should be; raises `Unexpected`."""
        return self._patiently(self._with_key, method, path, expected, request)

    def ask_without_key(self, method: str, url: str, *expected: int, **request: Any) -> httpx.Response:
        """One request of another host, the object store as a rule, which must not see the key; raises `Unexpected`."""
        return self._patiently(self._plain, method, url, expected, request)

    def events(self, path: str) -> Iterator[tuple[str, str]]:
        """The server-sent events of one connection: name and data; it ends when the connection does."""
        try:
            with self._with_key.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
                if answer.status_code in COME_AGAIN:
                    self._pause(_seconds(answer.headers.get("Retry-After")))
                    return
                if answer.status_code != 200:
                    answer.read()
                    raise self._unexpected("GET", path, (200,), answer)
                name = ""
                for line in answer.iter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        name = value
                    elif field == "data":
                        yield name, value
        except httpx.TransportError:
            return  # cut, as every stream is at some time; what has been missed is asked for by the next one

    def _patiently(
        self, client: httpx.Client, method: str, url: str, expected: tuple[int, ...], request: dict[str, Any]
    ) -> httpx.Response:
        said = Unexpected("never asked")
        for number in range(self._tries):
            try:
                answer = client.request(method, url, **request)
            except httpx.TransportError as error:
                where = httpx.URL(url).host or self.address
                said = Unexpected(f"{method} to {where}: no answer ({str(error) or type(error).__name__})")
                rest = 1.0
            else:
                if answer.status_code in expected:
                    return answer
                said = self._unexpected(method, url, expected, answer)
                if answer.status_code not in COME_AGAIN:
                    break
                rest = _seconds(answer.headers.get("Retry-After"))
            if number + 1 < self._tries:
                self._pause(rest)
        raise said

    def _unexpected(self, method: str, url: str, expected: tuple[int, ...], answer: httpx.Response) -> Unexpected:
        wanted = " or ".join(map(str, expected))
        path = url.split("?", 1)[0]  # what comes after it may be a signature
        message = f"{method} {path} answered {answer.status_code}, not {wanted}{_reason(answer)}"
        return Unexpected(message, status=answer.status_code, request_id=answer.headers.get("X-Request-Id"))


def _seconds(said: str | None) -> float:
    return min(float(said), LONGEST_PAUSE) if said and said.isdigit() else 2.0


def _reason(answer: httpx.Response) -> str:
    """What the problem document, the health document or the object store says; the beginning of anything else."""
    try:
        document = answer.json()
    except ValueError:
        said = " ".join(answer.text[:300].split())
        return f": {said}" if said else ""
    if not isinstance(document, dict):
        return f": {document}"
    if checks := document.get("checks"):
        return ": " + ", ".join(f"{name} is {state}" for name, state in sorted(checks.items()))
    parts = [str(document[name]) for name in ("code", "detail", "hint") if document.get(name)]
    return ": " + " · ".join(parts) if parts else f": {str(document)[:300]}"
