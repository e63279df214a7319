"""
A cloud that only writes down what it is asked for: Pulumi's mocks, and what was recorded.

`deployed` runs the whole program for a configuration. Nothing is called; what a real provider would compute (ARNs, ids,
addresses) is made up in the forms that AWS uses.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.stack import run_pulumi_func

from infra import config
from infra.config.model import Config
from infra.program import build

ACCOUNT, REGION = "123456789012", "us-east-1"
DIGEST = "sha256:" + "a" * 64
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/reprise@{DIGEST}"
API_KEYS = "team:" + "b" * 64
TOKEN = "c" * 40
SECRETS = (API_KEYS, TOKEN)
MINIMAL: Mapping[str, str] = {
    "reprise:apiKeys": API_KEYS,
    "reprise:cacheToken": TOKEN,
    "reprise:corsOrigins": '["https://app.example.com"]',
    "reprise:image": IMAGE,
}
"""Configuration without which there is no stack."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A resource as it was declared; `inputs` as Pulumi's schema names them, `secrets` the names of those encrypted."""

    kind: str
    name: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    protected: bool
    retained: bool
    ignored: tuple[str, ...]
    after: frozenset[str]  # names and kinds of what it depends on

    def __getitem__(self, name: str) -> Any:
        return self.inputs[name]


@dataclass(slots=True)
class Cloud:
    """Everything that a program declared, its outputs, and what the log said."""

    resources: list[Recorded] = field(default_factory=list)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()

    def of(self, kind: str, containing: str = "") -> list[Recorded]:
        """All resources of a kind, as `s3/bucket:Bucket`, with this in their names."""
        return [it for it in self.resources if it.kind == f"aws:{kind}" and containing in it.name]

    def one(self, kind: str, containing: str = "") -> Recorded:
        """The only one of a kind. Raises `ValueError` if there is another number of them."""
        (found,) = self.of(kind, containing)
        return found

    @property
    def kinds(self) -> frozenset[str]:
        """Which kinds there are."""
        return frozenset(it.kind.removeprefix("aws:") for it in self.resources if it.kind.startswith("aws:"))


