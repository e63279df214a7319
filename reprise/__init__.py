"""
A client of Reprise, which converts audio and picks the work up again when it is killed.

    from pathlib import Path
    from reprise import Client

    with Client("https://audio.example", key="…") as client:
        upload = client.upload(Path("song.flac"))
        job = client.submit(upload.upload_id, "mp3", {"bitrate_kbps": 192})
        client.wait(job.job_id)
        client.download(job.job_id, Path("song.mp3"))

`AsyncClient` has the same methods. Every call repeats what passes by itself, and can be made again after a crash.
"""

from reprise.aio import AsyncClient
from reprise.client import Client
from reprise.errors import (
    Interrupted,
    JobCancelled,
    JobFailed,
    NotFound,
    ProblemError,
    Rejected,
    RepriseError,
    TryLater,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
)
from reprise.files import BytesSource, FileSource
from reprise.models import (
    Conversion,
    Failure,
    Ffmpeg,
    Job,
    ListedNotification,
    ListedUpload,
    Media,
    Notification,
    PendingUpload,
    Progress,
    Upload,
)
from reprise.uploading import Begun, Source

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Begun",
    "BytesSource",
    "Client",
    "Conversion",
    "Failure",
    "Ffmpeg",
    "FileSource",
    "Interrupted",
    "Job",
    "JobCancelled",
    "JobFailed",
    "ListedNotification",
    "ListedUpload",
    "Media",
    "NotFound",
    "Notification",
    "PendingUpload",
    "ProblemError",
    "Progress",
    "Rejected",
    "RepriseError",
    "Source",
    "TryLater",
    "Unauthorized",
    "UnexpectedAnswer",
    "Unreachable",
    "Upload",
]
