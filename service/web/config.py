"""The few numbers and names that the web layer goes by."""

from dataclasses import dataclass, field

from service.core.capacity import Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """Limits and names. Times are seconds, sizes bytes."""

    version: str = "0"
    instance: str = "local"  # which container answered: shown by /health, so that a tester can tell them apart
    max_upload_bytes: int = 5 * 1024**3
    max_uploads: int = 32  # received at once by this process
    max_queued: int = 1000  # jobs that may wait, in the whole service
    limits: Thresholds = field(default_factory=Thresholds)  # beyond its memory no upload is begun
    ttl_seconds: float = 24 * 3600.0  # uploads and jobs are gone after this
    longest_wait_seconds: float = 100.0  # of ?wait=; App Runner cuts a request at 120 s
    events_seconds: float = 100.0  # of one event stream, for the same reason
    download_url_seconds: int = 900  # a presigned URL works this long