class Answers(Mocks):
    """What a provider computes, made up."""

    def call(self, args: MockCallArgs) -> Any:
        known: Mapping[str, dict[str, Any]] = {
            "aws:index/getAvailabilityZones:getAvailabilityZones": {
                "names": [f"{REGION}{letter}" for letter in "cab"],
                "state": "available",
            },
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:ecr/getAuthorizationToken:getAuthorizationToken": {"userName": "AWS", "password": "hidden"},
        }
        return known[args.token]

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        name, state = args.name, dict(args.inputs)
        kind = args.typ.removeprefix("aws:")
        arn = f"arn:aws:{kind.partition('/')[0]}:{REGION}:{ACCOUNT}:{name}"
        computed: Mapping[str, dict[str, Any]] = {
            "s3/bucket:Bucket": {"bucket": f"{name}-1234567", "arn": f"arn:aws:s3:::{name}-1234567"},
            "dynamodb/table:Table": {
                "name": f"{name}-1234567",
                "arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}-1234567",
            },
            "iam/role:Role": {"name": f"{name}-1234567", "arn": f"arn:aws:iam::{ACCOUNT}:role/{name}-1234567"},
            "ec2/vpcEndpoint:VpcEndpoint": {"prefixListId": f"pl-{len(name):08x}"},
            "secretsmanager/secret:Secret": {
                "arn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-1234567-AbCdEf"
            },
            "secretsmanager/secretVersion:SecretVersion": {"versionId": "0f7a2d1e-1111-2222-3333-444455556666"},
            "apprunner/service:Service": {"serviceUrl": f"abc.{REGION}.awsapprunner.com", "serviceId": "0123abcd"},
            "ecs/expressGatewayService:ExpressGatewayService": {
                "ingressPaths": [{"accessType": "PUBLIC", "endpoint": f"https://ab-12.ecs.{REGION}.on.aws"}]
            },
            "ecr/repository:Repository": {
                "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}",
                "registryId": ACCOUNT,
            },
            "elasticache/serverlessCache:ServerlessCache": {
                "endpoints": [{"address": f"{name}.serverless.use1.cache.amazonaws.com", "port": 6379}]
            },
            "elasticache/replicationGroup:ReplicationGroup": {
                "primaryEndpointAddress": f"{name}.use1.cache.amazonaws.com"
            },
            "cloudwatch/logGroup:LogGroup": {"name": f"{name}-1234567"},
            "docker-build:index:Image": {"ref": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/built@{DIGEST}"},
        }
        ids = {"ec2/vpc:Vpc": "vpc-0123", "ec2/subnet:Subnet": f"subnet-{name}", "s3/bucket:Bucket": f"{name}-1234567"}
        made_up = {"arn": arn, "name": f"{name}-1234567"}
        return ids.get(kind, f"{name}-id"), {**made_up, **state, **computed.get(kind, {})}


class Recorder(MockMonitor):
    """Pulumi's own, which also keeps what the mocks are not told: options, and what is secret."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(Answers())
        self.cloud = cloud

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the protocol's name
        if request.type.startswith("aws:") or "docker" in request.type:
            plain, hidden = _opened(rpc.deserialize_properties(request.object, keep_internal=True, keep_unknowns=True))
            self.cloud.resources.append(
                Recorded(
                    kind=request.type,
                    name=request.name,
                    inputs=plain,
                    secrets=hidden,
                    protected=request.protect,
                    retained=request.retainOnDelete,
                    ignored=tuple(request.ignoreChanges),
                    after=frozenset("::".join(urn.split("::")[-2:]).rpartition("$")[2] for urn in request.dependencies),
                )
            )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def _opened(value: Any) -> tuple[Any, frozenset[str]]:
    """Inputs with their secrets in plain text, and the names of the top-level inputs that hold one."""
    hidden = frozenset(name for name, it in value.items() if _holds_secret(it))
    return {name: _plain(it) for name, it in value.items()}, hidden


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and rpc._special_sig_key in value


def _holds_secret(value: Any) -> bool:
    if _is_secret(value):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_secret(it) for it in inner)


def _plain(value: Any) -> Any:
    if _is_secret(value):
        return _plain(value["value"])
    if isinstance(value, dict):
        return {name: _plain(it) for name, it in value.items()}
    if isinstance(value, list):
        return [_plain(it) for it in value]
    return value


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop for Pulumi, whose calls run on one thread with a loop of its own; both are closed in the end."""
    loop, inner = asyncio.new_event_loop(), asyncio.new_event_loop()
    executor = ThreadPoolExecutor(1, initializer=asyncio.set_event_loop, initargs=(inner,))
    loop.set_default_executor(executor)
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        executor.shutdown()
        asyncio.set_event_loop(None)
        inner.close()
        loop.close()


def deployed(changed: Mapping[str, str] | None = None, *, stack: str = "dev") -> Cloud:
    """Run the program with `MINIMAL` and these settings (without `reprise:`); an empty text leaves one out."""
    texts = {**MINIMAL, **{f"reprise:{name}": text for name, text in (changed or {}).items()}}
    return declared(config.read(texts, stack=stack, region=REGION))


def declared(stack: Config) -> Cloud:
    """Run the program for a configuration."""
    cloud, outputs = Cloud(), {}

    async def run() -> None:
        for name, value in build(stack).items():
            outputs[name] = pulumi.Output.from_input(value)

    async def everything() -> None:
        await run_pulumi_func(run)
        hidden = [name for name, value in outputs.items() if await value.is_secret()]
        cloud.secret_outputs = frozenset(hidden)
        cloud.outputs = {name: await value.future() for name, value in outputs.items()}

    with _loop() as loop:
        set_mocks(Answers(), project="reprise", stack=stack.stack, monitor=Recorder(cloud))
        loop.run_until_complete(everything())
    return cloud


def document(text: str) -> list[dict[str, Any]]:
    """The statements of a policy."""
    return list(json.loads(text)["Statement"])
