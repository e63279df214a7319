"""One history from a seed: the same seed, the same history, byte for byte."""

import asyncio
import contextlib
import contextvars
import gc
import itertools
import logging
import math
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from chaos.checkers.attempts import LEASE
from chaos.checkers.jobs import broken_promises
from chaos.history.records import DONE, FINAL, Expectation, Final, History, Leftover, Write, by_job
from service.core.naming import RESULTS, parse_output_key
from service.telemetry import subscribe
from service.testing.virtual_time import Deadlock, Dice, ShuffledLoop, VirtualClock
from tests.simulation.clients import TENANTS, Client, delete_upload
from tests.simulation.cluster import Cluster
from tests.simulation.container import Container
from tests.simulation.ffmpeg import converted, digest, file_of
from tests.simulation.janitors import GRACE, a_day_later, clean, ownerless
from tests.simulation.nemesis import TROUBLED, Nemesis
from tests.simulation.presence import needless_takeovers
from tests.simulation.stranger import pry
from tests.simulation.uploading import upload
from tests.simulation.world import World

UNSEEN = LEASE + 3.0  # seconds for which a running job may go unwatched: a lease, a look, and a late answer
TAKING, KEEPING = frozenset({"claim", "take_over"}), frozenset({"renew", "note_shown", "cancel"})
SETTLING = 20.0  # seconds in which the last zombie thaws and the last call lands
PASSING = frozenset({"transcode_stalled", "transcode_crashed", "storage_failed", "attempts_exhausted"})


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a seed."""

    seed: int
    history: History
    trace: str
    hits: Counter[str]
    broken: list[str]


def simulate(seed: int, *, trace: bool = False) -> Result:
    """Play the history of `seed`, and check it."""
    dice = Dice(seed)
    world = World(seed, dice)
    loop = ShuffledLoop(dice)
    loop.set_exception_handler(lambda *_: None)  # of calls that no task waits for any more
    with subscribe(world.on_event), no_log_output(), collecting_later():
        cluster: list[Cluster] = []
        try:
            contextvars.Context().run(loop.run_until_complete, play(world, cluster))
        except Deadlock as error:
            world.history.surprises.append(str(error))
        except RuntimeError as error:  # the loop was stopped from within
            raise (cluster[0].broke if cluster else None) or error from None
        finally:
            world.over = True
            unwind(loop, cluster)
            loop.close()
    broken = broken_promises(world.history) + needless_takeovers(world, cluster[0].backing.connections)
    return Result(seed, world.history, world.render() if trace or broken else "", world.hits, broken)


@contextlib.contextmanager
def no_log_output() -> Iterator[None]:
    """Write no log: the trace has every event already, with simulated time."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


async def play(world: World, clusters: list[Cluster]) -> None:
    """Clients, containers and nemesis, until all is quiet; then a last look."""
    cluster = Cluster(world)
    clusters.append(cluster)
    nemesis = Nemesis(cluster)
    world.small_pages = world.dice.random() < 0.3
    cluster.background(nemesis.rage())
    if cluster.backing.connections.used:
        cluster.background(cluster.backing.connections.rage(TROUBLED))
    await cluster.clock.sleep(0.1)
    dice = world.dice
    orders: list[Coroutine[Any, Any, None]] = []
    neighbours: Counter[str] = Counter()  # the clients of each tenant
    for number in range(1 + int(3 * dice.random())):
        client = Client(cluster, f"client{number}", dice.choice(TENANTS))
        files = range(1 + (dice.random() < 0.4))
        neighbours[client.tenant] += 1
        # Each tenant counts for itself, so that two of them happen on the same keys.
        orders += [order(world, client, f"key{neighbours[client.tenant]}{file}") for file in files]
    if dice.random() < 0.3:
        cluster.background(pry(Client(cluster, "stranger", dice.choice(TENANTS))))
    await asyncio.gather(*orders)
    while not cluster.quiet:
        await cluster.clock.sleep(1.0)
    for _ in range(2):  # for the second time, because a request to submit may land as the very last call
        while cluster.patient() and not all(job.final for job in cluster.backing.jobs.jobs.values()):
            await cluster.clock.sleep(1.0)  # jobs whose clients never heard that they were accepted
        world.history.ended = cluster.clock.monotonic()
        await cluster.clock.sleep(SETTLING)
    for tenant in TENANTS:
        await Client(cluster, "observer", tenant).look_again()
    conclude(world, cluster)
    backing = cluster.backing
    cluster.close()
    await clean(world, backing.jobs, backing.objects)
    world.history.remains.extend(ownerless(backing.jobs, backing.objects, cluster.clock.wall()))
    if dice.random() < 0.25:
        await a_day_later(world, backing.jobs, backing.objects)


