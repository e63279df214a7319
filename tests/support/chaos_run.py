"""
A made-up run of the chaos suite: what a record looks like when every promise is kept, as large as asked for.

Containers convert jobs, some are killed or frozen while they do, a network is cut, and another container goes on. The
same numbers give the same run.
"""

import random
from dataclasses import dataclass, field

from chaos.history.events import (
    Attempt,
    Container,
    Event,
    Expected,
    Fault,
    Final,
    Operation,
    Run,
)

LEASE = 6.0
SPEED = 8.0  # percent per second
SLOTS = 2
SIZE = 1_440_381


@dataclass
class _Job:
    number: int
    arrives: float
    work: float  # percent per second
    bad: bool = False
    given_up: bool = False
    attempt: int = 0
    shown: float = 0.0

    @property
    def job_id(self) -> str:
        return f"job{self.number:03d}"


@dataclass
class _Machine:
    """Which container lives when, and what it does."""

    name: str
    dead: list[tuple[float, float, str]] = field(default_factory=list)  # (from, until, kill | freeze)
    busy: list[float] = field(default_factory=lambda: [0.0] * SLOTS)  # when each slot is free

    def harm(self, begin: float, end: float) -> tuple[float, float, str] | None:
        """The first harm in a stretch of time."""
        return next((one for one in self.dead if begin < one[0] < end), None)

    def free(self, at: float) -> float:
        """The first moment from `at` on at which a slot is free and the container lives."""
        moment = max(at, min(self.busy))
        for since, until, _ in self.dead:
            if since <= moment < until:
                moment = until + 0.3
        return moment


def made_up_run(jobs: int = 5, seed: int = 7, containers: int = 3) -> list[Event]:
    """Return the events of a run, in the order of their moments."""
    draw = random.Random(seed)
    machines = [_Machine(f"service-{number}") for number in range(1, containers + 1)]
    length = 20.0 + jobs * 2.4
    events: list[Event] = []
    events += _faults(draw, machines, length)
    for number in range(1, jobs + 1):
        job = _Job(number, 1.0 + (number - 1) * length / (jobs + 2), draw.uniform(0.7, 1.3) * SPEED)
        job.bad = jobs > 4 and number % 9 == 4
        job.given_up = jobs > 4 and number % 11 == 5
        events += _life(draw, machines, job)
    end = max(event.at for event in events) + 2.0
    events += [Container(at=end, name=one.name, what="removed") for one in machines]
    events.sort(key=lambda event: event.at)
    head = Run(
        at=0.0,
        scenario="kill_the_converting",
        seed=seed,
        parameters={
            "jobs": jobs,
            "slots": SLOTS,
            "image": "reprise:dev",
            "sometimes": "fault_fell_into_a_conversion,takeover_happened",
        },
        command=f"make chaos SCENARIO=kill_the_converting SEED={seed}",
        containers=[one.name for one in machines],
    )
    return [head, *events]


def _faults(draw: random.Random, machines: list[_Machine], length: float) -> list[Event]:
    events: list[Event] = []
    for machine in machines:
        events.append(Container(at=0.1, name=machine.name, what="started"))
        events.append(Container(at=0.9, name=machine.name, what="ready"))
    at, turn = 4.5, 0
    while at < length - 4:
        machine = machines[turn % len(machines)]
        kind = "freeze" if turn % 4 == 2 else "kill"
        if kind == "kill":
            back = at + draw.uniform(4.0, 7.0)
            events += [
                Fault(at=at, name="kill", phase="injected", targets=[machine.name], detail="SIGKILL of the container"),
                Container(at=at + 0.05, name=machine.name, what="killed", detail="exit code 137"),
                Container(at=back, name=machine.name, what="started"),
                Container(at=back + 0.8, name=machine.name, what="ready"),
            ]
            machine.dead.append((at + 0.05, back + 0.8, "kill"))
        else:
            back = at + 9.0
            events += [
                Fault(at=at, name="pause", phase="injected", targets=[machine.name], detail="longer than its lease"),
                Container(at=at + 0.02, name=machine.name, what="paused"),
                Fault(at=back, name="pause", phase="healed", targets=[machine.name]),
                Container(at=back + 0.02, name=machine.name, what="thawed"),
            ]
            machine.dead.append((at + 0.02, back + 0.02, "freeze"))
        at += draw.uniform(5.0, 8.5)
        turn += 1
    cut = length * 0.62
    events += [
        Fault(at=cut, name="redis_cut_off", phase="injected", targets=["redis"], detail="no bytes either way"),
        Fault(at=cut + 3.5, name="redis_cut_off", phase="healed", targets=["redis"]),
    ]
    return events


