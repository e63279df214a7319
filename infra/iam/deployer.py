"""
What whoever runs `pulumi up` has to be allowed: a policy from the kinds of resources that the program declares.

`python -m infra.iam.deployer ACCOUNT REGION FOLDER` writes it, in as many documents as their limit asks for.
A row is a kind, the actions with which the AWS provider makes, reads, changes and deletes it, and the ARNs that it is
limited to: names begin with `reprise-` where the stack chooses them. A test declares every kind of stack, and finds a
row for each of its kinds and no other row.

The provider reads more of a resource than it was asked to set, hence `Get*` and `Describe*`: they read, and change
nothing.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.iam.documents import EVERYWHERE, partition

OURS = "reprise-*"
LONGEST = 6144  # characters of a managed policy: a quota of IAM that cannot be raised


@dataclass(frozen=True, slots=True)
class Row:
    """Actions on ARNs; `{p}`, `{r}` and `{a}` in these are partition, region and account."""

    actions: tuple[str, ...]
    arns: tuple[str, ...]


def _named(service: str, *paths: str) -> tuple[str, ...]:
    return tuple(f"arn:{{p}}:{service}:{{r}}:{{a}}:{path}" for path in paths)


BUCKET = (f"arn:{{p}}:s3:::{OURS}", f"arn:{{p}}:s3:::{OURS}/*")
ROLE = (f"arn:{{p}}:iam::{{a}}:role/{OURS}",)
EC2 = _named("ec2", "*")
ANYWHERE = (EVERYWHERE,)

ROWS: Mapping[str, Row] = {
    "apprunner/autoScalingConfigurationVersion:AutoScalingConfigurationVersion": Row(
        ("apprunner:*AutoScalingConfiguration",), _named("apprunner", f"autoscalingconfiguration/{OURS}")
    ),
    "apprunner/observabilityConfiguration:ObservabilityConfiguration": Row(
        ("apprunner:*ObservabilityConfiguration",), _named("apprunner", f"observabilityconfiguration/{OURS}")
    ),
    "apprunner/service:Service": Row(
        (
            "apprunner:CreateService", "apprunner:DeleteService", "apprunner:DescribeService",
            "apprunner:UpdateService", "apprunner:ListTagsForResource", "apprunner:TagResource",
            "apprunner:UntagResource",
        ),
        _named("apprunner", f"service/{OURS}", f"autoscalingconfiguration/{OURS}", f"vpcconnector/{OURS}",
               f"observabilityconfiguration/{OURS}"),
    ),
    "apprunner/vpcConnector:VpcConnector": Row(
        ("apprunner:*VpcConnector",), _named("apprunner", f"vpcconnector/{OURS}")
    ),
    "appautoscaling/policy:Policy": Row(
        ("application-autoscaling:*ScalingPolicy", "application-autoscaling:DescribeScalingPolicies"),
        _named("application-autoscaling", "scalable-target/*"),
    ),
    "appautoscaling/target:Target": Row(
        (
            "application-autoscaling:*ScalableTarget", "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:ListTagsForResource", "application-autoscaling:TagResource",
        ),
        _named("application-autoscaling", "scalable-target/*"),
    ),
    "budgets/budget:Budget": Row(
        ("budgets:ViewBudget", "budgets:ModifyBudget", "budgets:ListTagsForResource", "budgets:TagResource"),
        (f"arn:{{p}}:budgets::{{a}}:budget/{OURS}",),
    ),
    "cloudwatch/dashboard:Dashboard": Row(
        ("cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"),
        (f"arn:{{p}}:cloudwatch::{{a}}:dashboard/{OURS}",),
    ),
    "cloudwatch/logGroup:LogGroup": Row(
        (
            "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:ListTagsForResource",
            "logs:TagResource", "logs:UntagResource",
        ),
        _named("logs", f"log-group:{OURS}", "log-group:/aws/apprunner/reprise-*"),
    ),
    "cloudwatch/metricAlarm:MetricAlarm": Row(
        (
            "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms",
            "cloudwatch:ListTagsForResource", "cloudwatch:TagResource", "cloudwatch:UntagResource",
        ),
        _named("cloudwatch", f"alarm:{OURS}"),
    ),
    "dynamodb/table:Table": Row(
        (
            "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:Describe*", "dynamodb:UpdateTable",
            "dynamodb:UpdateTimeToLive", "dynamodb:UpdateContinuousBackups", "dynamodb:ListTagsOfResource",
            "dynamodb:TagResource", "dynamodb:UntagResource",
        ),
        _named("dynamodb", f"table/{OURS}"),
    ),
    "ec2/internetGateway:InternetGateway": Row(("ec2:*InternetGateway",), EC2),
    "ec2/routeTable:RouteTable": Row(
        ("ec2:*RouteTable", "ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"), EC2
    ),
    "ec2/routeTableAssociation:RouteTableAssociation": Row(("ec2:ReplaceRouteTableAssociation",), EC2),
    "ec2/securityGroup:SecurityGroup": Row(
        ("ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupEgress"), EC2
    ),
    "ec2/subnet:Subnet": Row(("ec2:CreateSubnet", "ec2:DeleteSubnet", "ec2:ModifySubnetAttribute"), EC2),
    "ec2/vpc:Vpc": Row(("ec2:CreateVpc", "ec2:DeleteVpc", "ec2:ModifyVpcAttribute"), EC2),
    "ec2/vpcEndpoint:VpcEndpoint": Row(
        ("ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints", "ec2:ModifyVpcEndpoint"), EC2
    ),
    "ecr/lifecyclePolicy:LifecyclePolicy": Row(("ecr:*LifecyclePolicy",), _named("ecr", f"repository/{OURS}")),
    "ecr/repository:Repository": Row(
        (
            "ecr:CreateRepository", "ecr:DeleteRepository", "ecr:DescribeRepositories", "ecr:PutImageTagMutability",
            "ecr:PutImageScanningConfiguration", "ecr:ListTagsForResource", "ecr:TagResource", "ecr:UntagResource",
            # and what a build pushes with
            "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload",
            "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ),
        _named("ecr", f"repository/{OURS}"),
    ),
    "ecs/cluster:Cluster": Row(
        (
            "ecs:CreateCluster", "ecs:DeleteCluster", "ecs:DescribeClusters", "ecs:UpdateCluster",
            "ecs:UpdateClusterSettings", "ecs:ListTagsForResource", "ecs:TagResource", "ecs:UntagResource",
        ),
        _named("ecs", f"cluster/{OURS}", f"service/{OURS}", f"task-definition/{OURS}"),
    ),
    "ecs/clusterCapacityProviders:ClusterCapacityProviders": Row(
        ("ecs:PutClusterCapacityProviders",), _named("ecs", f"cluster/{OURS}")
    ),
    "ecs/expressGatewayService:ExpressGatewayService": Row(
        ("ecs:*ExpressGatewayService", "ecs:DescribeServiceRevisions", "ecs:DescribeServiceDeployments",
         "ecs:ListServiceDeployments"),
        _named("ecs", f"service/{OURS}", f"service-revision/{OURS}", f"service-deployment/{OURS}"),
    ),
    "ecs/service:Service": Row(
        ("ecs:CreateService", "ecs:DeleteService", "ecs:DescribeServices", "ecs:UpdateService"),
        _named("ecs", f"service/{OURS}"),
    ),
    "elasticache/replicationGroup:ReplicationGroup": Row(
        (
            "elasticache:*ReplicationGroup", "elasticache:DescribeReplicationGroups",
            "elasticache:DescribeCacheClusters", "elasticache:ListTagsForResource", "elasticache:AddTagsToResource",
            "elasticache:RemoveTagsFromResource",
        ),
        _named("elasticache", f"replicationgroup:{OURS}", f"cluster:{OURS}", f"subnetgroup:{OURS}", "parametergroup:*",
               f"serverlesscache:{OURS}", f"user:{OURS}", f"usergroup:{OURS}"),
    ),
    "elasticache/serverlessCache:ServerlessCache": Row(
        ("elasticache:*ServerlessCache", "elasticache:DescribeServerlessCaches"),
        _named("elasticache", f"serverlesscache:{OURS}", f"usergroup:{OURS}"),
    ),
    "elasticache/subnetGroup:SubnetGroup": Row(
        ("elasticache:*CacheSubnetGroup", "elasticache:DescribeCacheSubnetGroups"),
        _named("elasticache", f"subnetgroup:{OURS}"),
    ),
    "elasticache/user:User": Row(
        ("elasticache:CreateUser", "elasticache:DeleteUser", "elasticache:DescribeUsers", "elasticache:ModifyUser"),
        _named("elasticache", f"user:{OURS}"),
    ),
    "elasticache/userGroup:UserGroup": Row(
        ("elasticache:*UserGroup", "elasticache:DescribeUserGroups"),
        _named("elasticache", f"usergroup:{OURS}", f"user:{OURS}"),
    ),
    "iam/role:Role": Row(
        (
            "iam:CreateRole", "iam:DeleteRole", "iam:GetRole", "iam:UpdateRole", "iam:UpdateRoleDescription",
            "iam:UpdateAssumeRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole", "iam:TagRole", "iam:UntagRole",
        ),
        ROLE,
    ),
    "iam/rolePolicy:RolePolicy": Row(("iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"), ROLE),
    "iam/rolePolicyAttachment:RolePolicyAttachment": Row(("iam:AttachRolePolicy", "iam:DetachRolePolicy"), ROLE),
    "s3/bucket:Bucket": Row(
        ("s3:CreateBucket", "s3:DeleteBucket", "s3:Get*", "s3:ListBucket*", "s3:PutBucketTagging", "s3:DeleteObject*"),
        BUCKET,
    ),
    "s3/bucketCorsConfiguration:BucketCorsConfiguration": Row(("s3:PutBucketCORS",), BUCKET),
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Row(("s3:PutLifecycleConfiguration",), BUCKET),
    "s3/bucketOwnershipControls:BucketOwnershipControls": Row(("s3:PutBucketOwnershipControls",), BUCKET),
    "s3/bucketPolicy:BucketPolicy": Row(("s3:PutBucketPolicy", "s3:DeleteBucketPolicy"), BUCKET),
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Row(("s3:PutBucketPublicAccessBlock",), BUCKET),
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Row(
        ("s3:PutEncryptionConfiguration",), BUCKET
    ),
    "secretsmanager/secret:Secret": Row(
        (
            "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret",
            "secretsmanager:GetResourcePolicy", "secretsmanager:UpdateSecret", "secretsmanager:TagResource",
            "secretsmanager:UntagResource",
        ),
        _named("secretsmanager", f"secret:{OURS}"),
    ),
    "secretsmanager/secretVersion:SecretVersion": Row(
        ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"),
        _named("secretsmanager", f"secret:{OURS}"),
    ),
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": Row(
        ("ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress", "ec2:ModifySecurityGroupRules"), EC2
    ),
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": Row(
        ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", "ec2:ModifySecurityGroupRules"), EC2
    ),
}  # fmt: skip

# Kinds that name no ARN, or none that can be foreseen.
UNNAMED: Mapping[str, tuple[str, ...]] = {
    "*": (
        "ec2:CreateTags", "ec2:DeleteTags", "ec2:Describe*", "ecr:GetAuthorizationToken", "logs:DescribeLogGroups",
        "sts:GetCallerIdentity",
    ),
    # AWS lets a task definition be named neither when it is looked at nor when it is given up.
    "ecs/taskDefinition:TaskDefinition": (
        "ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition",
    ),
}  # fmt: skip

SERVICES = ("build.apprunner", "ecs", "ecs-tasks", "tasks.apprunner")
LINKED = ("apprunner", "ecs", "ecs.application-autoscaling", "elasticache", "networking.apprunner")


def statements(account: str, region: str) -> list[dict[str, Any]]:
    """What is allowed: a statement for each set of ARNs."""
    by_arns: dict[tuple[str, ...], set[str]] = {ANYWHERE: {it for actions in UNNAMED.values() for it in actions}}
    for row in ROWS.values():
        by_arns.setdefault(row.arns, set()).update(row.actions)
    names = {"p": partition(region), "r": region, "a": account}
    allowed: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": sorted(actions), "Resource": [arn.format_map(names) for arn in arns]}
        for arns, actions in by_arns.items()
    ]
    hand_over = {"StringEquals": {"iam:PassedToService": [f"{it}.amazonaws.com" for it in SERVICES]}}
    linked = {"StringEquals": {"iam:AWSServiceName": [f"{it}.amazonaws.com" for it in LINKED]}}
    allowed += [
        {
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": [arn.format_map(names) for arn in ROLE],
            "Condition": hand_over,
        },
        {
            "Effect": "Allow",
            "Action": ["iam:CreateServiceLinkedRole"],
            "Resource": [f"arn:{names['p']}:iam::{account}:role/aws-service-role/*"],
            "Condition": linked,
        },
    ]
    return allowed


def policies(account: str, region: str) -> list[str]:
    """The documents, each short enough for a managed policy; all of them together are what is needed."""
    packed: list[list[dict[str, Any]]] = [[]]
    for statement in statements(account, region):
        if len(_compact([*packed[-1], statement])) > LONGEST:
            packed.append([])
        packed[-1].append(statement)
    return [_compact(part) for part in packed]


def _compact(part: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": part}, separators=(",", ":"))


if __name__ == "__main__":
    for number, text in enumerate(policies(*sys.argv[1:3]), 1):
        (Path(sys.argv[3]) / f"reprise-deployer-{number}.json").write_text(text, encoding="utf-8")
