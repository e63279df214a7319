import pytest

from service.adapters.ambient import SystemClock, SystemIds
from service.adapters.aws import Aws
from service.adapters.dynamodb_jobs import DynamoJobs
from service.testing.contracts.jobs import JobStoreContract, UploadStoreContract


@pytest.fixture
def store(aws: Aws) -> DynamoJobs:
    """The real store on a table of its own."""
    return DynamoJobs(aws, SystemClock(), SystemIds())


class TestDynamoJobs(JobStoreContract):
    @pytest.fixture
    def jobs(self, store: DynamoJobs) -> DynamoJobs:
        return store


class TestDynamoUploads(UploadStoreContract):
    @pytest.fixture
    def uploads(self, store: DynamoJobs) -> DynamoJobs:
        return store
