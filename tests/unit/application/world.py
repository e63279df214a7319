"""One world per test: what the use cases are given, over fakes that the test can look at and tamper with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Unpack

from service.application.config import ServiceConfig
from service.application.context import Caller, ServiceContext
from service.core.jobs.job import Failure, Job, Output, State
from service.core.jobs.progress import Hint
from service.core.limits.capacity import UnlimitedCapacity, WorkerStatus
from service.core.naming import output_key
from service.core.upload import Upload
from service.ports.capacity import Capacity
from service.testing.clock import NOON, SeededIds, SteppingClock
from service.testing.factories import JobFields, UploadFields, a_job, an_upload
from service.testing.memory_hints import MemoryBoard, MemoryWakeups
from service.testing.memory_jobs import MemoryJobs
from service.testing.memory_objects import MemoryObjects
from service.testing.sniffer import DirectSniffer

JOB = "jobjobjobjobjobj"  # ids have to look like ids
UPLOAD = "uploaduploadupload"


def wav(seconds: float = 0.01) -> bytes:
    """The bytes of a small silent WAV file: mono, 16 bit, 8 kHz."""
    data = b"\0\0" * int(8000 * seconds)
    form = b"fmt " + (16).to_bytes(4, "little") + bytes.fromhex("0100 0100 401f0000 803e0000 0200 1000")
    body = b"WAVE" + form + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@dataclass
class ServiceWorld:
    """Everything outside of the use cases."""

    config: ServiceConfig = field(default_factory=lambda: ServiceConfig(version="1.2.3", instance="one"))
    clock: SteppingClock = field(default_factory=SteppingClock)
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    board: MemoryBoard = field(default_factory=MemoryBoard)
    health: dict[str, str] = field(default_factory=lambda: {"dynamodb": "ok", "s3": "ok", "redis": "ok"})

    capacity: Capacity = field(default_factory=UnlimitedCapacity)
    worker: WorkerStatus | None = None
    states: dict[str, str] = field(default_factory=dict)  # of the circuits
    stopping: bool = False

    def __post_init__(self) -> None:
        self.wakeups = MemoryWakeups(self.clock)
        self.context = self.another_container(1)

    def another_container(self, seed: int = 2) -> ServiceContext:
        """What a further process would be given: the same stores, its own ids."""
        return ServiceContext(
            config=self.config,
            jobs=self.jobs,
            uploads=self.jobs,
            objects=self.objects,
            sniffer=DirectSniffer(),
            board=self.board,
            wakeups=self.wakeups,
            clock=self.clock,
            ids=SeededIds(seed),
            checks=self.checks,
            capacity=self.capacity,
            worker_status=lambda: self.worker,
            circuits=lambda: self.states,
            stopping=lambda: self.stopping,
        )

    def caller(self, tenant: str = "") -> Caller:
        """A tenant that asks this service; the nameless one owns what the methods below make."""
        return Caller(self.context, tenant)

    async def checks(self) -> Mapping[str, str]:
        return self.health

    def upload(self, **interesting: Unpack[UploadFields]) -> Upload:
        """An upload that is there, with its object."""
        values: UploadFields = {"upload_id": UPLOAD, "tenant": "", **interesting}
        upload = an_upload(**values)
        self.objects.put(upload.key, b"audio")
        self.jobs.uploads[upload.upload_id] = upload
        return upload

    def job(self, **interesting: Unpack[JobFields]) -> Job:
        """A job that is there."""
        values: JobFields = {"job_id": JOB, "tenant": "", **interesting}
        self.jobs.jobs[values["job_id"]] = job = a_job(**values)
        return job

    def running(self, **interesting: Unpack[JobFields]) -> Job:
        """A job that a worker holds."""
        values: JobFields = {"state": State.RUNNING, "owner": "w", "attempt": 1, "started_at": NOON, **interesting}
        return self.job(**values)

    def succeeded(self, data: bytes = b"0123456789", **interesting: Unpack[JobFields]) -> Job:
        """A job with its output."""
        name = interesting.get("filename", "song.mp3")
        stored = self.objects.put(output_key(JOB, 1, name), data)
        values: JobFields = {
            "state": State.SUCCEEDED,
            "attempt": 1,
            "percent": 100.0,
            "finished_at": NOON,
            "output": Output(key=stored.key, size=stored.size, etag=stored.etag),
            **interesting,
        }
        return self.job(**values)

    def failed(self) -> Job:
        """A job that could not be done."""
        failure = Failure(code="bad_media", detail="No audio stream.", diagnostics={"exit_code": 183})
        return self.job(state=State.FAILED, attempt=1, finished_at=NOON, failure=failure, percent=12.0)

    def hint(self, percent: float, attempt: int = 1) -> None:
        """What Redis says."""
        self.board.hints[JOB] = Hint(percent, attempt)
