"""A second version of the program's settings over a live stack: what holds data stays, and keeps what it has."""

from collections.abc import Mapping

import pytest

from tests.infra.account import a_network, client, lift_policy, of_type
from tests.infra.conftest import DIGEST, ENGINE, IMAGE, NEXT_DIGEST, Open
from tests.infra.emulator import Emulator
from tests.infra.engine import Done

pytestmark = ENGINE

# What may be replaced at all, and why that hurts nobody. All else is changed in place, or stays.
MAY_BE_REPLACED: Mapping[str, str] = {
    "aws:ecs/taskDefinition:TaskDefinition": "a task definition is never changed, only followed by the next revision",
    "aws:apprunner/autoScalingConfigurationVersion:AutoScalingConfigurationVersion":
        "cannot be changed; the new one has another name, and the old one goes when the service has moved",
    "aws:apprunner/vpcConnector:VpcConnector":
        "cannot be changed; the new one has another name, and the old one goes when the service has moved",
    "aws:secretsmanager/secretVersion:SecretVersion":
        "a new value is a new version beside the old one, which running containers have read already",
}  # fmt: skip
TOKEN = "of-the-cache-and-of-nobody-else-0123456789"
OF_THE_IMAGE = frozenset({
    "aws:apprunner/service:Service",
    "aws:ecs/expressGatewayService:ExpressGatewayService",
    "aws:ecs/service:Service",
    "aws:ecs/taskDefinition:TaskDefinition",
})  # fmt: skip
SECOND: Mapping[str, str] = {
    "reprise:image": IMAGE.format(NEXT_DIGEST),
    "reprise:cpu": "2",
    "reprise:memory": "4",
    "reprise:corsOrigins[1]": "https://new.example.com",
    "reprise:cache": "serverless",
    "reprise:maxInstances": "6",
    "reprise:keepHours": "48",
}


@pytest.mark.requirement("8.1", "8.2")
@pytest.mark.parametrize("compute", ["apprunner", "ecs-express"])
def test_nothing_that_holds_data_is_replaced(opened: Open, aws_emulator: Emulator, compute: str) -> None:
    """Another image, more memory, a new origin, a cache: bucket and table stay, and what is replaced may be."""
    network = a_network(aws_emulator) if compute == "apprunner" else {}
    stack = opened({"reprise:compute": compute, "reprise:worker": "fargate", **network})
    stack.up()
    bucket = of_type(stack.resources(), "aws:s3/bucket:Bucket")["id"]
    lift_policy(aws_emulator, bucket)
    table = of_type(stack.resources(), "aws:dynamodb/table:Table")["id"]
    with client(aws_emulator, "s3") as s3, client(aws_emulator, "dynamodb") as dynamodb:
        s3.put_object(Bucket=bucket, Key="results/one", Body=b"kept")
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "job#one"}})

        stack.configure(SECOND, secrets={"reprise:cacheToken": TOKEN})
        done = stack.up()

        assert s3.get_object(Bucket=bucket, Key="results/one")["Body"].read() == b"kept"
        assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "job#one"}})["Item"]
        assert len(s3.get_bucket_cors(Bucket=bucket)["CORSRules"][0]["AllowedOrigins"]) >= 2
    assert replaced(done) <= MAY_BE_REPLACED.keys()
    assert "aws:elasticache/serverlessCache:ServerlessCache" in {step.type for step in done.of("create")}

    # The way back: the image of before, by its digest. Only what names the image changes.
    stack.configure({"reprise:image": IMAGE.format(DIGEST)})
    back = stack.up()
    assert {step.type for step in back.steps if step.did not in {"same", "read"}} - {
        "pulumi:pulumi:Stack"
    } <= OF_THE_IMAGE
    assert replaced(back) <= MAY_BE_REPLACED.keys()


def replaced(done: Done) -> set[str]:
    """The types of which something went, or was made anew."""
    return {step.type for step in done.of("delete", "delete-replaced", "create-replacement", "replace")}
