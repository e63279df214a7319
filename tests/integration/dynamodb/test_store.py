import asyncio

import pytest

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb.outbox import Announcing
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.dynamodb.workers import DynamoWorkers
from service.adapters.system.ambient import SystemClock, SystemIds
from service.core.jobs.job import Job
from service.core.jobs.queue import tag_of_tenant
from service.testing.clock import NOON
from service.testing.contracts.account import AccountContract
from service.testing.contracts.jobs.suite import JobStoreContract
from service.testing.contracts.outbox import OTHER, TENANT, OutboxContract
from service.testing.contracts.uploads import UploadRecordsContract
from service.testing.contracts.workers import WorkersContract
from service.testing.factories import a_job
from tests.support.fixtures import on_both

pytestmark = on_both


@pytest.fixture
def store(aws: Aws) -> DynamoJobs:
    """The real store on a table of its own."""
    return DynamoJobs(aws, SystemClock(), SystemIds())


class TestDynamoJobs(JobStoreContract):
    @pytest.fixture
    def jobs(self, store: DynamoJobs) -> DynamoJobs:
        return store


class TestDynamoWorkers(WorkersContract):
    @pytest.fixture
    def jobs(self, store: DynamoJobs) -> DynamoJobs:
        return store

    @pytest.fixture
    def workers(self, aws: Aws) -> DynamoWorkers:
        return DynamoWorkers(aws, SystemClock(), SystemIds())


class TestDynamoOutbox(OutboxContract):
    @pytest.fixture
    def store(self, aws: Aws) -> DynamoJobs:
        announcing = Announcing({tag_of_tenant(tenant) for tenant in (TENANT, OTHER)})
        return DynamoJobs(aws, SystemClock(), SystemIds(), announcing=announcing)


class TestDynamoAccount(AccountContract):
    @pytest.fixture
    def records(self, store: DynamoJobs) -> DynamoJobs:
        return store


class TestDynamoUploads(UploadRecordsContract):
    @pytest.fixture
    def uploads(self, store: DynamoJobs) -> DynamoJobs:
        return store


async def test_dynamodb_stand_in_lets_one_of_ten_claims_win(store: DynamoJobs) -> None:
    """The stand-in has one winner in every one of many races, or all other tests of races would be tests of luck."""
    for n in range(25):
        job_id = f"job{n}"
        await store.submit(a_job(job_id=job_id))
        claims = (store.claim(job_id, f"worker{worker}", NOON) for worker in range(10))
        answers = await asyncio.gather(*claims, return_exceptions=True)

        assert sum(isinstance(answer, Job) for answer in answers) == 1