def _life(draw: random.Random, machines: list[_Machine], job: _Job) -> list[Event]:
    """From its upload to its download."""
    tenant, upload = "team-a" if job.number % 2 else "team-b", f"upload{job.number:03d}"
    ask = _Asking(draw, machines, job, tenant, upload)
    failures = ["unsupported_media"] if job.bad else []
    events: list[Event] = [
        Expected(
            at=job.arrives, upload_id=upload, digest="right", may_succeed=not job.bad, failures=failures, bytes=SIZE
        ),
        ask("upload", job.arrives, upload_id=upload),
        ask("submit", job.arrives + 0.4, state="queued", percent=0.0),
    ]
    if job.number % 3 == 0:
        events.append(ask("submit", job.arrives + 0.7, state="queued", percent=0.0))
    at, end, state = job.arrives + 0.6, 0.0, "queued"
    while state == "queued":
        machine = min(machines, key=lambda one: one.free(at))
        begin = machine.free(at)
        job.attempt += 1
        what = "claimed" if job.attempt == 1 else "taken_over"
        events.append(_said(begin, job, machine, what, "" if job.attempt == 1 else "the holder was silent for a lease"))
        end = begin + (1.2 if job.bad else 100.0 / job.work)
        stop = begin + 4.0 if job.given_up else None
        harm = machine.harm(begin, min(end, stop or end))
        if harm is not None:
            events += ask.polls(begin, harm[0], begin)
            machine.busy[machine.busy.index(min(machine.busy))] = harm[1]
            at = harm[0] + LEASE - draw.uniform(0.0, 1.4)
            if harm[2] == "freeze":
                events.append(_said(harm[1] + 0.1, job, machine, "refused", "fenced"))
            continue
        machine.busy[machine.busy.index(min(machine.busy))] = end
        if stop is not None and stop < end:
            events.append(ask("cancel", stop, state="running"))
            end, state = stop + 1.1, "cancelled"
        else:
            state = "failed" if job.bad else "succeeded"
        events += ask.polls(begin, end, begin)
        events.append(_said(end, job, machine, "ended", state))
    percent = 100.0 if state == "succeeded" else job.shown
    events.append(ask("read", end + 0.3, state=state, percent=percent, attempt=job.attempt))
    if state == "succeeded":
        events.append(ask("download", end + 0.5, digest="right", bytes=SIZE))
    key = f"results/{job.job_id}/{job.attempt}/out.mp3" if state == "succeeded" else None
    events.append(
        Final(
            at=end + 1.5,
            job_id=job.job_id,
            upload_id=upload,
            state=state,
            attempt=job.attempt,
            output_key=key,
            failure=failures[0] if state == "failed" else None,
            tenant=tenant,
        )
    )
    return events


@dataclass
class _Asking:
    """The client of a job."""

    draw: random.Random
    machines: list[_Machine]
    job: _Job
    tenant: str
    upload: str

    def __call__(self, verb: str, asked: float, **fields: object) -> Operation:
        alive = [one for one in self.machines if not any(a <= asked < b for a, b, _ in one.dead)] or self.machines
        answered = asked + self.draw.uniform(0.02, 0.12)
        known: dict[str, object] = {"upload_id": self.upload, "tenant": self.tenant}
        if verb != "upload":
            known["job_id"] = self.job.job_id
        if verb == "submit":
            known["key"] = f"key-{self.job.number}"
        return Operation(
            at=answered,
            client=f"client-{self.job.number % 4 + 1}",
            via=self.draw.choice(alive).name,
            verb=verb,
            asked=asked,
            answered=answered,
            outcome="ok",
            status=200,
            **(known | fields),  # type: ignore[arg-type]
        )

    def polls(self, begin: float, end: float, started: float) -> list[Event]:
        """What the client was shown of an attempt."""
        found: list[Event] = []
        at = begin + 0.5
        while at < end - 0.1:
            reached = min(99.0, (at - started) * self.job.work)
            self.job.shown = round(max(self.job.shown, reached), 1)
            found.append(self("read", at, state="running", percent=self.job.shown, attempt=self.job.attempt))
            at += 1.0
        return found


def _said(at: float, job: _Job, machine: _Machine, what: str, detail: str = "") -> Attempt:
    return Attempt(at=at, job_id=job.job_id, attempt=job.attempt, container=machine.name, what=what, detail=detail)
