"""An upload in parts, as the tests of its routes begin, send and complete it."""

from typing import Any

import httpx

from service.core.upload import MIN_PART_SIZE
from tests.unit.web.conftest import World, wav

LONG = wav(400)  # more than one part
CUT = MIN_PART_SIZE
TEXT = b"To be, or not to be, that is the question. " * 100


async def begun(api: httpx.AsyncClient, **fields: object) -> dict[str, Any]:
    """A fresh upload, as Uppy begins it."""
    body = {"filename": "Lied.wav", "type": "audio/wav", "metadata": {"name": "Lied.wav", "type": "audio/wav"}}
    answer = await api.post("/v1/s3/multipart", json={**body, **fields})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def arrive(world: World, upload: dict[str, Any], number: int, data: bytes) -> None:
    """A part arrives in the store, past the service."""
    pending = world.jobs.pending[upload["upload_id"]]
    await world.objects.put_part(pending.key, pending.transfer, number, data)


def there(upload: dict[str, Any], end: str = "", **query: object) -> tuple[str, dict[str, Any]]:
    """The path of a call about this upload, and its query."""
    return f"/v1/s3/multipart/{upload['uploadId']}{end}", {"key": upload["key"], **query}


async def complete(api: httpx.AsyncClient, upload: dict[str, Any]) -> httpx.Response:
    """What Uppy does last: it sends back what it was told about the parts."""
    path, query = there(upload)
    parts = (await api.get(path, params=query)).json()
    sent = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
    return await api.post(f"{path}/complete", params=query, json={"parts": sent})


def nothing_left(world: World) -> bool:
    """Neither bytes, nor a transfer, nor a record."""
    return not (world.objects.objects or world.objects.unfinished or world.jobs.uploads or world.jobs.pending)
