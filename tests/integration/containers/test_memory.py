"""Two containers with a gigabyte each, and more music at once than fits into both."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from pathlib import Path

import pytest

from reprise import Client
from service.cli.sample import RATE, write_sample
from tests.support.cluster import wait_for
from tests.support.compose import Stack, compose_stack
from tests.support.delivery import delivered, digest_of_plain, uploaded_through
from tests.support.docker import stack_worker
from tests.support.image import Container

pytestmark = [pytest.mark.timeout(1200), stack_worker]

MIB = 1024 * 1024
SIZE = 200 * MIB  # of each input
ALIKE = 10  # conversions at once
CONTAINERS = 2
# Ten at once keep a slow machine so busy that a heartbeat may be late by a lease of six seconds. This is about memory.
LEASE = "60"
LIMIT = 1024 * MIB  # as compose.yaml has it
TIMEOUT = 800.0  # seconds
FINAL = frozenset({"succeeded", "failed", "cancelled"})


@pytest.fixture
def roomy(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that converts ten at a time, at full speed."""
    slots = {"REPRISE_SLOTS": str(ALIKE // CONTAINERS)}
    folder = tmp_path_factory.mktemp("roomy")
    with compose_stack(image, folder, slots, {"environment": {"REPRISE_LEASE_SECONDS": LEASE}}) as stack:
        stack.compose("up", "--wait")
        yield stack


@dataclass(frozen=True, slots=True)
class Memory:
    """What the kernel says about the memory of a container, by either of its interfaces."""

    limit: int  # bytes
    peak: int  # bytes, since it was started; with the file cache, which the kernel frees on demand
    killed: int  # processes ended for want of memory

    @classmethod
    def of(cls, container: Container) -> "Memory":
        """Read it inside."""
        if "memory.max" in container.inside("ls", "/sys/fs/cgroup"):
            folder, limit, peak, events = "/sys/fs/cgroup", "memory.max", "memory.peak", "memory.events"
        else:
            folder, limit, peak = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"
            events = "memory.oom_control"
        read = {name: container.inside("cat", f"{folder}/{name}") for name in (limit, peak, events)}
        counts = dict(line.split() for line in read[events].splitlines())
        return cls(int(read[limit]), int(read[peak]), int(counts["oom_kill"]))


def claims(container: Container) -> bool:
    """Whether it would begin something: it is not short of anything that uploads have used up."""
    return len(container.told("worker.claiming_paused")) == len(container.told("worker.claiming_resumed"))


def most_at_once(containers: Sequence[Container]) -> int:
    """How many conversions ran at the same moment, by what the containers say of each one's begin and end."""
    events = [event for each in containers for event in each.told("job.claimed", "job.succeeded")]
    steps = [1 if event["event"] == "job.claimed" else -1 for event in sorted(events, key=itemgetter("timestamp"))]
    return max(accumulate(steps), default=0)


@pytest.mark.requirement("1.8", "4.5")
def test_ten_conversions_at_once_stay_within_memory_limit(roomy: Stack, tmp_path: Path) -> None:
    """Ten uploads of 200 MiB and then ten conversions at once cost no process of two 1 GiB containers its life."""
    piece = tmp_path / "piece.wav"
    write_sample(piece, SIZE / (4 * RATE))
    client = roomy.client()

    def submit(upload_id: str) -> str:
        with Client(roomy.address) as sender:
            return sender.submit(upload_id, "flac").job_id

    with ThreadPoolExecutor(ALIKE) as threads:
        uploads = list(threads.map(lambda _: uploaded_through(roomy.address, piece), range(ALIKE)))
    wait_for(lambda: all(map(claims, roomy.services())), "both have recovered from the uploads")
    # At once: one by one, the first would have ended before the last is submitted to a machine that is busy with them.
    with ThreadPoolExecutor(ALIKE) as threads:
        jobs = list(threads.map(submit, uploads))

    wait_for(lambda: all(client.job(job).state in FINAL for job in jobs), "the end of all", within=TIMEOUT)
    ended = [delivered(client, job, tmp_path) for job in jobs]
    memory = [Memory.of(each) for each in roomy.services()]
    # A container that waits for a CPU nine tenths of the time leaves further ones for later. This is about memory.
    assert most_at_once(roomy.services()) >= ALIKE - 2, "they came one after the other"
    assert [each.limit for each in memory] == [LIMIT] * CONTAINERS
    assert [each.killed for each in memory] == [0] * CONTAINERS
    assert [each.state()["OOMKilled"] for each in roomy.services()] == [False] * CONTAINERS
    assert [job.attempt for job, _ in ended] == [1] * ALIKE
    assert {digest for _, digest in ended} == {digest_of_plain(piece, "flac", tmp_path)}
