"""Which API call makes each kind of resource, and what AWS's own models of the calls find wrong with one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support import aws_models
from tests.support.cloud import Recorded

Inputs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """
    The call that makes a kind: its service and operation, and how properties are named there that are not found.

    `apart` are properties that go by another call or are Pulumi's own, with the reason. `wrap` says how the
    properties are laid out where the call has them in a structure of its own. `name` is what Pulumi names by itself.
    """

    service: str
    operation: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, str] = field(default_factory=dict)
    wrap: Callable[[Inputs], Inputs] = dict
    name: str | None = None


def inside(member: str, properties: str) -> Callable[[Inputs], Inputs]:
    """The call has these properties, but for the bucket, in one structure."""

    def wrap(given: Inputs) -> Inputs:
        rest = {name: value for name, value in given.items() if name != "bucket"}
        return {"bucket": given["bucket"], member: {properties: rest[properties]} if properties else rest}

    return wrap


def permission(given: Inputs) -> Inputs:
    """A rule of a security group, as a permission with one range."""
    ranges = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    ((where, what, source),) = ((*ranges[name], given[name]) for name in ranges if name in given)
    rest = {name: given[name] for name in ("ipProtocol", "fromPort", "toPort")}
    return {
        "groupId": given["securityGroupId"],
        "ipPermissions": [{**rest, where: [{what: source, "Description": given["description"]}]}],
    }


def table(given: Inputs) -> Inputs:
    """Keys, as the call lists them; an encryption with a key of one's own, as it words it."""
    made = {
        name: value for name, value in given.items() if name not in {"hashKey", "attributes", "globalSecondaryIndexes"}
    }
    if "serverSideEncryption" in made:
        block = made.pop("serverSideEncryption")
        made["SSESpecification"] = {"Enabled": block["enabled"], "SSEType": "KMS", "KMSMasterKeyId": block["kmsKeyArn"]}
    return {
        **made,
        "KeySchema": [{"AttributeName": given["hashKey"], "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": it["name"], "AttributeType": it["type"]} for it in given["attributes"]
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": it["name"],
                "Projection": {"ProjectionType": it["projectionType"]},
                "KeySchema": it["keySchemas"],
                "OnDemandThroughput": it["onDemandThroughput"],
            }
            for it in given["globalSecondaryIndexes"]
        ],
    }


def ecs_service(given: Inputs) -> Inputs:
    """Deployment and network, in the structures that the call has for them."""
    network = given["networkConfiguration"]
    made = {name: value for name, value in given.items() if not name.startswith(("deployment", "networkConfiguration"))}
    public = "ENABLED" if network["assignPublicIp"] else "DISABLED"
    made["networkConfiguration"] = {"awsvpcConfiguration": {**network, "assignPublicIp": public}}
    made["deploymentConfiguration"] = {
        "deploymentCircuitBreaker": given["deploymentCircuitBreaker"],
        "maximumPercent": given["deploymentMaximumPercent"],
        "minimumHealthyPercent": given["deploymentMinimumHealthyPercent"],
    }
    return made


def alarm(given: Inputs) -> Inputs:
    """Queries of metrics, with statistic and period beside the metric."""
    made = dict(given)
    for query in made.get("metricQueries", []):
        if metric := query.pop("metric", None):
            query["metricStat"] = {
                "Metric": {name: metric[name] for name in ("namespace", "metricName", "dimensions") if name in metric},
                "Period": metric["period"],
                "Stat": metric["stat"],
            }
    return made


def budget(given: Inputs) -> Inputs:
    """The budget and who is told, apart."""
    (told,) = given["notifications"]
    addresses = told.pop("subscriberEmailAddresses")
    return {
        "AccountId": "123456789012",
        "Budget": {
            "BudgetName": given["name"],
            "BudgetType": given["budgetType"],
            "TimeUnit": given["timeUnit"],
            "BudgetLimit": {"Amount": given["limitAmount"], "Unit": given["limitUnit"]},
        },
        "NotificationsWithSubscribers": [
            {"Notification": told, "Subscribers": [{"SubscriptionType": "EMAIL", "Address": it} for it in addresses]}
        ],
    }


