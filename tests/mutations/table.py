"""
The guards on which the promises rest: each with the way in which it is broken here, and the tests that must go red.

The simulation has a table of its own (`tests/simulation/mutations.py`) for what only a whole history can show. Here is
what one test shows, among it all that the simulation cannot see: the conditions in DynamoDB, the script in Redis,
the bytes.
"""

from tests.mutations.tree import REFUSED, Edit, Mutation

CONDITIONS = "service/adapters/dynamodb/conditions.py"
DYNAMO = "tests/integration/dynamodb/test_store.py::TestDynamoJobs"
WORKER = "tests/unit/worker/test_worker.py"
UPLOADS = "tests/integration/dynamodb/test_store.py::TestDynamoUploads"
FAKE = "tests/unit/testing/test_memory_jobs.py::TestMemoryJobs"
ORPHANS = "service/core/orphans.py"
SETTLING = "tests/unit/core/test_orphans.py"
JANITOR = "tests/unit/worker/test_janitor.py"
FFMPEG = "tests/integration/ffmpeg/test_transcoder.py"
KEYS = "tests/unit/web/http/test_authentication.py"
SINGLE = "tests/unit/web/uploads/test_s3_form.py"
NOT_YOURS = f"{KEYS}::test_uploads_and_jobs_of_another_tenant_do_not_exist"
FENCE = 'FENCE = f"{IS_RUNNING} AND {IS_OURS} AND {IS_OUR_ATTEMPT}"'

FENCES = (
    Mutation(
        "fence-attempt-dynamodb",
        "only the current attempt can change a job, also under its owner's own name",
        (Edit(CONDITIONS, FENCE, 'FENCE = f"{IS_RUNNING} AND {IS_OURS}"'),),
        (f"{DYNAMO}::test_old_attempt_of_the_same_owner_is_refused",),
        REFUSED,
    ),
    Mutation(
        "fence-owner-dynamodb",
        "only the owner can change a job that is running",
        (Edit(CONDITIONS, FENCE, 'FENCE = f"{IS_RUNNING} AND {IS_OUR_ATTEMPT}"'),),
        (f"{DYNAMO}::test_stranger_is_refused",),
        REFUSED,
    ),
    Mutation(
        "fence-state-dynamodb",
        "nobody holds a job that is not running",
        (Edit(CONDITIONS, FENCE, 'FENCE = f"{IS_OURS} AND {IS_OUR_ATTEMPT}"'),),
        ("tests/integration/dynamodb/test_faults.py::test_fence_looks_at_the_state_too",),
        REFUSED,
    ),
    Mutation(
        "fence-attempt-core",
        "a lease of an earlier attempt is no lease",
        (Edit("service/core/lease.py", "            and self.attempt == holding.attempt\n", ""),),
        (f"{FAKE}::test_old_attempt_of_the_same_owner_is_refused",),
        REFUSED,
    ),
    Mutation(
        "takeover-dynamodb",
        "a holder who renewed in the last moment keeps its lease",
        (
            Edit(
                CONDITIONS,
                'f"{IS_RUNNING} AND #attempt = :seen_attempt AND #beat = :seen_beat"',
                'f"{IS_RUNNING} AND #attempt = :seen_attempt"',
            ),
        ),
        (f"{DYNAMO}::test_holder_who_renewed_keeps_its_lease", f"{DYNAMO}::test_holder_who_renewed_is_not_exhausted"),
        REFUSED,
    ),
    Mutation(
        "claim-dynamodb",
        "of all who claim a job one gets it",
        (Edit(CONDITIONS, 'IS_QUEUED = "#state = :queued"', 'IS_QUEUED = "#state IN (:queued, :running)"'),),
        (f"{DYNAMO}::test_claimed_job_cannot_be_claimed",),
        REFUSED,
    ),
    Mutation(
        "stamp-dynamodb",
        "a write that was refused because of itself has succeeded",
        (
            Edit(
                "service/adapters/dynamodb/store.py",
                "return change.stamp is not None and stamp_of(item) == change.stamp",
                "return False",
            ),
        ),
        ("tests/integration/dynamodb/test_faults.py::test_write_whose_answer_was_lost_counts[claim-sent_again-moto]",),
        "IllegalTransition",
    ),
    Mutation(
        "forget-dynamodb",
        "an accepted job is never lost: only one that is over can be deleted",
        (Edit(CONDITIONS, 'f"{IS_NEW} OR {IS_FINAL}"', 'f"{IS_NEW} OR {IS_UNFINISHED} OR {IS_FINAL}"'),),
        (f"{DYNAMO}::test_unfinished_job_cannot_be_deleted",),
        REFUSED,
    ),
    Mutation(
        "aborted-upload-dynamodb",
        "an upload that was aborted cannot be completed afterwards",
        (Edit(CONDITIONS, 'IS_PENDING = "#state = :pending"', 'IS_PENDING = f"{IS_NEW} OR #state = :pending"'),),
        (f"{UPLOADS}::test_deleted_pending_upload_cannot_be_completed",),
        REFUSED,
    ),
)