async def order(world: World, client: Client, key: str) -> None:
    """One file of one client: what is in it, when it comes, and what the client does with it."""
    dice = world.dice
    kind = dice.choices(("good", "bad", "poison"), (88, 6, 6))[0]
    seconds = 0.5 + 15 * dice.random() ** 2
    await VirtualClock().sleep(8 * dice.random())
    if (stored := await upload(client, file_of(kind, seconds))) is None:
        return
    world.history.expected = dict(world.history.expected) | {
        stored.upload_id: Expectation(
            digest=digest(converted(stored.key, "mp3")),
            may_succeed=kind == "good",
            failures=PASSING | {"bad_media"} if kind == "bad" else PASSING,
        )
    }
    if dice.random() < 0.1:
        client.cluster.background(client.delete(stored.upload_id, delete_upload, 10 * dice.random()))
    cancels_after = 8 * dice.random() if dice.random() < 0.15 else None
    await client.convert(stored.upload_id, key=key if dice.random() < 0.6 else None, cancels_after=cancels_after)


def conclude(world: World, cluster: Cluster) -> None:
    """Write down how everything ended."""
    history, backing = world.history, cluster.backing
    for job in backing.jobs.jobs.values():
        history.finals.append(
            Final(
                job_id=job.job_id,
                upload_id=job.upload_id,
                state=str(job.state),
                attempt=job.attempt,
                output_key=job.output.key if job.output else None,
                failure=job.failure.code if job.failure else None,
                tenant=job.tenant,
            )
        )
        if job.failure is not None:
            world.hit(f"a job ended as {job.failure.code}")
        else:
            world.hit(f"a job ended as {job.state}")
    history.surprises.extend(unwatched(world, cluster.everyone))
    named = {final.output_key for final in history.finals}
    keys = [key for key in backing.objects.objects if key.startswith(RESULTS) and key not in named]
    keys += [f"{key} (unfinished)" for key in backing.objects.unfinished.values() if key.startswith(RESULTS)]
    history.leftovers.extend(Leftover(key=key, excuse=excuse(world, key)) for key in sorted(keys))
    # What a janitor has found was left by an attempt, unless that still had time to clean up.
    runs = {(one.job_id, one.attempt): one for one in history.conversions}
    for one in history.removals:
        run = runs.get(parse_output_key(one.key) or ("", 0))
        if run is not None and one.at - GRACE > max(run.ended or 0.0, run.published or 0.0, run.asleep or 0.0):
            history.leftovers.append(Leftover(key=one.key, excuse=excuse(world, one.key, one.at)))


