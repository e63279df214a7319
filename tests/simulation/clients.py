"""Clients: they submit, ask again when no answer came, watch through any container, cancel, download, and delete."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from chaos.history.records import (
    DONE,
    FINAL,
    NOT_FOUND,
    STOPPING,
    SUCCEEDED,
    Absence,
    Accepted,
    Deletion,
    Download,
    Reading,
    Wish,
)
from service.application import jobs, receiving
from service.application.context import Caller
from service.application.downloads import Span, download_url, finished, open_download
from service.application.jobs import ConversionRequest
from service.application.lookup import find_job
from service.application.progress import View, follow_job, view_job, view_of
from service.core.errors import IdempotencyReuse, NotFound, RepriseError, StoreError
from service.testing.virtual_time import VirtualClock
from service.web.http.config import WebConfig
from service.web.jobs.events import floor_of, percent_id
from tests.simulation.cluster import Cluster
from tests.simulation.container import Container
from tests.simulation.ffmpeg import digest

TENANTS = ("amber", "birch")
STREAM_SECONDS = WebConfig().events_seconds
Delete = Callable[[Caller, str], Awaitable[object]]  # `jobs.delete_job` or `receiving.delete_upload`
ANSWER_WITHIN = 3.0  # seconds; then a client takes its call for lost
SILENCE = 12.0  # seconds after which a listener connects again; there is a comment every ten


async def delete_job(caller: Caller, job_id: str) -> object:
    """Do as the API does, or as a mutation does instead."""
    return await jobs.delete_job(caller, job_id)


async def delete_upload(caller: Caller, upload_id: str) -> object:
    """Do the same for an upload."""
    await receiving.delete_upload(caller, upload_id)
    return None


class NoAnswer(Exception):
    """The call may or may not have had its effect."""


class Client:
    """One user of a tenant, with one or more files."""

    def __init__(self, cluster: Cluster, name: str, tenant: str) -> None:
        self.cluster, self.world, self.name, self.tenant = cluster, cluster.world, name, tenant
        self._clock = VirtualClock()

    async def convert(self, upload_id: str, *, key: str | None, cancels_after: float | None) -> None:
        """One file from submission to download, with all the patience of the checkers."""
        request = ConversionRequest(upload_id=upload_id, format="mp3")
        job_id = await self._submit(request, key)
        if job_id is None:
            return
        if cancels_after is not None:
            self.cluster.background(self._cancel(job_id, cancels_after))
        dice = self.world.dice
        if dice.random() < 0.1:
            self.cluster.background(self.delete(job_id, delete_job, 12 * dice.random()))
        listens = dice.random() < 0.2
        state = await (self._listen(job_id) if listens else self._follow(job_id))
        if state == SUCCEEDED:
            await self._download(job_id)
        if state in FINAL and dice.random() < 0.2:
            self.cluster.background(self.delete(job_id, delete_job, 6 * dice.random()))

    async def look_again(self) -> None:
        """Afterwards: everything is still as it was, through every container."""
        ours = [job.job_id for job in self.cluster.backing.jobs.jobs.values() if job.tenant == self.tenant]
        gone = {one.job_id for one in self.world.history.accepted if one.tenant == self.tenant} - {*ours}
        for job_id in ours + sorted(gone):
            for api in self.cluster.apis():
                await self._read(job_id, api)
            await self._download(job_id, tries=1)

    async def _submit(self, request: ConversionRequest, key: str | None) -> str | None:
        async def handler(caller: Caller) -> View:
            bound = jobs.idempotency_key(caller.tenant, key, request)
            return await view_of(caller.context, await jobs.submit_job(caller, request, bound))

        while self.cluster.patient():
            asked, api = self.world.moment(), self.cluster.any_api()
            if key is not None and self.world.dice.random() < 0.1:  # an impatient one clicks twice
                self.cluster.background(self._submit_once(handler, key))
            try:
                seen = await self.call(api, handler)
            except NotFound:
                return None  # the upload was deleted
            except IdempotencyReuse as error:
                self.world.history.surprises.append(f"{self.name} of {self.tenant}: {error.detail}")
                return None
            except (NoAnswer, StoreError):
                if key is None and self.world.dice.random() < 0.3:
                    return None
                await self._clock.sleep(self.world.dice.random())
                continue
            self._accepted(seen, api, key, asked)
            job_id: str = seen.job.job_id
            return job_id
        return None

    async def _submit_once(self, handler: Callable[[Caller], Awaitable[View]], key: str) -> None:
        asked, api = self.world.moment(), self.cluster.any_api()
        try:
            self._accepted(await self.call(api, handler), api, key, asked)
        except (NoAnswer, NotFound, IdempotencyReuse, StoreError):
            return

    def _accepted(self, seen: View, api: Container, key: str | None, asked: float) -> None:
        answered, job_id = self.world.moment(), seen.job.job_id
        self.world.note("ACCEPTED", client=self.name, job=job_id[:4], key=key)
        self.world.history.accepted.append(
            Accepted(
                client=self.name,
                via=api.name,
                job_id=job_id,
                key=key,
                asked=asked,
                answered=answered,
                tenant=self.tenant,
            )
        )

    async def _follow(self, job_id: str) -> str:
        pause = 0.1 + self.world.dice.random()
        while self.cluster.patient():
            if (state := await self._read(job_id, self.cluster.any_api())) in FINAL or state == NOT_FOUND:
                return state
            await self._clock.sleep(pause * 2 * self.world.dice.random() if not self.cluster.quiet else 2.0)
        return ""

    async def _listen(self, job_id: str) -> str:
        """The same by server-sent events, reconnecting through any container with the last id."""
        floor = "0"
        while self.cluster.patient():
            sent: list[tuple[float, View | None]] = []
            bell, api = asyncio.Event(), self.cluster.any_api()

            async def pump(
                caller: Caller,
                sent: list[tuple[float, View | None]] = sent,
                bell: asyncio.Event = bell,
                floor: str = floor,
            ) -> None:
                asked = self.world.moment()
                async for seen in follow_job(caller, job_id, floor=floor_of(floor), seconds=STREAM_SECONDS):
                    sent.append((asked, seen))
                    asked = self.world.moment()
                    bell.set()

            served = api.serve(self.tenant, pump)
            while api.alive and not served.done():
                bell.clear()
                await asyncio.wait({served, hearing := asyncio.ensure_future(bell.wait())}, timeout=SILENCE)
                hearing.cancel()
                if not sent:
                    break
                for asked, seen in sent:
                    if seen is not None:
                        floor = percent_id(seen)
                        self._heard(api, job_id, str(seen.job.state), seen.percent, seen.job.attempt, asked)
                        if seen.job.final:
                            return str(seen.job.state)
                sent.clear()
            if served.done() and isinstance(served.exception(), NotFound):
                return NOT_FOUND
            served.cancel()
            await self._clock.sleep(0.1)
        return ""

    async def _read(self, job_id: str, api: Container) -> str:
        asked = self.world.moment()
        try:
            seen: View = await self.call(api, lambda caller: view_job(caller, job_id))
        except NotFound as error:
            self.world.note("NO SUCH JOB", client=self.name, via=api.name, job=job_id[:4])
            absence = Absence(client=self.name, via=api.name, job_id=job_id, asked=asked, answered=self.world.moment())
            self.world.history.absences.append(absence)
            return error.code
        except (NoAnswer, StoreError):
            return ""
        self._heard(api, job_id, str(seen.job.state), seen.percent, seen.job.attempt, asked)
        return str(seen.job.state)

    def _heard(self, api: Container, job_id: str, state: str, percent: float, attempt: int, asked: float) -> None:
        answered = self.world.moment()
        self.world.note("READ", client=self.name, via=api.name, job=job_id[:4], state=state, percent=percent)
        self.world.history.readings.append(
            Reading(
                client=self.name,
                via=api.name,
                job_id=job_id,
                state=state,
                percent=percent,
                attempt=attempt,
                asked=asked,
                answered=answered,
            )
        )

    async def _cancel(self, job_id: str, after: float) -> None:
        async def handler(caller: Caller) -> View:
            return await view_of(caller.context, await jobs.cancel_job(caller, job_id))

        await self._clock.sleep(after)
        self.world.note("CANCEL", client=self.name, job=job_id[:4])
        self.world.history.wishes.append(Wish(job_id=job_id, asked=self.world.moment()))
        for _ in range(5):
            try:
                await self.call(self.cluster.any_api(), handler)
            except (NoAnswer, StoreError):
                continue
            except NotFound:
                return  # deleted meanwhile
            return

    async def delete(self, what: str, delete: Delete, after: float) -> None:
        """Ask for the deletion of a job or an upload until it is done, and then once more; some click twice."""
        await self._clock.sleep(after)
        while self.cluster.patient():
            if self.world.dice.random() < 0.15:
                self.cluster.background(self._delete_in_passing(what, delete))
            if await self._delete_once(what, delete) == DONE:
                await self._delete_once(what, delete)
                return
            await self._clock.sleep(0.1 + 2 * self.world.dice.random())

    async def _delete_in_passing(self, what: str, delete: Delete) -> None:
        await self._delete_once(what, delete)

    async def _delete_once(self, what: str, delete: Delete) -> str | None:
        asked, api = self.world.moment(), self.cluster.any_api()
        answer: str | None = None
        try:
            answer = STOPPING if await self.call(api, lambda caller: delete(caller, what)) else DONE
        except (NoAnswer, StoreError):
            pass
        except RepriseError as error:
            answer = error.code
        self.world.note("DELETE", client=self.name, via=api.name, what=what[:4], answer=answer)
        self.world.hit("something was deleted" if answer == DONE else "a deletion had to be repeated")
        self.world.history.deletions.append(
            Deletion(client=self.name, what=what, asked=asked, answered=self.world.moment(), answer=answer)
        )
        return answer

    async def _download(self, job_id: str, tries: int = 10) -> None:
        via_url = self.world.dice.random() < 0.5

        async def handler(caller: Caller) -> bytes:
            job = await find_job(caller, job_id)
            output = finished(job)
            if via_url:
                await download_url(caller.context, job, via="url")
                if output.key not in self.cluster.backing.objects.objects:
                    raise NotFound  # deleted between the redirect and the client's next call
                return self.cluster.backing.objects.objects[output.key].data
            file = await open_download(caller.context, job, Span(0, output.size), via="proxy")
            return b"".join([chunk async for chunk in file.chunks()])

        for _ in range(tries):
            asked, api = self.world.moment(), self.cluster.any_api()
            data, problem = None, None
            try:
                data = await self.call(api, handler)
            except NoAnswer:
                continue
            except RepriseError as error:
                if error.status == 503:
                    continue
                problem = error.code
            self.world.note("DOWNLOAD", client=self.name, via=api.name, job=job_id[:4], problem=problem)
            self.world.history.downloads.append(
                Download(
                    client=self.name,
                    via=api.name,
                    job_id=job_id,
                    digest=None if data is None else digest(data),
                    problem=problem,
                    asked=asked,
                    answered=self.world.moment(),
                )
            )
            return

    async def call(self, api: Container, handler: Callable[[Caller], Awaitable[Any]]) -> Any:
        """Raises `NoAnswer` if the container is gone, sleeps, or its answer is lost on the way."""
        lost = self.world.dice.random() < self.world.noise
        if not api.alive:
            raise NoAnswer
        served = api.serve(self.tenant, handler)
        done, _ = await asyncio.wait({served}, timeout=ANSWER_WITHIN)
        if not done or lost:
            self.world.hit("a client got no answer")
            raise NoAnswer
        return served.result()
