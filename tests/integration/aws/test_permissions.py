"""`service/permissions.json` against every call that is made: by role, operation and resource, in both directions."""

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.stub import Stubber

from service import settings, wiring
from service.adapters.aws.permissions import PERMISSIONS, Permission
from service.adapters.aws.resources import TABLE
from service.wiring.health import Health
from tests.support.recorded_calls import FILE, hearing

ROOT = Path(__file__).parents[3]
ORIGIN = "https://audio.example"

# With real adapters: what each of their methods calls. Of the transcoder, tests that reach each of its calls.
TRANSCODER = "tests/integration/ffmpeg/test_transcoder.py"
REAL = (
    "tests/integration/dynamodb/test_store.py",
    "tests/integration/s3/test_store.py",
    f"{TRANSCODER}::test_a_small_output_is_one_put",
    f"{TRANSCODER}::test_discarding_a_draft_leaves_nothing",
    f"{TRANSCODER}::test_conversion_cancelled_in_the_middle_leaves_nothing",
)
CHOSEN = "moto or test_transcoder"
# With fakes: which role calls which method.
ROOMS = ("application", "web/uploads", "web/jobs", "web/operations", "worker")
ROLES = tuple(f"tests/unit/{room}" for room in ROOMS)

# Each of the two recordings takes as long as the tests that it runs, which is too long for one test elsewhere.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800), pytest.mark.xdist_group("permissions")]


class Call(NamedTuple):
    """A role calls an operation for a resource."""

    role: str
    operation: str
    resource: str


def record(folder: Path, name: str, *arguments: str) -> list[Mapping[str, str]]:
    """Run tests in a pytest of their own, with the recorder in it."""
    sink, log = folder / f"{name}.jsonl", folder / f"{name}.log"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.recorded_calls",
        "-n0",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    with log.open("w") as output:
        environment = {**wiring.environment(), FILE: str(sink)}
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output, check=False
        )
    assert done.returncode == 0, log.read_text(encoding="utf-8")[-4000:]
    return [json.loads(line) for line in sink.read_text(encoding="utf-8").splitlines()]


def called_by_checks(endpoint: str, role: str) -> Iterator[Call]:
    """What the start-up checks and /health/ready of a role call."""
    found: set[Call] = set()
    environment = environment_of(endpoint, role)

    async def ask() -> None:
        service = wiring.build(settings.read(environment), environment)
        await wiring.run_checks(service)
        await Health(service).check()
        with Stubber(service.s3_probe) as stub:  # a HEAD that is refused is asked again, for the reason
            stub.add_client_error("head_bucket", "403", "", 403)
            stub.add_client_error("list_objects_v2", "AccessDenied", "", 403)
            await wiring.run_checks(service)
        await service.objects.aclose()
        for one in (service.s3_probe, service.dynamodb_probe, service.aws, service.dynamodb):
            one.close()

    with hearing(lambda operation, resource: found.add(Call(role, operation, resource))):
        asyncio.run(ask())
    yield from found


def called_by_provisioning(endpoint: str) -> Iterator[Call]:
    """What making a bucket and a table, and adding an index to one that lacks it, call."""
    found: set[Call] = set()
    environment = environment_of(endpoint, "worker")
    given = settings.read(environment)
    with hearing(lambda operation, resource: found.add(Call("provision", operation, resource))):
        wiring.provision(given, environment, lambda *_: None, pause=lambda _: None)
    bare = dataclasses.replace(given, table=f"{given.table}-bare")
    service = wiring.build(bare, environment)
    (key,) = TABLE["KeySchema"]
    attributes = [one for one in TABLE["AttributeDefinitions"] if one["AttributeName"] == key["AttributeName"]]
    plain: Any = {"KeySchema": [key], "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST"}
    service.dynamodb_probe.create_table(TableName=str(bare.table), **plain)
    for one in (service.s3_probe, service.dynamodb_probe, service.aws, service.dynamodb):
        one.close()
    with hearing(lambda operation, resource: found.add(Call("provision", operation, resource))):
        wiring.provision(bare, environment, lambda *_: None, pause=lambda _: None)
    yield from found


