"""
What one tenant may take of the service: its limits, and the refusals that name them.

Without a setting a tenant has a share of each total, so that one tenant alone fills neither the queue nor the places
for uploads. A service without keys has one tenant, the nameless one, whose limits are the totals.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.core.defaults import GIB
from service.core.errors import Overloaded
from service.core.jobs.queue import tag_of_tenant

EVERY = "*"  # in place of a tenant: all that are not named
NAMES = ("queued", "running", "uploads", "open", "stored")

LEAST_QUEUED = 20  # jobs; a tenth of a small queue would be less than a batch
QUEUE_SHARE = 10
UPLOAD_SHARE = 4
MAX_STORED = 1024 * GIB  # bytes

_ENTRY = re.compile(r"(\*|[a-z0-9][a-z0-9_-]{0,62})\s*:(.*)", re.DOTALL)
_NUMBER = re.compile(r"([0-9]{1,15})\s*(KiB|MiB|GiB|TiB)?")
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """Of one tenant. `uploads` holds for each process, all others for the whole service; `stored` is bytes."""

    queued: int
    running: int | None  # None: as many as there are slots
    uploads: int
    open_uploads: int
    stored: int


@dataclass(frozen=True, slots=True)
class RunningLimits:
    """How many jobs of a tenant may run at once, by the tag that its jobs carry. None: as many as there are slots."""

    default: int | None = None
    by_tag: Mapping[str, int] = field(default_factory=dict)

    def of(self, tag: str) -> int | None:
        """Return the limit of the tenant with this tag."""
        return self.by_tag.get(tag, self.default)


NO_LIMITS = RunningLimits()


@dataclass(frozen=True, slots=True)
class Shares:
    """What operators have set: (tenant or `EVERY`, name, number)."""

    numbers: tuple[tuple[str, str, int], ...] = ()

    @property
    def tenants(self) -> tuple[str, ...]:
        """Return the tenants that are named."""
        return tuple(sorted({tenant for tenant, _, _ in self.numbers} - {EVERY}))

    @property
    def running(self) -> RunningLimits:
        """Return what a worker goes by when it looks for work."""
        by_tag = {
            tag_of_tenant(tenant): limit
            for tenant in self.tenants
            if (limit := self._number(tenant, "running", None)) is not None
        }
        return RunningLimits(self._number(EVERY, "running", None), by_tag)

    def limits_of(self, tenant: str, *, queued: int, uploads: int, open_uploads: int) -> TenantLimits:
        """Return the limits of a tenant. `queued` and `uploads` are the totals, `open_uploads` that of any tenant."""
        alone = not tenant
        share_of_queue = min(queued, max(LEAST_QUEUED, queued // QUEUE_SHARE))
        share_of_uploads = max(1, uploads // UPLOAD_SHARE)
        return TenantLimits(
            queued=self._whole(tenant, "queued", queued if alone else share_of_queue),
            running=self._number(tenant, "running", None),
            uploads=self._whole(tenant, "uploads", uploads if alone else share_of_uploads),
            open_uploads=self._whole(tenant, "open", open_uploads),
            stored=self._whole(tenant, "stored", MAX_STORED),
        )

    def _whole(self, tenant: str, name: str, otherwise: int) -> int:
        found = self._number(tenant, name, otherwise)
        return otherwise if found is None else found

    def _number(self, tenant: str, name: str, otherwise: int | None) -> int | None:
        found = {whose: number for whose, what, number in self.numbers if what == name and whose in (tenant, EVERY)}
        return found.get(tenant, found.get(EVERY, otherwise))


def parse_shares(text: str) -> Shares:
    """
    Parse ``tenant:queued=200,stored=2TiB;other:running=4;*:uploads=6``.

    Raises `ValueError` with what is wrong where.
    """
    numbers: list[tuple[str, str, int]] = []
    seen: set[str] = set()
    for place, entry in enumerate(filter(None, (part.strip() for part in text.split(";"))), 1):
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise ValueError(f"entry {place} does not begin with a tenant (or *) and a colon")
        tenant = found[1]
        if tenant in seen:
            raise ValueError(f"entry {place} is the second one of {tenant}")
        seen.add(tenant)
        numbers += [(tenant, name, number) for name, number in _numbers_in(found[2], place).items()]
    return Shares(tuple(numbers))


def _numbers_in(text: str, place: int) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for pair in text.split(","):
        name, _, value = (part.strip() for part in pair.partition("="))
        if name not in NAMES or name in numbers:
            raise ValueError(f"entry {place} needs each of {', '.join(NAMES)} once at most, not {name!r}")
        found = _NUMBER.fullmatch(value)
        if found is None or (found[2] and name != "stored") or not int(found[1]):
            raise ValueError(f"{name} of entry {place} must be a number from 1 (stored also with KiB, MiB, GiB, TiB)")
        numbers[name] = int(found[1]) * _UNITS[found[2] or ""]
    return numbers


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


class TenantLimitReached(Overloaded):
    """This tenant takes as much of the service as one tenant may."""

    status = 429
    code = "tenant_limit"


class TenantQueueFull(TenantLimitReached):
    """As many jobs of this tenant are waiting as may wait."""

    code = "tenant_queue_full"
    hint = "Others are not affected; send the request again when some of your jobs have begun."
    retry_after: float | None = 15.0


class TenantUploadsBusy(TenantLimitReached):
    """As many uploads of this tenant are being received here as may be at once."""

    code = "tenant_uploads_busy"
    hint = "Send fewer at once: each that ends makes room for another."
    retry_after: float | None = 2.0


class TenantStorageFull(TenantLimitReached):
    """This tenant stores as much as one tenant may."""

    code = "tenant_storage_full"
    hint = "Delete uploads and jobs that are not needed any more, or wait until they expire."
    retry_after: float | None = 600.0
