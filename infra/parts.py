"""What the API and the workers share: bucket, table, network, cache, cluster, image and secrets."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Resource

from infra.components.cache import PORT as CACHE_PORT
from infra.components.cache import Cache, CacheArgs
from infra.components.compute.cluster import Cluster
from infra.components.image import Built, Image, docker_build, named
from infra.components.jobs import Jobs, JobsArgs
from infra.components.keys import StoredSecret, StoredSecretArgs
from infra.components.network import Network, NetworkArgs
from infra.components.registry import Registry, RegistryArgs
from infra.components.storage import Storage, StorageArgs
from infra.config.model import Config
from infra.iam.documents import partition


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`registry`, `cluster`, `cache_group` and `address` (of the cache, a secret) are None where there is none."""

    storage: Storage
    jobs: Jobs
    network: Network
    image: Image
    registry: Registry | None
    cluster: Cluster | None
    cache_group: aws.ec2.SecurityGroup | None
    address: StoredSecret | None
    keys: StoredSecret
    webhooks: StoredSecret | None
    account: str

    @property
    def foundations(self) -> list[Resource]:
        """What has to be there before a container starts: it looks at its bucket and table, and ends without them."""
        found: list[Resource] = [self.storage, self.jobs, self.network, self.keys]
        return found if self.address is None else [*found, self.address]

    def connect(self, purpose: str, about: str, *, anywhere: bool) -> aws.ec2.SecurityGroup:
        """A security group for containers: out to AWS, and to the cache if there is one."""
        group = self.network.group(purpose, about)
        self.network.to_aws(purpose, group, anywhere=anywhere)
        if self.cache_group is not None:
            self.network.between(f"{purpose}-cache", group, self.cache_group, CACHE_PORT)
        return group

    def secrets(self, stored: Mapping[str, StoredSecret | None]) -> tuple[dict[str, Input[str]], list[Input[str]]]:
        """Of those that exist: the references by variable, and the ARNs."""
        there = {name: secret for name, secret in stored.items() if secret is not None}
        return {name: secret.reference for name, secret in there.items()}, [secret.arn for secret in there.values()]


def parts(stack: Config) -> Parts:
    """Make them. Raises `CannotBuild` before anything is made."""
    if stack.builds_image:
        docker_build()
    name, key = stack.prefix, stack.kms_key_arn
    storage = Storage(
        f"{name}-media", StorageArgs(expire_days=stack.expire_days, protect=stack.protect, kms_key_arn=key)
    )
    jobs = Jobs(f"{name}-jobs", JobsArgs(protect=stack.protect, kms_key_arn=key))
    network = Network(
        name,
        NetworkArgs(
            region=stack.region,
            cidr=stack.vpc_cidr,
            zones=_zones(stack),
            vpc_id=stack.vpc_id,
            private_subnets=stack.private_subnets,
            public_subnets=stack.public_subnets,
            tasks=stack.has_tasks,
            bucket_arn=storage.arn,
            table_arn=jobs.arn,
        ),
    )
    registry = Registry(name, RegistryArgs(protect=stack.protect, kms_key_arn=key)) if stack.has_registry else None
    cache_group, address = _cache(stack, network)
    return Parts(
        storage=storage,
        jobs=jobs,
        network=network,
        image=_image(stack, registry),
        registry=registry,
        cluster=Cluster(name, spot=stack.fargate_worker and stack.spot) if stack.has_tasks else None,
        cache_group=cache_group,
        address=address,
        keys=_secret(stack, "keys", stack.api_keys, "hashes of the API keys: REPRISE_API_KEYS"),
        webhooks=_secret(stack, "webhooks", stack.webhooks, "endpoints with their secrets: REPRISE_WEBHOOKS")
        if stack.webhooks
        else None,
        account=aws.get_caller_identity().account_id,
    )


def _zones(stack: Config) -> tuple[str, ...]:
    """Named, or the first of the region; in the order of their names, so that subnets stay where they are."""
    if stack.zones or stack.network == "existing":
        return tuple(sorted(stack.zones))
    return tuple(sorted(aws.get_availability_zones(state="available").names)[: stack.zone_count])


def _image(stack: Config, registry: Registry | None) -> Image:
    if stack.image or registry is None:
        return named(stack.image, partition(stack.region))
    return Built(f"{stack.prefix}-image", registry).image


def _secret(stack: Config, purpose: str, value: Input[str], about: str) -> StoredSecret:
    args = StoredSecretArgs(value=value, about=about, protect=stack.protect, kms_key_arn=stack.kms_key_arn)
    return StoredSecret(f"{stack.prefix}-{purpose}", args)


def _cache(stack: Config, network: Network) -> tuple[aws.ec2.SecurityGroup | None, StoredSecret | None]:
    if not stack.has_cache:
        return None, None
    group = network.group("cache", "the cache, for the containers of the service")
    cache = Cache(
        f"{stack.prefix}-cache",
        CacheArgs(
            kind=stack.cache,
            node_type=stack.cache_node_type,
            nodes=stack.cache_nodes,
            token=stack.cache_token,
            subnets=network.private_subnets,
            group_id=group.id,
            kms_key_arn=stack.kms_key_arn,
        ),
    )
    return group, _secret(stack, "cache-address", cache.url, "address of the cache with its password: REDIS_URL")
