"""The limits that the use cases go by."""

from dataclasses import dataclass, field

from service.core import defaults
from service.core.limits.capacity import Thresholds
from service.core.limits.shares import Shares, TenantLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """Limits of the service, and what this process is called. Times are seconds, sizes bytes."""

    version: str = "0"
    instance: str = "local"  # which container answered: shown by /health, so that a tester can tell them apart
    max_upload_bytes: int = defaults.MAX_UPLOAD_BYTES
    max_uploads: int = defaults.MAX_UPLOADS  # received at once by this process, whole ones and parts
    max_open_uploads: int = defaults.MAX_OPEN_UPLOADS  # of one tenant, begun and not complete
    max_streams: int = defaults.MAX_STREAMS  # event streams and waits that are open at this process
    max_streams_per_tenant: int = defaults.MAX_STREAMS_PER_TENANT  # of these, of one tenant
    max_queued: int = defaults.MAX_QUEUED  # jobs that may wait, in the whole service
    shares: Shares = field(default_factory=Shares)  # what operators have set for single tenants
    limits: Thresholds = field(default_factory=Thresholds)  # beyond its memory no upload is begun
    ttl_seconds: float = defaults.TIME_TO_LIVE  # uploads and jobs are gone after this
    pending_seconds: float = 24 * 3600.0  # an upload in parts that is not complete by then is dropped
    part_url_seconds: int = 900  # a presigned URL of a part works this long; a late client asks for another
    download_url_seconds: int = 900  # a presigned URL works this long

    def limits_of(self, tenant: str) -> TenantLimits:
        """Return what this tenant may take of the service."""
        return self.shares.limits_of(
            tenant, queued=self.max_queued, uploads=self.max_uploads, open_uploads=self.max_open_uploads
        )
