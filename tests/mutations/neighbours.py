"""Guards of what many workers know of each other: the ring, its list below, and how claims spread."""

from tests.mutations.tree import Edit, Mutation

CORE, LOOP, WORKER = "service/core/jobs/ring.py", "service/worker/loop.py", "service/worker/fleet/neighbours.py"
OWN = "service/worker/fleet/own_entry.py"
RING, FLEET = "tests/unit/core/jobs/test_ring.py", "tests/unit/worker/test_neighbours.py"
QUEUE, STORE = "tests/unit/core/jobs/test_queue.py", "tests/integration/dynamodb/test_store.py"
COUNT = "        alive += standing is not None and standing.alive(now, lease)\n        if alive == WATCHED:"

NEIGHBOURS = (
    Mutation(
        "ring-lost-job",
        "a worker whose job was taken over as its lease had lapsed counts no longer",
        (Edit(WORKER, "place.instance in self._lost or ", ""),),
        (f"{FLEET}::test_entry_of_a_worker_that_has_lost_its_job_leaves_the_ring_at_once",),
    ),
    Mutation(
        "ring-other-jobs",
        "the entry of a worker that holds a job stays on the ring",
        (Edit(WORKER, " or place.instance in busy:", ":"),),
        (f"{FLEET}::test_entry_of_a_worker_that_has_lost_one_of_its_jobs_stays",),
    ),
    Mutation(
        "ring-leave",
        "a worker that is told to stop leaves the ring",
        (Edit(LOOP, "            await self._neighbours.leave()\n", ""),),
        (f"{FLEET}::test_worker_that_is_told_to_stop_leaves_the_ring",),
    ),
    Mutation(
        "ring-leave-claim",
        "a worker that is stopped in the middle of a claim stays on the ring",
        (Edit(OWN, "(StoreError, asyncio.CancelledError)", "StoreError"),),
        (f"{FLEET}::test_entry_of_a_worker_that_stops_in_the_middle_of_a_claim_stays",),
    ),
    Mutation(
        "ring-leave-hang",
        "a worker that is told to stop does not wait for a store that hangs",
        (Edit(OWN, "async with asyncio.timeout(LEAVING):", "if True:"),),
        (f"{FLEET}::test_worker_that_is_told_to_stop_does_not_wait_for_a_store_that_hangs",),
    ),
    Mutation(
        "ring-leave-job",
        "a worker that could not give its job back stays on the ring",
        (Edit(OWN, "            if not any(", "            if True or any("),),
        (f"{FLEET}::test_entry_of_a_worker_that_could_not_give_its_job_back_stays",),
    ),
    Mutation(
        "ring-throttled-list",
        "jobs are watched while the list of all is throttled",
        (Edit(WORKER, 'with _or_without("list"):', "if True:"),),
        (f"{FLEET}::test_job_is_taken_over_while_the_index_is_throttled",),
    ),
    Mutation(
        "ring-throttled-places",
        "jobs are watched while the ring is throttled",
        (Edit(WORKER, 'with _or_without("ring"):', "if True:"),),
        (f"{FLEET}::test_job_is_taken_over_while_the_index_is_throttled",),
    ),
    Mutation(
        "ring-throttled-known",
        "few workers go on to watch the jobs that they know while the list of all is throttled",
        (Edit(WORKER, "                known |= self._pairs.keys()\n", ""),),
        (f"{FLEET}::test_job_is_taken_over_while_the_index_is_throttled[2-False]",),
    ),
    Mutation(
        "ring-own-place",
        "a worker is not its own neighbour where a small ring is read at once",
        (Edit(CORE, " if one.position != own", ""),),
        (f"{RING}::test_places_of_a_whole_ring_are_put_nearest_first",),
    ),
    Mutation(
        "ring-stood-still",
        "a worker that has stood still for a lease writes its entry again",
        (Edit(OWN, "stood > self._lease or ", ""),),
        (f"{FLEET}::test_worker_that_stood_still_for_a_lease_is_on_the_ring_again_at_once",),
    ),
    Mutation(
        "ring-dead-neighbours",
        "neighbours that are dead take no watcher away from those behind them",
        (Edit(CORE, COUNT, "        alive += 1\n        if alive == WATCHED:"),),
        (f"{RING}::test_each_worker_is_watched_by_the_next_three_that_live",),
    ),
    Mutation(
        "ring-few-watchers",
        "a worker watches a few others, however many there are",
        (Edit(CORE, COUNT, "        if alive == WATCHED:"),),
        (f"{FLEET}::test_watching_costs_each_of_many_workers_the_same",),
    ),
    Mutation(
        "ring-unread-neighbours",
        "a neighbour that is not read does not count as silent",
        (
            Edit(
                WORKER,
                "        self._forget_all_but({place.instance for place in watched})\n",
                "",
            ),
        ),
        (f"{FLEET}::test_number_of_workers_stays_known_to_all",),
    ),
    Mutation(
        "ring-named-first",
        "a job is named in the entry of its worker before it is claimed",
        (Edit(OWN, "            await self.write()\n            yield\n", "            yield\n"),),
        (f"{FLEET}::test_jobs_are_named_before_they_are_claimed_or_taken_over",),
    ),
    Mutation(
        "ring-removal",
        "only an entry that has been silent for long is removed",
        (Edit(WORKER, " or standing.gone(now, self._lease):", " or True:"),),
        (f"{FLEET}::test_dead_entries_leave_the_ring_and_living_ones_stay",),
    ),
    Mutation(
        "ring-removed-as-seen-dynamodb",
        "an entry is removed only as it was seen",
        (Edit("service/adapters/dynamodb/workers.py", '"#beat = :beat"', '"attribute_exists(#pk)"'),),
        (f"{STORE}::TestDynamoWorkers::test_worker_that_has_written_meanwhile_stays_on_the_ring[moto]",),
    ),
    Mutation(
        "ring-late-entry-dynamodb",
        "an entry that arrives late changes nothing",
        (Edit("service/adapters/dynamodb/workers.py", "OR #beat < :beat", "OR attribute_exists(#pk)"),),
        (f"{STORE}::TestDynamoWorkers::test_late_entry_changes_nothing[moto]",),
    ),
    Mutation(
        "ring-list",
        "jobs of workers without an entry are found in the list of all",
        (Edit(WORKER, "        self._strays.update(", "        set().update("),),
        (f"{FLEET}::test_job_of_a_worker_without_an_entry_is_found_in_the_list",),
    ),
    Mutation(
        "requeue",
        "a lapsed job goes back to the queue when its watchers are busy",
        (Edit(LOOP, "elif self._neighbours.give_back(stood, cause, in_vain):", "elif False:"),),
        (f"{FLEET}::test_lapsed_job_goes_back_to_the_queue_when_its_watchers_are_busy",),
    ),
    Mutation(
        "requeue-few",
        "few workers wait with a lapsed job until one of them is free",
        (Edit(WORKER, "            return False\n        return in_vain", "            pass\n        return in_vain"),),
        (f"{FLEET}::test_few_workers_wait_with_a_lapsed_job_until_one_is_free",),
    ),
    Mutation(
        "requeue-condition-dynamodb",
        "a watcher gives back only what has stood still",
        (
            Edit(
                "service/adapters/dynamodb/conditions.py",
                'HAS_STOOD_STILL,\n        f"SET #state = :queued',
                'IS_RUNNING,\n        f"SET #state = :queued',
            ),
        ),
        (f"{STORE}::TestDynamoJobs::test_holder_who_renewed_is_not_requeued[moto]",),
        "DID NOT RAISE",
    ),
    Mutation(
        "spread",
        "workers that look at once choose different jobs",
        (Edit("service/core/jobs/queue.py", "    first.sort(key=", "    sorted(first, key="),),
        (f"{QUEUE}::test_workers_that_look_at_once_rarely_take_the_same_job",),
    ),
    Mutation(
        "spread-overtakes",
        "no job is put before one that came five seconds earlier",
        (Edit("service/core/jobs/queue.py", "        if due_at <= earliest + OVERTAKES:\n", "        if due_at:\n"),),
        (f"{QUEUE}::test_no_job_is_put_before_one_that_came_five_seconds_earlier",),
    ),
    Mutation(
        "claim-still-queued",
        "what the index shows too late is not claimed in vain by many",
        (Edit(WORKER, " and there[key].state is State.QUEUED]", "]"),),
        (f"{FLEET}::test_job_that_the_index_shows_too_late_is_not_claimed_in_vain",),
    ),
    Mutation(
        "claim-one-by-one",
        "many workers that find a long queue at once begin one by one",
        (Edit(WORKER, "sleep(seconds * self._ports.ids.draw())", "sleep(0)"),),
        (f"{FLEET}::test_many_workers_come_one_by_one_to_a_long_queue",),
    ),
    Mutation(
        "wake-few",
        "one new job wakes a few of many sleepers",
        (Edit(CORE, "* workers * idle_share < WOKEN", "* workers * idle_share < workers"),),
        (f"{RING}::test_a_few_of_a_thousand_wake_for_a_job_and_others_for_the_next",),
    ),
    Mutation(
        "duty-janitor",
        "of many containers a few make the janitor's rounds",
        (Edit("service/worker/janitor.py", "                if self._on_duty():\n", "                if self:\n"),),
        ("tests/unit/worker/test_janitor.py::test_janitor_that_is_not_on_duty_leaves_the_rounds_to_others",),
    ),
)
