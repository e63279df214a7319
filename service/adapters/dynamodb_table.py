"""
The one table, as data: what the stand-ins create, what Pulumi creates, and what is checked at start.

``pk`` alone is the key. `INDEX` is sparse (only items that have `queue` are in it, and a final job has not) and holds
keys only, so that a heartbeat, which touches neither of its keys, costs one write unit. `EXPIRY` is the TTL attribute.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from service.adapters.aws import code_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

KEY = "pk"
INDEX = "queue-index"
QUEUE = "queue"  # hash key of the index
DUE_AT = "due_at"  # range key of the index
EXPIRY = "expires_at"

DEFINITION: Mapping[str, Any] = {
    "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
    "AttributeDefinitions": [
        {"AttributeName": KEY, "AttributeType": "S"},
        {"AttributeName": QUEUE, "AttributeType": "S"},
        {"AttributeName": DUE_AT, "AttributeType": "N"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": INDEX,
            "KeySchema": [
                {"AttributeName": QUEUE, "KeyType": "HASH"},
                {"AttributeName": DUE_AT, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}

FIX = "run `pulumi up`, which creates it as it should be"


def create_table(client: "DynamoDBClient", name: str) -> None:
    """Make the table if it is missing, wait until it is active, and switch its TTL on. Safe to repeat and to race."""
    try:
        client.create_table(TableName=name, **DEFINITION)
    except ClientError as error:
        if code_of(error) != "ResourceInUseException":
            raise
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    if _expiry_of(client, name) is None:
        try:
            client.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRY}
            )
        except ClientError as error:
            if code_of(error) != "ValidationException" or _expiry_of(client, name) is None:
                raise  # and otherwise another process was quicker, which is just as good


def check_table(client: "DynamoDBClient", name: str) -> list[str]:
    """
    What is wrong with the table, one sentence each with what to do about it; empty if it is as it should be.

    Raises botocore's errors when DynamoDB cannot be asked at all.
    """
    try:
        table = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return [f"The table {name!r} does not exist: {FIX}, or name another one in REPRISE_TABLE."]
    found = []
    if table.get("TableStatus") not in {"ACTIVE", "UPDATING"}:
        found.append(f"The table {name!r} is {table.get('TableStatus')}: wait until it is ACTIVE.")
    if _keys(table) != _keys(DEFINITION):
        found.append(f"The key of the table {name!r} is not {KEY!r} alone: {FIX}, under another name.")
    if wrong := _index_problem(table):
        found.append(f"{wrong}: without it no job is ever found; {FIX}.")
    if (attribute := _expiry_of(client, name)) != EXPIRY:
        found.append(
            f"Time to live of the table {name!r} is {f'on {attribute!r}' if attribute else 'off'}, so nothing is ever "
            f"cleaned up: switch it on for the attribute {EXPIRY!r} (`pulumi up` does)."
        )
    return found


def _index_problem(table: Mapping[str, Any]) -> str | None:
    wanted = DEFINITION["GlobalSecondaryIndexes"][0]
    index = next((i for i in table.get("GlobalSecondaryIndexes", []) if i["IndexName"] == INDEX), None)
    if index is None:
        return f"The index {INDEX!r} does not exist"
    if _keys(index) != _keys(wanted):
        return f"The index {INDEX!r} is not keyed by {QUEUE!r} and {DUE_AT!r}"
    if _types(table) != _types(DEFINITION):
        return f"The keys of the index {INDEX!r} are not a string ({QUEUE!r}) and a number ({DUE_AT!r})"
    return None


def _keys(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((key["AttributeName"], key["KeyType"]) for key in schema.get("KeySchema", []))


def _types(table: Mapping[str, Any]) -> dict[str, str]:
    ours = {KEY, QUEUE, DUE_AT}
    definitions = table.get("AttributeDefinitions", [])
    return {d["AttributeName"]: d["AttributeType"] for d in definitions if d["AttributeName"] in ours}


def _expiry_of(client: "DynamoDBClient", name: str) -> str | None:
    """The attribute that TTL works on, or None if it is off."""
    described = client.describe_time_to_live(TableName=name).get("TimeToLiveDescription", {})
    if described.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}:
        return described.get("AttributeName")
    return None
