"""The file of AWS permissions, by itself; `tests/integration/aws` compares it with the calls that are made."""

import json

import pytest

from service.adapters.aws.permissions import FILE, PERMISSIONS, action_for, actions_for, read, service_of


def test_every_operation_has_one_permission() -> None:
    """An operation needs the same action wherever it is listed, so that advice can name it."""
    actions = {(operation, row.action) for row in PERMISSIONS if row.when is None for operation in row.operations}

    assert len({operation for operation, _ in actions}) == len(actions)
    assert len({operation.partition(".")[2] for operation, _ in actions}) == len(actions)
    assert all(action_for(operation.partition(".")[2]) == action for operation, action in actions)


def test_permissions_use_the_vocabulary_of_their_readers() -> None:
    """Resources, roles and conditions are words that the infrastructure program knows; each row has a plain reason."""
    for row in PERMISSIONS:
        assert row.resource in {"bucket", "objects", "uploads", "results", "table", "index", "key"}
        assert row.roles
        assert row.roles <= {"api", "worker", "provision"}
        assert row.when in {None, "kms"}
        assert (row.resource == "key") == (row.when == "kms")
        assert row.why.endswith(".")
        assert row.operations
        assert all(operation.partition(".")[0] in {"s3", "dynamodb"} for operation in row.operations)


def test_no_permission_is_listed_twice() -> None:
    """An action on a resource has one row, with all roles that need it."""
    listed = [(row.action, row.resource) for row in PERMISSIONS]

    assert len(listed) == len(set(listed))


def test_no_permission_has_a_wildcard() -> None:
    """Each action is named by itself: a wildcard would allow what no call needs."""
    assert [row.action for row in PERMISSIONS if "*" in row.action] == []


@pytest.mark.parametrize(
    ("operation", "service", "action"),
    [
        ("HeadBucket", "s3", "s3:ListBucket"),
        ("DeleteObjects", "s3", "s3:DeleteObject"),
        ("TransactWriteItems", "dynamodb", "dynamodb:PutItem"),
        ("SomethingElse", None, None),
    ],
)
def test_operation_is_looked_up(operation: str, service: str | None, action: str | None) -> None:
    """An operation of botocore's has its service and its action, and one that is never called has neither."""
    assert (service_of(operation), action_for(operation)) == (service, action)


def test_unknown_operation_has_no_actions() -> None:
    """Asking for the actions of an operation that is not in the file is a mistake of ours, and no empty answer."""
    with pytest.raises(KeyError):
        actions_for("GetItem", "SomethingElse")


@pytest.mark.parametrize("change", [{"resource": None}, {"note": "x"}], ids=["field-missing", "field-unknown"])
def test_malformed_permission_is_refused(change: dict[str, str | None]) -> None:
    """A row without a field, or with one that is not known, is not read."""
    entry = json.loads(FILE.read_text(encoding="utf-8"))["actions"][0] | change
    entry = {name: value for name, value in entry.items() if value is not None}

    with pytest.raises((KeyError, TypeError)):
        read(json.dumps({"actions": [entry]}))
