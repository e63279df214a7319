"""What one tenant may take of the service, and what one file of a slot and of the bucket."""

from tests.mutations.tree import REFUSED, Edit, Mutation

QUEUE = "tests/unit/core/jobs/test_queue.py"
ADMISSION = "tests/unit/application/test_admission.py"
UPLOADS = "tests/unit/application/test_uploads.py"
PARTS = "tests/unit/core/test_part_lengths.py"
TIMEOUTS = "tests/unit/adapters/ffmpeg/test_timeouts.py"
ACCOUNT = "tests/integration/dynamodb/test_account.py"
NOTE = "        await self._enter(pending.upload_id, pending.declared_size, pending.tenant, pending.expires_at)\n"
RECORD = "        refusal = await self._table.put(item, changes.put_new())\n"

SHARES = (
    Mutation(
        "fair-claims",
        "claims go round the tenants",
        (
            Edit(
                "service/core/jobs/queue.py",
                "ranked.append((rank, served.get(tag, 0), due_at, key))",
                "ranked.append((0, 0, due_at, key))",
            ),
        ),
        (
            f"{QUEUE}::test_a_flood_is_not_ahead_of_the_first_job_of_another_tenant",
            f"{QUEUE}::test_claims_are_fair_and_leave_no_slot_empty",
        ),
    ),
    Mutation(
        "first-come-first-served",
        "of tenants that run as much and were not served yet, the oldest job comes first",
        (
            Edit(
                "service/core/jobs/queue.py",
                "served.get(tag, 0), due_at, key",
                "served.get(tag, 0), -due_at, key",
            ),
        ),
        ("tests/unit/testing/test_memory_jobs.py::TestMemoryJobs::test_due_jobs_come_oldest_first",),
    ),
    Mutation(
        "turns",
        "a worker with one slot goes round the tenants, too",
        (Edit("service/core/jobs/queue.py", "ranked.append((rank, served.get(tag, 0),", "ranked.append((rank, 0,"),),
        (f"{QUEUE}::test_tenants_take_turns_at_a_single_slot",),
    ),
    Mutation(
        "turns-remembered",
        "a worker remembers whose turn it was",
        (Edit("service/worker/loop.py", "                        self._note_turn(tag_in(job_id))\n", ""),),
        ("tests/unit/worker/test_turns.py::test_a_worker_with_one_slot_serves_tenants_in_turn",),
    ),
    Mutation(
        "share-of-queue",
        "a tenant has no more jobs waiting than it may",
        (Edit("service/application/admission.py", "self._queued_of[tag] >= share:", "False:"),),
        (f"{ADMISSION}::test_a_tenant_fills_its_share_of_the_queue_and_leaves_the_rest",),
        REFUSED,
    ),
    Mutation(
        "share-of-uploads",
        "a tenant takes no more upload slots than it may",
        (Edit("service/application/admission.py", "self._uploads_of[tenant] >= share:", "False:"),),
        (f"{ADMISSION}::test_a_tenant_takes_its_share_of_the_upload_slots_and_leaves_the_rest",),
        REFUSED,
    ),
    Mutation(
        "share-of-bytes",
        "a tenant stores no more than it may",
        (Edit("service/application/uploads.py", "if used >= limit or used + more > limit:", "if used >= 2 * limit:"),),
        (f"{UPLOADS}::test_a_tenant_stores_as_much_as_it_may",),
        REFUSED,
    ),
    Mutation(
        "entry-before-record",
        "what a process was storing when it died is never missing from the account",
        (
            Edit(
                "service/adapters/dynamodb/uploads.py",
                f"{NOTE}{RECORD}",
                f"{RECORD}{NOTE}",
            ),
        ),
        (f"{ACCOUNT}::test_a_kill_between_two_writes_leaves_an_error_that_ends_with_the_expiry[begin-moto]",),
    ),
    Mutation(
        "part-length",
        "a URL of a part is good for the bytes that the part has",
        (Edit("service/core/upload.py", "return most if exact else told", "return told"),),
        (f"{PARTS}::test_a_file_that_fits_into_one_part_has_one_length",),
    ),
    Mutation(
        "part-length-signed",
        "the signature of a part covers its length",
        (Edit("service/adapters/s3/client_uploads.py", '**({} if size is None else {"ContentLength": size}),', ""),),
        ("tests/integration/s3/test_store.py::TestS3Objects::test_a_part_is_signed_for_its_length[moto]",),
    ),
    Mutation(
        "part-numbers",
        "no numbers are signed that the declared size does not need",
        (Edit("service/core/upload.py", "    needed = pending.parts_needed\n", "    needed = MAX_PARTS\n"),),
        (f"{PARTS}::test_a_file_that_fits_into_one_part_has_one_length",),
        REFUSED,
    ),
    Mutation(
        "larger-than-declared",
        "more bytes than were declared are removed at once",
        (
            Edit(
                "service/application/completion.py",
                "HOPELESS = (UnsupportedMedia, UploadTooLarge, EmptyUpload, LargerThanDeclared)",
                "HOPELESS = (UnsupportedMedia, UploadTooLarge, EmptyUpload)",
            ),
        ),
        (f"{UPLOADS}::test_more_bytes_than_declared_are_removed_at_once",),
    ),
    Mutation(
        "bounded-duration",
        "a header cannot declare hours of a slot",
        (
            Edit(
                "service/adapters/ffmpeg/timeouts.py",
                "return min(declared or 0.0, input_size * 8 / LEAST_BITS_PER_SECOND)",
                "return declared or 0.0",
            ),
        ),
        (f"{TIMEOUTS}::test_a_small_file_cannot_declare_itself_hours_of_a_slot",),
    ),
    Mutation(
        "output-cap",
        "the output of a small file cannot fill the bucket",
        (
            Edit(
                "service/adapters/ffmpeg/timeouts.py",
                "return min(ceiling, LEAST_OUTPUT_CAP + OUTPUT_PER_INPUT * input_size)",
                "return ceiling",
            ),
        ),
        (f"{TIMEOUTS}::test_what_people_convert_stays_below_the_cap",),
    ),
    Mutation(
        "sample-rates",
        "a sample rate that no file has is refused when the file is uploaded",
        (Edit("service/core/media/sniff.py", "    check_rate(kind.name, head)\n", ""),),
        ("tests/unit/core/media/test_rates.py::test_the_refusal_says_what_can_be_converted",),
        REFUSED,
    ),
)
