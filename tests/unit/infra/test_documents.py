"""Policies as data, without Pulumi."""

import itertools
import json

import pytest

from infra.facts import PERMISSIONS, Permission
from infra.iam.deployer import LONGEST, ROWS, UNNAMED, policies
from infra.iam.documents import (
    Places,
    bucket_policy,
    data_access,
    endpoint_policy,
    image_access,
    log_access,
    partition,
    secrets_access,
    trust,
)
from tests.support.cloud import ACCOUNT, REGION, document
from tests.unit.infra.stacks import KEY, STACKS, stack

PLACES = Places("arn:aws:s3:::b", "arn:aws:dynamodb:us-east-1:123456789012:table/t")
WITH_KEY = Places(PLACES.bucket, PLACES.table, KEY)
ROLES = [{"api"}, {"worker"}, {"api", "worker"}]


@pytest.mark.parametrize("roles", ROLES, ids=lambda roles: "+".join(sorted(roles)))
@pytest.mark.parametrize("places", [PLACES, WITH_KEY], ids=["plain", "kms"])
def test_a_role_may_do_exactly_what_it_does(roles: set[str], places: Places) -> None:
    """Each permission of the service's roles is in the document, on its own resource, and nothing else is."""
    said = {
        (row.action, places.arn(row.resource))
        for row in PERMISSIONS
        if row.roles & roles and (row.when != "kms" or places.key)
    }
    allowed = {(action, part["Resource"]) for part in data_access(roles, places, REGION) for action in part["Action"]}
    assert allowed == said


def test_what_only_provisioning_does_is_in_no_role() -> None:
    """Making and changing bucket and table is an operator's; a container that is taken over cannot."""
    only = {row.action for row in PERMISSIONS if row.roles == {"provision"}}
    allowed = {action for part in data_access({"api", "worker"}, WITH_KEY, REGION) for action in part["Action"]}
    assert only
    assert not only & allowed
    assert "s3:PutBucketPolicy" not in allowed


@pytest.mark.parametrize("roles", ROLES, ids=lambda roles: "+".join(sorted(roles)))
def test_no_action_and_no_resource_is_a_wildcard(roles: set[str]) -> None:
    """Actions are whole names, and each resource begins with the ARN of the bucket, the table or the key."""
    for part in data_access(roles, WITH_KEY, REGION):
        assert not [action for action in part["Action"] if "*" in action]
        assert part["Resource"].removesuffix("/*").startswith((PLACES.bucket, PLACES.table, KEY))


def test_a_worker_cannot_write_uploads_and_an_api_cannot_write_results() -> None:
    """A worker that a file takes over cannot change what others sent, and the API cannot fake a result."""

    def writes(role: str) -> set[str]:
        return {part["Resource"] for part in data_access({role}, PLACES, REGION) if "s3:PutObject" in part["Action"]}

    assert writes("worker") == {f"{PLACES.bucket}/results/*"}
    assert writes("api") == {f"{PLACES.bucket}/uploads/*"}


def test_the_key_serves_s3_and_dynamodb_alone() -> None:
    """Whoever holds the role cannot decrypt with the key directly."""
    (part,) = (part for part in data_access({"api"}, WITH_KEY, REGION) if part["Resource"] == KEY)
    assert set(part["Condition"]["StringEquals"]["kms:ViaService"]) == {
        "s3.us-east-1.amazonaws.com",
        "dynamodb.us-east-1.amazonaws.com",
    }


def test_documents_do_not_depend_on_the_order_of_the_rows() -> None:
    """The same permissions in another order are the same document, and no change for Pulumi."""
    rows = [
        Permission(f"s3:{name}", place, frozenset({"api"}), None)
        for name, place in (("A", "bucket"), ("B", "bucket"), ("C", "table"))
    ]
    texts = {json.dumps(data_access({"api"}, PLACES, REGION, order)) for order in itertools.permutations(rows)}
    assert len(texts) == 1


def test_an_unknown_resource_is_refused() -> None:
    """A word of permissions.json that means nothing here is an error, and no permission on nothing."""
    with pytest.raises(KeyError):
        data_access({"api"}, PLACES, REGION, [Permission("s3:GetObject", "buckets", frozenset({"api"}), None)])


def test_what_is_not_there_is_not_allowed() -> None:
    """Without secrets, a registry or logs there is no statement for them."""
    assert secrets_access([], None, REGION) == image_access(None) == log_access([]) == []


