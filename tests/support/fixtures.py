"""What an integration test asks for by name; loaded by `tests/conftest.py`."""

import itertools
from collections.abc import Iterator

import pytest

# Before the first import of a contract suite, so that its assertions explain themselves like those of any test.
pytest.register_assert_rewrite("service.testing.contracts")

from service.adapters.aws import Aws, AwsSettings  # noqa: E402
from service.adapters.dynamodb_table import create_table  # noqa: E402
from tests.support.moto import start_moto  # noqa: E402

_numbers = itertools.count(1)
_sessions: list[object] = []  # a session of botocore reads its models from disk only once


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """S3 and DynamoDB for the whole session: one moto server in a child process."""
    with start_moto() as endpoint:
        yield endpoint


@pytest.fixture
def aws(moto_endpoint: str) -> Iterator[Aws]:
    """AWS with a bucket and a jobs table that are this test's own, and empty."""
    number = next(_numbers)
    aws = Aws(
        AwsSettings(
            region="us-east-1",
            bucket=f"bucket-{number}",
            table=f"table-{number}",
            s3_endpoint=moto_endpoint,
            dynamodb_endpoint=moto_endpoint,
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
