"""Whatever a stack sets: nothing unencrypted, public, without a bound, or allowed too much."""

import json
from collections.abc import Mapping

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from infra.config.sizes import APP_RUNNER, FARGATE
from tests.support.cloud import SECRETS, Cloud, deployed, document
from tests.unit.infra.calls import wrong
from tests.unit.infra.stacks import EXISTING, KEY
from tests.unit.infra.test_documents import WITHOUT_RESOURCE

ORIGINS = st.lists(
    st.sampled_from(["https://a.example", "http://localhost:3000", "https://b.example:8443"]), min_size=1, unique=True
)


@st.composite
def configurations(draw: st.DrawFn) -> Mapping[str, str]:
    """Any configuration that is valid."""
    compute = draw(st.sampled_from(["apprunner", "ecs-express"]))
    sizes = APP_RUNNER if compute == "apprunner" else FARGATE
    cpu, worker_cpu = draw(st.sampled_from(sorted(sizes))), draw(st.sampled_from(sorted(FARGATE)))
    least, worker_least = draw(st.integers(1, 25)), draw(st.integers(1, 100))
    hours = draw(st.integers(1, 8784))
    chosen = {
        "compute": compute,
        "worker": draw(st.sampled_from(["embedded", "fargate"])),
        "cache": draw(st.sampled_from(["none", "serverless", "replicated"])),
        "cacheNodes": str(draw(st.integers(1, 6))),
        "cpu": f"{cpu:g}",
        "memory": f"{draw(st.sampled_from(sizes[cpu])):g}",
        "workerCpu": f"{worker_cpu:g}",
        "workerMemory": f"{draw(st.sampled_from(FARGATE[worker_cpu])):g}",
        "minInstances": str(least),
        "maxInstances": str(draw(st.integers(least, 25))),
        "maxConcurrency": str(draw(st.integers(1, 200))),
        "workerMin": str(worker_least),
        "workerMax": str(draw(st.integers(worker_least, 100))),
        "workerDisk": str(draw(st.integers(20, 200))),
        "slots": str(draw(st.integers(0, 64))),
        "spot": draw(st.sampled_from(["true", "false"])),
        "tracing": draw(st.sampled_from(["none", "xray"])),
        "registry": draw(st.sampled_from(["true", "false"])),
        "protect": draw(st.sampled_from(["true", "false"])),
        "keepHours": str(hours),
        "expireDays": str(draw(st.integers(-(-2 * hours // 24), 3650))),
        "logDays": draw(st.sampled_from(["1", "14", "3653"])),
        "kmsKeyArn": draw(st.sampled_from(["", KEY])),
        "corsOrigins": json.dumps(draw(ORIGINS)),
    }
    return chosen | (
        EXISTING if draw(st.booleans()) else {"vpcCidr": draw(st.sampled_from(["10.0.0.0/16", "172.16.0.0/17"]))}
    )


def unencrypted(cloud: Cloud) -> list[str]:
    """What is kept or sent in plain text."""
    found = (
        []
        if cloud.of("s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
        else ["bucket"]
    )
    found += [
        it.name
        for it in cloud.of("elasticache/replicationGroup:ReplicationGroup")
        if not (it["transitEncryptionEnabled"] and it["atRestEncryptionEnabled"] and "authToken" in it.secrets)
    ]
    for it in cloud.resources:
        plain = json.dumps({name: value for name, value in it.inputs.items() if name not in it.secrets})
        found += [it.name for secret in SECRETS if secret in plain]
    return found


def public(cloud: Cloud) -> list[str]:
    """What the internet could reach but the API."""
    found = [
        it.name
        for it in cloud.of("s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
        if not all(value for name, value in it.inputs.items() if name != "bucket")
    ]
    found += [
        it.name
        for it in cloud.of("s3/bucketPolicy:BucketPolicy")
        if any(part["Effect"] == "Allow" for part in document(it["policy"]))
    ]
    return found + [
        it.name
        for it in cloud.of("vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        if it.inputs.get("cidrIpv4") == "0.0.0.0/0" or "cidrIpv6" in it.inputs
    ]


def unbounded(cloud: Cloud) -> list[str]:
    """What could grow, or be kept, without an end."""
    found = [it.name for it in cloud.of("cloudwatch/logGroup:LogGroup") if not it["retentionInDays"]]
    found += [
        it.name
        for it in cloud.of("dynamodb/table:Table")
        if not it.inputs.get("onDemandThroughput") or not it["ttl"]["enabled"]
    ]
    found += [
        it.name
        for it in cloud.of("elasticache/serverlessCache:ServerlessCache")
        if not it.inputs.get("cacheUsageLimits")
    ]
    for it in cloud.of("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"):
        covered = {rule["filter"]["prefix"] for rule in it["rules"] if "expiration" in rule}
        found += [] if {"uploads/", "results/"} <= covered else [it.name]
    return found


def overpermitted(cloud: Cloud) -> list[str]:
    """What may be done that nobody does: an action or a resource that is a wildcard."""
    return [
        f"{it.name}: {action}"
        for it in cloud.of("iam/rolePolicy:RolePolicy")
        for part in document(it["policy"])
        for action in part["Action"]
        if ("*" in action or part["Resource"] == "*") and action not in WITHOUT_RESOURCE
    ]


# Each example runs the whole program: there are few, and one that fails is shown as it is.
@settings(max_examples=15, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(configurations())
def test_whatever_is_set_nothing_is_open(configuration: Mapping[str, str]) -> None:
    """No valid configuration makes anything unencrypted, public, unbounded, over-permitted, or wrong for AWS."""
    cloud = deployed(configuration)
    assert unencrypted(cloud) == public(cloud) == unbounded(cloud) == overpermitted(cloud) == []
    assert not [fault for it in cloud.resources for fault in wrong(it)]
