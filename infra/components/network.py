"""
Where the containers are: a VPC of two zones without a NAT gateway, or one that is there already.

The private subnets lead to S3 and DynamoDB, by gateway endpoints that cost nothing, and nowhere else: App Runner's
connector and the cache are in them. Fargate tasks also have to fetch their image and send their logs. They are in
public subnets, which exist only if there are tasks, each with an address of its own and no way in: an address costs a
tenth of the interface endpoints that private subnets would need.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.components import Component
from infra.iam.documents import Places, endpoint_policy

HTTPS = 443
SERVICES = ("s3", "dynamodb")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkArgs:
    """`vpc_id` and the subnets name an existing network; else `cidr` is cut up over `zones`. `tasks`: there are any."""

    region: str
    cidr: str
    zones: Sequence[str]
    vpc_id: str
    private_subnets: Sequence[str]
    public_subnets: Sequence[str]
    tasks: bool
    bucket_arn: Input[str]
    table_arn: Input[str]


class Network(Component):
    """Outputs: `vpc_id`, `private_subnets`, `public_subnets` (empty without tasks), and security groups by purpose."""

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Network", name, opts)
        self._name, self._args = name, args
        self.vpc_id: Input[str] = args.vpc_id
        self.private_subnets: Sequence[Input[str]] = args.private_subnets
        self.public_subnets: Sequence[Input[str]] = args.public_subnets if args.tasks else ()
        self._prefix_lists: Sequence[Output[str]] = ()
        if not args.vpc_id:
            self._create()
        self.register_outputs({"vpc_id": self.vpc_id})

    def _create(self) -> None:
        name, args = self._name, self._args
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": name},
            opts=self.inside,
        )
        self.vpc_id = vpc.id
        private = aws.ec2.RouteTable(
            f"{name}-private", vpc_id=vpc.id, tags={"Name": f"{name}-private"}, opts=self.inside
        )
        tables = [private]
        blocks = list(ipaddress.IPv4Network(args.cidr).subnets(new_prefix=20))
        half = len(blocks) // 2
        self.private_subnets = self._subnets("private", vpc, private, blocks[:half])
        if args.tasks:
            gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags={"Name": name}, opts=self.inside)
            public = aws.ec2.RouteTable(
                f"{name}-public",
                vpc_id=vpc.id,
                routes=[aws.ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=gateway.id)],
                tags={"Name": f"{name}-public"},
                opts=self.inside,
            )
            tables.append(public)
            self.public_subnets = self._subnets("public", vpc, public, blocks[half:])
        self._prefix_lists = [self._endpoint(service, vpc, tables) for service in SERVICES]

    def _subnets(
        self, kind: str, vpc: aws.ec2.Vpc, routes: aws.ec2.RouteTable, blocks: Sequence[ipaddress.IPv4Network]
    ) -> list[Input[str]]:
        """One for each zone. Addresses are given to tasks one by one, and to nothing just for being there."""
        made: list[Input[str]] = []
        for zone, block in zip(self._args.zones, blocks, strict=False):
            name = f"{self._name}-{kind}-{zone}"
            subnet = aws.ec2.Subnet(
                name,
                vpc_id=vpc.id,
                availability_zone=zone,
                cidr_block=str(block),
                map_public_ip_on_launch=False,
                tags={"Name": name},
                opts=self.inside,
            )
            aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=routes.id, opts=self.inside)
            made.append(subnet.id)
        return made

    def _endpoint(self, service: str, vpc: aws.ec2.Vpc, tables: Sequence[aws.ec2.RouteTable]) -> Output[str]:
        args = self._args
        policy = Output.all(args.bucket_arn, args.table_arn).apply(
            lambda arns: endpoint_policy(service, Places(arns[0], arns[1]), args.region, layers=args.tasks)
        )
        endpoint = aws.ec2.VpcEndpoint(
            f"{self._name}-{service}",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{args.region}.{service}",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            policy=policy,
            tags={"Name": f"{self._name}-{service}"},
            opts=self.inside,
        )
        return endpoint.prefix_list_id

    def group(self, purpose: str, about: str) -> aws.ec2.SecurityGroup:
        """
        A security group of its own for one purpose, with no way in or out yet.

        A new purpose is a new group, never a changed one: the description of a group cannot change.
        """
        name = f"{self._name}-{purpose}"
        return aws.ec2.SecurityGroup(name, vpc_id=self.vpc_id, description=about, tags={"Name": name}, opts=self.inside)

    def to_aws(self, purpose: str, group: aws.ec2.SecurityGroup, *, anywhere: bool) -> None:
        """
        Let a group out by HTTPS: to S3 and DynamoDB, and with `anywhere` to every address.

        In an existing network the endpoints are not ours, so it is `anywhere` there; its routes decide what that means.
        """
        if anywhere or not self._prefix_lists:
            self._egress(f"{purpose}-https", group, HTTPS, "HTTPS, to the services of AWS", cidr_ipv4="0.0.0.0/0")
            return
        for service, prefixes in zip(SERVICES, self._prefix_lists, strict=True):
            self._egress(f"{purpose}-{service}", group, HTTPS, f"HTTPS to {service}", prefix_list_id=prefixes)

    def between(self, purpose: str, source: aws.ec2.SecurityGroup, target: aws.ec2.SecurityGroup, port: int) -> None:
        """Let `source` connect to `target` on a port: a rule out and a rule in."""
        name = f"{purpose}-{port}"
        self._egress(name, source, port, f"to {purpose}", referenced_security_group_id=target.id)
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-{name}-in",
            security_group_id=target.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            referenced_security_group_id=source.id,
            description=f"for {purpose}",
            opts=self.inside,
        )

    def from_inside(self, purpose: str, group: aws.ec2.SecurityGroup, port: int) -> None:
        """Let what is in the VPC connect on a port: the load balancer, whose group is not ours to name."""
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-{purpose}-{port}-vpc",
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            cidr_ipv4=self._args.cidr,
            description="from the load balancer",
            opts=self.inside,
        )

    def _egress(
        self,
        name: str,
        group: aws.ec2.SecurityGroup,
        port: int,
        about: str,
        *,
        cidr_ipv4: str | None = None,
        prefix_list_id: Input[str] | None = None,
        referenced_security_group_id: Input[str] | None = None,
    ) -> None:
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-{name}-out",
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            cidr_ipv4=cidr_ipv4,
            prefix_list_id=prefix_list_id,
            referenced_security_group_id=referenced_security_group_id,
            description=about,
            opts=self.inside,
        )
