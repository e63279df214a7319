"""What a worker finds at its start: jobs that others are running, and those of an earlier process of this container."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from service.core.errors import StoreError
from service.core.jobs.job import Job
from service.telemetry import emit, events

MOST = 20  # owners, and jobs, that are named


class RunningJobs(Protocol):
    """What of the job store is asked here."""

    async def running(self) -> Sequence[Job]:
        """All running jobs."""


async def look_around(jobs: RunningJobs, instance: str, lease: float, alive: Callable[[int], bool]) -> None:
    """
    Log which instances are running jobs, as this one (`instance`) starts; `lease` in seconds.

    An instance is named by its host and its process: one of our host whose process is gone (`alive` says so) was here
    before, and its jobs stand still until their leases lapse. A store that is away costs this line, and nothing else.
    """
    try:
        running = [job for job in await jobs.running() if job.owner not in {None, instance}]
    except StoreError as error:
        emit(events.WORKER_TROUBLE, where="first look", reason=error.detail)
        return
    except Exception as error:  # noqa: BLE001  # logged with its traceback, and no reason not to start
        emit(events.UNEXPECTED, where="first look", exc_info=error)
        return
    owners = Counter(str(job.owner) for job in running)
    emit(events.SERVICE_FOUND, running=len(running), owners=dict(owners.most_common(MOST)))
    for owner in sorted(owners):
        if was_here(owner, instance, alive):
            theirs = [job.job_id for job in running if job.owner == owner]
            emit(events.SERVICE_RESTARTED, previous=owner, jobs=theirs[:MOST], within=lease)


def was_here(owner: str, instance: str, alive: Callable[[int], bool]) -> bool:
    """
    Tell whether `owner` is a process of our host that is gone: names are HOST-PID-CHANCE.

    In a container that was started again its number is mostly the same as ours.
    """
    match owner.rsplit("-", 2), instance.rsplit("-", 2):
        case [host, pid, _], [ours, mine, _]:
            return host == ours and pid.isdecimal() and (pid == mine or not alive(int(pid)))
    return False
