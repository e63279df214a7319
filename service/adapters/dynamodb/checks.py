"""What the service looks at in its table when it starts, with the fix for each thing that is not as it should be."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from service.adapters.aws.diagnosis import Subject, explain, passing, subject, unreadable
from service.adapters.aws.permissions import actions_for
from service.adapters.aws.resources import DUE_AT, EXPIRY, INDEX, KEY, QUEUE, TABLE
from service.adapters.dynamodb.provision import expiry_of, index_of, keys_of, types_of
from service.core.findings import Finding

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# What a role has to allow for these checks; all of it on the table.
PERMISSIONS = actions_for("DescribeTable", "DescribeTimeToLive")

USABLE = frozenset({"ACTIVE", "UPDATING"})


def check_table(client: "DynamoDBClient", name: str) -> list[Finding]:
    """Return what is not as it should be; empty if all is well. Raises nothing of botocore's."""
    about = subject(client, "table", name)
    try:
        table = client.describe_table(TableName=name)["Table"]
    except (ClientError, BotoCoreError) as error:
        return [explain(error, about)]
    return [*_state(table, about), *_shape(table, about), *_expiry(client, about)]


def look_at_table(client: "DynamoDBClient", name: str) -> Finding | None:
    """
        Tell whether the table is there and usable: one request, because readiness asks often.

    Raises botocore's error if DynamoDB does not answer, or not sensibly.
    """
    about = subject(client, "table", name)
    try:
        table = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if passing(error):
            raise
        return explain(error, about)
    return next(iter(_state(table, about)), None)


def _state(table: Mapping[str, Any], about: Subject) -> Iterable[Finding]:
    """Return a table, or an index, that is being made or deleted."""
    if table.get("TableStatus") not in USABLE:
        yield Finding(
            "table_not_active",
            f"The table {about.name!r} is {table.get('TableStatus')}.",
            "Wait until it is ACTIVE.",
            transient=True,
        )
    index = index_of(table)
    if index is not None and index.get("IndexStatus", "ACTIVE") not in USABLE:
        yield Finding(
            "index_not_active",
            f"The index {INDEX!r} of the table {about.name!r} is {index['IndexStatus']}: no job is found before it is "
            "ACTIVE.",
            "Wait for that; it takes minutes.",
            transient=True,
        )


def _shape(table: Mapping[str, Any], about: Subject) -> Iterable[Finding]:
    """Keys, of the table and of its index."""
    if keys_of(table) != keys_of(TABLE):
        yield Finding(
            "table_keys",
            f"The key of the table {about.name!r} is not {KEY!r} alone.",
            f"Keys cannot be changed: make another table with {about.maker}, and name it in {about.variable}.",
        )
    (wanted,), index = TABLE["GlobalSecondaryIndexes"], index_of(table)
    if index is None:
        yield Finding(
            "index_missing",
            f"The index {INDEX!r} of the table {about.name!r} does not exist: without it no job is ever found.",
            f"Run {about.maker}, which adds it.",
        )
    elif keys_of(index) != keys_of(wanted) or types_of(table) != types_of(TABLE):
        yield Finding(
            "index_keys",
            f"The index {INDEX!r} of the table {about.name!r} is not keyed by {QUEUE!r}, a string, and {DUE_AT!r}, a "
            "number: without it no job is ever found.",
            f"Delete the index, which holds no data of its own, and run {about.maker}.",
        )


def _expiry(client: "DynamoDBClient", about: Subject) -> Iterable[Finding]:
    """Tell whether old items ever go. They count as gone when their time has come, so nothing but room is lost."""
    try:
        attribute = expiry_of(client, about.name)
    except (ClientError, BotoCoreError) as error:
        yield unreadable("time to live", "ttl_unreadable", error, about)
        return
    if attribute is None:
        yield Finding(
            "ttl_off",
            f"Time to live of the table {about.name!r} is off, so old items stay for ever.",
            f"Run {about.maker}, which switches it on for {EXPIRY!r}.",
            stops=False,
        )
    elif attribute != EXPIRY:
        yield Finding(
            "ttl_wrong",
            f"Time to live of the table {about.name!r} is on {attribute!r}, so old items stay for ever.",
            f"Switch it off, and an hour later on for {EXPIRY!r} (run {about.maker}).",
            stops=False,
        )