def test_secrets_are_named_one_by_one() -> None:
    """A role reads the secrets that it is given, and opens them with the key through Secrets Manager only."""
    read, opened = secrets_access(["arn:one", "arn:two"], KEY, REGION)
    assert (read["Action"], read["Resource"]) == (["secretsmanager:GetSecretValue"], ["arn:one", "arn:two"])
    assert (opened["Action"], opened["Resource"]) == (["kms:Decrypt"], KEY)
    assert opened["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}


# A trace has no ARN: X-Ray's actions take no resource at all (service authorization reference, AWS X-Ray).
XRAY = {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"}
WITHOUT_RESOURCE = frozenset({"ecr:GetAuthorizationToken", *XRAY})


def test_only_what_takes_no_resource_is_allowed_everywhere() -> None:
    """ECR's login and X-Ray's actions take no resource; every other permission of every role names one."""
    everywhere = {
        action
        for name in STACKS
        for it in stack(name).of("iam/rolePolicy:RolePolicy")
        for part in document(it["policy"])
        for action in part["Action"]
        if part["Resource"] == "*" or "*" in action
    }
    assert everywhere == WITHOUT_RESOURCE


@pytest.mark.parametrize("name", STACKS)
def test_only_traced_containers_may_send_traces(name: str) -> None:
    """With tracing, App Runner's side car may what it does; tasks, which send by themselves, may send and no more."""
    allowed = {
        it.name.removeprefix("reprise-dev-"): {action for part in document(it["policy"]) for action in part["Action"]}
        & XRAY
        for it in stack(name).of("iam/rolePolicy:RolePolicy")
    }
    traced = STACKS[name].get("tracing") == "xray"
    for role, actions in allowed.items():
        wanted = XRAY if role.endswith("-instance") else {"xray:PutTraceSegments"} if role.endswith("-task") else set()
        assert actions == (wanted if traced else set()), role


@pytest.mark.parametrize("name", STACKS)
def test_each_role_has_its_own_permissions(name: str) -> None:
    """The data is for the roles that the containers play, in one statement set each; no other role touches it."""
    cloud = stack(name)
    embedded = STACKS[name].get("worker") != "fargate"
    for it in cloud.of("iam/rolePolicy:RolePolicy"):
        actions = {action for part in document(it["policy"]) for action in part["Action"]}
        touches = {action for action in actions if action.startswith(("dynamodb:", "s3:"))}
        if it.name.endswith(("-execution", "-pull")):
            assert not touches
        else:
            plays = {"worker"} if "-worker-" in it.name else {"api", "worker"} if embedded else {"api"}
            assert touches == {
                row.action for row in PERMISSIONS if row.roles & plays and not row.action.startswith("kms:")
            }


@pytest.mark.parametrize("name", STACKS)
def test_a_worker_is_not_given_the_keys_of_the_api(name: str) -> None:
    """A worker has no door, and reads no API keys."""
    for it in stack(name).of("iam/rolePolicy:RolePolicy", "worker-execution"):
        (secrets,) = [part for part in document(it["policy"]) if part["Sid"] == "Secrets"] or [{"Resource": []}]
        assert not [arn for arn in secrets["Resource"] if "-keys" in arn]


@pytest.mark.parametrize("name", STACKS)
def test_roles_are_taken_by_one_service_each(name: str) -> None:
    """A role is for the part of AWS that needs it, and task roles for this account alone."""
    for it in stack(name).of("iam/role:Role"):
        (part,) = document(it["assumeRolePolicy"])
        assert part["Principal"] == {"Service": part["Principal"]["Service"]}
        assert part["Action"] == "sts:AssumeRole"
        if part["Principal"]["Service"] == "ecs-tasks.amazonaws.com":
            assert part["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_trust_names_an_account_if_there_is_one() -> None:
    """Where AWS tells on whose behalf it asks, no other account's tasks can take the role."""
    assert "Condition" not in document(trust("ecs.amazonaws.com"))[0]
    assert document(trust("ecs.amazonaws.com", "1"))[0]["Condition"]["StringEquals"]["aws:SourceAccount"] == "1"


def test_the_bucket_refuses_what_is_not_secure() -> None:
    """Plain text, old TLS and presigned addresses of more than a day are denied to everybody."""
    conditions = [part["Condition"] for part in document(bucket_policy("arn:aws:s3:::b"))]
    assert conditions == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        {"NumericGreaterThan": {"s3:signatureAge": "86400000"}},
    ]


def test_an_endpoint_lets_through_what_the_service_does() -> None:
    """S3's endpoint knows the bucket, DynamoDB's the table; image layers come through it where there are tasks."""
    plain = {part["Resource"] for part in document(endpoint_policy("s3", PLACES, REGION, layers=False))}
    assert plain == {"arn:aws:s3:::b", "arn:aws:s3:::b/uploads/*", "arn:aws:s3:::b/results/*"}
    layers = {part["Resource"] for part in document(endpoint_policy("s3", PLACES, REGION, layers=True))}
    assert layers - plain == {"arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"}
    table = {part["Resource"] for part in document(endpoint_policy("dynamodb", PLACES, REGION, layers=True))}
    assert table == {PLACES.table, f"{PLACES.table}/index/queue-index"}


def test_each_part_of_aws_has_its_own_arns() -> None:
    """China and the government's regions are other partitions."""
    assert [partition(it) for it in ("eu-west-1", "cn-north-1", "us-gov-west-1")] == ["aws", "aws-cn", "aws-us-gov"]


def test_the_deployer_may_make_every_kind_and_no_other() -> None:
    """There is a row for each kind of resource that any stack has, and none for one that no stack has."""
    declared = set().union(*(stack(name).kinds for name in STACKS))
    assert declared == set(ROWS) | (set(UNNAMED) - {"*"})


def test_the_deployers_policies_fit_into_iam() -> None:
    """Each document is short enough, names this account, and hands roles to the services that take them alone."""
    texts = policies(ACCOUNT, REGION)
    assert all(len(text) <= LONGEST for text in texts)
    parts = [part for text in texts for part in document(text)]
    (hand_over,) = (part for part in parts if part["Action"] == ["iam:PassRole"])
    assert hand_over["Resource"] == [f"arn:aws:iam::{ACCOUNT}:role/reprise-*"]
    assert set(hand_over["Condition"]["StringEquals"]["iam:PassedToService"]) == {
        document(it["assumeRolePolicy"])[0]["Principal"]["Service"]
        for name in STACKS
        for it in stack(name).of("iam/role:Role")
    }
