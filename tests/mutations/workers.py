"""Workers: how an attempt ends, and what the janitor removes and spares."""

from tests.mutations.tree import Edit, Mutation

WORKER = "tests/unit/worker/test_worker.py"
DOUBT = "tests/unit/worker/test_doubt.py"
ORPHANS = "service/core/orphans.py"
SETTLING = "tests/unit/core/test_orphans.py"
JANITOR = "tests/unit/worker/test_janitor.py"

WORKERS = (
    Mutation(
        "renewal-frozen",
        "a worker that was frozen in the middle of a renewal asks once more",
        (
            Edit(
                "service/worker/heartbeat.py",
                "if self._clock.monotonic() - until <= self.policy.overslept:",
                "if True:",
            ),
        ),
        ("tests/unit/worker/test_heartbeat.py::test_frozen_in_the_middle_of_a_renewal",),
        r"(?m)^E +service\.worker\.heartbeat\.TrustEnded",
    ),
    Mutation(
        "trace-goes-on",
        "an attempt in another container is in the trace of the request",
        (Edit("service/worker/attempt.py", "parent=job.trace", "parent=None"),),
        ("tests/unit/test_tracing.py::test_attempt_goes_on_with_the_trace_of_its_job",),
    ),
    Mutation(
        "trace-begins-with-a-request",
        "a worker that looks for work is not traced",
        (Edit("service/adapters/otel/export.py", "if kind is SpanKind.SERVER else ALWAYS_OFF", ""),),
        ("tests/unit/adapters/otel/test_export.py::test_trace_begins_with_a_request_alone",),
    ),
    Mutation(
        "maybe-recorded",
        "an output that may have been recorded is kept",
        (
            Edit(
                "service/worker/steps.py",
                "elif work.recorded is Recorded.NO:",
                "elif work.recorded is not Recorded.YES:",
            ),
        ),
        ("tests/unit/worker/test_worker.py::test_an_output_that_may_be_recorded_is_kept",),
    ),
    Mutation(
        "renewal-reset",
        "a worker whose connection broke while it was frozen asks once more",
        (Edit("service/worker/heartbeat.py", " and now - until <= self.policy.overslept:", ":"),),
        ("tests/unit/worker/test_heartbeat.py::test_a_connection_that_broke_during_a_freeze_does_not_end_trust",),
        r"(?m)^E +service\.worker\.heartbeat\.TrustEnded",
    ),
    Mutation(
        "renewal-in-time",
        "a store that never answers ends trust, and not later than the lease",
        (Edit("service/worker/heartbeat.py", "asyncio.timeout(until - sent)", "asyncio.timeout(until - sent + 60)"),),
        ("tests/unit/worker/test_heartbeat.py::test_a_store_that_never_answers_ends_trust",),
        r"(?m)^E +.*virtual_time\.Deadlock",
    ),
    Mutation(
        "asks-on",
        "a worker whose trust has ended asks, and goes on if it was not replaced",
        (Edit("service/worker/heartbeat.py", "                await self._ask()\n", "                raise\n"),),
        (f"{DOUBT}::test_a_store_that_is_away_for_longer_than_a_lease_costs_no_attempt",),
    ),
    Mutation(
        "record-without-trust",
        "an output that is stored is recorded without trust",
        (Edit("service/worker/steps.py", "        with suppress(TrustEnded):\n", "        if True:\n"),),
        (f"{DOUBT}::test_a_finished_output_is_recorded_although_trust_has_ended",),
    ),
    Mutation(
        "frozen-together",
        "a watcher that was frozen gives the holders time to renew",
        (
            Edit(
                "service/core/jobs/trust.py",
                "            since = seen.since + unseen\n",
                "            since = seen.since\n",
            ),
        ),
        (f"{DOUBT}::test_a_frozen_host_costs_no_attempt",),
    ),
    Mutation(
        "lapsed-together",
        "jobs of one worker that lapse together do not count as poisonous",
        (Edit("service/worker/loop.py", " or lease.owner in self._troubled", ""),),
        (f"{DOUBT}::test_jobs_that_lapse_together_are_not_taken_for_the_cause",),
    ),
    Mutation(
        "late-before",
        "a job whose worker had renewed late is not taken for the cause",
        (Edit("service/core/jobs/trust.py", "return self.before >= seconds", "return False"),),
        (f"{DOUBT}::test_a_worker_that_had_renewed_late_is_the_cause_of_its_lapse",),
    ),
    Mutation(
        "claims-behind",
        "a worker whose claim was refused goes on behind what another one is taking",
        (Edit("service/worker/loop.py", "rest, named = [*rest, *named], []", "rest, named = rest, named"),),
        ("tests/unit/worker/test_neighbours.py::test_two_workers_that_come_together_take_different_jobs",),
    ),
    Mutation(
        "lapsed-elsewhere",
        "a job whose workers died at different points is not taken for the cause",
        (Edit("service/worker/loop.py", " or lease.lapsed_elsewhere", ""),),
        ("tests/unit/worker/test_worker.py::test_job_whose_workers_die_at_different_points_is_finished",),
    ),
    Mutation(
        "takeovers",
        "also excused takeovers are bounded",
        (Edit("service/core/jobs/trust.py", " or lapses + excused >= self.max_takeovers", ""),),
        ("tests/unit/core/jobs/test_trust.py::test_excused_lapses_have_a_bound_of_their_own",),
    ),
    Mutation(
        "worker-apart",
        "the worker shares no thread, client and circuit with requests",
        (
            Edit(
                "service/wiring/build.py",
                "leases = DynamoJobs(worker_dynamodb, clock, ids, announcing=announcing)",
                "leases = jobs",
            ),
        ),
        ("tests/unit/wiring/test_build.py::test_no_request_can_take_a_thread_a_client_or_the_circuit_of_the_worker",),
    ),
    Mutation(
        "next-read",
        "a request waits for the next read of its job, and not for that under way",
        (
            Edit(
                "service/application/reads.py",
                "waiting = {job_id: self._wanted.pop(job_id) for job_id in wanted}",
                "waiting = {job_id: self._wanted[job_id] for job_id in wanted}",
            ),
            Edit(
                "service/application/reads.py",
                "self._being_read.difference_update(wanted)",
                "self._being_read.difference_update(wanted); [self._wanted.pop(job_id) for job_id in wanted]",
            ),
        ),
        ("tests/unit/application/test_reads.py::test_requests_during_a_read_wait_for_the_next_one_together",),
        "IndexError",
    ),
    Mutation(
        "nothing-kept",
        "what was read of a job is not kept for the next request",
        (
            Edit(
                "service/application/reads.py",
                "return await look\n",
                'return self.__dict__.setdefault("kept", {}).setdefault(job_id, await look)\n',
            ),
        ),
        (
            "tests/unit/application/test_reads.py::test_a_job_that_was_deleted_elsewhere_is_not_shown_again",
            "tests/unit/application/test_reads.py::test_a_request_after_a_deletion_is_not_answered_by_a_read_that_began_before",
        ),
        r"DID NOT RAISE",
    ),
    Mutation(
        "reader-begun",
        "a request that comes when all readers are about to end begins one of its own",
        (Edit("service/application/reads.py", "if reader := asyncio.current_task():", "if reader := None:"),),
        ("tests/unit/application/test_reads.py::test_a_request_at_the_end_of_all_reads_is_answered[5]",),
    ),
    Mutation(
        "reads-gathered",
        "clients that were just answered are read for together when they ask again",
        (Edit("service/application/reads.py", "ROUNDS: Final = 5", "ROUNDS: Final = 1"),),
        ("tests/unit/application/test_reads.py::test_requests_that_come_one_round_after_the_other_are_read_together",),
    ),
    Mutation(
        "places",
        "streams and waits of a tenant are limited",
        (Edit("service/application/following.py", "if self._open[tenant] >= self._most_per_tenant:", "if False:"),),
        ("tests/unit/application/test_reads.py::test_places_are_limited_per_tenant_and_process",),
        r"DID NOT RAISE",
    ),
    Mutation(
        "hand-over",
        "a hand-over that comes second does not cost the output",
        (Edit("service/worker/attempt.py", "return self._work.published", "return False"),),
        (f"{WORKER}::test_a_handover_that_comes_second_does_not_cost_the_output",),
    ),
    Mutation(
        "quiet",
        "no heartbeat crosses the record",
        (
            Edit(
                "service/worker/heartbeat.py",
                "            try:\n                async with self.quiet:\n                    await self.renew()\n"
                "            except TrustEnded:\n                await self._ask()\n",
                "            await self.renew()\n",
            ),
        ),
        (f"{WORKER}::test_a_heartbeat_does_not_cross_the_record",),
    ),
    Mutation(
        "trust",
        "a worker that cannot renew pauses before its lease ends",
        (Edit("service/core/jobs/trust.py", "return self.trusted_until - now", "return 60.0"),),
        (f"{WORKER}::test_a_worker_cut_off_from_the_store_pauses_before_its_lease_ends",),
    ),
    Mutation(
        "floor",
        "a new attempt shows no less than was ever seen",
        (
            Edit(
                "service/worker/heartbeat.py",
                "return max(self._floor, min(self._percent, self._acknowledged))",
                "return min(self._percent, self._acknowledged)",
            ),
        ),
        ("tests/unit/worker/test_heartbeat.py::test_a_new_attempt_shows_no_less_than_was_seen",),
    ),
)

