"""Notifications that a job has ended: the outbox, which is a part of the jobs' records, and the way to a receiver."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.core.jobs.job import Job
from service.core.jobs.lease import Holding
from service.core.listing import Entry
from service.core.webhooks.asked import Answer
from service.core.webhooks.endpoints import Endpoint


class Notifications(Protocol):
    """What a tenant sees of its notifications. A part of `ports.jobs.JobRecords`."""

    async def resend(self, job_id: str, now: float) -> Job:
        """
        Make a notification due now, with all of its tries, whatever became of it. Safe to repeat.

        Raises `IllegalTransition` if the job has none, `NotFound` if there is no such job.
        """

    async def listed_notifications(self, tenant: str, before: int | None, limit: int, *, dead: bool) -> Sequence[Entry]:
        """
        Return the first `limit` dead or pending ones of a tenant below the place `before`, possibly stale.

        The place of a pending one is by when it is due, of a dead one by when it was given up, the latest first.
        """


class Outbox(Notifications, Protocol):
    """
    One method per arrow of `core.webhooks.notification`; each is atomic and conditional, and returns the job after it.

    A notification is made by the write that ends its job. Methods that take a `Holding` raise `Fenced` unless it is
    that of the notifier that has taken the notification last.
    """

    async def due(self, tenant: str, now: float, limit: int) -> Sequence[str]:
        """Return ids of jobs of a tenant whose notification is due, the oldest first; possibly stale."""

    async def take(self, job_id: str, owner: str, now: float) -> Job:
        """
        Take a notification that is due; it is due again a lease later.

        Raises `IllegalTransition` if there is none, it is not due or not pending, and `NotFound` if the job is gone.
        """

    async def deliver(self, holding: Holding, now: float) -> Job:
        """Note that the receiver has accepted it."""

    async def postpone(self, holding: Holding, due_at: float, error: str) -> Job:
        """Note an attempt in vain, and when the next one is due."""

    async def bury(self, holding: Holding, error: str, now: float) -> Job:
        """Give it up: it is listed among the dead."""


class Sender(Protocol):
    """The way to receivers."""

    async def send(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Answer | str:
        """
        Post a message, and return the answer, or a word for why there is none.

        Takes at most `core.webhooks.notification.SEND_SECONDS`, follows no redirect, and reads of the answer no more
        than its head, of a few kilobytes. Connects to public addresses alone, unless the operator allows others.
        """
