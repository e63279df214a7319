"""Clients at work: threads that play the plans of a workload until the faults are over, and see each job to its end."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.ambient import Draws, draws, pause
from chaos.client import Client
from chaos.client.asking import Answer
from chaos.client.conversions import Conversion
from chaos.history.events import UNKNOWN, Expected
from chaos.history.recording import Recorder
from chaos.history.records import FINAL, SUCCEEDED
from chaos.stack import Stack
from chaos.workload.inputs import BY_NAME, Library
from chaos.workload.plans import JobPlan, Workload, plan

EVENTS = "events"
NOTHING = Answer(UNKNOWN, 0.0, 0.0)
BETWEEN_TRIES, BETWEEN_LOOKS = 0.4, 0.35  # seconds, on average


@dataclass
class Play:
    """What the clients of a run share."""

    seed: int
    workload: Workload
    stack: Stack
    library: Library
    conversions: dict[str, Conversion]
    recorder: Recorder
    calm: threading.Event = field(default_factory=threading.Event)  # no more faults: finish what was begun
    abandon: threading.Event = field(default_factory=threading.Event)  # out of time
    begun: int = 0
    accepted: int = 0
    ended: int = 0
    problems: list[str] = field(default_factory=list)  # of the harness itself
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> JobPlan | None:
        """Return the next job, while there are to be more."""
        with self.lock:
            if self.abandon.is_set() or (self.begun >= self.workload.jobs and self.calm.is_set()):
                return None
            self.begun += 1
            return plan(self.seed, self.workload.mix, self.begun)

    def count(self, what: str) -> None:
        """Count for the display."""
        with self.lock:
            setattr(self, what, getattr(self, what) + 1)


class Player(threading.Thread):
    """One client."""

    def __init__(self, name: str, play: Play, client: Client, close: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._play, self._client, self._close = play, client, close
        self._draw: Draws = draws(play.seed, name)

    def run(self) -> None:
        """Play until there is no next job. An error of the harness ends this client and fails the run."""
        try:
            while (job := self._play.next()) is not None:
                self._draw = draws(job.seed)
                self._job(job)
                pause(job.pace)
        except Exception as error:  # noqa: BLE001  # a thread has no other way to say so
            self._play.problems.append(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            self._close()

    # ── one job ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _job(self, job: JobPlan) -> None:
        what, conversion = BY_NAME[job.input], self._play.conversions[job.conversion]
        path = self._play.library.path(job.input)
        upload = self._until(lambda via: self._client.upload(via, path, job.route))
        upload_id = self._granted(upload, f"the upload of {job.input}", refusal=what.refused).upload_id
        if upload_id is None:
            return
        self._expect(job, upload_id, conversion)
        accepted = self._until(lambda via: self._client.submit(via, upload_id, conversion, job.key))
        job_id = self._granted(accepted, f"the job of {job.input}").job_id
        if job_id is None:
            return
        self._play.count("accepted")
        if job.resubmit:
            self._client.submit(self._via(), upload_id, conversion, job.key)
        state = self._follow(job, job_id)
        if state is None:
            return
        self._play.count("ended")
        if job.peek:
            self._client.peek(self._via(), job_id)
        if state == SUCCEEDED:
            self._until(lambda via: self._client.download(via, job_id, job.download))
        if job.delete:
            self._until(lambda via: self._client.delete_job(via, job_id), again=lambda one: one.state == "stopping")
            self._until(lambda via: self._client.delete_upload(via, upload_id))

    def _granted(self, answer: Answer | None, what: str, refusal: int | None = None) -> Answer:
        """Return the answer if it grants what was asked; else one without ids, after noting it if it is not as due."""
        if answer is None or (refusal is not None and answer.status == refusal):
            return NOTHING
        if not answer.ok or refusal is not None:
            self._play.problems.append(f"{what} was answered with {answer.status} {answer.code or ''}")
            return NOTHING
        return answer

    def _expect(self, job: JobPlan, upload_id: str, conversion: Conversion) -> None:
        what = BY_NAME[job.input]
        failures = [*what.failures, *self._play.workload.failures.get(job.input, ())]
        if what.failures:
            expected = Expected(upload_id=upload_id, digest="", may_succeed=False, failures=failures)
        else:
            made = self._play.library.made(job.input, conversion)
            expected = Expected(upload_id=upload_id, digest=made.digest, bytes=made.size, failures=failures)
        self._play.recorder.write(expected)

    def _follow(self, job: JobPlan, job_id: str) -> str | None:
        """Watch a job to its end, cancelling it on the way if that is the plan; returns its final state."""
        wished, last = job.cancel_at is None, None
        turn = 0
        while not self._play.abandon.is_set():
            how = job.follow[turn % len(job.follow)]
            turn += 1
            if how == EVENTS:
                answers = self._client.stream(self._via(), job_id, last)
            else:
                answers = iter((self._client.read(self._via(), job_id, how),))
            for answer in answers:
                if answer.final_refusal:
                    return None  # judged by the checkers: a job that was accepted must be there
                if answer.state in FINAL:
                    return answer.state
                if answer.percent is not None:
                    last = f"{answer.percent:.1f}"
                    if not wished and answer.percent >= (job.cancel_at or 0.0):
                        wished = self._client.cancel(self._via(), job_id).ok
                if self._play.abandon.is_set():
                    return None
            self._pause(BETWEEN_LOOKS)
        return None

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _until(self, ask: Callable[[str], Answer], again: Callable[[Answer], bool] = lambda _: False) -> Answer | None:
        """Ask one member after the other until one says yes, or no for good; None if there is no time left."""
        while not self._play.abandon.is_set():
            answer = ask(self._via())
            if (answer.ok and not again(answer)) or answer.final_refusal:
                return answer
            self._pause(BETWEEN_TRIES)
        return None

    def _via(self) -> str:
        return self._draw.choice(list(self._play.stack.members))

    def _pause(self, seconds: float) -> None:
        pause(seconds * (0.5 + self._draw.random()))
