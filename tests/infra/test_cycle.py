"""A stack from nothing to nothing, on the real engine."""

from collections.abc import Mapping

import pytest

from tests.infra.account import a_network, client, contents, lift_policy, of_type
from tests.infra.conftest import ENGINE, SECRETS, Open
from tests.infra.emulator import Emulator
from tests.infra.engine import OperationFailed

pytestmark = ENGINE

DEV: Mapping[str, str] = {"reprise:compute": "ecs-express"}
APP_RUNNER: Mapping[str, str] = {
    "reprise:compute": "apprunner", "reprise:worker": "fargate", "reprise:cache": "serverless",
    "reprise:tracing": "xray",
}  # fmt: skip
TOKEN = "of-the-cache-and-of-nobody-else-0123456789"


@pytest.mark.requirement("8.1")
@pytest.mark.parametrize("settings", [DEV, APP_RUNNER], ids=["express", "app runner, worker, cache"])
def test_from_nothing_to_nothing(opened: Open, aws_emulator: Emulator, settings: Mapping[str, str]) -> None:
    """What is previewed is made; again nothing changes; one setting changes what it is about; nothing is left."""
    if settings["reprise:compute"] == "apprunner":
        settings = {**settings, **a_network(aws_emulator)}
    before = contents(aws_emulator)
    secret = {"reprise:cacheToken": TOKEN} if "reprise:cache" in settings else {}
    stack = opened(settings, secrets={**SECRETS, **secret})

    previewed = stack.preview().changes()
    made = stack.up()
    assert set(previewed.values()) == {"create"}
    assert made.changes() == previewed
    assert stack.up().changes() == {}

    stack.configure({"reprise:logDays": "30"})
    changed = stack.up().changes()
    assert changed
    assert set(changed.values()) == {"update"}
    assert {name.split()[0] for name in changed} == {"cloudwatch:LogGroup"}
    # After the change: a stand-in for the plugin may read the first of several scaling policies each time.
    assert stack.refresh().changes() == {}

    shown = repr(made.outputs) + stack.files()
    for value in (*SECRETS.values(), *SECRETS["reprise:apiKeys"].split(","), *secret.values()):
        assert value not in shown

    stack.destroy()
    assert stack.resources() == []
    assert contents(aws_emulator) == before


@pytest.mark.requirement("8.1")
def test_what_is_protected_is_kept(opened: Open, aws_emulator: Emulator) -> None:
    """A `destroy` of a stack with `protect` is an error; bucket and table are there afterwards, and not empty."""
    before = contents(aws_emulator)
    stack = opened({**DEV, "reprise:protect": "true"})
    stack.up()
    bucket = of_type(stack.resources(), "aws:s3/bucket:Bucket")["id"]
    lift_policy(aws_emulator, bucket)
    with client(aws_emulator, "s3") as s3:
        s3.put_object(Bucket=bucket, Key="results/one", Body=b"kept")
        with pytest.raises(OperationFailed, match="protected"):
            stack.destroy()
        assert s3.get_object(Bucket=bucket, Key="results/one")["Body"].read() == b"kept"
        stack.destroy(exclude_protected=True)
        assert s3.get_object(Bucket=bucket, Key="results/one")["Body"].read() == b"kept"

    kept = {it["type"] for it in stack.resources() if it.get("custom") and it["type"].startswith("aws:")}
    assert {"aws:s3/bucket:Bucket", "aws:dynamodb/table:Table"} == kept
    left = contents(aws_emulator)
    assert {kind for kind, names in left.items() if names != before.get(kind)} == {"buckets", "tables"}
