"""
ElastiCache with Valkey, encrypted at rest and in transit, with a password, reachable from the containers alone.

`serverless` is billed by use from a small minimum; `replicated` is nodes of a size, and fails over from two on. What is
in it are hints of an hour's life: it has no snapshots, and may be replaced at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.components import Component
from infra.naming import hashed

PORT = 6379
ENGINE, VERSION = "valkey", "8.0"
USER = "reprise"
# What service/adapters sends: single keys and one channel, all beginning with `reprise:`.
ACCESS = "on ~reprise:* &reprise:* -@all +@read +@write +@scripting +@pubsub +@connection -@dangerous"
GIGABYTES, UNITS = 1, 5000
"""What a serverless cache may hold, and do in a second, at most: a bound of what it can cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheArgs:
    """`kind` is serverless or replicated; `token` the password."""

    kind: str
    node_type: str
    nodes: int
    token: str
    subnets: Sequence[Input[str]]
    group_id: Input[str]
    kms_key_arn: str


class Cache(Component):
    """Outputs: `url`, a secret, as the service wants it in REDIS_URL; `metrics`, the dimensions of its metrics."""

    def __init__(self, name: str, args: CacheArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Cache", name, opts)
        self._name, self._args = name, args
        token = Output.secret(args.token)
        if args.kind == "serverless":
            login, host = Output.concat(USER, ":", token), self._serverless(token)
        else:
            login, host = Output.concat(":", token), self._replicated(token)
        self.url: Output[str] = Output.concat("rediss://", login, "@", host, f":{PORT}/0")
        self.register_outputs({})

    def _serverless(self, token: Output[str]) -> Output[str]:
        name, args = self._name, self._args
        # Users have an id of the customer's choice. A new password makes a new user, and both are good for a moment.
        user_id = hashed(name, "user", args.token)
        user = aws.elasticache.User(
            name,
            user_id=user_id,
            user_name=USER,
            engine=ENGINE,
            access_string=ACCESS,
            authentication_mode=aws.elasticache.UserAuthenticationModeArgs(type="password", passwords=[token]),
            opts=self.inside,
        )
        users = aws.elasticache.UserGroup(
            name, user_group_id=hashed(name, "users"), engine=ENGINE, user_ids=[user.user_id], opts=self.inside
        )
        cache = aws.elasticache.ServerlessCache(
            name,
            engine=ENGINE,
            major_engine_version=VERSION.partition(".")[0],
            description="progress and wake-ups",
            cache_usage_limits=aws.elasticache.ServerlessCacheCacheUsageLimitsArgs(
                data_storage=aws.elasticache.ServerlessCacheCacheUsageLimitsDataStorageArgs(
                    maximum=GIGABYTES, unit="GB"
                ),
                ecpu_per_seconds=[aws.elasticache.ServerlessCacheCacheUsageLimitsEcpuPerSecondArgs(maximum=UNITS)],
            ),
            subnet_ids=list(args.subnets),
            security_group_ids=[args.group_id],
            user_group_id=users.user_group_id,
            kms_key_id=args.kms_key_arn or None,
            opts=self.inside,
        )
        return cache.endpoints.apply(lambda found: str(found[0].address))

    def _replicated(self, token: Output[str]) -> Output[str]:
        name, args = self._name, self._args
        subnets = aws.elasticache.SubnetGroup(
            name, description="private", subnet_ids=list(args.subnets), opts=self.inside
        )
        group = aws.elasticache.ReplicationGroup(
            name,
            description="progress and wake-ups",
            engine=ENGINE,
            engine_version=VERSION,
            node_type=args.node_type,
            num_cache_clusters=args.nodes,
            automatic_failover_enabled=args.nodes > 1,
            multi_az_enabled=args.nodes > 1,
            port=PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[args.group_id],
            transit_encryption_enabled=True,
            at_rest_encryption_enabled=True,
            auth_token=token,
            kms_key_id=args.kms_key_arn or None,
            snapshot_retention_limit=0,
            apply_immediately=True,
            opts=self.inside,
        )
        return group.primary_endpoint_address
