"""
Which AWS actions this service needs: read from ``service/permissions.json``, the one place that lists them.

It is a data file, not code, because two programs must agree on it that may not import each other: this service, which
names a missing permission in its log and at start, and the infrastructure program, which makes IAM policies of the
same file. A test records every call that the adapters make and compares it with the file, in both directions.

A presigned URL carries the permissions of its signer, so what clients do with such URLs is listed for the role that
signs them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).resolve().parents[2] / "permissions.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """
    One IAM action on one resource.

    `resource`: ``bucket``; ``objects`` (all of it), ``uploads``, ``results`` (the objects under that prefix);
    ``table``; ``index`` (of the table); ``key`` (the customer's KMS key). `roles`: ``api``, ``worker``, ``provision``;
    a process of the role ``all`` needs those of ``api`` and ``worker``. `operations`: the calls that need it, such as
    ``s3.GetObject``. `when` is ``kms`` for what is needed only with a customer's key, None for what is always needed.
    """

    action: str
    resource: str
    roles: frozenset[str]
    operations: frozenset[str]
    why: str
    when: str | None = None


def read(text: str) -> tuple[Permission, ...]:
    """Parse the file's text. Raises `KeyError` for an entry that lacks a field, `TypeError` for an unknown one."""
    return tuple(_permission(entry) for entry in json.loads(text)["actions"])


def _permission(entry: Mapping[str, Any]) -> Permission:
    return Permission(**{**entry, "roles": frozenset(entry["roles"]), "operations": frozenset(entry["operations"])})


PERMISSIONS: Final = read(FILE.read_text(encoding="utf-8"))

# Operation, such as ``GetObject`` → its service and its action. S3 and DynamoDB have no operation of the same name.
_BY_OPERATION: Final[Mapping[str, tuple[str, str]]] = {
    operation.partition(".")[2]: (operation.partition(".")[0], one.action)
    for one in PERMISSIONS
    if one.when is None
    for operation in one.operations
}


def service_of(operation: str) -> str | None:
    """Return ``s3`` or ``dynamodb``, or None for an operation that this service does not call."""
    return _BY_OPERATION.get(operation, (None, ""))[0]


def action_for(operation: str) -> str | None:
    """Return the IAM action that an operation needs, or None for an operation that this service does not call."""
    return _BY_OPERATION.get(operation, ("", None))[1]


def actions_for(*operations: str) -> frozenset[str]:
    """Return the IAM actions that these operations need. Raises `KeyError` for an operation that is not in the file."""
    return frozenset(_BY_OPERATION[operation][1] for operation in operations)
