"""What the service looks at in its table when it starts, with the fix for each thing that is not as it should be."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from service.adapters.aws import code_of
from service.adapters.dynamodb_table import expiry_of, index_of, keys_of, types_of
from service.adapters.resources import DUE_AT, EXPIRY, INDEX, KEY, QUEUE, TABLE

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

FIX = "run `pulumi up`, which creates it as it should be"


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
    if keys_of(table) != keys_of(TABLE):
        found.append(f"The key of the table {name!r} is not {KEY!r} alone: {FIX}, under another name.")
    if wrong := _index_problem(table):
        found.append(f"{wrong}: without it no job is ever found; {FIX}.")
    if (attribute := expiry_of(client, name)) != EXPIRY:
        found.append(
            f"Time to live of the table {name!r} is {f'on {attribute!r}' if attribute else 'off'}, so nothing is ever "
            f"cleaned up: switch it on for the attribute {EXPIRY!r} (`pulumi up` does)."
        )
    return found


def _index_problem(table: Mapping[str, Any]) -> str | None:
    wanted = TABLE["GlobalSecondaryIndexes"][0]
    index = index_of(table)
    if index is None:
        return f"The index {INDEX!r} does not exist"
    if keys_of(index) != keys_of(wanted):
        return f"The index {INDEX!r} is not keyed by {QUEUE!r} and {DUE_AT!r}"
    if types_of(table) != types_of(TABLE):
        return f"The keys of the index {INDEX!r} are not a string ({QUEUE!r}) and a number ({DUE_AT!r})"
    return None
