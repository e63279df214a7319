"""
What a store of jobs promises: all suites about jobs in one.

Where a transition is allowed, the store must return exactly what the method of `core.jobs.job` computes, and have
kept exactly that: so the two descriptions of a job's life, in Python and in conditional writes, cannot drift apart.
"""

from service.testing.contracts.jobs.holders import HoldersContract
from service.testing.contracts.jobs.idempotency import IdempotencyContract
from service.testing.contracts.jobs.leases import LeasesContract
from service.testing.contracts.jobs.listing import JobListingContract
from service.testing.contracts.jobs.queue import QueueContract
from service.testing.contracts.jobs.records import JobRecordsContract


class JobStoreContract(
    JobRecordsContract, JobListingContract, IdempotencyContract, QueueContract, LeasesContract, HoldersContract
):
    """Needs the fixture ``jobs``: an empty store that fulfils `JobRecords` and `Leases`."""
