"""A client who has got hold of the ids of another tenant, and tries what can be done with them."""

from collections.abc import Awaitable, Callable

from chaos.history.records import DONE, OPEN, Glimpse
from service.application import jobs, lookup, uploads
from service.application.context import Caller
from service.application.downloads import finished
from service.application.jobs import ConversionRequest
from service.application.progress import view_job
from service.core.errors import RepriseError, StoreError
from service.core.upload import PendingUpload, Upload
from service.testing.virtual_time import VirtualClock
from tests.simulation.clients import Client, NoAnswer, delete_job, delete_upload

Verb = Callable[[Caller, str], Awaitable[object]]


async def _download(caller: Caller, job_id: str) -> object:
    return finished(await lookup.find_job(caller, job_id))


async def _convert(caller: Caller, upload_id: str) -> object:
    return await jobs.submit_job(caller, ConversionRequest(upload_id=upload_id, format="mp3"), None)


async def _overwrite(caller: Caller, upload_id: str) -> object:
    return await uploads.put_part(caller.context, await uploads.open_upload(caller, upload_id), 1, b"RIFF")


WITH_JOBS: tuple[tuple[str, Verb], ...] = (
    ("read", view_job),
    ("cancel", jobs.cancel_job),
    ("download", _download),
    ("delete", delete_job),
)
WITH_UPLOADS: tuple[tuple[str, Verb], ...] = (
    ("convert", _convert),
    ("overwrite", _overwrite),
    ("delete the upload", delete_upload),
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
            result = await client.call(client.cluster.any_api(), lambda caller: verb(caller, what))  # noqa: B023
            answer = DONE if name.startswith("delete") and result is None else OPEN
        except (NoAnswer, StoreError):
            continue
        except RepriseError as error:
            answer = error.code
        world.hit("a stranger was sent away")
        world.note("STRANGER", client=client.name, verb=name, what=what[:4], answer=answer)
        world.history.glimpses.append(Glimpse(what=what, verb=name, answer=answer, at=world.moment()))