IDEMPOTENCY = (
    Mutation(
        "idempotency-dynamodb",
        "an Idempotency-Key stands for one job",
        (Edit(CONDITIONS, 'KEY_IS_FREE = f"{IS_NEW} OR ', 'KEY_IS_FREE = f"{IS_NEW} OR attribute_exists(#pk) OR '),),
        (f"{DYNAMO}::test_same_key_gives_the_first_job",),
    ),
    Mutation(
        "idempotency-request",
        "a key that comes with another request is refused",
        (
            Edit(
                "service/adapters/dynamodb/store.py",
                "            if fingerprint != key.fingerprint:\n"
                "                raise IdempotencyReuse\n"
                "            if accepted",
                "            if accepted",
            ),
        ),
        (f"{DYNAMO}::test_key_with_another_fingerprint_is_refused",),
        REFUSED,
    ),
    Mutation(
        "idempotency-fake",
        "an Idempotency-Key stands for one job, in the fake as well",
        (Edit("service/testing/memory_jobs.py", "if used is None or first is None or", "if True or first is None or"),),
        (f"{FAKE}::test_same_key_gives_the_first_job",),
    ),
    Mutation(
        "idempotency-tenant",
        "two tenants who happen on the same key do not meet",
        (Edit("service/application/jobs.py", 'IdempotencyKey(f"{tenant}:{text}"', 'IdempotencyKey(f"{text}"'),),
        (f"{KEYS}::test_idempotency_keys_are_per_tenant",),
    ),
)

PROGRESS = (
    Mutation(
        "monotonic-redis",
        "the script in Redis ignores a lower reading",
        (
            Edit(
                "service/adapters/redis/progress.py",
                "if tonumber(ARGV[1]) > percent then",
                "if tonumber(ARGV[1]) ~= percent then",
            ),
        ),
        ("tests/integration/redis/test_progress.py::TestRedisBoard::test_a_lower_reading_is_ignored",),
    ),
    Mutation(
        "monotonic-dynamodb",
        "the durable percentage never falls",
        (Edit(CONDITIONS, 'f"{FENCE} AND {CEILING_DOES_NOT_FALL}"', "FENCE"),),
        (f"{DYNAMO}::test_durable_percentage_never_falls",),
    ),
    Mutation(
        "monotonic-record",
        "the durable percentage never falls, in the record itself",
        (Edit("service/core/job.py", "percent=max(self.percent, percent)", "percent=percent"),),
        (f"{FAKE}::test_durable_percentage_never_falls",),
    ),
    Mutation(
        "monotonic-shown",
        "nobody is answered with less than was ever shown",
        (Edit("service/core/progress.py", "clamp(max(job.shown, ", "clamp(max(0.0, "),),
        ("tests/unit/core/test_progress.py::test_new_attempt_shows_the_old_progress_until_it_passes_it",),
    ),
    Mutation(
        "shown-dynamodb",
        "the mark of what was shown only rises",
        (Edit(CONDITIONS, 'SHOWS_MORE = "#shown < :shown"', 'SHOWS_MORE = "#shown <> :shown"'),),
        (f"{DYNAMO}::test_shown_only_rises",),
    ),
    Mutation(
        "hundred",
        "100 is reserved for a job that succeeded",
        (Edit("service/core/progress.py", "min(TOP, percent)", "min(100.0, percent)"),),
        ("tests/unit/core/test_progress.py::test_percent_of_a_reading[all bytes fed]",),
    ),
)