JANITORS = (
    Mutation(
        "janitor-grace",
        "the janitor spares what is fresh",
        (Edit(ORPHANS, "began - since >= grace", "began - since >= 0"),),
        (f"{JANITOR}::test_janitor_spares_what_is_younger_than_its_grace",),
    ),
    Mutation(
        "janitor-running",
        "the janitor spares what the running attempt has made",
        (Edit(ORPHANS, "return Reason.FENCED if attempt < job.attempt else None", "return Reason.FENCED"),),
        (f"{JANITOR}::test_a_running_attempt_keeps_its_parts_and_its_output",),
    ),
    Mutation(
        "janitor-output",
        "the janitor spares the output that a record names",
        (Edit(ORPHANS, " or job.output.key != found.key:", " or job.output.key == found.key:"),),
        (f"{JANITOR}::test_leftovers_of_a_killed_attempt_disappear",),
    ),
    Mutation(
        "janitor-input",
        "the janitor spares an input that a job still reads",
        (
            Edit(
                ORPHANS,
                "if records.inputs_in_use is None or found.key in records.inputs_in_use:",
                "if records.inputs_in_use is None:",
            ),
        ),
        (f"{JANITOR}::test_janitor_removes_abandoned_and_expired_uploads",),
    ),
    Mutation(
        "janitor-growing",
        "the janitor spares an upload that is still being sent",
        (
            Edit(
                "service/worker/janitor.py",
                'f"{len(parts)} parts, {sum(part.size for part in parts)} bytes"',
                '"parts"',
            ),
        ),
        (f"{JANITOR}::test_an_upload_that_is_not_recorded_yet_survives",),
        "ObjectGone",
    ),
    Mutation(
        "janitor-clock",
        "a wrong clock expires nothing early",
        (Edit(ORPHANS, "SLACK = 2 * 3600.0", "SLACK = 0.0"),),
        (f"{JANITOR}::test_janitor_with_a_wrong_clock_removes_nothing_early[3600.0]",),
    ),
    Mutation(
        "janitor-unreadable",
        "the janitor spares what it cannot know about",
        (
            Edit(
                ORPHANS,
                "_output(found, attempt, records.jobs[job_id], now) if job_id in records.jobs else None",
                "_output(found, attempt, records.jobs.get(job_id), now)",
            ),
        ),
        (f"{JANITOR}::test_janitor_spares_what_an_unreadable_record_may_need",),
    ),
    Mutation(
        "janitor-finds-fenced",
        "the janitor finds what a replaced attempt has left",
        (Edit(ORPHANS, "return Reason.FENCED if attempt < job.attempt else None", "return None"),),
        (f"{SETTLING}::test_the_attempt_that_runs_is_never_touched",),
    ),
    Mutation(
        "janitor-finds-unnamed",
        "the janitor finds what no record names",
        (
            Edit(
                ORPHANS,
                "        return Reason.NOT_NAMED\n    return Reason.EXPIRED if",
                "        return None\n    return Reason.EXPIRED if",
            ),
        ),
        (f"{JANITOR}::test_leftovers_of_a_killed_attempt_disappear",),
    ),
    Mutation(
        "janitor-finds-expired",
        "the janitor finds what has expired, and uploads that were never completed",
        (Edit(ORPHANS, "return now >= expires_at + SLACK", "return False"),),
        (f"{JANITOR}::test_janitor_removes_abandoned_and_expired_uploads",),
    ),
)
