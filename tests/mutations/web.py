"""What is let in, and by which key: ownership, uploads, faults of backing services, the side port."""

from tests.mutations.tree import Edit, Mutation

KEYS = "tests/unit/web/http/test_authentication.py"
SINGLE = "tests/unit/web/uploads/test_s3_form.py"
NOT_YOURS = f"{KEYS}::test_uploads_and_jobs_of_another_tenant_do_not_exist"
SIDE = "service/web/side_app.py"
SIDE_TESTS = "tests/unit/web/test_side_app.py"

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
        (Edit("service/application/jobs.py", "if job is None or job.tenant != caller.tenant:", "if job is None:"),),
        ("tests/unit/web/jobs/test_routes.py::test_deleting_another_tenants_job_changes_nothing",),
    ),
    Mutation(
        "tenant-delete-upload",
        "nobody deletes somebody else's upload",
        (
            Edit(
                "service/application/receiving.py",
                "if upload is not None and upload.tenant == caller.tenant:",
                "if upload is not None:",
            ),
        ),
        ("tests/unit/web/uploads/test_whole.py::test_deleting_another_tenants_upload_changes_nothing",),
    ),
    Mutation(
        "label-text",
        "text from a file is shown without control characters and marks of direction",
        (
            Edit(
                "service/core/media/labels/text.py",
                ' if one in _JOINERS or unicodedata.category(one)[0] != "C")',
                ")",
            ),
        ),
        ("tests/unit/core/media/test_labels.py::test_text_of_strangers_is_short_and_plain[marks]",),
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
        (f"{SINGLE}::test_an_s3_form_upload_shorter_than_announced_makes_no_job",),
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
                "        async with admission.upload_slot(caller.tenant):\n            part",
                "        if admission:\n            part",
            ),
        ),
        ("tests/unit/web/operations/test_admission.py::test_parts_through_the_service_count_as_uploads",),
    ),
)

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
    Mutation(
        "answered-on-sigterm",
        "a request that waits for a job's end is answered before the process that serves it ends",
        (
            Edit(
                "service/application/progress.py",
                "while not context.stopping() and (left := deadline",
                "while (left := deadline",
            ),
        ),
        ("tests/unit/application/test_progress.py::test_who_waits_is_answered_when_the_process_is_about_to_end",),
    ),
    Mutation(
        "openapi-mistakes",
        "a generated client knows the answer to a mistake of the service, of every operation",
        (Edit("service/web/http/responses.py", "        **documented_mistake(),\n", ""),),
        ("tests/unit/web/http/test_openapi.py::test_mistake_of_the_service_is_documented_for_every_operation",),
    ),
)
