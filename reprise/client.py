"""The synchronous client. `reprise.AsyncClient` has the same methods."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import httpx
from httpx_sse import EventSource

from reprise import ambient, flows, uploading
from reprise.asking import PATIENCE
from reprise.files import FileSource
from reprise.http import FAILURES, answer_of, reason_of, request, settings
from reprise.models import Job, ListedNotification, ListedUpload, Progress, Upload
from reprise.steps import Answer, Ask, Close, Flow, Next, NoAnswer, Open, Pause, Piece, Step, Tell
from reprise.uploading import Begun, Seen, Source

T = TypeVar("T")


class Client:
    """
    Talk to a service.

    `url` is its address, `key` an API key. `patience` is how long (seconds) a service that is away is waited for before
    `Unreachable` or `TryLater` is raised. Not to be shared by threads while an event stream or a download is open.
    `transport` is httpx's, for what stands between: a proxy, a private certificate authority. Raises `ValueError` for
    what is no address, or no key.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        patience: float = PATIENCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base, self._headers = settings(url, key)
        self._http = httpx.Client(transport=transport)
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def upload(
        self,
        source: Path | Source,
        filename: str | None = None,
        *,
        begun: Begun | None = None,
        on_begun: Callable[[Begun], None] = lambda _: None,
        seen: Seen = lambda _: None,
    ) -> Upload:
        """
        Send a file; in parts if it is large, straight to the object store where that can be reached.

        To resume after the process has ended, keep what `on_begun` is told, and give it back as `begun`. `seen` is told
        how many bytes of the file have arrived.
        """
        given = FileSource(source) if isinstance(source, Path) else source
        name = filename or (source.name if isinstance(source, Path) else "audio")
        return self._run(
            uploading.send(given, name, begun=begun, on_begun=on_begun, seen=seen, patience=self._patience)
        )

    def submit(
        self, upload_id: str, target: str, options: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> Job:
        """Ask for a conversion into a format. `key`: an idempotency key of your own, to find the same job again."""
        return self._run(flows.submit(upload_id, target, options or {}, key or ambient.new_key(), self._patience))

    def job(self, job_id: str) -> Job:
        """Return a job as it is. Raises `NotFound`."""
        return self._run(flows.look(job_id, self._patience))

    def jobs(self, states: Sequence[str] = ()) -> Iterator[Job]:
        """Yield the jobs of this key, newest first; with `states` only those in one of them."""
        return self._tell(flows.jobs(states, self._patience))

    def uploads(self, states: Sequence[str] = ()) -> Iterator[ListedUpload]:
        """Yield the uploads of this key, newest first; with `states` (`pending`, `complete`) only those in one."""
        return self._tell(flows.uploads(states, self._patience))

    def follow(self, job_id: str) -> Iterator[Progress]:
        """Yield each change of a job; the last one is the `Job` that has ended. The percentage never falls."""
        return self._tell(flows.follow(job_id, self._patience))

    def wait(self, job_id: str, seen: Callable[[Progress], None] = lambda _: None) -> Job:
        """Return a job that has succeeded. Raises `JobFailed` or `JobCancelled`."""
        last: Progress | None = None
        for last in self.follow(job_id):
            seen(last)
        return flows.require_output(last if isinstance(last, Job) else self.job(job_id))

    def notifications(self, state: Literal["dead", "pending"] = "dead") -> Iterator[ListedNotification]:
        """Yield the notifications of this key that were given up, or that are still to be delivered."""
        return self._tell(flows.notifications(state, self._patience))

    def resend(self, job_id: str) -> Job:
        """Send the notification of a job again, or now. Raises `Rejected` if it has none."""
        return self._run(flows.resend(job_id, self._patience))

    def cancel(self, job_id: str) -> Job:
        """Ask for the end of a job; one that runs stops within seconds."""
        return self._run(flows.cancel(job_id, self._patience))

    def delete_job(self, job_id: str) -> None:
        """Delete a job and its output; cancelled first if it runs. Safe to repeat."""
        self._run(flows.remove(f"/v1/jobs/{job_id}", self._patience))

    def delete_upload(self, upload_id: str) -> None:
        """Delete an upload. Safe to repeat."""
        self._run(flows.remove(f"/v1/uploads/{upload_id}", self._patience))

    def download(
        self,
        job_id: str,
        part: Path,
        *,
        etag: str | None = None,
        on_etag: Callable[[str], None] = lambda _: None,
        seen: Callable[[int], None] = lambda _: None,
    ) -> None:
        """
        Write the output to the file `part`, which is whole when this returns.

        With the `etag` that an earlier call told `on_etag` it goes on where that one stopped.
        """
        self._run(flows.download(job_id, part, etag=etag, on_etag=on_etag, seen=seen, patience=self._patience))

    def formats(self) -> dict[str, Any]:
        """Return what goes in and what comes out, with the options of each format."""
        return self._run(flows.formats(self._patience))

    # ── the driver ───────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, flow: Flow[T]) -> T:
        driver = _Driver(self._http, self._base, self._headers)
        try:
            sent: object = None
            while True:
                sent = driver.take(flow.send(sent))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the generator returns
        finally:
            flow.close()
            driver.close()

    def _tell(self, flow: Flow[T]) -> Iterator[Any]:
        driver = _Driver(self._http, self._base, self._headers)
        try:
            sent: object = None
            while True:
                step = flow.send(sent)
                if isinstance(step, Tell):
                    yield step.value
                    sent = None
                else:
                    sent = driver.take(step)
        except StopIteration:
            return
        finally:
            flow.close()
            driver.close()


class _Driver:
    """Takes the steps of one flow."""

    def __init__(self, http: httpx.Client, base: str, headers: Mapping[str, str]) -> None:
        self._http, self._base, self._headers = http, base, headers
        self._response: httpx.Response | None = None
        self._pieces: Iterator[Piece] = iter(())

    def take(self, step: Step) -> object:
        """Return what came of a step."""
        match step:
            case Ask():
                return self._ask(step)
            case Pause(seconds):
                ambient.sleep(seconds * ambient.jitter())
            case Open(ask, kind):
                return self._open(ask, kind)
            case Next():
                return self._next()
            case Close():
                self.close()
            case Tell():
                pass
        return None

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def _ask(self, ask: Ask) -> Answer | NoAnswer:
        try:
            return answer_of(self._http.request(**request(self._base, self._headers, ask)))
        except FAILURES as error:
            return NoAnswer(reason_of(error))

    def _open(self, ask: Ask, kind: str) -> Answer | NoAnswer:
        self.close()
        try:
            wanted = self._http.build_request(**request(self._base, self._headers, ask))
            response = self._http.send(wanted, stream=True)
            if response.status_code >= 400:
                response.read()
                return answer_of(response)
        except FAILURES as error:
            return NoAnswer(reason_of(error))
        self._response = response
        self._pieces = _events(response) if kind == "events" else map(Piece, response.iter_bytes())
        return Answer(response.status_code, dict(response.headers.items()), b"")

    def _next(self) -> Piece | NoAnswer | None:
        try:
            return next(self._pieces, None)
        except FAILURES as error:
            return NoAnswer(reason_of(error))


def _events(response: httpx.Response) -> Iterator[Piece]:
    if "text/event-stream" not in response.headers.get("content-type", ""):
        return  # something in between answers in the service's place
    for event in EventSource(response).iter_sse():
        yield Piece(event.data.encode(), event.event, event.id)
