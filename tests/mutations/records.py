"""Who may write a record of a job, and what it may say: fences, Idempotency-Keys, progress."""

from tests.mutations.tree import REFUSED, Edit, Mutation

CONDITIONS = "service/adapters/dynamodb/conditions.py"
DYNAMO = "tests/integration/dynamodb/test_store.py::TestDynamoJobs"
UPLOADS = "tests/integration/dynamodb/test_store.py::TestDynamoUploads"
FAKE = "tests/unit/testing/test_memory_jobs.py::TestMemoryJobs"
KEYS = "tests/unit/web/http/test_authentication.py"
FENCE = 'FENCE = f"{IS_RUNNING} AND {IS_OURS} AND {IS_OUR_ATTEMPT}"'

LISTS = (
    Mutation(
        "list-of-a-tenant",
        "a tenant lists its own jobs alone",
        (Edit("service/adapters/dynamodb/listing.py", 'return f"{kind}s#{tenant}"', 'return f"{kind}s"'),),
        (f"{DYNAMO}::test_jobs_are_listed_newest_first_in_pages",),
    ),
    Mutation(
        "list-entry-first",
        "a job that was accepted is in the list of its tenant",
        (Edit("service/adapters/dynamodb/store.py", "        await self._list_job(job)\n", ""),),
        (f"{DYNAMO}::test_jobs_are_listed_newest_first_in_pages",),
    ),
)

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
        (Edit("service/core/jobs/lease.py", "            and self.attempt == holding.attempt\n", ""),),
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
                "service/adapters/dynamodb/answers.py",
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
        "Definite: The item",  # what comes of it is half an item
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
        "flushed-redis",
        "a reading that was on its way while Redis was flushed is not shown",
        (Edit("service/adapters/redis/progress.py", "if ARGV[4] == '1' and", "if ARGV[4] == '2' and"),),
        (
            "tests/integration/redis/test_progress.py::TestRedisBoard::test_reading_that_was_overtaken_by_a_loss_is_not_shown",
        ),
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
        (Edit("service/core/jobs/job.py", "percent=max(self.percent, percent)", "percent=percent"),),
        (f"{FAKE}::test_durable_percentage_never_falls",),
    ),
    Mutation(
        "monotonic-shown",
        "nobody is answered with less than was ever shown",
        (Edit("service/core/jobs/progress.py", "clamp(max(job.shown, ", "clamp(max(0.0, "),),
        ("tests/unit/core/jobs/test_progress.py::test_new_attempt_shows_the_old_progress_until_it_passes_it",),
    ),
    Mutation(
        "earlier-attempt",
        "a reading of an earlier attempt is not shown",
        (Edit("service/core/jobs/progress.py", "if hint is not None and hint.attempt < job.attempt:", "if False:"),),
        ("tests/unit/core/jobs/test_progress.py::test_reading_of_an_earlier_attempt_is_none",),
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
        (Edit("service/core/jobs/progress.py", "min(TOP, percent)", "min(100.0, percent)"),),
        ("tests/unit/core/jobs/test_progress.py::test_percent_of_a_reading[all bytes fed]",),
    ),
)
