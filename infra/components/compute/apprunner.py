"""
The API on App Runner.

Its names are not made by Pulumi, and two of its parts cannot be changed: the connector and the auto-scaling
configuration carry a hash of what is in them, so that a change makes another one, and the old one goes when the
service has moved. Optional ARNs are left out, never empty. New images are deployed by this program alone
(`auto_deployments_enabled` is off).

App Runner gives CPU to an instance only while a request is in flight, cuts each request after 120 seconds, and stops an
instance without notice. The service is made for that; docs/deploy.md says what it means for its users.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import CustomTimeouts, Input, Output, Resource, ResourceOptions

from infra.components import Component
from infra.containers import LIVE, PORT
from infra.naming import hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRunnerArgs:
    """
    `cpu` in units, `memory` in MB. `access_role_arn` None: the image is public. `secrets` are ARNs by variable.

    `traced`: beside each container one of App Runner's takes spans, and sends them to X-Ray.
    """

    cpu: str
    memory: str
    min_instances: int
    max_instances: int
    max_concurrency: int
    image: Input[str]
    access_role_arn: Input[str] | None
    instance_role_arn: Input[str]
    subnets: Sequence[Input[str]]
    group_id: Input[str]
    traced: bool
    variables: Mapping[str, Input[str]]
    secrets: Mapping[str, Input[str]]
    ready: Sequence[Resource]


class AppRunner(Component):
    """Outputs: `url`; `log_group`, which App Runner makes itself; `dimensions` of its metrics."""

    def __init__(self, name: str, args: AppRunnerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("AppRunner", name, opts)
        self._name, self._args = name, args
        connector, scaling = self._connector(), self._scaling()
        source = aws.apprunner.ServiceSourceConfigurationArgs(
            auto_deployments_enabled=False,
            image_repository=aws.apprunner.ServiceSourceConfigurationImageRepositoryArgs(
                image_identifier=args.image,
                image_repository_type="ECR" if args.access_role_arn is not None else "ECR_PUBLIC",
                image_configuration=aws.apprunner.ServiceSourceConfigurationImageRepositoryImageConfigurationArgs(
                    port=str(PORT),
                    runtime_environment_variables=args.variables,
                    runtime_environment_secrets=args.secrets,
                ),
            ),
        )
        if args.access_role_arn is not None:
            source.authentication_configuration = (
                aws.apprunner.ServiceSourceConfigurationAuthenticationConfigurationArgs(
                    access_role_arn=args.access_role_arn
                )
            )
        service = aws.apprunner.Service(
            name,
            service_name=name,
            source_configuration=source,
            instance_configuration=aws.apprunner.ServiceInstanceConfigurationArgs(
                cpu=args.cpu, memory=args.memory, instance_role_arn=args.instance_role_arn
            ),
            auto_scaling_configuration_arn=scaling.arn,
            health_check_configuration=aws.apprunner.ServiceHealthCheckConfigurationArgs(
                protocol="HTTP", path=LIVE, interval=10, timeout=5, healthy_threshold=1, unhealthy_threshold=5
            ),
            network_configuration=aws.apprunner.ServiceNetworkConfigurationArgs(
                egress_configuration=aws.apprunner.ServiceNetworkConfigurationEgressConfigurationArgs(
                    egress_type="VPC", vpc_connector_arn=connector.arn
                ),
                ingress_configuration=aws.apprunner.ServiceNetworkConfigurationIngressConfigurationArgs(
                    is_publicly_accessible=True
                ),
            ),
            observability_configuration=self._observability() if args.traced else None,
            opts=self.within(ResourceOptions(depends_on=list(args.ready))),
        )
        self.url = Output.concat("https://", service.service_url)
        self.log_group = Output.concat("/aws/apprunner/", name, "/", service.service_id, "/application")
        self.dimensions: Mapping[str, Output[str]] = {
            "ServiceName": service.service_name,
            "ServiceID": service.service_id,
        }
        self.register_outputs({"url": self.url})

    def _observability(self) -> aws.apprunner.ServiceObservabilityConfigurationArgs:
        made = aws.apprunner.ObservabilityConfiguration(
            self._name,
            observability_configuration_name=self._name,
            trace_configuration=aws.apprunner.ObservabilityConfigurationTraceConfigurationArgs(vendor="AWSXRAY"),
            opts=self.inside,
        )
        return aws.apprunner.ServiceObservabilityConfigurationArgs(
            observability_enabled=True, observability_configuration_arn=made.arn
        )

    def _connector(self) -> aws.apprunner.VpcConnector:
        """
        All that the application sends goes into the VPC through it.

        The same groups and subnets under two names are refused, hence a group of its own. A service that was deleted
        keeps its connector in use for a while, hence the patience.
        """
        args = self._args
        name = Output.all(args.group_id, *args.subnets).apply(lambda parts: hashed(self._name, *parts))
        return aws.apprunner.VpcConnector(
            self._name,
            vpc_connector_name=name,
            subnets=list(args.subnets),
            security_groups=[args.group_id],
            opts=self.within(ResourceOptions(custom_timeouts=CustomTimeouts(delete="30m"))),
        )

    def _scaling(self) -> aws.apprunner.AutoScalingConfigurationVersion:
        args = self._args
        numbers = (args.min_instances, args.max_instances, args.max_concurrency)
        return aws.apprunner.AutoScalingConfigurationVersion(
            self._name,
            auto_scaling_configuration_name=hashed(self._name, *map(str, numbers)),
            min_size=args.min_instances,
            max_size=args.max_instances,
            max_concurrency=args.max_concurrency,
            opts=self.inside,
        )
