"""
What a client asks, and how an answer is understood: `Client` is what workloads speak, whatever the service is.

An answer is ok, fail (it certainly did not happen) or unknown (it may have happened): see `asking`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from chaos.client.asking import Answer
from chaos.client.conversions import Conversion


class Client(Protocol):
    """One user of the service: asks one member at a time (`via`), and records every answer. Never raises for one."""

    def upload(self, via: str, path: Path, route: str) -> Answer:
        """Send a file by one of the service's routes; the answer's `upload_id` is set if it arrived."""

    def submit(self, via: str, upload_id: str, conversion: Conversion, key: str | None) -> Answer:
        """Order a conversion, with an idempotency key or without; sets `job_id`."""

    def read(self, via: str, job_id: str, how: str) -> Answer:
        """Ask how far a job is; `how` is one of the service's ways to be asked."""

    def stream(self, via: str, job_id: str, last: str | None) -> Iterator[Answer]:
        """Follow a job's events; a broken stream ends with an answer that is unknown."""

    def cancel(self, via: str, job_id: str) -> Answer:
        """Ask for the end of a job."""

    def delete_job(self, via: str, job_id: str) -> Answer:
        """Delete a job and its output."""

    def delete_upload(self, via: str, upload_id: str) -> Answer:
        """Delete what was uploaded."""

    def download(self, via: str, job_id: str, how: str) -> Answer:
        """Fetch the output; sets `digest`."""

    def peek(self, via: str, job_id: str) -> Answer:
        """Try, as another tenant, to see a job."""

    def problem(self, answer: Answer) -> Mapping[str, Any]:
        """Return the problem document of an answer, or nothing."""
