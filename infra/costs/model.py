"""
From a stack's configuration to the lines of a bill: a month in which nothing happens, and 1,000 conversions.

The typical conversion is stated in `Job`. What is billed by use (requests, storage, logs) is in the second bill only;
what is there all the time in the first only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infra.config.model import Config
from infra.costs.prices import HOURS, PRICES, usd
from infra.watching.alarms import service_alarms, table_alarms, webhook_alarms, worker_alarms
from infra.watching.signals import QUEUE, TRIGGERS

DEAREST_NODE = "cache.t4g.medium"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bill, in USD."""

    what: str
    how: str
    usd: float


@dataclass(frozen=True, slots=True)
class Job:
    """A conversion as people send them: sizes in MB, time in seconds of one vCPU, days until it has expired."""

    upload: float = 200.0
    result: float = 100.0
    cpu: float = 300.0
    # Counted by a test: 150 renewals of the lease with progress; 14 for the job, under an idempotency key; 10 for the
    # upload in parts; 5 for the entry of the worker. Five of them are the entries of lists (GET /v1/jobs, /v1/uploads).
    writes: int = 179
    reads: int = 200  # polls by its client and by watching workers
    log_kb: float = 20.0
    days: float = 2.0


TYPICAL = Job()
PART_MB = 8
FEW = 3  # workers: with no more, each of them watches everything, and its own entry need not be fresh


@dataclass(frozen=True, slots=True)
class Units:
    """Units of DynamoDB in an hour, of one worker that has nothing to do."""

    reads: int
    writes: int


# Counted by a test, with the real worker over the stores of docs/scale.md. A Redis that tells of deaths changes none.
IDLE_OF_FEW = Units(reads=9_400, writes=240)
IDLE_OF_MANY = Units(reads=7_100, writes=720)
ROUNDS, LISTS = 12, 3  # of the janitor in an hour; lists of each


def total(lines: Sequence[Line]) -> float:
    """The sum of a bill."""
    return sum(line.usd for line in lines)


def idle(stack: Config) -> list[Line]:
    """What a month costs in which nobody uses it."""
    return [*_api(stack), *_workers(stack), *_looking(stack), *_cache(stack), *_watch(stack)]


def _api(stack: Config) -> Iterator[Line]:
    least = stack.min_instances
    if not stack.express:
        gb = least * stack.memory
        yield Line("App Runner, waiting", f"{gb:g} GB × {HOURS} h", usd("apprunner-gb", gb * HOURS))
        return
    yield _task("API tasks", least, stack.cpu, stack.memory, spot=False)
    yield Line("their public addresses", f"{least} × {HOURS} h", usd("ipv4", least * HOURS))
    yield Line("load balancer", f"{HOURS} h, shared by up to 25 Express services", usd("alb", HOURS))
    zones = max(len(stack.public_subnets), stack.zone_count)
    yield Line("its public addresses", f"{zones} zones × {HOURS} h", usd("ipv4", zones * HOURS))


def _workers(stack: Config) -> Iterator[Line]:
    if not stack.fargate_worker:
        return
    least = stack.worker_min
    yield _task("workers", least, stack.worker_cpu, stack.worker_memory, spot=stack.spot)
    yield Line("their public addresses", f"{least} × {HOURS} h", usd("ipv4", least * HOURS))
    if stack.worker_disk > 20:
        more = least * (stack.worker_disk - 20)
        yield Line("their disks", f"{more} GiB × {HOURS} h", usd("fargate-disk", more * HOURS))


def _looking(stack: Config) -> Iterator[Line]:
    """What workers ask while there is no work. On App Runner they get less CPU for it than this supposes."""
    workers = stack.worker_min if stack.fargate_worker else stack.min_instances
    units = idle_units(workers)
    reads, writes = workers * units.reads * HOURS, workers * units.writes * HOURS
    yield Line("DynamoDB, looking for work", f"{workers} × {units.reads:,} reads an hour", usd("dynamodb-read", reads))
    how = f"{workers} × {units.writes:,} writes an hour"
    yield Line("DynamoDB, entries of workers", how, usd("dynamodb-write", writes))
    lists = workers * ROUNDS * LISTS * HOURS
    yield Line("S3, looking for leftovers", f"{workers} × {ROUNDS * LISTS} lists an hour", usd("s3-put", lists))


def idle_units(workers: int) -> Units:
    """Return what each of so many workers reads and writes while there is no work."""
    return IDLE_OF_FEW if workers <= FEW else IDLE_OF_MANY