def unwatched(world: World, containers: Sequence[Container]) -> Iterator[str]:
    """
    Say which running jobs no other worker has looked at for longer than `UNSEEN`, once all was quiet.

    Only if there was a worker, besides the holder, that lived all the time and had a lease before it to find its place,
    since it began or was thawed.
    """
    history, end = world.history, world.history.ended
    for job_id, writes in by_job(history.writes):
        for write in writes:
            if write.verb not in TAKING:
                continue
            owner = world.attempts.get((job_id, write.attempt))
            until = next((one.at for one in writes if one.at > write.at and one.verb not in KEEPING), end)
            seen = [at for at, name in world.looks.get(job_id, ()) if name != owner and at >= write.at]
            moments = [max(write.at, history.quiet_from), *(at for at in seen if at > history.quiet_from), until]
            for last, next_one in itertools.pairwise(moments):
                if next_one - last <= UNSEEN or next_one > until:
                    continue
                able = [
                    one.name
                    for one in containers
                    if one.role.worker
                    and one.name != owner
                    and max(one.born, one.thawed) < last - LEASE
                    and one.died > next_one
                ]
                if able:
                    yield f"{job_id} was watched by none of {able} from {last:.3f} to {next_one:.3f}"


def excuse(world: World, key: str, removed: float = math.inf) -> str | None:
    """
    Why the output under `key` may have been left by its attempt, or None if there is no reason.

    Two attempts should have removed it: its own, which discards what no record names, and the one that ended the job,
    which sweeps up after all others. The first row that fits decides:

    =============================================  ==================================================================
    situation                                      excused if
    =============================================  ==================================================================
    its job was asked to be deleted                one deletion broke off, or none came to its end: it may have taken
                                                   the record, and without that no other one sweeps
    its own attempt could clean up                 never
    no attempt swept after it: the job had not     its own attempt was excused; a janitor that removes something
    ended when a janitor `removed` it, or was      before the end leaves nothing for the sweep to find
    ended by a watcher or a client
    an attempt swept after it                      that one was excused as well: killed, or asleep when its answer
                                                   came, or its call went wrong, or there was no time left for it
    =============================================  ==================================================================

    An attempt is excused (`world.excuses`) by what hit its container or its calls.
    """
    job_id, attempt = key.split("/")[1], int(key.split("/")[2])
    deletions = [one for one in world.history.deletions if one.what == job_id]
    if any(one.answer is None for one in deletions) or (deletions and all(one.answer != DONE for one in deletions)):
        return "a deletion of it did not come to its end"
    own = world.excuses.get((job_id, attempt))
    if own is None:
        return None
    ends = [write for write in world.history.writes if write.job_id == job_id and write.state in FINAL]
    if not ends or removed < ends[-1].at:
        return own
    if ends[-1].verb not in {"succeed", "fail", "stop"}:
        return f"{own}, and {ends[-1].verb} was the end"
    if not _swept_after(world, job_id, attempt, ends[-1]):
        return own
    return _excuse_of_sweep(world, job_id, ends[-1])


def _swept_after(world: World, job_id: str, attempt: int, end: Write) -> bool:
    """Whether the attempt that ended the job was another one, and this output was there when it swept."""
    run = [one for one in world.history.conversions if (one.job_id, one.attempt) == (job_id, attempt)][-1]
    return attempt != end.attempt and max(run.begun, run.published or 0.0) <= end.at


def _excuse_of_sweep(world: World, job_id: str, end: Write) -> str | None:
    runs = [one for one in world.history.conversions if (one.job_id, one.attempt) == (job_id, end.attempt)]
    if runs and runs[-1].asleep is not None and runs[-1].asleep > end.at:
        return "the last attempt slept through its answer"
    return world.excuses.get((job_id, end.attempt)) or world.excuses.get((job_id, 0))


def unwind(loop: ShuffledLoop, clusters: list[Cluster]) -> None:
    """Let every task end without any effect, so that none is left to the garbage collector."""

    async def rest() -> None:
        for cluster in clusters:
            for container in cluster.everyone:
                container.process.resume()
        for _ in range(100):
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1.0)

    with contextlib.suppress(Deadlock):
        loop.run_until_complete(rest())


@contextlib.contextmanager
def collecting_later() -> Iterator[None]:
    """No garbage collection in between: a destructor at an arbitrary moment is a task that no seed has chosen."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
