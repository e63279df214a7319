"""S3 by name, for tests: the store over a stand-in, and the same bucket behind a line that breaks."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from structlog.testing import capture_logs
from structlog.typing import EventDict

from service.adapters.aws.clients import Aws, AwsSettings
from service.adapters.s3.store import S3Objects
from service.adapters.system.ambient import SystemClock
from service.testing.contracts.objects.store import ObjectStore
from tests.support.flaky_proxy import FlakyProxy


class Hasty(SystemClock):
    """A clock that does not wait, but remembers for how long it should have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Come back at once."""
        self.slept.append(seconds)


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    """What is logged during a test."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
async def s3_objects(aws: Aws) -> AsyncIterator[S3Objects]:
    """The store, in a bucket of this test's own."""
    objects = S3Objects(aws, Hasty())
    yield objects
    await objects.aclose()


class Impatient(Aws):
    """AWS with read time-outs that a test can wait for."""

    long_read_timeout = 0.5

    @staticmethod
    def _config(connections: int) -> Any:
        return Aws._config(connections).merge(Config(read_timeout=0.5))


@pytest.fixture
async def proxy(aws_endpoint: str) -> AsyncIterator[FlakyProxy]:
    """A line to S3 that can break."""
    target = urlsplit(aws_endpoint)
    assert target.hostname
    assert target.port
    async with FlakyProxy(target.hostname, target.port) as proxy:
        yield proxy


@pytest.fixture
async def far_s3_objects(aws: Aws, proxy: FlakyProxy) -> AsyncIterator[S3Objects]:
    """The same bucket, seen through the line that can break."""
    far = Impatient(
        AwsSettings(
            region=aws.settings.region,
            bucket=aws.settings.bucket,
            table=aws.settings.table,
            s3_endpoint=f"http://{proxy.address}",
            access_key="test",
            secret_key="test",
            path_style=True,
        )
    )
    objects = S3Objects(far, Hasty())
    yield objects
    await objects.aclose()
    far.close()


def behind(objects: ObjectStore) -> tuple[Any, str]:
    """The S3 client of a store, and the name of its bucket."""
    if not isinstance(objects, S3Objects):
        raise TypeError
    return objects._bucket.client, objects._bucket.name


async def what_is_left(objects: S3Objects) -> list[str]:
    """The keys of all objects and of all unfinished uploads."""
    return await objects._bucket.keys("") + [one.key for one in await objects._bucket.open_uploads("")]


def requests_of(objects: S3Objects) -> list[str]:
    """A list that grows by the name of each operation that goes out."""
    seen: list[str] = []
    client, _ = behind(objects)
    for one in (client, objects._bucket.completer.once):
        one.meta.events.register("before-call.s3", lambda model, **_: seen.append(model.name))
    return seen