PULUMIS = "Pulumi's own: how the provider deletes, or waits"
TAGS = "EC2 has tags in a structure with the kind of what they are on"
LATER = "a call of its own, after the resource is there"
EC2 = {"tags": TAGS}

CALLS: Mapping[str, Call] = {
    "apprunner/autoScalingConfigurationVersion:AutoScalingConfigurationVersion": Call(
        "apprunner", "CreateAutoScalingConfiguration"
    ),
    "apprunner/observabilityConfiguration:ObservabilityConfiguration": Call(
        "apprunner", "CreateObservabilityConfiguration"
    ),
    "apprunner/service:Service": Call("apprunner", "CreateService"),
    "apprunner/vpcConnector:VpcConnector": Call("apprunner", "CreateVpcConnector"),
    "appautoscaling/policy:Policy": Call(
        "application-autoscaling", "PutScalingPolicy", {"name": "PolicyName"}, name="name"
    ),
    "appautoscaling/target:Target": Call("application-autoscaling", "RegisterScalableTarget"),
    "budgets/budget:Budget": Call("budgets", "CreateBudget", wrap=budget, name="name"),
    "cloudwatch/dashboard:Dashboard": Call("cloudwatch", "PutDashboard"),
    "cloudwatch/logGroup:LogGroup": Call(
        "logs", "CreateLogGroup", {"name": "logGroupName"}, {"retentionInDays": LATER}, name="name"
    ),
    "cloudwatch/metricAlarm:MetricAlarm": Call(
        "cloudwatch", "PutMetricAlarm", {"name": "AlarmName", "metricQueries": "Metrics"}, wrap=alarm, name="name"
    ),
    "dynamodb/table:Table": Call(
        "dynamodb", "CreateTable", {"name": "TableName"}, {"ttl": LATER, "pointInTimeRecovery": LATER}, table, "name"
    ),
    "ec2/internetGateway:InternetGateway": Call("ec2", "CreateInternetGateway", {}, {**EC2, "vpcId": LATER}),
    "ec2/routeTable:RouteTable": Call("ec2", "CreateRouteTable", {}, {**EC2, "routes": LATER}),
    "ec2/routeTableAssociation:RouteTableAssociation": Call("ec2", "AssociateRouteTable"),
    "ec2/securityGroup:SecurityGroup": Call("ec2", "CreateSecurityGroup", {"name": "GroupName"}, EC2, name="name"),
    "ec2/subnet:Subnet": Call("ec2", "CreateSubnet", {}, {**EC2, "mapPublicIpOnLaunch": LATER}),
    "ec2/vpc:Vpc": Call("ec2", "CreateVpc", {}, {**EC2, "enableDnsSupport": LATER, "enableDnsHostnames": LATER}),
    "ec2/vpcEndpoint:VpcEndpoint": Call("ec2", "CreateVpcEndpoint", {"policy": "PolicyDocument"}, EC2),
    "ecr/lifecyclePolicy:LifecyclePolicy": Call(
        "ecr", "PutLifecyclePolicy", {"repository": "repositoryName", "policy": "lifecyclePolicyText"}
    ),
    "ecr/repository:Repository": Call(
        "ecr", "CreateRepository", {"name": "repositoryName"}, {"forceDelete": PULUMIS}, name="name"
    ),
    "ecs/cluster:Cluster": Call("ecs", "CreateCluster", {"name": "clusterName"}, name="name"),
    "ecs/clusterCapacityProviders:ClusterCapacityProviders": Call(
        "ecs",
        "PutClusterCapacityProviders",
        {"clusterName": "cluster"},
        wrap=lambda it: {**it, "defaultCapacityProviderStrategy": []},
    ),
    "ecs/expressGatewayService:ExpressGatewayService": Call(
        "ecs", "CreateExpressGatewayService", {}, {"waitForSteadyState": PULUMIS}
    ),
    "ecs/service:Service": Call(
        "ecs",
        "CreateService",
        {"name": "serviceName"},
        {"waitForSteadyState": PULUMIS},
        ecs_service,
        "name",
    ),
    "ecs/taskDefinition:TaskDefinition": Call(
        "ecs",
        "RegisterTaskDefinition",
        wrap=lambda it: {**it, "containerDefinitions": json.loads(it["containerDefinitions"])},
    ),
    "elasticache/replicationGroup:ReplicationGroup": Call(
        "elasticache",
        "CreateReplicationGroup",
        {
            "description": "ReplicationGroupDescription",
            "nodeType": "CacheNodeType",
            "subnetGroupName": "CacheSubnetGroupName",
        },
        {"applyImmediately": PULUMIS},
        name="replicationGroupId",
    ),
    "elasticache/serverlessCache:ServerlessCache": Call(
        "elasticache",
        "CreateServerlessCache",
        {"name": "ServerlessCacheName", "ecpuPerSeconds": "ECPUPerSecond"},
        name="name",
    ),
    "elasticache/subnetGroup:SubnetGroup": Call(
        "elasticache",
        "CreateCacheSubnetGroup",
        {"name": "CacheSubnetGroupName", "description": "CacheSubnetGroupDescription"},
        name="name",
    ),
    "elasticache/user:User": Call("elasticache", "CreateUser"),
    "elasticache/userGroup:UserGroup": Call("elasticache", "CreateUserGroup"),
    "iam/role:Role": Call(
        "iam", "CreateRole", {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"}, name="name"
    ),
    "iam/rolePolicy:RolePolicy": Call(
        "iam", "PutRolePolicy", {"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"}, name="name"
    ),
    "iam/rolePolicyAttachment:RolePolicyAttachment": Call("iam", "AttachRolePolicy", {"role": "RoleName"}),
    "s3/bucket:Bucket": Call("s3", "CreateBucket", {}, {"forceDestroy": PULUMIS}, name="bucket"),
    "s3/bucketCorsConfiguration:BucketCorsConfiguration": Call(
        "s3", "PutBucketCors", wrap=inside("CORSConfiguration", "corsRules")
    ),
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Call(
        "s3", "PutBucketLifecycleConfiguration", wrap=inside("LifecycleConfiguration", "rules")
    ),
    "s3/bucketOwnershipControls:BucketOwnershipControls": Call(
        "s3", "PutBucketOwnershipControls", {"rule": "Rules"}, wrap=inside("OwnershipControls", "rule")
    ),
    "s3/bucketPolicy:BucketPolicy": Call("s3", "PutBucketPolicy"),
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Call(
        "s3", "PutPublicAccessBlock", wrap=inside("PublicAccessBlockConfiguration", "")
    ),
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Call(
        "s3", "PutBucketEncryption", wrap=inside("ServerSideEncryptionConfiguration", "rules")
    ),
    "secretsmanager/secret:Secret": Call(
        "secretsmanager", "CreateSecret", {}, {"recoveryWindowInDays": PULUMIS}, name="name"
    ),
    "secretsmanager/secretVersion:SecretVersion": Call("secretsmanager", "PutSecretValue"),
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": Call("ec2", "AuthorizeSecurityGroupEgress", wrap=permission),
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": Call(
        "ec2", "AuthorizeSecurityGroupIngress", wrap=permission
    ),
}

# What Pulumi adds to a name that it makes: a hyphen and seven digits.
SUFFIX = "-1234567"


def wrong(it: Recorded) -> list[str]:
    """What AWS would refuse of a resource, and what is not a part of any call that is known here."""
    kind = CALLS[it.kind.removeprefix("aws:")]
    given = {name: json.loads(json.dumps(value)) for name, value in it.inputs.items() if name not in kind.apart}
    if kind.name is not None:
        given.setdefault(kind.name, it.name + SUFFIX)
    wanted, unknown = aws_models.shape(kind.service, kind.operation), list[str]()
    made = aws_models.call(wanted, kind.wrap(given), kind.renamed, unknown)
    return [*(f"{name}: in no call" for name in unknown), *aws_models.faults(wanted, made)]
