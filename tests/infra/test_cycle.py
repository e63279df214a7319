"""A stack from nothing to nothing, on the real engine."""

from collections.abc import Mapping

import pytest
from pulumi import automation

from tests.infra.account import contents
from tests.infra.conftest import SECRETS, Open
from tests.infra.emulator import Emulator

pytestmark = [pytest.mark.infra_engine, pytest.mark.timeout(300)]

DEV: Mapping[str, str] = {"reprise:compute": "ecs-express"}
APP_RUNNER: Mapping[str, str] = {
    "reprise:compute": "apprunner", "reprise:worker": "fargate", "reprise:cache": "serverless",
}  # fmt: skip
TOKEN = "of-the-cache-and-of-nobody-else-0123456789"


@pytest.mark.requirement("8.1")
@pytest.mark.parametrize("settings", [DEV, APP_RUNNER], ids=["express", "app runner, worker, cache"])
def test_from_nothing_to_nothing(opened: Open, aws_emulator: Emulator, settings: Mapping[str, str]) -> None:
    """What is previewed is made; again nothing changes; one setting changes what it is about; nothing is left."""
    before = contents(aws_emulator)
    secret = {"reprise:cacheToken": TOKEN} if "reprise:cache" in settings else {}
    stack = opened(settings, secrets={**SECRETS, **secret})

    previewed = stack.preview().changes()
    made = stack.up()
    assert set(previewed.values()) == {"create"}
    assert made.changes() == previewed
    assert stack.up().changes() == {}
    assert stack.refresh().changes() == {}

    stack.configure({"reprise:logDays": "30"})
    changed = stack.up().changes()
    assert changed
    assert set(changed.values()) == {"update"}
    assert {name.split()[0] for name in changed} == {"cloudwatch:LogGroup"}

    shown = repr(made.outputs) + stack.state()
    for value in (*SECRETS.values(), *SECRETS["reprise:apiKeys"].split(","), *secret.values()):
        assert value not in shown

    stack.destroy()
    assert stack.resources() == []
    assert contents(aws_emulator) == before


@pytest.mark.requirement("8.1")
def test_what_is_protected_is_kept(opened: Open, aws_emulator: Emulator) -> None:
    """A stack with `protect` cannot be destroyed by a slip; without that, bucket and table are what is left."""
    before = contents(aws_emulator)
    stack = opened({**DEV, "reprise:protect": "true"})
    stack.up()
    with pytest.raises(automation.CommandError, match="protected"):
        stack.destroy()
    assert stack.up().changes() == {}
    stack.stack.destroy(exclude_protected=True, color="never")

    kept = {it["type"] for it in stack.resources() if it.get("custom") and it["type"].startswith("aws:")}
    assert {"aws:s3/bucket:Bucket", "aws:dynamodb/table:Table"} == kept
    left = contents(aws_emulator)
    assert {kind for kind, names in left.items() if names != before.get(kind)} == {"buckets", "tables"}
