"""docs/scale.md: what the results say, in tables."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.scale import limits, picture
from benchmarks.scale.goals import BUSY_BEFORE, verdicts
from benchmarks.scale.meter import READS, WRITES
from benchmarks.scale.rates import MONTH, RATES
from benchmarks.scale.results import Result, Spread, usd_of_worker_hour
from infra.costs.prices import PRICES
from service.core.jobs.queue import QUEUED, RUNNING

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "scale.md"
PICTURE = ROOT / "docs" / "images" / "scale.svg"
FIGURES = Path(__file__).with_name("figures.json")

OPENING = f"""\
# Ten workers, and a thousand

This page is written by `make scale`, from figures that it keeps in `benchmarks/scale/figures.json`; a test holds them.
The real worker, with its heartbeat and its attempts, is played in virtual time over the stores of the tests; a plan that waits stands in for ffmpeg.
Every call is counted in DynamoDB's read and write units, by the sizes of the items that the adapter writes; a test compares the counting with what DynamoDB Local says that it consumed.
The seed is fixed: the same code gives the same figures.

State is DynamoDB at {PRICES["dynamodb-write"].usd * 1e6:g} USD a million write units and {PRICES["dynamodb-read"].usd * 1e6:g} USD a million read units, compute is a Fargate task with 1 vCPU and 2 GB at {usd_of_worker_hour():.4f} USD an hour, both on demand ([costs.md](costs.md)).

![what state costs, how long jobs wait, how long recovery takes](images/scale.svg)
"""  # noqa: E501  # a document has a sentence a line

SCENES = """\
## What is played

| scene | |
| --- | --- |
| idle | nothing to do |
| busy | each worker has a job of 150 to 450 s all the time, of ten tenants, and two more wait for each |
| arriving | jobs of 60 to 120 s come at random moments and keep half of all workers busy |
| deep | all workers start at once before a hundred jobs for each of them, of one tenant, that came in 150 s, twice as fast as they are taken, and take 2 to 4 s |
| faults | as *arriving*, for four of ten workers; some are killed and told to stop, the index is 3 s behind for 10 s of each minute, and a shard of it refuses everything for 5 s twice a minute; there is no Redis that tells of deaths |
| heard | the same, with one |

