from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from service.adapters.aws.clients import Aws
from service.adapters.aws.resources import EXPIRY, TABLE
from service.adapters.dynamodb.checks import check_table
from service.adapters.dynamodb.provision import create_table
from tests.support.fixtures import on_both

pytestmark = on_both

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


@pytest.fixture
def client(aws: Aws) -> Iterator["DynamoDBClient"]:
    """A client, apart from any store."""
    client = aws.dynamodb()
    yield client
    client.close()


@pytest.mark.requirement("1.3")
def test_created_table_is_as_it_should_be(aws: Aws, client: "DynamoDBClient") -> None:
    """What we create passes our own check, time to live included; creating it again changes nothing."""
    create_table(client, aws.settings.table)

    assert check_table(client, aws.settings.table) == []


def test_table_may_be_created_by_several_at_once(aws: Aws, client: "DynamoDBClient") -> None:
    """Containers that start together do not trip over each other."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: create_table(client, "together"), range(4)))

    assert check_table(client, "together") == []


@pytest.mark.requirement("4.1")
def test_missing_table_is_reported(client: "DynamoDBClient") -> None:
    """A table that is not there is one problem, with what to do about it."""
    (problem,) = check_table(client, "elsewhere")

    assert (problem.code, problem.stops) == ("table_missing", True)
    assert "'elsewhere' does not exist" in problem.problem
    assert "python -m service provision" in problem.fix


def _no_index(definition: dict[str, Any]) -> None:
    del definition["GlobalSecondaryIndexes"]
    definition["AttributeDefinitions"] = definition["AttributeDefinitions"][:1]


def _other_index_keys(definition: dict[str, Any]) -> None:
    definition["GlobalSecondaryIndexes"][0]["KeySchema"].pop()
    definition["AttributeDefinitions"].pop()


def _text_as_due_time(definition: dict[str, Any]) -> None:
    definition["AttributeDefinitions"][2]["AttributeType"] = "S"


def _two_part_key(definition: dict[str, Any]) -> None:
    definition["KeySchema"].append({"AttributeName": "due_at", "KeyType": "RANGE"})


@pytest.mark.requirement("4.1")
@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (_no_index, "index_missing", "does not exist"),
        (_other_index_keys, "index_keys", "not keyed by 'queue', a string, and 'due_at', a number"),
        (_text_as_due_time, "index_keys", "not keyed by 'queue', a string, and 'due_at', a number"),
        (_two_part_key, "table_keys", "is not 'pk' alone"),
    ],
)
def test_table_with_wrong_keys_is_reported(
    client: "DynamoDBClient", damage: Callable[[dict[str, Any]], None], code: str, words: str
) -> None:
    """Each thing that is wrong is one sentence that says what and how to mend it."""
    definition = deepcopy(dict(TABLE))
    damage(definition)
    name = damage.__name__.strip("_")
    client.create_table(TableName=name, **definition)
    client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRY})

    (problem,) = check_table(client, name)

    assert (problem.code, problem.stops) == (code, True)
    assert words in problem.problem
    assert "python -m service provision" in problem.fix


@pytest.mark.requirement("1.3", "4.1")
@pytest.mark.parametrize("attribute", [None, "ttl"])
def test_wrong_time_to_live_is_reported(client: "DynamoDBClient", attribute: str | None) -> None:
    """A table that never cleans up, or by the wrong attribute, is a concern; old items count as gone all the same."""
    name = f"ttl-{attribute}"
    client.create_table(TableName=name, **TABLE)
    if attribute:
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute}
        )

    (problem,) = check_table(client, name)

    assert (problem.code, problem.stops) == ("ttl_wrong" if attribute else "ttl_off", False)
    assert (f"on '{attribute}'" if attribute else "is off") in problem.problem
    assert f"'{EXPIRY}'" in problem.fix
