"""Parts that go through the service, for clients that cannot reach S3."""

import httpx
import pytest

from service.core.media.sniff import HEAD_BYTES
from service.core.upload import MAX_RELAYED_PART_SIZE
from tests.unit.web.asgi import Call
from tests.unit.web.conftest import World
from tests.unit.web.uploads.in_parts import CUT, LONG, TEXT, begun


@pytest.mark.requirement("6.1")
async def test_parts_through_the_service(world: World, api: httpx.AsyncClient) -> None:
    """Parts that are sent to the service, in any order, make the same upload as parts that are sent to the store."""
    upload = await begun(api)
    links = upload["links"]
    second = await api.put(f"{links['parts']}2", content=LONG[CUT:])
    assert (second.status_code, second.json()["size"]) == (200, len(LONG) - CUT)
    shown = (await api.get(links["self"])).json()
    assert shown["parts"] == [second.json()]
    assert (await api.post(links["complete"])).json()["missing"] == [1]
    await api.put(f"{links['parts']}1", content=LONG[:CUT])
    completed = await api.post(links["complete"])
    assert completed.status_code == 200
    assert completed.json() == (await api.get(links["self"])).json()
    assert world.objects.objects[upload["key"]].data == LONG
    late = await api.put(f"{links['parts']}1", content=b"x")
    assert (late.status_code, late.json()["code"]) == (404, "not_found")
    assert world.objects.objects[upload["key"]].data == LONG


async def test_part_that_breaks_off_is_not_kept(world: World, api: httpx.AsyncClient) -> None:
    """A connection that ends in the middle of a part leaves nothing of that part, and all of the others."""
    upload = await begun(api)
    await api.put(f"{upload['links']['parts']}1", content=LONG[:CUT])
    call = Call(world.app, "PUT", f"{upload['links']['parts']}2", {"content-length": str(len(LONG) - CUT)})
    await call.send_body(LONG[CUT : CUT + 1000], more=True)
    call.disconnect()
    await call.run()
    assert (call.status, call.json()["code"]) == (400, "upload_incomplete")
    shown = (await api.get(upload["links"]["self"])).json()
    assert [part["number"] for part in shown["parts"]] == [1]


async def test_a_relayed_part_that_is_too_large_empty_or_misnumbered_is_refused(
    world: World, api: httpx.AsyncClient
) -> None:
    """A part that would not fit into memory, has no bytes or no place is refused; memory stays bounded."""
    parts = (await begun(api))["links"]["parts"]
    call = Call(world.app, "PUT", f"{parts}1", {"content-length": str(MAX_RELAYED_PART_SIZE + 1), "expect": "x"})
    await call.run()
    assert (call.status, call.received_before_answer) == (413, 0)
    assert (await api.put(f"{parts}1", content=b"")).status_code == 422
    assert (await api.put(f"{parts}10001", content=b"x")).status_code == 404
    assert (await api.put(f"{parts}0", content=b"x")).status_code == 404


@pytest.mark.requirement("6.9")
async def test_what_is_no_audio_is_refused_with_its_first_part(world: World, api: httpx.AsyncClient) -> None:
    """Through the service the first part is looked at, so that a large text is not sent to its end."""
    upload = await begun(api)
    answer = await api.put(f"{upload['links']['parts']}1", content=TEXT * (HEAD_BYTES // len(TEXT) + 1))
    assert answer.status_code == 415
    assert (await api.get(upload["links"]["self"])).json()["parts"] == []
