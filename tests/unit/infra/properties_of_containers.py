"""What holds of the network, the images and the containers of every stack: property → why, and how to see it."""

import json
from collections.abc import Mapping

from tests.support.cloud import document
from tests.unit.infra.looks import Holds, any_of, every

CONTAINERS: Mapping[str, tuple[str, Holds]] = {
    "caches are in private subnets": (
        "nothing outside of the VPC can reach one",
        lambda cloud: (
            not any(
                "public" in subnet or subnet in {"subnet-3", "subnet-4"}
                for kind, name in (
                    ("elasticache/subnetGroup:SubnetGroup", "subnetIds"),
                    ("elasticache/serverlessCache:ServerlessCache", "subnetIds"),
                )
                for it in cloud.of(kind)
                for subnet in it[name]
            )
        ),
    ),
    "security groups let in only what is in the VPC": (
        "a container has an address, and no door",
        any_of(
            "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            lambda it: (
                it["ipProtocol"] == "tcp"
                and it["fromPort"] == it["toPort"]
                and ("referencedSecurityGroupId" in it.inputs or it["cidrIpv4"] == "10.64.0.0/16")
            ),
        ),
    ),
    "security groups let out HTTPS and the cache alone": (
        "a file that takes over ffmpeg finds no way to other services",
        every(
            "vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            lambda it: it["fromPort"] == it["toPort"] and it["fromPort"] in {443, 6379},
        ),
    ),
    "rules of security groups are resources of their own": (
        "rules in the group and beside it take each other away",
        every("ec2/securityGroup:SecurityGroup", lambda it: not {"ingress", "egress"} & set(it.inputs)),
    ),
    "there is no NAT gateway and no interface endpoint": (
        "they would cost more than all else of an idle stack",
        lambda cloud: (
            not cloud.of("ec2/natGateway:NatGateway")
            and all(it["vpcEndpointType"] == "Gateway" for it in cloud.of("ec2/vpcEndpoint:VpcEndpoint"))
        ),
    ),
    "no subnet hands out public addresses by itself": (
        "only a task that asks for one has one",
        any_of("ec2/subnet:Subnet", lambda it: it["mapPublicIpOnLaunch"] is False),
    ),
    "endpoints let through what is ours alone": (
        "stolen credentials carry nothing to a foreign bucket through it",
        any_of(
            "ec2/vpcEndpoint:VpcEndpoint",
            lambda it: all(
                "reprise-" in str(part["Resource"]) or "starport-layer" in str(part["Resource"])
                for part in document(it["policy"])
            ),
        ),
    ),
    "log groups have an end": (
        "logs are kept for a while, not for ever",
        any_of("cloudwatch/logGroup:LogGroup", lambda it: it["retentionInDays"] == 14),
    ),
    "images are scanned, and their tags never move": (
        "what was tested under a tag is what runs under it",
        any_of(
            "ecr/repository:Repository",
            lambda it: (
                it["imageTagMutability"] == "IMMUTABLE" and it["imageScanningConfiguration"]["scanOnPush"] is True
            ),
        ),
    ),
    "the image is named by digest": (
        "a tag could be another image tomorrow",
        lambda cloud: "@sha256:" in str(cloud.outputs["image"]),
    ),
    "App Runner deploys nothing by itself": (
        "it would by default, and a second hand on the same service is one too many",
        any_of("apprunner/service:Service", lambda it: it["sourceConfiguration"]["autoDeploymentsEnabled"] is False),
    ),
    "App Runner sends everything into the VPC": (
        "what it sends goes to S3, DynamoDB and the cache, through rules that are ours",
        any_of(
            "apprunner/service:Service",
            lambda it: it["networkConfiguration"]["egressConfiguration"]["egressType"] == "VPC",
        ),
    ),
    "App Runner looks whether the process lives, by HTTP": (
        "its default is an open port, which a process that hangs has too",
        any_of(
            "apprunner/service:Service",
            lambda it: (
                it["healthCheckConfiguration"]["protocol"] == "HTTP"
                and it["healthCheckConfiguration"]["path"] == "/health/live"
            ),
        ),
    ),
    "Express has everything set": (
        "its defaults differ from page to page of the documentation",
        any_of(
            "ecs/expressGatewayService:ExpressGatewayService",
            lambda it: (
                {
                    "cpu",
                    "memory",
                    "healthCheckPath",
                    "networkConfigurations",
                    "scalingTargets",
                    "serviceName",
                    "cluster",
                    "taskRoleArn",
                }
                <= set(it.inputs)
                and it["primaryContainer"]["containerPort"] == 8080
            ),
        ),
    ),
    "workers stop politely, with time for it": (
        "a lease that is given back is taken up within a second",
        any_of(
            "ecs/taskDefinition:TaskDefinition",
            lambda it: json.loads(it["containerDefinitions"])[0]["stopTimeout"] == 60,
        ),
    ),
    "workers have a health check": (
        "ECS does not read the image's",
        any_of(
            "ecs/taskDefinition:TaskDefinition",
            lambda it: json.loads(it["containerDefinitions"])[0]["healthCheck"]["command"][-1] == "healthy.py",
        ),
    ),
    "a worker's deployment that fails is rolled back": (
        "a version that cannot start must not replace one that works",
        any_of("ecs/service:Service", lambda it: it["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}),
    ),
    "nobody can open a shell in a container": (
        "it is the shortest way to the data",
        any_of("ecs/service:Service", lambda it: it["enableExecuteCommand"] is False),
    ),
    "scaling has an end": (
        "a flood of work must not become a flood of costs",
        lambda cloud: (
            all(it["maxCapacity"] == 4 for it in cloud.of("appautoscaling/target:Target"))
            and all(
                it["maxSize"] == 4
                for it in cloud.of("apprunner/autoScalingConfigurationVersion:AutoScalingConfigurationVersion")
            )
            and all(
                it["scalingTargets"][0]["maxTaskCount"] == 4
                for it in cloud.of("ecs/expressGatewayService:ExpressGatewayService")
            )
        ),
    ),
    "scaling is left alone by the next `up`": (
        "it would set back what scaling has decided",
        any_of("ecs/service:Service", lambda it: it.ignored == ("desiredCount",)),
    ),
    "Container Insights are off": (
        "they are billed by metric, and nothing here reads them",
        any_of(
            "ecs/cluster:Cluster", lambda it: it["settings"] == [{"name": "containerInsights", "value": "disabled"}]
        ),
    ),
}
