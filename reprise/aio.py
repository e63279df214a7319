"""The asynchronous client: the same methods as `reprise.Client`. Files are read and written in between, in pieces."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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


class AsyncClient:
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base, self._headers = settings(url, key)
        self._http = httpx.AsyncClient(transport=transport)
        self._patience = patience

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def upload(
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
        return await self._run(
            uploading.send(given, name, begun=begun, on_begun=on_begun, seen=seen, patience=self._patience)
        )

    async def submit(
        self, upload_id: str, target: str, options: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> Job:
        """Ask for a conversion into a format. `key`: an idempotency key of your own, to find the same job again."""
        return await self._run(flows.submit(upload_id, target, options or {}, key or ambient.new_key(), self._patience))

    async def job(self, job_id: str) -> Job:
        """Return a job as it is. Raises `NotFound`."""
        return await self._run(flows.look(job_id, self._patience))

    def jobs(self, states: Sequence[str] = ()) -> AsyncIterator[Job]:
        """Yield the jobs of this key, newest first; with `states` only those in one of them."""
        return self._tell(flows.jobs(states, self._patience))

    def uploads(self, states: Sequence[str] = ()) -> AsyncIterator[ListedUpload]:
        """Yield the uploads of this key, newest first; with `states` (`pending`, `complete`) only those in one."""
        return self._tell(flows.uploads(states, self._patience))

    def follow(self, job_id: str) -> AsyncIterator[Progress]:
        """Yield each change of a job; the last one is the `Job` that has ended. The percentage never falls."""
        return self._tell(flows.follow(job_id, self._patience))

    async def wait(self, job_id: str, seen: Callable[[Progress], None] = lambda _: None) -> Job:
        """Return a job that has succeeded. Raises `JobFailed` or `JobCancelled`."""
        last: Progress | None = None
        async for last in self.follow(job_id):
            seen(last)
        return flows.require_output(last if isinstance(last, Job) else await self.job(job_id))

    def notifications(self, state: Literal["dead", "pending"] = "dead") -> AsyncIterator[ListedNotification]:
        """Yield the notifications of this key that were given up, or that are still to be delivered."""
        return self._tell(flows.notifications(state, self._patience))

    async def resend(self, job_id: str) -> Job:
        """Send the notification of a job again, or now. Raises `Rejected` if it has none."""
        return await self._run(flows.resend(job_id, self._patience))

    async def cancel(self, job_id: str) -> Job:
        """Ask for the end of a job; one that runs stops within seconds."""
        return await self._run(flows.cancel(job_id, self._patience))

    async def delete_job(self, job_id: str) -> None:
        """Delete a job and its output; cancelled first if it runs. Safe to repeat."""
        await self._run(flows.remove(f"/v1/jobs/{job_id}", self._patience))

    async def delete_upload(self, upload_id: str) -> None:
        """Delete an upload. Safe to repeat."""
        await self._run(flows.remove(f"/v1/uploads/{upload_id}", self._patience))

    async def download(
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
        await self._run(flows.download(job_id, part, etag=etag, on_etag=on_etag, seen=seen, patience=self._patience))

    async def formats(self) -> dict[str, Any]:
        """Return what goes in and what comes out, with the options of each format."""
        return await self._run(flows.formats(self._patience))

    # ── the driver ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self, flow: Flow[T]) -> T:
        driver = _Driver(self._http, self._base, self._headers)
        try:
            sent: object = None
            while True:
                sent = await driver.take(flow.send(sent))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the generator returns
        finally:
            flow.close()
            await driver.close()

    async def _tell(self, flow: Flow[T]) -> AsyncIterator[Any]:
        driver = _Driver(self._http, self._base, self._headers)
        try:
            sent: object = None
            while True:
                step = flow.send(sent)
                if isinstance(step, Tell):
                    yield step.value
                    sent = None
                else:
                    sent = await driver.take(step)
        except StopIteration:
            return
        finally:
            flow.close()
            await driver.close()


class _Driver:
    """Takes the steps of one flow."""

    def __init__(self, http: httpx.AsyncClient, base: str, headers: Mapping[str, str]) -> None:
        self._http, self._base, self._headers = http, base, headers
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[Piece] = _bytes(None)

    async def take(self, step: Step) -> object:
        """Return what came of a step."""
        match step:
            case Ask():
                return await self._ask(step)
            case Pause(seconds):
                await ambient.asleep(seconds * ambient.jitter())
            case Open(ask, kind):
                return await self._open(ask, kind)
            case Next():
                return await self._next()
            case Close():
                await self.close()
            case Tell():
                pass
        return None

    async def close(self) -> None:
        if self._response is not None:
            await self._response.aclose()
            self._response = None

    async def _ask(self, ask: Ask) -> Answer | NoAnswer:
        try:
            return answer_of(await self._http.request(**request(self._base, self._headers, ask)))
        except FAILURES as error:
            return NoAnswer(reason_of(error))

    async def _open(self, ask: Ask, kind: str) -> Answer | NoAnswer:
        await self.close()
        try:
            wanted = self._http.build_request(**request(self._base, self._headers, ask))
            response = await self._http.send(wanted, stream=True)
            if response.status_code >= 400:
                await response.aread()
                return answer_of(response)
        except FAILURES as error:
            return NoAnswer(reason_of(error))
        self._response = response
        self._pieces = _events(response) if kind == "events" else _bytes(response)
        return Answer(response.status_code, dict(response.headers.items()), b"")

    async def _next(self) -> Piece | NoAnswer | None:
        try:
            return await anext(self._pieces, None)
        except FAILURES as error:
            return NoAnswer(reason_of(error))


async def _events(response: httpx.Response) -> AsyncIterator[Piece]:
    if "text/event-stream" not in response.headers.get("content-type", ""):
        return  # something in between answers in the service's place
    async for event in EventSource(response).aiter_sse():
        yield Piece(event.data.encode(), event.event, event.id)


async def _bytes(response: httpx.Response | None) -> AsyncIterator[Piece]:
    if response is not None:
        async for data in response.aiter_bytes():
            yield Piece(data)
