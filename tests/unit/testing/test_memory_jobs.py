import pytest

from service.ports.jobs import JobStore
from service.ports.uploads import UploadStore
from service.testing.contracts.jobs import JobStoreContract, UploadStoreContract
from service.testing.memory_jobs import MemoryJobs


class TestMemoryJobs(JobStoreContract):
    @pytest.fixture
    def jobs(self) -> JobStore:
        return MemoryJobs()


class TestMemoryUploads(UploadStoreContract):
    @pytest.fixture
    def uploads(self) -> UploadStore:
        return MemoryJobs()