def environment_of(endpoint: str, role: str) -> dict[str, str]:
    """Settings for a process of a role."""
    name = f"permissions-{os.getpid()}"
    return {
        "REPRISE_ROLE": role,
        "REPRISE_BUCKET": name,
        "REPRISE_TABLE": name,
        "REPRISE_API_KEYS": "none",
        "REPRISE_CORS_ORIGINS": ORIGIN,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@pytest.fixture(scope="module")
def calls(moto_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> frozenset[Call]:
    """Every call that each role makes."""
    folder = tmp_path_factory.mktemp("calls")
    operations: dict[str, set[tuple[str, str]]] = {}
    for line in record(folder, "real", *REAL, "-k", CHOSEN):
        operations.setdefault(line["method"], set()).add((line["operation"], line["resource"]))
    found = {
        Call("worker", *one) for method, made in operations.items() if method.startswith("transcoder.") for one in made
    }
    for use in record(folder, "roles", *ROLES):
        for operation, resource in operations.get(use["method"], ()):
            # The contract suite has keys of its own; for which keys a role calls the method is what counts.
            resources = use["resources"] if resource in {"objects", "uploads", "results"} else [resource]
            found |= {Call(use["role"], operation, one) for one in resources}
    found |= set(called_by_provisioning(moto_endpoint))
    for role in ("api", "worker"):
        found |= set(called_by_checks(moto_endpoint, role))
    return frozenset(found)


def listed(rows: Sequence[Permission]) -> frozenset[Call]:
    """What the file allows without a customer's key."""
    return frozenset(
        Call(role, operation, row.resource)
        for row in rows
        if row.when is None
        for role in row.roles
        for operation in row.operations
    )


def differences(rows: Sequence[Permission], calls: frozenset[Call]) -> list[str]:
    """What the file lacks, and what in it is needed by no call."""
    found = [f"{call} is not in the file" for call in sorted(calls - listed(rows))]
    for row in rows:
        if row.when is None:
            theirs = {call for call in calls if call.resource == row.resource and call.operation in row.operations}
            idle = row.roles - {call.role for call in theirs}
            unused = row.operations - {call.operation for call in theirs if call.role in row.roles}
            found += [f"{role} never needs {row.action} on {row.resource}" for role in sorted(idle)]
            found += [f"{operation} is never called on {row.resource}" for operation in sorted(unused)]
    return found


def test_permissions_are_exactly_those_of_the_calls_that_are_made(calls: frozenset[Call]) -> None:
    """The file lists each call of each role with its resource, and no role, action or call that is not needed."""
    assert differences(PERMISSIONS, calls) == []


def test_a_missing_or_superfluous_permission_is_noticed(calls: frozenset[Call]) -> None:
    """The comparison fails without any one row of the file, and with a row, a role or an operation too many."""
    rows = [row for row in PERMISSIONS if row.when is None]
    for number, row in enumerate(rows):
        rest = rows[:number] + rows[number + 1 :]
        assert differences(rest, calls), f"without {row}"
        for role in {"api", "worker", "provision"} - row.roles:
            assert differences([*rest, dataclasses.replace(row, roles=row.roles | {role})], calls), (row, role)
        more = dataclasses.replace(row, operations=row.operations | {"s3.DeleteBucket"})
        assert differences([*rest, more], calls), row
    superfluous = dataclasses.replace(rows[0], action="s3:DeleteBucket", operations=frozenset({"s3.DeleteBucket"}))
    assert differences([*rows, superfluous], calls)


def test_permissions_for_a_customer_key_follow_the_calls(calls: frozenset[Call]) -> None:
    """Each operation that needs a KMS key is called by a role that may use it, and by no other role."""
    made = {(role, operation) for role, operation, _ in calls}
    for row in PERMISSIONS:
        if row.when == "kms":
            assert {role for role, operation in made if operation in row.operations} == row.roles
            assert {operation for _, operation in made} >= row.operations
