"""An upload: bytes that have arrived in the object store, and what they were found to be."""

from dataclasses import dataclass

from service.core.media import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A complete upload. Sizes are bytes, times seconds since the epoch (UTC)."""

    upload_id: str
    tenant: str
    filename: str
    key: str
    size: int
    etag: str
    source: Source
    created_at: float
    expires_at: float
