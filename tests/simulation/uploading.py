"""How a client's file comes in: through the service in one stream, or in parts; some are begun and given up."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from service.application import completion, receiving, uploads
from service.application.context import Caller
from service.application.lookup import find_upload
from service.core.errors import NotFound, RepriseError, StoreError
from service.core.upload import PendingUpload, Upload
from service.testing.virtual_time import VirtualClock
from tests.simulation.clients import Client, NoAnswer, delete_upload


async def upload(client: Client, data: bytes) -> Upload | None:
    """Bring a file in, with all the patience of the checkers; None if the client gives it up on the way."""
    in_parts = client.world.dice.random() < 0.4
    return await (_in_parts(client, data) if in_parts else _in_one_stream(client, data))


async def _in_one_stream(client: Client, data: bytes) -> Upload | None:
    async def handler(caller: Caller) -> Upload:
        return await receiving.receive_upload(caller, _stream(data), announced=len(data), filename="song.wav")

    found: Upload | None = await _until_answered(client, handler)
    return found


async def _in_parts(client: Client, data: bytes) -> Upload | None:
    dice = client.world.dice

    async def begin(caller: Caller) -> PendingUpload:
        return await uploads.begin_parts(caller, filename="song.wav", size=len(data), content_type="audio/wav")

    pending: PendingUpload | None = await _until_answered(client, begin)
    if pending is None:
        return None
    upload_id = pending.upload_id

    async def put(caller: Caller) -> object:
        return await uploads.put_part(caller.context, await uploads.open_upload(caller, upload_id), 1, data)

    async def complete(caller: Caller) -> Upload:
        return await completion.complete_upload(caller.context, await find_upload(caller, upload_id), None)

    if dice.random() < 0.15:
        client.world.hit("an upload was abandoned")
        return None
    await _until_answered(client, put)
    if dice.random() < 0.15:
        client.world.hit("an upload was abandoned")
        client.cluster.background(client.delete(upload_id, delete_upload, 3 * dice.random()))
        if dice.random() < 0.5:
            return None
    found: Upload | None = await _until_answered(client, complete)
    return found


async def _until_answered(client: Client, handler: Callable[[Caller], Any]) -> Any:
    clock = VirtualClock()
    while client.cluster.patient():
        try:
            return await client.call(client.cluster.any_api(), handler)
        except (NoAnswer, StoreError):
            await clock.sleep(client.world.dice.random())
        except NotFound:
            return None  # deleted by its own client, or complete already as far as `put` is concerned
        except RepriseError as error:
            client.world.history.surprises.append(f"an upload was refused: {error.code} {error.detail}")
            return None
    return None


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    yield data
