"""What an integration test asks for by name; loaded by `tests/conftest.py`."""

import itertools
import os
from collections.abc import Iterator

import pytest

# Before the first import of a contract suite, so that its assertions explain themselves like those of any test.
pytest.register_assert_rewrite("service.testing.contracts")

from service.adapters.aws.clients import Aws, AwsSettings  # noqa: E402
from service.adapters.dynamodb.provision import create_table  # noqa: E402
from tests.support.containers import endpoint_of  # noqa: E402
from tests.support.docker import one_worker  # noqa: E402
from tests.support.moto import start_moto  # noqa: E402

# The test that has this mark runs on moto and on LocalStack: what two stand-ins agree on is more likely to be true.
on_both = pytest.mark.parametrize("aws_endpoint", ["moto", pytest.param("localstack", marks=one_worker)], indirect=True)

_numbers = itertools.count(1)
_sessions: list[object] = []  # a session of botocore reads its models from disk only once


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """S3 and DynamoDB for the whole session: one moto server in a child process."""
    with start_moto() as endpoint:
        yield endpoint


@pytest.fixture
def aws_endpoint(request: pytest.FixtureRequest) -> str:
    """What plays S3 and DynamoDB: moto, or what the mark `on_both` says."""
    if getattr(request, "param", "moto") == "localstack":
        return endpoint_of(request.getfixturevalue("localstack"))
    endpoint: str = request.getfixturevalue("moto_endpoint")
    return endpoint


@pytest.fixture
def aws(aws_endpoint: str) -> Iterator[Aws]:
    """AWS with a bucket and a jobs table that are this test's own, and empty."""
    number = next(_numbers)
    aws = Aws(
        AwsSettings(
            region="us-east-1",
            bucket=f"bucket-{os.getpid()}-{number}",  # workers share what they stand on
            table=f"table-{os.getpid()}-{number}",
            s3_endpoint=aws_endpoint,
            dynamodb_endpoint=aws_endpoint,
            access_key="test",
            secret_key="test",
            path_style=True,
        )
    )
    _sessions[:] = _sessions or [aws._session]
    aws._session = _sessions[0]  # type: ignore[assignment]
    s3, dynamodb = aws.s3(), aws.dynamodb()
    s3.create_bucket(Bucket=aws.settings.bucket)
    create_table(dynamodb, aws.settings.table)
    yield aws
    s3.close()
    dynamodb.close()
    aws.close()
