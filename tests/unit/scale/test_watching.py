from benchmarks.scale.watching import Watching, part
from service.core.jobs.job import Job
from service.core.jobs.lease import State
from service.testing.clock import NOON
from service.testing.factories import a_job, a_running_job, changed


class Times:
    """A clock that is set by hand, and what watches by it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.watching = Watching(lambda: self.now, lambda: NOON + self.now)
        self.watching.begin()

    def claim(self, moment: float, job: Job) -> None:
        self.now = moment
        self.watching.wrote("claim", job, job.claimed("worker1", NOON))


def test_job_that_waits_while_a_much_later_one_is_claimed_is_overtaken() -> None:
    """Five seconds do not count, six do; and how long it waits on is what is told."""
    times = Times()
    old, little_later, much_later = (a_job(job_id=f"job{due}", due_at=NOON + due) for due in (0.0, 5.0, 6.0))

    times.claim(10.0, little_later)
    times.claim(11.0, much_later)
    times.claim(13.5, old)

    assert times.watching.overtaken == [2.5]


def test_job_that_still_waits_at_the_end_is_overtaken_all_the_same() -> None:
    """What was never claimed is not forgotten."""
    times = Times()
    times.claim(11.0, a_job(job_id="later", due_at=NOON + 6))
    times.now = 15.0

    times.watching.end([a_job(due_at=NOON)], [])

    assert times.watching.overtaken == [4.0]


def test_claims_while_a_job_was_running_do_not_overtake_it() -> None:
    """A job that is given back with its old due time waits from then on, and only later claims can overtake it."""
    times = Times()
    lapsed = a_running_job(due_at=NOON)
    times.claim(11.0, a_job(job_id="later", due_at=NOON + 6))
    times.now = 12.0
    back = changed(lapsed, state=State.QUEUED, owner=None)
    times.watching.wrote("requeue", lapsed, back)

    times.claim(13.0, back)

    assert times.watching.overtaken == []


def test_time_without_a_look_of_another_worker_counts() -> None:
    """From the claim to the first look, between looks, and from the last one to the end; its holder's own are none."""
    times = Times()
    times.watching.alive = {"worker1", "worker2", "worker3"}
    job = a_job()
    times.claim(1.0, job)
    running = job.claimed("worker1", NOON)
    for moment, worker in ((3.0, "worker2"), (4.0, "worker1"), (7.5, "worker3")):
        times.now = moment
        times.watching.looked(worker, [running])
    times.now = 8.0
    times.watching.wrote("succeed", running, changed(running, state=State.SUCCEEDED, owner=None))

    assert times.watching.unwatched == [4.5]


def test_time_in_which_there_is_no_other_worker_does_not_count() -> None:
    """A job's holder that is the last one cannot be watched; what was missed before counts, and what is missed then."""
    times = Times()
    times.watching.alive = {"worker1", "worker2"}
    job = a_job()
    times.claim(1.0, job)
    running = job.claimed("worker1", NOON)

    times.now = 3.5
    times.watching.lost("worker2", [], "stopped")
    times.now = 20.0
    times.watching.came("worker3")
    times.now = 21.0
    times.watching.looked("worker3", [running])
    times.watching.lost("worker3", [], "killed")
    times.now = 30.0
    times.watching.wrote("succeed", running, changed(running, state=State.SUCCEEDED, owner=None))

    assert times.watching.unwatched == [2.5]


def test_recovery_counts_from_the_death_to_the_next_attempt() -> None:
    """Whether by takeover or by a claim after it was given back; a takeover from the living is needless."""
    times = Times()
    running = a_running_job()
    times.watching.alive = {"worker1", "worker2"}
    times.now = 1.0
    times.watching.wrote("take_over", running, running.taken_over("worker2"))
    taken = running.taken_over("worker2")
    times.now = 2.0
    times.watching.lost("worker2", [taken], "killed")
    times.now = 8.5
    times.watching.wrote("take_over", taken, taken.taken_over("worker1"))

    assert (times.watching.takeovers, times.watching.needless) == (2, 1)
    assert times.watching.recoveries == {"killed": [6.5], "stopped": []}


def test_part_is_the_nearest_rank() -> None:
    """Of a hundred values the 99th percentile is the 99th, of one it is that one, of none it is nothing."""
    assert [part(range(1, 101), 0.99), part(range(1, 101), 0.5), part([7.0], 0.99), part([], 0.5)] == [99, 50, 7, 0]


def test_wait_begins_when_a_job_is_due_and_in_the_queue() -> None:
    """A new job waits from its submission, and one that was given back from then on."""
    times = Times()
    times.now = 1.0
    job = a_job(created_at=NOON + 1, due_at=NOON + 1)
    times.watching.wrote("submit", None, job)
    times.claim(3.0, job)
    times.now = 60.0
    times.watching.wrote("requeue", job.claimed("worker1", NOON), job)
    times.claim(60.5, job)

    assert times.watching.waits == [2.0, 0.5]
