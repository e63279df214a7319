"""What the log never holds, what it is bounded by, and what it says of an instance's life."""

from tests.mutations.tree import Edit, Mutation

REDACTION = "tests/unit/test_redaction.py"
LIFECYCLE = "tests/unit/worker/test_lifecycle.py"
ENDING = "tests/unit/worker/test_ending.py::test_output_that_is_swept_away_is_an_alarm_only_where_it_is_wanted"
WATCHING = "tests/unit/infra/test_watching.py"
LOGGING = "service/telemetry/logging.py"
SERVER = "service/adapters/otel/server.py"
CALLS = "tests/unit/adapters/otel/test_calls.py"

LOGS = (
    Mutation(
        "log-hides-forms",
        "what has the form of a secret is in no line",
        (Edit("service/telemetry/redaction.py", "return _FORMS.sub(_hide, line) if", "return line if"),),
        (f"{REDACTION}::test_what_has_the_form_of_a_secret_is_hidden",),
    ),
    Mutation(
        "log-hides-known-secrets",
        "the secrets of the process are in no line",
        (Edit("service/telemetry/redaction.py", "line = known.sub(HIDDEN, line)", "pass"),),
        (f"{REDACTION}::test_secrets_of_the_environment_are_hidden_in_every_form",),
    ),
    Mutation(
        "log-lines-are-bounded",
        "a client cannot fill the log with megabytes",
        (Edit(LOGGING, "            shorten,\n", ""),),
        (f"{REDACTION}::test_megabytes_become_a_line_that_can_be_read",),
        "assert|ValueError",
    ),
    Mutation(
        "log-marks-tracebacks",
        "no text of a client begins a line",
        (Edit(LOGGING, 'f"  | {_harmless(line)}"', "_harmless(line)"),),
        (f"{REDACTION}::test_no_text_of_a_client_begins_a_line",),
    ),
    Mutation(
        "log-bounds-libraries",
        "garbage on a connection cannot flood the log",
        (Edit("service/telemetry/libraries.py", "if count <= MOST:", "if True:"),),
        ("tests/unit/test_libraries.py::test_flood_of_complaints_is_cut_and_says_how_many_there_were",),
    ),
    Mutation(
        "trace-headers-are-quiet",
        "the headers of a trace that lie cannot flood the log",
        (Edit("service/adapters/otel/export.py", ".setLevel(logging.CRITICAL)", ".setLevel(logging.WARNING)"),),
        ("tests/integration/processes/test_tracing.py::test_spans_go_over_grpc_where_that_is_asked",),
    ),
    Mutation(
        "trace-leaves-polls-alone",
        "a poll of progress is in no trace, and no call to AWS of it is",
        (Edit(SERVER, "attach(OUTSIDE)", "attach(get_current())"),),
        (f"{CALLS}::test_poll_of_progress_is_in_no_trace_whatever_its_connection_left",),
    ),
    Mutation(
        "trace-costs-nothing-unrecorded",
        "a call to AWS that no span is recorded for does not pay for one",
        (Edit("service/adapters/otel/calls.py", "get_current() and get_current_span().is_recording()", "True"),),
        (f"{CALLS}::test_nothing_is_made_ready_for_a_call_that_is_not_traced",),
    ),
    Mutation(
        "alarms-count-the-requeued",
        "a job whose worker is gone counts for the alarm also where no watcher has a free slot",
        (
            Edit(
                "service/metrics.json",
                '    {"name": "JobsTakenOver", "event": "job.requeued"},\n',
                "",
            ),
        ),
        ("tests/unit/test_embedded_metrics.py::test_each_way_of_losing_a_worker_is_counted_as_one",),
        "KeyError",
    ),
    Mutation(
        "alarm-of-webhooks",
        "webhooks that are given up are an alarm on AWS, where some are sent",
        (Edit("infra/watching/watch.py", "        if args.webhooks:\n", "        if False:\n"),),
        (f"{WATCHING}::test_webhooks_that_are_given_up_are_an_alarm_where_some_are_sent[with webhooks, on Express]",),
    ),
    Mutation(
        "log-names-the-span",
        "a line of a traced request leads to its trace",
        (Edit(LOGGING, ", **tracing.ids()}", "}"),),
        ("tests/unit/test_tracing.py::test_line_inside_a_span_names_it",),
        "KeyError",
    ),
    Mutation(
        "log-drops-floods",
        "a damaged file cannot flood the log through ffmpeg",
        (Edit("service/adapters/ffmpeg/stderr_log.py", "if self._left < 1:", "if self._left < -(1 << 60):"),),
        ("tests/unit/adapters/ffmpeg/test_stderr_log.py::test_flood_of_stderr_is_cut_and_says_how_much_was_dropped",),
    ),
    Mutation(
        "log-no-false-alarm",
        "an output that was swept away with its job is no alarm",
        (
            Edit(
                "service/worker/steps.py",
                "        async with work.heartbeat.quiet:\n            await work.heartbeat.renew()\n        emit(",
                "        emit(",
            ),
        ),
        (
            f"{ENDING}[cancelled]",
            f"{ENDING}[taken over]",
            f"{ENDING}[deleted]",
        ),
    ),
    Mutation(
        "log-names-the-restart",
        "a restarted container says which jobs its last process left",
        (Edit("service/worker/fleet/first_look.py", "(pid == mine or not alive(int(pid)))", "pid == mine"),
         Edit("service/worker/fleet/first_look.py", "return host == ours and", "return host != ours and")),
        (f"{LIFECYCLE}::test_start_after_a_crash_names_the_jobs_that_stand_still",),
    ),
    Mutation(
        "log-tells-the-loss",
        "a takeover says how much is converted once more",
        (Edit("service/worker/fleet/takeover.py", "seen.percent / 100", "job.attempt / 100"),),
        (f"{LIFECYCLE}::test_takeover_says_how_long_the_worker_was_silent_and_what_is_lost",),
    ),
    Mutation(
        "log-tells-the-shortage-once",
        "a shortage is one line, and not one for each look",
        (Edit("service/worker/pressure.py", "if set(found) - set(self._short_of):", "if found:"),),
        (f"{LIFECYCLE}::test_pressure_is_logged_when_it_begins_and_when_it_is_over",),
        "assert|ValueError",
    ),
    Mutation(
        "polls-stay-out-of-the-log",
        "a job costs the same lines however often it is polled",
        (Edit("service/web/http/middleware.py", "if self._polled() else", "if False else"),),
        ("tests/unit/web/http/test_middleware.py::test_polls_that_are_answered_well_are_logged_at_debug_only",),
    ),
    Mutation(
        "context-of-its-own",
        "a request is not logged under the tenant of another one on its connection",
        (
            Edit(
                LOGGING,
                '_context.set({"request_id": self._id})',
                '_context.set({**_context.get(), "request_id": self._id})',
            ),
        ),
        ("tests/unit/test_telemetry.py::test_request_begins_its_context_anew",),
    ),
    Mutation(
        "alarms-namespace",
        "containers write their metrics where the alarms look for them",
        (Edit("infra/containers.py", "namespace(config.stack)", '"Reprise"'),),
        ("tests/unit/infra/test_watching.py::test_containers_write_metrics_where_the_alarms_look_for_them",),
    ),
)  # fmt: skip
