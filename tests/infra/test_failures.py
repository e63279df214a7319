"""What goes wrong: before anything is made, and in the middle."""

import pytest

from tests.infra.account import a_network, contents
from tests.infra.conftest import ENGINE, Open
from tests.infra.emulator import Emulator
from tests.infra.engine import OperationFailed
from tests.support.redis_server import free_port

pytestmark = ENGINE


@pytest.mark.requirement("8.1")
def test_wrong_settings_make_nothing(opened: Open, aws_emulator: Emulator) -> None:
    """Every wrong setting is named at once, with what is expected and no traceback, and nothing has been created."""
    before = contents(aws_emulator)
    stack = opened({"reprise:compute": "apprunner", "reprise:memory": "3.5", "reprise:corsOrigin": "x"}, secrets={})
    with pytest.raises(OperationFailed) as refused:
        stack.up()

    said = str(refused.value)
    for named in ("reprise:memory must be", "reprise:corsOrigin is not a setting", "reprise:apiKeys"):
        assert named in said
    assert "Traceback" not in said
    assert [it["type"] for it in stack.resources() if it["type"].startswith("aws:")] == []
    assert contents(aws_emulator) == before


@pytest.mark.requirement("8.1")
def test_a_deployment_that_fails_in_the_middle(opened: Open, aws_emulator: Emulator) -> None:
    """Where one service of AWS is away, the next `up` makes what is missing, and nothing twice."""
    network = a_network(aws_emulator)
    before = contents(aws_emulator)
    stack = opened({"reprise:compute": "apprunner", **network})
    away = {**aws_emulator.endpoints, "apprunner": f"http://127.0.0.1:{free_port()}"}
    stack.point(away)
    with pytest.raises(OperationFailed):
        stack.up()
    half = {it["urn"]: it["id"] for it in stack.resources() if it.get("id")}
    assert any("s3/bucket:Bucket" in urn for urn in half)
    assert not any("apprunner/service:Service" in urn for urn in half)

    stack.point(aws_emulator.endpoints)
    stack.up()
    whole = {it["urn"]: it["id"] for it in stack.resources() if it.get("id")}
    assert {urn: whole[urn] for urn in half} == half
    assert any("apprunner/service:Service" in urn for urn in whole)
    after = contents(aws_emulator)
    assert len(after["buckets"]) == len(before.get("buckets", [])) + 1
    stack.destroy()
    assert contents(aws_emulator) == before
