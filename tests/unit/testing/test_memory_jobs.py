import pytest

from service.ports.uploads import UploadRecords
from service.testing.contracts.account import AccountContract, Records
from service.testing.contracts.jobs.store import Jobs
from service.testing.contracts.jobs.suite import JobStoreContract
from service.testing.contracts.outbox import OTHER, TENANT, OutboxContract
from service.testing.contracts.outbox import Records as OutboxRecords
from service.testing.contracts.uploads import UploadRecordsContract
from service.testing.contracts.workers import WorkersContract
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_workers import MemoryWorkers


class TestMemoryJobs(JobStoreContract):
    @pytest.fixture
    def jobs(self) -> Jobs:
        return MemoryJobs()


class TestMemoryWorkers(WorkersContract):
    @pytest.fixture
    def jobs(self) -> Jobs:
        return MemoryJobs()

    @pytest.fixture
    def workers(self, jobs: MemoryJobs) -> MemoryWorkers:
        return MemoryWorkers(jobs)


class TestMemoryUploads(UploadRecordsContract):
    @pytest.fixture
    def uploads(self) -> UploadRecords:
        return MemoryJobs()


class TestMemoryOutbox(OutboxContract):
    @pytest.fixture
    def store(self) -> OutboxRecords:
        return MemoryJobs({TENANT, OTHER})


class TestMemoryAccount(AccountContract):
    @pytest.fixture
    def records(self) -> Records:
        return MemoryJobs()
