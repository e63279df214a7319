"""What was put right in moto's server, seen from the outside."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TABLE = "plain-reads"
ITEM: Mapping[str, Any] = {
    "pk": {"S": "a"},
    "text": {"S": 'ü "quoted" \U0001f3b5\n'},
    "number": {"N": "1.50"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "bytes": {"B": b"\x00\xff"},
    "names": {"SS": ["x", "y"]},
    "list": {"L": [{"N": "1"}, {"M": {"deep": {"L": [{"S": "z"}]}}}]},
    "map": {"M": {"inner": {"M": {"flag": {"BOOL": False}}}, "bytes": {"B": b"\x01"}}},
}


@pytest.fixture(scope="module")
def dynamodb(embedded_stack: Mapping[str, str]) -> Iterator["DynamoDBClient"]:
    """A client, and a table of two items."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=embedded_stack["AWS_ENDPOINT_URL_DYNAMODB"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName=TABLE, Item=ITEM)
    client.put_item(TableName=TABLE, Item={"pk": {"S": "b"}})
    yield client
    client.delete_table(TableName=TABLE)
    client.close()


def asked(client: "DynamoDBClient", names: Sequence[str], **more: Any) -> dict[str, Any]:
    """The items of these names that were found."""
    request: Any = {"Keys": [{"pk": {"S": name}} for name in names], **more}
    answer = client.batch_get_item(RequestItems={TABLE: request})
    assert answer["UnprocessedKeys"] == {}
    found: dict[str, Any] = {item["pk"]["S"]: item for item in answer["Responses"][TABLE]}
    for item in found.values():
        item.get("names", {}).get("SS", []).sort()  # a set has no order
    return found


def test_many_items_are_read_as_they_were_written(dynamodb: "DynamoDBClient") -> None:
    """Values of every type come back, and an item that is not there is left out."""
    assert asked(dynamodb, ["a", "b", "c"], ConsistentRead=True) == {"a": ITEM, "b": {"pk": {"S": "b"}}}


def test_plain_reads_answer_as_moto_does(dynamodb: "DynamoDBClient") -> None:
    """Whole items are written in a way of our own, parts of items in moto's; both are the same."""
    names = {f"#{n}": name for n, name in enumerate(ITEM)}
    moto = asked(dynamodb, ["a"], ProjectionExpression=", ".join(names), ExpressionAttributeNames=names)

    assert asked(dynamodb, ["a"]) == moto


@pytest.mark.parametrize(
    ("names", "said"),
    [(["a", "b", "a"], "duplicates"), ([f"n{n}" for n in range(101)], "less than or equal to 100")],
    ids=["twice", "too many"],
)
def test_what_dynamodb_would_refuse_is_refused(dynamodb: "DynamoDBClient", names: Sequence[str], said: str) -> None:
    """A key that comes twice, and more than a hundred keys, are errors as they are at AWS."""
    with pytest.raises(ClientError, match=said):
        asked(dynamodb, names)


def test_a_read_of_large_items_leaves_some_to_the_next(dynamodb: "DynamoDBClient") -> None:
    """More than 16 MiB come in more than one answer, as at AWS."""
    names = [f"large{n}" for n in range(45)]
    for name in names:
        dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": name}, "text": {"S": "x" * 390_000}})

    answer = dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": [{"pk": {"S": name}} for name in names]}})

    found = {item["pk"]["S"] for item in answer["Responses"][TABLE]}
    left = {key["pk"]["S"] for key in answer["UnprocessedKeys"][TABLE]["Keys"]}
    assert found
    assert left
    assert found | left == set(names)
