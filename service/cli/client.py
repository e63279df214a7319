"""
A client of the REST API, as anybody could write it: what the command line uses, and nothing from inside the service.

It may be given several addresses of the same service. A request that one of them does not answer goes to the next,
because any container can answer any request.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx

CHUNK = 256 * 1024
DOWNLOAD_TRIES = 20


class ServiceProblem(Exception):
    """The service refused; the message is its own, with its stable code in front."""


class NobodyAnswers(Exception):
    """None of the addresses answered."""


class Client:
    """Talks to one service behind one or more `addresses`."""

    def __init__(self, addresses: Sequence[str], *, pause: Callable[[float], None], key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(timeout=httpx.Timeout(120, connect=2), headers=headers)
        self._addresses = list(addresses)
        self._turn = itertools.cycle(range(len(self._addresses)))
        self._pause = pause

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def upload(self, path: Path, seen: Callable[[int], None]) -> dict[str, Any]:
        """Send a file, streamed; `seen` is told how many bytes are on their way."""
        size = path.stat().st_size
        with path.open("rb") as file:
            answer = self._ask(
                "POST",
                f"/v1/uploads?filename={quote(path.name, safe='')}",
                content=_chunks(file, seen),
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
            )
        return dict(answer.json())

    def submit(self, upload_id: str, target: str, options: Mapping[str, object]) -> dict[str, Any]:
        """Ask for a conversion."""
        return dict(
            self._ask("POST", "/v1/jobs", json={"upload_id": upload_id, "format": target, "options": options}).json()
        )

    def job(self, job_id: str) -> dict[str, Any]:
        """The whole job document."""
        return dict(self._ask("GET", f"/v1/jobs/{job_id}").json())

    def progress(self, job_id: str) -> dict[str, Any]:
        """The small one, from the next address in turn."""
        return dict(self._ask("GET", f"/v1/jobs/{job_id}/progress").json())

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Ask for its end."""
        return dict(self._ask("POST", f"/v1/jobs/{job_id}/cancel").json())

    def download(self, job_id: str, path: Path, size: int, seen: Callable[[int], None]) -> None:
        """Fetch the output, going on at the offset if the connection breaks; the file appears only when it is whole."""
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                for _ in range(DOWNLOAD_TRIES):
                    if file.tell() >= size:
                        break
                    self._fetch(job_id, file, seen)
            if part.stat().st_size != size:
                raise NobodyAnswers(f"only {part.stat().st_size} of {size} bytes could be fetched")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _fetch(self, job_id: str, file: BinaryIO, seen: Callable[[int], None]) -> None:
        address = self._addresses[next(self._turn)]
        headers = {"Range": f"bytes={file.tell()}-"} if file.tell() else {}
        try:
            with self._http.stream("GET", f"{address}/v1/jobs/{job_id}/download?via=proxy", headers=headers) as answer:
                if answer.is_error:
                    answer.read()
                _check(answer)
                for chunk in answer.iter_raw(CHUNK):
                    file.write(chunk)
                    seen(len(chunk))
        except httpx.TransportError:
            self._pause(0.2)

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; a repeatable one goes round the addresses until one answers."""
        tries = 3 * len(self._addresses) if method == "GET" else 1
        last: Exception | None = None
        for _ in range(tries):
            try:
                answer = self._http.request(method, self._addresses[next(self._turn)] + path, **request)
            except httpx.TransportError as error:
                last = error
                if tries > 1:
                    self._pause(0.05)
            else:
                _check(answer)
                return answer
        raise NobodyAnswers(f"no answer from {' or '.join(self._addresses)}: {last}")


def _check(answer: httpx.Response) -> None:
    if not answer.is_error:
        return
    try:
        problem = answer.json()
        message = f"{problem.get('code', answer.status_code)}: {problem.get('detail') or problem.get('title')}"
        if hint := problem.get("hint"):
            message += f" ({hint})"
    except ValueError:
        message = f"{answer.status_code}: {answer.text[:200]}"
    raise ServiceProblem(message)


def _chunks(file: BinaryIO, seen: Callable[[int], None]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
        seen(len(chunk))
