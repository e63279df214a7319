"""An engine that is killed in the middle of an `up`, and what docs/deploy.md says to do then."""

import pytest

from tests.infra.account import client, contents
from tests.infra.conftest import SECOND_ENGINE, Open
from tests.infra.emulator import Emulator
from tests.infra.engine import OperationFailed, Stack
from tests.infra.holding import holding

pytestmark = SECOND_ENGINE


@pytest.mark.requirement("8.1")
def test_killed_deployment_is_taken_up_without_doubles_or_losses(opened: Open, aws_emulator: Emulator) -> None:
    """After SIGKILL with a call done but not noted, and with one that never arrived, all is there exactly once."""
    before = contents(aws_emulator)
    stack = opened({"reprise:compute": "ecs-express"})
    with (
        holding(aws_emulator.moto, "CreateTable", done=True) as table_line,
        holding(aws_emulator.front, "CreateExpressGatewayService", done=False) as service_line,
    ):
        stack.point({**aws_emulator.endpoints, "dynamodb": table_line.address, "ecs": service_line.address})

        stack.kill_up(table_line.reached)
        with pytest.raises(OperationFailed, match="locked"):
            stack.up()
        stack.pulumi("cancel", "--yes")
        (table,) = stack.pending()
        name = table["resource"]["inputs"]["name"]
        with client(aws_emulator, "dynamodb") as dynamodb:
            assert dynamodb.delete_table(TableName=name)["TableDescription"]["TableName"] == name
        first = take_up(stack)
        assert name not in first.values()

        stack.kill_up(service_line.reached)
        stack.pulumi("cancel", "--yes")
        (service,) = stack.pending()
        assert service["resource"]["type"] == "aws:ecs/expressGatewayService:ExpressGatewayService"
        second = take_up(stack)

        stack.up()
        whole = identities(stack)
        after = contents(aws_emulator)
        stack.destroy()

    assert first.items() <= second.items() <= whole.items()
    assert service["resource"]["urn"] in whole
    assert len(after["tables"]) == len(before.get("tables", [])) + 1
    # What the first `up` made is what the last one uses: nothing is there that the state does not name.
    named = set(whole.values())
    for kind in ("buckets", "tables", "roles", "networks", "log groups"):
        assert set(after[kind]) - set(before.get(kind, [])) <= named
    assert contents(aws_emulator) == before


def take_up(stack: Stack) -> dict[str, str]:
    """Forget the calls that were not answered; returns what is known to be there."""
    stack.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    assert stack.pending() == []
    return identities(stack)


def identities(stack: Stack) -> dict[str, str]:
    """What the state says that there is, by URN."""
    return {it["urn"]: it["id"] for it in stack.resources() if it.get("id")}
