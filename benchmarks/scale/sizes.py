"""
What DynamoDB bills: the size of an item, and the units of a read and a write.

The rules are those of the developer guide, "DynamoDB item sizes and formats" and "read and write operations"; a test
compares them with what DynamoDB Local says that a call consumed. Of all types of values only those are known here that
the service's items have.
"""

import functools
import math
from collections.abc import Hashable

from service.adapters.dynamodb.items import JOB, STAMP, job_to_item
from service.adapters.dynamodb.values import Item
from service.core.jobs.job import Job
from service.core.jobs.queue import SHARDS, queue_of

READ_BLOCK, WRITE_BLOCK = 4096, 1024  # bytes
STAMP_BYTES = len(STAMP) + 26  # an id, which every transition leaves in the item
_KEY_BYTES = len("pk") + len(JOB)


def size_of(item: Item) -> int:
    """Return the bytes of an item: the names of its attributes and their values, in UTF-8."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(value: dict[str, str | bool]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(str(content).encode())
    if kind == "N":
        return size_of_number(str(content))
    if kind == "BOOL":
        return 1
    raise ValueError(f"no item of the service holds a {kind}")


def size_of_number(text: str) -> int:
    """Return the bytes of a number: one for two significant digits, one more, and one for a sign."""
    digits = text.removeprefix("-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")


def read_units(size: int, *, consistent: bool = True) -> float:
    """Return what it costs to read so many bytes at once, or to find nothing."""
    blocks = max(1, math.ceil(size / READ_BLOCK))
    return float(blocks) if consistent else blocks / 2


def write_units(*sizes: int) -> float:
    """Return what a write costs; `sizes` are those of the item before and after it, and the larger one counts."""
    return float(max(1, math.ceil(max(sizes, default=0) / WRITE_BLOCK)))


def size_of_job(job: Job) -> int:
    """
    Return the bytes of a job's item, as the adapter writes it.

    An item is only written out once for jobs that differ in their numbers alone, because there are 100,000 of them.
    """
    lease = job.lease
    numbers = (
        *(job.input_size, job.created_at, math.ceil(job.expires_at), lease.due_at, lease.attempt, lease.beat),
        *(lease.lapses, lease.faults, job.percent, job.shown, job.started_at, job.finished_at),
    )
    texts = (lease.key, job.tenant, job.upload_id, job.input_key, job.input_etag, job.filename, lease.owner, job.trace)
    shape = (
        *(-1 if text is None else len(text.encode()) for text in texts),
        *(number is None for number in numbers[-2:]),
        *(
            job.source,
            job.target.format,
            id(job.target.options),
            lease.state,
            lease.excused,
            *(lease.alive, lease.mistaken, lease.lived),
            bool(lease.attempt),
        ),
        *(job.path, _shape_of(job)),
    )
    of_numbers = sum(_size_of_float(number) for number in numbers if number is not None)
    if shape not in _without_numbers:
        whole = size_of(job_to_item(job, SHARDS)) + (STAMP_BYTES if lease.attempt else 0)
        _without_numbers[shape] = whole - of_numbers, job  # which is kept, so that no other object gets its id
    return _without_numbers[shape][0] + of_numbers


def _shape_of(job: Job) -> Hashable:
    """Return what decides the size of the end of a job."""
    if job.output is not None:
        return (len(job.output.key.encode()), job.output.size, job.output.etag, str(job.output.report))
    return None if job.failure is None else str(job.failure)


_without_numbers: dict[Hashable, tuple[int, Job]] = {}


@functools.lru_cache(maxsize=1 << 16)
def _size_of_float(number: float) -> int:
    return size_of_number(str(round(number, 3)))


def size_of_entry(due_at: float, key: str, queue: str) -> int:
    """Return the bytes of a job's entry in the index, which holds keys alone."""
    return _KEY_BYTES + len(key) + len("queue") + len(queue) + len("due_at") + _size_of_float(due_at)


Place = tuple[str, float]
"""Where the index lists a job: the name of a queue's shard, and when the job is due."""


def place_of(job: Job) -> Place | None:
    """Return the place of a job in the index, None if it is in no queue."""
    queue = queue_of(job.state, job.job_id, SHARDS)
    return None if queue is None else (queue, job.lease.due_at)


def index_writes(before: Place | None, after: Place | None) -> tuple[str, ...]:
    """
    Return in which shards a write to the table makes the index write, once for each unit.

    An entry whose keys change is deleted in one place and put in another.
    """
    if before == after:
        return ()
    return tuple(place[0] for place in (before, after) if place is not None)
