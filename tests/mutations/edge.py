"""What strangers can reach: connections, pages beside an open service, and bodies of any kind."""

from tests.mutations.tree import Edit, Mutation

GUARD = "service/web/http/connections.py"
BROWSERS = "service/web/http/browsers.py"
ROUNDS = "tests/unit/web/http/test_connections.py"
PAGES = "tests/unit/web/http/test_browsers.py"
SOCKETS = "tests/integration/http/test_connections.py"

CONNECTIONS = (
    Mutation(
        "connections-capped",
        "one connection too many closes the oldest idle one",
        (Edit(GUARD, "full = len(self._open) >= self._limits.max_connections", "full = False"),),
        (f"{ROUNDS}::test_room_is_made_by_the_oldest_idle_connection",),
    ),
    Mutation(
        "connections-in-flight",
        "no connection whose request is worked on makes room",
        (Edit(GUARD, "            self._silent.pop(connection, None)\n", "            pass\n"),),
        (f"{ROUNDS}::test_no_room_is_made_where_all_are_worked_on",),
    ),
    Mutation(
        "connections-deadline",
        "no head and no idle connection is waited for without end",
        (Edit(GUARD, "self._now - entry.since >= self._patience(connection, waiting)", "False"),),
        (f"{ROUNDS}::test_each_kind_of_waiting_has_its_deadline[connection0-10]",),
    ),
    Mutation(
        "connections-readers",
        "who reads nothing of an answer loses the connection",
        (Edit(GUARD, "return entry.reading.left > 0", "return True"),),
        (f"{ROUNDS}::test_each_kind_of_waiting_has_its_deadline[connection7-31]",),
    ),
    Mutation(
        "connections-frozen",
        "no client is blamed for a container that stood still",
        (Edit(GUARD, "self.look(min(now - before, 2 * ROUND))", "self.look(now - before)"),),
        (f"{ROUNDS}::test_no_client_is_blamed_for_a_frozen_container",),
    ),
    Mutation(
        "connections-reserve",
        "clients leave descriptors for the worker",
        (Edit("service/core/limits/descriptors.py", "limit - RESERVE - OF_A_SLOT * slots", "limit"),),
        ("tests/unit/core/test_pace.py::test_connections_leave_descriptors_for_the_worker[1024]",),
    ),
    Mutation(
        "connections-at-once",
        "an answer does not wait for the client's ACK of its head",
        (Edit("service/wiring/listening.py", "            send_at_once(listener)\n", ""),),
        (f"{SOCKETS}::test_an_answer_is_sent_at_once",),
    ),
    Mutation(
        "connections-two-lengths",
        "a head whose body two readers could end differently is refused",
        (Edit("service/web/http/protocol.py", "            refuse_ambiguous(event)\n", ""),),
        (f"{SOCKETS}::test_each_way_of_delaying_a_connection_comes_to_its_end",),
    ),
    Mutation(
        "body-pace",
        "a body that trickles is not waited for without end",
        (Edit("service/web/http/middleware.py", "asyncio.timeout(patience):", "asyncio.timeout(None):"),),
        (f"{SOCKETS}::test_each_way_of_delaying_a_connection_comes_to_its_end",),
        "TimeoutError|assert",
    ),
)

BODIES = (
    Mutation(
        "pages-cross-site",
        "no page from elsewhere changes anything in an open service",
        (Edit(BROWSERS, "            raise CrossSite\n", "            return\n"),),
        (f"{PAGES}::test_web_page_from_elsewhere_changes_nothing_in_an_open_service[headers0]",),
    ),
    Mutation(
        "pages-creating-get",
        "not even with a GET, if that creates something",
        (Edit("service/web/uploads/s3_form.py", "opt={CREATING: True},", "opt={},"),),
        (f"{PAGES}::test_web_page_from_elsewhere_changes_nothing_in_an_open_service[headers0]",),
    ),
    Mutation(
        "hosts",
        "an open service goes by its own names only",
        (Edit(BROWSERS, "            raise UnknownHost\n", "            return\n"),),
        (f"{PAGES}::test_open_service_answers_to_no_name_that_is_not_its_own[rebind.evil.example]",),
    ),
    Mutation(
        "only-json",
        "JSON has to be called so",
        (Edit(BROWSERS, "        raise NotJson\n", "        return\n"),),
        (f"{PAGES}::test_json_that_is_not_called_json_is_refused[/v1/jobs-text/plain]",),
    ),
    Mutation(
        "deep-json",
        "JSON that is nested too deeply is no mistake of ours",
        (
            Edit(
                "service/web/http/problems.py",
                "return malformed() if decode_json.__code__ in frames else from_unexpected(error)",
                "return from_unexpected(error)",
            ),
        ),
        ("tests/unit/web/test_bodies.py::test_no_odd_body_makes_a_5xx[nested lists]",),
    ),
    Mutation(
        "gone-in-json",
        "a client that leaves in the middle of JSON is no mistake of ours",
        (
            Edit(
                "service/web/http/problems.py",
                "if isinstance(error, InternalServerException) and error.detail == GONE:",
                "if False:",
            ),
        ),
        ("tests/unit/web/test_bodies.py::test_client_gone_in_a_json_body_is_no_mistake_of_ours",),
    ),
    Mutation(
        "host-that-is-none",
        "a Host that no address can be made of is refused before anything reads it",
        (
            Edit(
                "service/web/http/middleware.py",
                "return found is not None and int(found[1] or 0) <= MAX_PORT",
                "return True",
            ),
        ),
        (f"{PAGES}::test_host_that_is_none_is_no_mistake_of_ours[a:b]",),
    ),
    Mutation(
        "log-escapes",
        "no client writes to an operator's terminal",
        (Edit("service/telemetry/logging.py", "tail = [escape_controls, renderer]", "tail = [renderer]"),),
        ("tests/unit/test_telemetry.py::test_text_log_has_nothing_that_a_terminal_obeys",),
    ),
    Mutation(
        "health-tells-little",
        "health tells callers without a key the status alone",
        (Edit("service/web/http/authentication.py", "return not keys or (key", "return True or (key"),),
        ("tests/unit/web/operations/test_health.py::test_health_tells_callers_without_a_key_the_status_alone",),
    ),
)
