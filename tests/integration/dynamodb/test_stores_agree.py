"""The fake and the real store, told the same random story, must give the same answers: refusals, fields, lists."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb.store import DynamoJobs
from service.adapters.system.ambient import SystemClock, SystemIds
from service.core.errors import RepriseError
from service.core.jobs.job import Job
from service.core.jobs.lease import Holding
from service.ports.jobs import IdempotencyKey
from service.testing.clock import NOON
from service.testing.contracts.jobs.store import Jobs
from service.testing.factories import a_failure, a_job, an_output
from service.testing.memory_jobs import MemoryJobs
from tests.support.fixtures import on_both

pytestmark = on_both

_stories = itertools.count(1)

# A verb, which of the leases or sightings so far it speaks for (counted from the newest), and a number to use.
Line = tuple[str, int, int]
Verb = Callable[[Jobs, Job, int], Awaitable[object]]

VERBS: dict[str, Verb] = {
    "submit": lambda jobs, job, n: jobs.submit(a_job(job_id=job.job_id)),
    "submit with key": lambda jobs, job, n: jobs.submit(
        a_job(job_id=f"{job.job_id}-{n % 3}"), IdempotencyKey(f"{job.job_id} {n % 2}", f"{n % 2}{n > 90}")
    ),
    "claim": lambda jobs, job, n: jobs.claim(job.job_id, f"worker{n % 2}", NOON + n),
    "take over": lambda jobs, job, n: jobs.take_over(job.lease, f"worker{n % 2}"),
    "exhaust": lambda jobs, job, n: jobs.exhaust(job.lease, a_failure(), NOON + n),
    "renew": lambda jobs, job, n: jobs.renew(_holding(job), n / 2, ("local", "streaming", None)[n % 3]),
    "release": lambda jobs, job, n: jobs.release(_holding(job), NOON + n, fault=n % 2 == 0),
    "succeed": lambda jobs, job, n: jobs.succeed(_holding(job), an_output(job, size=n % 2 + 1), NOON + n),
    "fail": lambda jobs, job, n: jobs.fail(_holding(job), a_failure(), NOON + n),
    "stop": lambda jobs, job, n: jobs.stop(_holding(job), NOON + n),
    "cancel": lambda jobs, job, n: jobs.cancel(job.job_id, NOON + n),
    "note shown": lambda jobs, job, n: jobs.note_shown(job.job_id, n / 2),
    "note alive": lambda jobs, job, n: jobs.note_alive(job.job_id, 1 + n % 4),  # attempts are counted from 1
    "delete": lambda jobs, job, n: jobs.delete(job.job_id),
}
# A life has many middles and one end; a story that ends at once tells little.
DRAWN = [*VERBS, *["claim", "renew", "take over", "release"] * 5]

STORIES = st.lists(
    st.tuples(st.sampled_from(DRAWN), st.sampled_from([0, 0, 0, 0, 1, 2, 3]), st.integers(0, 100)),
    min_size=8,
    max_size=24,
).map(lambda lines: [("claim", 0, 0), *lines])


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a story is short enough to be read without being shrunk
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=STORIES)
def test_fake_and_real_store_agree(aws: Aws, story: list[Line]) -> None:
    """Whatever is done in whatever order, by leases old and new, both stores answer alike and hold the same job."""
    number = next(_stories)
    asyncio.run(_told(DynamoJobs(aws, SystemClock(), SystemIds()), MemoryJobs(), f"story{number}", story))


async def _told(real: Jobs, fake: Jobs, job_id: str, story: list[Line]) -> None:
    seen = [await fake.submit(a_job(job_id=job_id))]
    assert seen[0] == await real.submit(a_job(job_id=job_id))
    for verb, back, number in story:
        job = seen[-1 - back % len(seen)]
        expected = await _answer(VERBS[verb](fake, job, number))

        assert expected == await _answer(VERBS[verb](real, job, number)), f"{verb} {number} of {job}"
        assert await fake.get(job_id) == await real.get(job_id)
        if isinstance(expected, Job) and expected.job_id == job_id:
            seen.append(expected)
    assert [j for j in await real.running() if j.job_id.startswith(f"{job_id}")] == await fake.running()
    claimable = [i for i in await real.claimable(NOON + 50, 10_000) if i.split("-")[0] == job_id]
    assert claimable == list(await fake.claimable(NOON + 50, 10_000))


async def _answer(call: Awaitable[object]) -> object:
    try:
        return await call
    except RepriseError as error:
        return type(error)


def _holding(job: Job) -> Holding:
    """The lease that `job` was seen with, held or not: nobody promises that writers are honest."""
    return Holding(job.job_id, job.owner or "nobody", job.attempt)
