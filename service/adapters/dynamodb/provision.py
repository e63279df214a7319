"""
Making the table as `resources` has it, where no infrastructure program does: embedded, compose, tests.

Whatever may be changed in a table that exists is changed; its keys may not, and are complained of.
"""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from service.adapters.aws.clients import code_of
from service.adapters.aws.provisioning import AS_IT_SHOULD_BE, CannotBeMended, Tell, silently
from service.adapters.aws.resources import EXPIRY, INDEX, KEY, TABLE, TIME_TO_LIVE

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

INDEX_TRIES, INDEX_PAUSE = 40, 0.5  # pause in seconds


def create_table(client: "DynamoDBClient", name: str, tell: Tell = silently) -> None:
    """
    Make the table if it is missing, wait until it is active, and add what it lacks. Safe to repeat and to race.

    Raises `CannotBeMended` for a table with other keys, and whatever botocore raises.
    """
    what = f"table {name}"
    try:
        client.create_table(TableName=name, **TABLE)
        tell(what, "created")
    except ClientError as error:
        if code_of(error) != "ResourceInUseException":
            raise
        tell(what, "is there")
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    table = client.describe_table(TableName=name)["Table"]
    if keys_of(table) != keys_of(TABLE):
        raise CannotBeMended(f"{what}: its key is not {KEY!r} alone, and keys cannot be changed: name another table")
    _add_index(client, name, table, tell)
    _switch_expiry_on(client, name, tell)


def _add_index(client: "DynamoDBClient", name: str, table: Mapping[str, Any], tell: Tell) -> None:
    what, (wanted,) = f"table {name}, index {INDEX}", TABLE["GlobalSecondaryIndexes"]
    index = index_of(table)
    if index is not None:
        if keys_of(index) != keys_of(wanted) or types_of(table) != types_of(TABLE):
            raise CannotBeMended(f"{what}: it has other keys; delete it (it holds no data of its own) and try again")
        tell(what, AS_IT_SHOULD_BE)
        return
    client.update_table(
        TableName=name,
        AttributeDefinitions=TABLE["AttributeDefinitions"],
        GlobalSecondaryIndexUpdates=[{"Create": wanted}],
    )
    tell(what, "added" if _usable(client, name) else "added, and usable when it is ACTIVE: that takes minutes")


def _usable(client: "DynamoDBClient", name: str) -> bool:
    """Tell whether the index gets usable soon: at a stand-in within seconds, on AWS after minutes."""
    for _ in range(INDEX_TRIES):
        index = index_of(client.describe_table(TableName=name)["Table"])
        if index is not None and index["IndexStatus"] == "ACTIVE":
            return True
        threading.Event().wait(INDEX_PAUSE)
    return False


def _switch_expiry_on(client: "DynamoDBClient", name: str, tell: Tell) -> None:
    what = f"table {name}, time to live"
    attribute = expiry_of(client, name)
    if attribute is None:
        try:
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=TIME_TO_LIVE)  # type: ignore[arg-type]
            tell(what, f"switched on for {EXPIRY}")
        except ClientError as error:
            if code_of(error) != "ValidationException" or expiry_of(client, name) is None:
                raise  # and otherwise another process was quicker, which is just as good
    elif attribute == EXPIRY:
        tell(what, AS_IT_SHOULD_BE)
    else:
        raise CannotBeMended(f"{what}: it is on for {attribute!r}; switch that off, wait an hour, and try again")


def index_of(table: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return our index, in a description of the table."""
    return next((index for index in table.get("GlobalSecondaryIndexes", []) if index["IndexName"] == INDEX), None)


def keys_of(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the keys of a table or an index, by name and kind."""
    return sorted((key["AttributeName"], key["KeyType"]) for key in schema.get("KeySchema", []))


def types_of(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the types of our keys; those of others do not concern us."""
    ours = {definition["AttributeName"] for definition in TABLE["AttributeDefinitions"]}
    definitions = table.get("AttributeDefinitions", [])
    return {one["AttributeName"]: one["AttributeType"] for one in definitions if one["AttributeName"] in ours}


def expiry_of(client: "DynamoDBClient", name: str) -> str | None:
    """Return the attribute that time to live works on, or None if it is off."""
    described = client.describe_time_to_live(TableName=name).get("TimeToLiveDescription", {})
    if described.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}:
        return described.get("AttributeName")
    return None
