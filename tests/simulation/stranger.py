"""A client who has got hold of the ids of another tenant, and tries what can be done with them."""

from collections.abc import Awaitable, Callable

from service.core.errors import RepriseError, StoreError
from service.core.upload import PendingUpload, Upload
from service.testing.virtual_time import VirtualClock
from service.web import lookup, parts
from service.web.dependencies import WebDependencies
from service.web.http.schemas import JobRequest
from service.web.jobs import routes
from service.web.jobs.downloads import finished
from service.web.progress import view
from tests.simulation.clients import CONFIG, Client, NoAnswer, forget_job, forget_upload
from tests.simulation.history import DONE, OPEN, Glimpse

Verb = Callable[[WebDependencies, str, str], Awaitable[object]]


async def _download(deps: WebDependencies, tenant: str, job_id: str) -> object:
    return finished(await lookup.find_job(deps, tenant, job_id))


async def _convert(deps: WebDependencies, tenant: str, upload_id: str) -> object:
    return await routes.submit(deps, CONFIG, tenant, JobRequest(upload_id=upload_id, format="mp3"), None)


async def _overwrite(deps: WebDependencies, tenant: str, upload_id: str) -> object:
    return await parts.put(deps, CONFIG, await parts.open_upload(deps, tenant, upload_id), 1, b"RIFF")


WITH_JOBS: tuple[tuple[str, Verb], ...] = (
    ("read", view),
    ("cancel", routes.cancel),
    ("download", _download),
    ("delete", forget_job),
)
WITH_UPLOADS: tuple[tuple[str, Verb], ...] = (
    ("convert", _convert),
    ("overwrite", _overwrite),
    ("delete the upload", forget_upload),
)


async def pry(client: Client) -> None:
    """From time to time, until all is calm."""
    world, dice, clock = client.world, client.world.dice, VirtualClock()
    while not client.cluster.quiet:
        await clock.sleep(6 * dice.random())
        records = client.cluster.backing.jobs
        found = [(job.job_id, WITH_JOBS) for job in records.jobs.values() if job.tenant != client.tenant]
        there: list[Upload | PendingUpload] = [*records.uploads.values(), *records.pending.values()]
        found += [(one.upload_id, WITH_UPLOADS) for one in there if one.tenant != client.tenant]
        if not found:
            continue
        what, verbs = dice.choice(found)
        name, verb = dice.choice(verbs)
        try:
            result = await client.call(client.cluster.any_api(), lambda deps: verb(deps, client.tenant, what))  # noqa: B023
            answer = DONE if name.startswith("delete") and result is None else OPEN
        except (NoAnswer, StoreError):
            continue
        except RepriseError as error:
            answer = error.code
        world.hit("a stranger was sent away")
        world.note("STRANGER", client=client.name, verb=name, what=what[:4], answer=answer)
        world.history.glimpses.append(Glimpse(what=what, verb=name, answer=answer, at=world.moment()))