BYTES = (
    Mutation(
        "head-patch",
        "the head is delivered as the muxer has patched it at the end, not as it was written at first",
        (
            Edit(
                "service/adapters/ffmpeg/window.py",
                "        return read_into(self.fd, 0, into)\n",
                "        head = read_into(self.fd, 0, into)\n"
                '        head[4:8] = b"\\xff" * 4  # the length of a WAV file, as long as ffmpeg does not know it\n'
                "        return head\n",
            ),
        ),
        (f"{FFMPEG}::test_every_format_is_what_plain_ffmpeg_writes[wav]",),
        r"assert got == plain\(",
    ),
    Mutation(
        "head-kept",
        "the head stays in the window until ffmpeg has exited",
        (Edit("service/adapters/ffmpeg/window.py", "self._next = 1  #", "self._next = 0  #"),),
        ("tests/integration/ffmpeg/test_window.py::test_window_names_each_part_once",),
    ),
    Mutation(
        "window-violated",
        "a muxer that goes back behind the window is caught",
        (
            Edit(
                "service/adapters/ffmpeg/window.py",
                "return os.lseek(fd, start, os.SEEK_DATA) < start + length",
                "return False",
            ),
        ),
        ("tests/integration/ffmpeg/test_window.py::test_one_byte_written_behind_the_window_is_found",),
    ),
    Mutation(
        "end-of-input-media",
        "ffmpeg's exit code 0 counts only if the input ended where its headers say",
        (Edit("service/adapters/ffmpeg/supervision.py", "doubt=self._progress.doubt(self._log)", "doubt=None"),),
        (f"{FFMPEG}::test_truncated_input_file_fails_the_conversion",),
        REFUSED,
    ),
    Mutation(
        "end-of-input-feed",
        "ffmpeg sees the end of the file only after the last byte of the object",
        (
            Edit(
                "service/adapters/ffmpeg/input.py",
                "            self.error = error\n        except Exception",
                "            self._close_pipe()\n            self.error = error\n        except Exception",
            ),
        ),
        ("tests/unit/adapters/s3/test_reading.py::test_ffmpeg_sees_no_end_of_input_when_reading_fails",),
        "BlockingIOError",
    ),
    Mutation(
        "end-of-input-stream",
        "a stream that broke is never taken for one that has ended",
        (
            Edit(
                "service/adapters/s3/reading.py",
                "return self.offset == self.size",
                "return self.offset > 0",
            ),
        ),
        ("tests/unit/adapters/s3/test_reading.py::test_object_stream_goes_on_at_the_offset_after_a_break",),
    ),
    Mutation(
        "if-match-input",
        "an input that is read on is the very object that was begun",
        (Edit("service/adapters/s3/reading.py", "IfMatch=quoted(wanted.etag)", 'IfMatch="*"'),),
        ("tests/unit/adapters/s3/test_reading.py::test_object_stream_goes_on_at_the_offset_after_a_break",),
    ),
    Mutation(
        "offset-input",
        "an input that broke is read on from the first byte that is missing",
        (
            Edit(
                "service/adapters/s3/reading.py",
                'Range=f"bytes={self.at}-',
                'Range=f"bytes={self.at + 1}-',
            ),
        ),
        ("tests/unit/adapters/s3/test_reading.py::test_object_stream_goes_on_at_the_offset_after_a_break",),
        "ObjectChanged",
    ),
    Mutation(
        "if-match-download",
        "a download that is continued never mixes two objects",
        (Edit("service/adapters/s3/reading.py", "                IfMatch=quoted(wanted.etag),\n", ""),),
        ("tests/integration/s3/test_reading.py::test_download_never_mixes_two_objects",),
        REFUSED,
    ),
    Mutation(
        "continuation-download",
        "a download that breaks goes on at the offset",
        (
            Edit(
                "service/adapters/s3/reading.py",
                "        self._breaks += 1\n",
                "        self._breaks += 1\n        self.at = self._wanted.start\n",
            ),
        ),
        ("tests/integration/s3/test_reading.py::test_download_from_a_broken_line_delivers_all_bytes[How.TRUNCATE]",),
    ),
    Mutation(
        "length-download",
        "a download that ends early is no download: the promised length is met, or there is an error",
        (Edit("service/adapters/s3/reading.py", 'raise Indefinite("GetObject: ended early")', "self.stop = self.at"),),
        ("tests/integration/s3/test_reading.py::test_download_gives_up_after_breaks_without_a_byte[early-end]",),
        "StopAsyncIteration",
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

OWNERSHIP = (
    Mutation(
        "tenant-job",
        "somebody else's job does not exist",
        (Edit("service/application/lookup.py", "if job is None or job.tenant != caller.tenant:", "if job is None:"),),
        (NOT_YOURS,),
    ),
    Mutation(
        "tenant-upload",
        "somebody else's upload does not exist",
        (
            Edit(
                "service/application/lookup.py",
                "if upload is None or upload.tenant != caller.tenant:",
                "if upload is None:",
            ),
        ),
        (NOT_YOURS,),
    ),
    Mutation(
        "tenant-delete-job",
        "nobody deletes somebody else's job",
        (Edit("service/application/jobs.py", "if job is not None and job.tenant != caller.tenant:", "if False:"),),
        ("tests/unit/web/jobs/test_routes.py::test_deleting_another_tenants_job_changes_nothing",),
    ),
    Mutation(
        "tenant-delete-upload",
        "nobody deletes somebody else's upload",
        (Edit("service/application/receiving.py", "elif upload.tenant == caller.tenant:", "else:"),),
        ("tests/unit/web/uploads/test_whole.py::test_deleting_another_tenants_upload_changes_nothing",),
    ),
    Mutation(
        "key-required",
        "without a key nothing under /v1 is answered",
        (
            Edit(
                "service/web/http/authentication.py",
                'raise Unauthorized("This address needs an API key.")',
                "return NAMELESS",
            ),
        ),
        (f"{KEYS}::test_every_call_needs_a_key",),
    ),
    Mutation(
        "key-compared",
        "what is not exactly a key lets nobody in",
        (Edit("service/core/access.py", "if hmac.compare_digest(key.digest, digest):", "if key.digest:"),),
        (f"{KEYS}::test_a_wrong_key_is_refused_and_not_repeated[headers0]",),
    ),
)

INTAKE = (
    Mutation(
        "heard-out",
        "who still sends when the answer comes is heard out before the connection ends",
        (
            Edit(
                "service/web/http/middleware.py",
                "minded = 0 if ends_with_the_answer(scope) else SMALL_BODY",
                "minded = SMALL_BODY",
            ),
        ),
        ("tests/unit/web/http/test_middleware.py::test_a_small_body_is_drained_where_the_connection_ends",),
    ),
    Mutation(
        "start-in-a-fault",
        "a start in the middle of a fault waits for its end",
        (Edit("service/wiring/start_up.py", "or clock.monotonic() >= until:", "or clock.monotonic() >= 0.0:"),),
        ("tests/integration/processes/test_start_up.py::test_a_start_in_the_middle_of_a_fault_waits_for_its_end",),
        "DidNotStart",
    ),
    Mutation(
        "health-asks-once",
        "a service that hangs is asked for its health once, however many want to know",
        (Edit("service/wiring/health.py", "if asked is None or asked.done():", "if True:"),),
        ("tests/integration/s3/test_hung.py::test_readiness_tells_while_s3_hangs",),
    ),
    Mutation(
        "circuit-opens",
        "a service that fails again and again is left alone",
        (Edit("service/core/circuit.py", "failures < self.threshold:", "failures < self.threshold + 9:"),),
        ("tests/unit/adapters/aws/test_circuit.py::test_failures_in_a_row_open_the_circuit",),
    ),
    Mutation(
        "circuit-late-answers",
        "an answer from before an outage does not end it",
        (Edit("service/core/circuit.py", "if began not in (None, self.state):", "if False:"),),
        ("tests/unit/adapters/redis/test_connection.py::test_a_redis_answer_from_before_the_outage_does_not_end_it",),
    ),
    Mutation(
        "retry-what-passes",
        "reading from S3 repeats only what can pass by itself",
        (Edit("service/adapters/s3/reading.py", "RETRIED = (Indefinite, Unavailable)", "RETRIED = (StoreError,)"),),
        ("tests/unit/adapters/s3/test_reading.py::test_object_stream_does_not_retry_what_is_forbidden",),
        "DID NOT RAISE",
    ),
    Mutation(
        "piece-size",
        "no job is made of a file that is not as long as its client said",
        (
            Edit(
                "service/application/completion.py",
                "    assembled([Part(1, stored.size, stored.etag)], claimed, pending.declared_size)\n",
                "",
            ),
        ),
        (f"{SINGLE}::test_an_s3_form_upload_of_another_size_than_announced_makes_no_job",),
    ),
    Mutation(
        "form-bounds",
        "a signed form is good for as many bytes as were announced",
        (Edit("service/adapters/s3/client_uploads.py", '["content-length-range", least, most], *', "*"),),
        ("tests/integration/http/test_s3_multipart.py::test_the_policy_of_a_form_bounds_key_type_size_and_time",),
    ),
    Mutation(
        "open-uploads",
        "a tenant has no more unfinished uploads than it may",
        (
            Edit(
                "service/application/uploads.py", "clock.wall(), limit) >= limit:", "clock.wall(), limit) >= limit + 9:"
            ),
        ),
        (f"{SINGLE}::test_open_uploads_are_limited",),
    ),
    Mutation(
        "parts-counted",
        "a part through the service takes one of the places for uploads",
        (
            Edit(
                "service/web/uploads/relayed_parts.py",
                "        async with admission.upload_slot():\n            part",
                "        if admission:\n            part",
            ),
        ),
        ("tests/unit/web/operations/test_admission.py::test_parts_through_the_service_count_as_uploads",),
    ),
)

WORKERS = (
    Mutation(
        "hand-over",
        "a hand-over that comes second does not cost the output",
        (Edit("service/worker/attempt.py", "return self._work.published", "return False"),),
        (f"{WORKER}::test_a_handover_that_comes_second_does_not_cost_the_output",),
    ),
    Mutation(
        "quiet",
        "no heartbeat crosses the record",
        (Edit("service/worker/heartbeat.py", "            async with self.quiet:\n", "            if True:\n"),),
        (f"{WORKER}::test_a_heartbeat_does_not_cross_the_record",),
    ),
    Mutation(
        "trust",
        "who cannot renew stops before the lease ends",
        (Edit("service/core/trust.py", "return self.trusted_until - now", "return 60.0"),),
        (f"{WORKER}::test_a_worker_cut_off_from_the_store_stops_before_its_lease_ends",),
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

SIDE = "service/web/side_app.py"
SIDE_TESTS = "tests/unit/web/test_side_app.py"

OPERATIONS = (
    Mutation(
        "side-port-closed",
        "metrics of a worker are not open because its operator said nothing",
        (Edit(SIDE, "if config.api_keys or open_service else [_refuse]", ""),),
        (f"{SIDE_TESTS}::test_side_port_guards_metrics[nothing-said]",),
    ),
    Mutation(
        "side-port-key",
        "metrics of a worker need a key where the API needs one",
        (Edit(SIDE, "    if config.metrics_open:\n", "    if True:\n"),),
        (f"{SIDE_TESTS}::test_side_port_guards_metrics[keys]",),
    ),
    Mutation(
        "one-default",
        "the cap on an output is the same wherever it is stated",
        (
            Edit(
                "service/adapters/ffmpeg/config.py",
                "max_output_bytes: int = defaults.MAX_OUTPUT_BYTES",
                "max_output_bytes: int = 8 * GIB",
            ),
        ),
        (
            "tests/unit/wiring/test_defaults.py::test_configuration_classes_have_the_defaults_of_the_settings[FfmpegConfig]",
        ),
    ),
)

CONTAINERS = "service/core/media/containers"
SNIFFING = "service/adapters/system/sniffing.py"
BUDGET = "tests/unit/core/media/test_budget.py"
MULTIPLIES = f"{BUDGET}::test_what_a_file_costs_does_not_multiply"
ANSWERS = f"{BUDGET}::test_a_spent_budget_is_an_answer"
LARGEST = "tests/unit/test_largest_inputs.py::test_the_largest_input_is_no_burden"

COSTS = (
    Mutation(
        "sniff-clip-boxes",
        "a box is looked into within its parent alone",
        (
            Edit(
                f"{CONTAINERS}/boxes.py",
                "min(at + length, end), whole=at + length <= end)",
                "at + length, whole=True)",
            ),
        ),
        (
            f"{MULTIPLIES}[boxes beyond their parents]",
            "tests/unit/core/media/test_arbitrary_lengths.py::test_steps_are_bounded_by_bytes",
        ),
    ),
    Mutation(
        "sniff-clip-elements",
        "an element is looked into within its parent alone",
        (Edit(f"{CONTAINERS}/ebml.py", "min(at + size, end), whole=at + size <= end)", "at + size, whole=True)"),),
        (
            f"{MULTIPLIES}[tracks of elements beyond their parents]",
            f"{MULTIPLIES}[pointers beyond their parents]",
            "tests/unit/core/media/test_arbitrary_lengths.py::test_steps_are_bounded_by_bytes",
        ),
    ),
    Mutation(
        "sniff-overrun-boxes",
        "what does not fit together is not converted from a pipe",
        (Edit(f"{CONTAINERS}/boxes.py", "        if not box.whole:\n", "        if False:\n"),),
        (f"{ANSWERS}[boxes beyond their parents-m4a-its parts do not fit into each other]",),
    ),
    Mutation(
        "sniff-budget",
        "no look takes more steps than its budget",
        (Edit(f"{CONTAINERS}/budget.py", "if self.steps >= self._max_steps:", "if False:"),),
        (
            f"{BUDGET}::test_no_file_costs_more_than_the_budget[many boxes]",
            f"{BUDGET}::test_no_file_costs_more_than_the_budget[tags in front]",
            f"{BUDGET}::test_no_file_costs_more_than_the_budget[small chunks, GUIDs]",
            f"{BUDGET}::test_a_budget_ends",
        ),
        r"(?m)^E +(assert|AssertionError|Failed: DID NOT RAISE)",
    ),
    Mutation(
        "sniff-copies",
        "of a box that is looked at no more is copied than its fixed fields",
        (Edit(f"{CONTAINERS}/boxes.py", "head[box.at : min(box.end, box.at + _FIXED)]", "head[box.at :]"),),
        (f"{BUDGET}::test_what_a_file_costs_does_not_multiply[a row of headers]",),
    ),
    Mutation(
        "sniff-window",
        "of what lies behind the sound no more is copied than a header",
        (Edit(f"{CONTAINERS}/boxes.py", "ends.window(at, 16)", "ends.window(at, ends.size)"),),
        (f"{MULTIPLIES}[filling behind the sound]",),
    ),
    Mutation(
        "sniff-off-the-loop",
        "requests and heartbeats go on while bytes are looked at",
        (
            Edit(
                SNIFFING,
                "look = asyncio.get_running_loop().run_in_executor(self._threads, self._look, head, tail, size)",
                "look: asyncio.Future[Source] = asyncio.get_running_loop().create_future()\n"
                "        look.set_result(self._look(head, tail, size))",
            ),
        ),
        ("tests/unit/adapters/system/test_sniffing.py::test_event_loop_goes_on_while_bytes_are_looked_at",),
    ),
    Mutation(
        "sniff-one-at-a-time",
        "a tenant has one look at a time",
        (Edit(SNIFFING, "while tenant in self._looks:", "while False:"),),
        ("tests/unit/adapters/system/test_sniffing.py::test_another_tenant_does_not_wait",),
        r"(?m)^E +(assert|AssertionError|TimeoutError|KeyError)",
    ),
    Mutation(
        "parts-linear",
        "a list of parts costs what its length is, not the square of it",
        (
            Edit(
                "service/core/upload.py",
                "missing = (named | set(range(1, len(wanted) + 1))) - (named & by_number.keys())",
                "missing = [number for number in wanted if number not in by_number or number not in set(wanted)]",
            ),
        ),
        (f"{LARGEST}[parts, all there]",),
    ),
    Mutation(
        "name-cut",
        "a file name is cut before it is normalised",
        (Edit("service/core/naming.py", "if len(base) > _MAX_GIVEN:", "if False:"),),
        (f"{LARGEST}[file name of combining marks in disorder]",),
    ),
    Mutation(
        "media-type-linear",
        "the expression for media types does not go back to each slash",
        (Edit("service/core/upload.py", 'r"|[^/]*/.*(mpegurl', 'r"|.*/.*(mpegurl'),),
        (f"{LARGEST}[media type of slashes]",),
    ),
)

MUTATIONS: tuple[Mutation, ...] = (
    *FENCES, *WORKERS, *IDEMPOTENCY, *PROGRESS, *BYTES, *JANITORS, *OWNERSHIP, *INTAKE, *OPERATIONS, *COSTS,
)  # fmt: skip
