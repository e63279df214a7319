"""
Which alarms there are, and what to do about each: the text is what arrives with the alarm.

Thresholds are for a service of a few hundred jobs an hour. Missing data is no alarm, except where a task that should be
there reports nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pulumi import Input

OURS = ""  # stands for the namespace of the stack


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of CloudWatch. `namespace` OURS: one of `signals`."""

    name: str
    namespace: str = OURS
    statistic: str = "Sum"
    dimensions: Mapping[str, Input[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alarm:
    """
    `metric` above `threshold` in each of `periods` of `minutes`: do what `advice` says.

    `below`: at or below instead. `silence`: no data is an alarm too. `unless`: only while that one is at 0.
    """

    name: str
    metric: Metric
    threshold: float
    advice: str
    minutes: int = 5
    periods: int = 1
    below: bool = False
    silence: bool = False
    unless: Metric | None = None


def service_alarms() -> Sequence[Alarm]:
    """Those that rest on what the service says."""
    return [
        Alarm(
            "failures",
            Metric("JobsFailed"),
            20,
            "Many conversions fail. Look at `code` of job.failed in the worker's log: bad input is its senders', "
            "anything else is ours.",
            minutes=15,
        ),
        Alarm(
            "takeovers",
            Metric("JobsTakenOver"),
            10,
            "Workers die or freeze in the middle of conversions; nothing is lost. On App Runner this is how an idle "
            "instance ends; else look for tasks that were killed for want of memory.",
            minutes=15,
        ),
        Alarm(
            "exhausted",
            Metric("JobsExhausted"),
            0,
            "A job was given up because its workers died again and again. Its file kills ffmpeg or fills the memory: "
            "job_id is in job.exhausted.",
        ),
        Alarm(
            "refused-writes",
            Metric("WritesRefused"),
            10,
            "Replaced workers came back and were refused, as they should be. Many of them mean frozen containers, or "
            "REPRISE_LEASE_SECONDS below what this platform needs.",
            minutes=15,
        ),
        Alarm(
            "not-begun",
            Metric("JobsAccepted"),
            0,
            "Jobs are accepted, and for half an hour none was begun: no worker is alive, or none has room. Look at the "
            "worker's last lines, and at worker.claiming_paused.",
            minutes=30,
            unless=Metric("JobsClaimed"),
        ),
        Alarm(
            "server-errors",
            Metric("ServerErrors"),
            5,
            "Requests are answered with 5xx. `path` and `request_id` are in request.done; aws.failure says which "
            "service did not answer.",
        ),
        Alarm(
            "aws-failures",
            Metric("AwsFailures"),
            20,
            "S3 or DynamoDB refuse or throttle. `operation`, `reason` and `advice` are in aws.failure.",
        ),
        Alarm(
            "circuit-opened",
            Metric("CircuitsOpened"),
            0,
            "S3 or DynamoDB was given up for a while. See the AWS Health Dashboard, and `reason` in circuit.opened.",
        ),
        Alarm(
            "unexpected",
            Metric("Unexpected"),
            0,
            "An error that should not exist. Its traceback is in service.unexpected; please report it.",
        ),
        Alarm(
            "cannot-start",
            Metric("CannotStart"),
            0,
            "A container refuses to start. `code`, `problem` and `fix` are in service.problem.",
        ),
        Alarm(
            "queue-age",
            Metric("QueueAgeSeconds", statistic="Maximum"),
            600,
            "Work waits for more than ten minutes: raise reprise:workerMax (or maxInstances), or slots.",
        ),
    ]


def webhook_alarms() -> Sequence[Alarm]:
    """Those of a stack that notifies endpoints: each that is given up needs somebody, so the first one counts."""
    return [
        Alarm(
            "webhooks-given-up",
            Metric("NotificationsDead"),
            0,
            "Webhooks are given up: tried in vain for a day, or refused with 410. `host` and `reason` are in "
            "notification.dead; when the receiver works again, its tenant sends them again. See the runbook.",
            minutes=60,
        )
    ]


def table_alarms(table: Input[str]) -> Sequence[Alarm]:
    """Those of DynamoDB itself: what it throttles was tried again, and took longer."""
    return [
        Alarm(
            f"{kind}-throttles",
            Metric(f"{kind.capitalize()}ThrottleEvents", "AWS/DynamoDB", dimensions={"TableName": table}),
            10,
            f"DynamoDB throttles {kind}s: the cap of infra/components/jobs.py is reached, or one partition is hot.",
        )
        for kind in ("read", "write")
    ]


def worker_alarms(dimensions: Mapping[str, Input[str]]) -> Sequence[Alarm]:
    """Those of the Fargate service: each running task reports its CPU once a minute."""
    return [
        Alarm(
            "no-workers",
            Metric("CPUUtilization", "AWS/ECS", "SampleCount", dimensions),
            0,
            "No worker runs. See the events of the ECS service: no Spot capacity (set reprise:spot to false), an image "
            "that cannot be pulled, or a container that refuses to start.",
            below=True,
            silence=True,
            periods=3,
        )
    ]