A call takes 7 ms on average, the index is 20 ms behind, and a partition takes no more than {reads:,.0f} read units and {writes:,.0f} write units a second.
Every worker process also reports the depth of the queue once a minute, which is counted.
The janitor is not played: its reads depend on what is in the bucket and not on how many jobs run.
"""  # noqa: E501


def write(results: Sequence[Result]) -> None:
    """Write page and picture."""
    PAGE.write_text(page(results), encoding="utf-8")
    picture.write(PICTURE, results)


def page(results: Sequence[Result]) -> str:
    """Return the document."""
    parts = [OPENING, *_goals(results), SCENES.format(reads=READS, writes=WRITES)]
    parts += ["\n".join(tables(results)), "", *_rates()]
    return "\n".join(parts) + "\n"


def tables(results: Sequence[Result]) -> Iterator[str]:
    """Return the lines of all tables of figures."""
    yield from _costs(results)
    yield from _operations(results)
    yield from _queue(results)
    yield from _recovery(results)
    yield from _limits(results)


def _goals(results: Sequence[Result]) -> Iterator[str]:
    yield "## Goals\n"
    yield "| goal | measured | |\n| --- | --: | --- |"
    for verdict in verdicts(results):
        yield f"| {verdict.goal} | {verdict.measured} | {'holds' if verdict.held else '**missed**'} |"
    yield ""


def _costs(results: Sequence[Result]) -> Iterator[str]:
    yield "## What state costs\n"
    before = " and ".join(f"{share:.0%} with {workers}" for workers, share in BUSY_BEFORE.items())
    yield f"When every worker read all running jobs once a second, the scene *busy* came to {before} workers.\n"
    yield "| scene | workers | read units a worker-hour | write units a worker-hour | USD a worker-hour | of compute |"
    yield "| --- | --: | --: | --: | --: | --: |"
    for it in results:
        hours = it.worker_hours
        yield (
            f"| {it.scene} | {it.workers:,} | {it.reads / hours:,.0f} | {it.writes / hours:,.0f} | "
            f"{it.usd_state / hours:.5f} | {it.state_share:.1%} |"
        )
    yield "\n| scene | workers | jobs that ended | read units a job | write units a job |"
    yield "| --- | --: | --: | --: | --: |"
    for it in results:
        if it.jobs:
            units = f"{it.reads / it.jobs:,.1f} | {it.writes / it.jobs:,.1f}"
            yield f"| {it.scene} | {it.workers:,} | {it.jobs:,} | {units} |"
    yield ""


def _operations(results: Sequence[Result]) -> Iterator[str]:
    yield "## By operation\n"
    yield "In units a worker-hour, where all are busy and where all are idle; index and table together.\n"
    yield "| scene | workers | operation | calls | read units | write units | of compute |"
    yield "| --- | --: | --- | --: | --: | --: | --: |"
    for it in results:
        if it.scene in {"busy", "idle"}:
            for name, one in it.operations.items():
                share = _share_of(it, one.reads, one.writes)
                yield (
                    f"| {it.scene} | {it.workers:,} | {name} | {one.calls / it.worker_hours:,.0f} | "
                    f"{one.reads / it.worker_hours:,.0f} | {one.writes / it.worker_hours:,.0f} | {share:.2%} |"
                )
    yield ""


def _share_of(result: Result, reads: float, writes: float) -> float:
    return (PRICES["dynamodb-read"].usd * reads + PRICES["dynamodb-write"].usd * writes) / result.usd_compute


def _queue(results: Sequence[Result]) -> Iterator[str]:
    yield "## Waiting and claiming\n"
    yield "A wait is from due to claimed, of jobs that came while it was measured."
    yield "Jobs are taken in order but for five seconds, and claims can only spread over as many as came in these."
    yield "So a deep queue that has come slowly, in an hour while no worker was there, sees more refusals: 6 % of all claims with 10 workers, 19 % with 100 and 37 % with 1,000, for as long as it lasts."  # noqa: E501
    yield "Balance is what the busiest shard wrote as a multiple of the average, of the queue and of what runs.\n"
    yield "| scene | workers | wait p50 | p99 | max | claims | refused | overtaken | balance | throttled calls |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |"
    for it in results:
        if it.claims:
            even = " ".join(f"{limits.balance(it, queue):.2f}" for queue in (QUEUED, RUNNING))
            yield (
                f"| {it.scene} | {it.workers:,} | {_seconds(it.waits)} | {it.claims:,} | {it.conflict_share:.1%} | "
                f"{it.overtaken.count:,} | {even} | {it.throttled:,} |"
            )
    yield ""


def _recovery(results: Sequence[Result]) -> Iterator[str]:
    yield "## Recovery\n"
    yield "From SIGKILL, and from SIGTERM, to the next attempt; in *heard* a Redis tells of it, in *faults* silence."
    yield "A takeover is needless if the worker that held the job was alive."
    yield "*Unwatched* is the longest time in which no other worker looked at a running job.\n"
    yield "| scene | workers | after | recoveries | p50 | p99 | max | takeovers | needless | unwatched |"
    yield "| --- | --: | --- | --: | --: | --: | --: | --: | --: | --: |"
    for it in results:
        for after, found in (("SIGKILL", it.killed), ("SIGTERM", it.stopped)):
            if found.count:
                yield (
                    f"| {it.scene} | {it.workers:,} | {after} | {found.count} | {_seconds(found)} | "
                    f"{it.takeovers} | {it.needless} | {it.unwatched.most:.1f} s |"
                )
    yield ""


def _seconds(found: Spread) -> str:
    if not found.count:
        return "– | – | –"
    return f"{found.p50:.2f} s | {found.p99:.2f} s | {found.most:.2f} s"


def _limits(results: Sequence[Result]) -> Iterator[str]:
    yield "## The first limit\n"
    yield "What the busiest partition was asked for in its busiest second, of what it takes; in scenes without faults."
    yield "*Reached at* goes on with the growth between the last two sizes.\n"
    found = [it for it in results if not it.killed.count]
    sizes = sorted({it.workers for it in found})
    yield f"| scene | limit | {' | '.join(f'at {size:,}' for size in sizes)} | reached at | moved by |"
    yield f"| --- | --- | {'--: | ' * len(sizes)}--: | --- |"
    for scene in dict.fromkeys(it.scene for it in found):
        of_scene = sorted((it for it in found if it.scene == scene), key=lambda it: it.workers)
        for limit in limits.LIMITS:
            used = [use for it in of_scene for use in limits.uses(it) if use.limit is limit]
            if max(use.share for use in used) < 0.01:
                continue
            shares = " | ".join(f"{use.share:.0%}" for use in used)
            yield f"| {scene} | {limit.what} | {shares} | {_reached(of_scene, limit)} | {limit.moved_by} |"
    if found:
        use = limits.first(found)
        yield (
            f"\nThe first limit is *{use.limit.what}*: {use.share:.0%} of it in the scene *{use.result.scene}* with "
            f"{use.result.workers:,} workers."
        )
        yield f"It is moved by {use.limit.moved_by}."
    yield ""


def _reached(found: Sequence[Result], limit: limits.Limit) -> str:
    if len(found) < 2:
        return "–"
    workers = limits.workers_at(found[-2], found[-1], limit)
    return f"{workers:,.0f} workers" if workers < 1e7 else "–"


def _rates() -> Iterator[str]:
    yield "## How often workers die\n"
    yield "| | of 1,000 workers in a month | one in | read in |\n| --- | --: | --: | --- |"
    for rate in RATES:
        yield f"| {rate.name} | {rate.of_thousand:.0f} | {MONTH / rate.of_thousand:.0f} h | {rate.source} |"
    yield ""
    yield "No scene of minutes would see one of them, so *faults* plays in its minutes what happens to its workers in a month, and at least 20 of each kind."  # noqa: E501
    yield "What deaths cost at the real rate is nothing that a table with two decimals could show."