def _task(what: str, count: int, cpu: float, memory: float, *, spot: bool) -> Line:
    hourly = usd("fargate-vcpu", cpu) + usd("fargate-gb", memory)
    share = PRICES["spot"].usd if spot else 1.0
    how = f"{count} × {cpu:g} vCPU, {memory:g} GB × {HOURS} h" + (" on Spot" if spot else "")
    return Line(what, how, count * hourly * share * HOURS)


def _cache(stack: Config) -> Iterator[Line]:
    if stack.cache == "serverless":
        yield Line("cache, serverless", f"0.1 GB × {HOURS} h", usd("serverless-gb", 0.1 * HOURS))
    elif stack.cache == "replicated":
        # Of a node that is not in the table the dearest one that is gives at least an idea.
        node = stack.cache_node_type if stack.cache_node_type in PRICES else DEAREST_NODE
        known = "" if node == stack.cache_node_type else f" (priced as {node}: look it up)"
        how = f"{stack.cache_nodes} × {stack.cache_node_type} × {HOURS} h{known}"
        yield Line("cache, replicated", how, usd(node, stack.cache_nodes * HOURS))


def _watch(stack: Config) -> Iterator[Line]:
    secrets = 2 if stack.has_cache else 1
    yield Line("secrets", f"{secrets}", usd("secret", secrets))
    alarms = [*service_alarms(), *table_alarms("")]
    scaling = 0
    if stack.fargate_worker:
        alarms += worker_alarms({})
        scaling = len(TRIGGERS)
    if stack.webhooks:
        alarms += webhook_alarms()
    metrics = sum(1 if alarm.unless is None else 2 for alarm in alarms) + scaling
    yield Line("alarms", f"{len(alarms) + scaling} on {metrics} metrics", usd("alarm", metrics))
    yield Line("metrics of the queue", f"{len(QUEUE)}, which always have data", usd("metric", len(QUEUE)))
    yield Line("dashboard", "1", usd("dashboard"))


def thousand(stack: Config, job: Job = TYPICAL) -> list[Line]:
    """What 1,000 conversions cost on top."""
    n = 1000
    compute, how, each = _compute(stack, job)
    puts = (job.upload + job.result) / PART_MB + 4
    return [
        Line(compute, how, n * each),
        Line("downloads", f"{n * job.result / 1000:g} GB to the internet", n * usd("egress-gb", job.result / 1000)),
        Line("S3, kept", f"{job.days:g} days", n * usd("s3-gb", (job.upload + job.result) / 1000 * job.days / 30)),
        Line("S3, requests", f"{puts:g} writes, 30 reads each", n * (usd("s3-put", puts) + usd("s3-get", 30))),
        Line(
            "DynamoDB",
            f"{job.writes} writes, {job.reads} reads each",
            n * (usd("dynamodb-write", job.writes) + usd("dynamodb-read", job.reads)),
        ),
        Line("logs", f"{job.log_kb:g} kB each", n * usd("log-gb", job.log_kb / 1e6)),
        *_traces(stack, job, n),
    ]


def _traces(stack: Config, job: Job, n: int) -> Iterator[Line]:
    """A trace for each request: the upload, the job with all its attempts, the download, and every poll."""
    if stack.traced:
        requests = job.reads + 3
        yield Line("X-Ray", f"{requests} traces each", n * usd("xray-trace", requests))


def _compute(stack: Config, job: Job) -> tuple[str, str, float]:
    """The CPU of one conversion: what it is called, how it is counted, USD."""
    hours = job.cpu / 3600
    if stack.fargate_worker:
        memory = stack.worker_memory / stack.worker_cpu
        share = PRICES["spot"].usd if stack.spot else 1.0
        each = share * (usd("fargate-vcpu", hours) + usd("fargate-gb", memory * hours))
        return "conversion, on Fargate" + (" Spot" if stack.spot else ""), f"{job.cpu:g} s of a vCPU each", each
    memory = stack.memory / stack.cpu
    if stack.express:
        each = usd("fargate-vcpu", hours) + usd("fargate-gb", memory * hours)
        return "conversion, on Fargate", f"{job.cpu:g} s of a vCPU each, as far as the idle tasks do not suffice", each
    # The memory of the instance that waits is paid for already.
    return "conversion, on App Runner", f"{job.cpu:g} s of an active vCPU each", usd("apprunner-vcpu", hours)
