from collections.abc import Sequence

import pytest

from service.core.errors import Indefinite, ObjectGone
from service.testing.contracts.objects.store import ObjectStore, store
from service.testing.contracts.objects.suite import ObjectStoreContract
from service.testing.memory_objects import MemoryObjects


class TestMemoryObjects(ObjectStoreContract):
    @pytest.fixture
    def objects(self) -> MemoryObjects:
        return MemoryObjects()

    async def leave_unfinished(self, objects: ObjectStore, key: str) -> None:
        assert isinstance(objects, MemoryObjects)
        objects.unfinished[f"upload-{len(objects.unfinished)}"] = key

    async def unfinished(self, objects: ObjectStore) -> Sequence[str]:
        assert isinstance(objects, MemoryObjects)
        return list(objects.unfinished.values())


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_failed_upload_to_the_fake_store_leaves_no_object(moment: str) -> None:
    """An upload that fails leaves no object, whether the failure came before its effect or after."""

    async def trouble(verb: str, key: str, when: str) -> None:
        if (verb, when) == ("receive", moment):
            raise Indefinite

    objects = MemoryObjects(trouble)

    with pytest.raises(Indefinite):
        await store(objects, "uploads/a/input", b"x")
    with pytest.raises(ObjectGone):
        await objects.head("uploads/a/input")


async def test_fake_store_can_lose_the_answer_to_a_delete() -> None:
    """Trouble after a delete leaves the object deleted, and the caller in the dark."""

    async def trouble(verb: str, key: str, when: str) -> None:
        if (verb, when) == ("delete", "after"):
            raise Indefinite

    objects = MemoryObjects(trouble)
    objects.put("a", b"x")

    with pytest.raises(Indefinite):
        await objects.delete(["a"])
    assert objects.objects == {}
