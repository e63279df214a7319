"""Webhooks: that none is lost, that one notifier has one, where they go, and what proves who sent them."""

from tests.mutations.tree import REFUSED, Edit, Mutation

ENDINGS = "service/adapters/dynamodb/endings.py"
OUTBOX = "service/adapters/dynamodb/outbox.py"
CORE = "service/core/webhooks"
DYNAMO = "tests/integration/dynamodb/test_store.py::TestDynamoOutbox"
FAKE = "tests/unit/testing/test_memory_jobs.py::TestMemoryOutbox"
SENDER = "tests/integration/webhooks/test_sender.py"
RULES = "tests/unit/core/webhooks"

WEBHOOKS = (
    Mutation(
        "outbox-atomic",
        "the write that ends a job makes its notification",
        (
            Edit(
                "service/adapters/dynamodb/endings.py",
                '{_ended(notice)}",\n        {**mine',
                '{_ended({})}",\n        {**mine',
            ),
        ),
        (f"{DYNAMO}::test_end_of_a_job_is_in_the_outbox_at_once[stop-moto]",),
        "IllegalTransition|AssertionError",
    ),
    Mutation(
        "outbox-index",
        "what is to be notified stays in the index",
        (Edit(ENDINGS, 'if "queue" in values else', 'if "nothing" in values else'),),
        ("tests/unit/adapters/dynamodb/test_conditions.py::test_end_of_a_job_moves_it_to_the_outbox_by_one_write",),
    ),
    Mutation(
        "outbox-claim",
        "of all notifiers that try to take a notification one gets it",
        (
            Edit(
                OUTBOX,
                "AND (#due_at <= :now OR #due_at > :farthest)",
                "AND (#due_at > :now OR NOT #due_at > :farthest)",
            ),
        ),
        (f"{DYNAMO}::test_one_of_many_notifiers_takes_a_notification",),
        "too many values to unpack",
    ),
    Mutation(
        "outbox-fence",
        "a notifier whose notification was taken by another records nothing",
        (Edit(OUTBOX, " AND #notice_attempt = :attempt", " AND NOT #notice_attempt < :attempt"),),
        (f"{DYNAMO}::test_replaced_notifier_is_refused",),
        REFUSED,
    ),
    Mutation(
        "outbox-fence-core",
        "the fence of notifiers looks at the attempt, in the fake as well",
        (
            Edit(
                f"{CORE}/notification.py",
                "(self.owner, self.attempt) == (holding.owner, holding.attempt)",
                "self.owner == holding.owner",
            ),
        ),
        (
            f"{FAKE}::test_replaced_notifier_is_refused",
            f"{RULES}/test_notification.py::test_attempt_is_a_fencing_token",
        ),
        "DID NOT RAISE|assert",
    ),
    Mutation(
        "webhook-address",
        "nothing is sent to an address that is not public",
        (Edit("service/adapters/webhooks/connecting.py", "not all(map(is_public, addresses))", "not addresses"),),
        (
            f"{SENDER}::test_private_address_is_refused_before_anything_is_sent",
            f"{SENDER}::test_name_that_changes_its_meaning_is_refused",
        ),
    ),
    Mutation(
        "webhook-all-addresses",
        "one private address among public ones is enough to refuse a name",
        (Edit("service/adapters/webhooks/connecting.py", "not all(map(is_public", "not any(map(is_public"),),
        (f"{SENDER}::test_name_that_changes_its_meaning_is_refused",),
    ),
    Mutation(
        "webhook-rebinding",
        "the connection goes to the address that was checked",
        (
            Edit(
                "service/adapters/webhooks/connecting.py",
                "self._inner.connect_tcp(address, port",
                "self._inner.connect_tcp(host, port",
            ),
        ),
        (f"{SENDER}::test_resolver_that_hangs_costs_the_time_limit_alone",),
    ),
    Mutation(
        "webhook-metadata",
        "metadata services of clouds are no public addresses",
        (Edit(f"{CORE}/addresses.py", "return address.is_global and", "return not address.is_loopback and"),),
        (f"{RULES}/test_addresses.py::test_address_that_is_not_public_is_refused[169.254.169.254]",),
    ),
    Mutation(
        "webhook-bounded",
        "of an answer only the first kilobytes are read",
        (Edit("service/adapters/webhooks/connecting.py", "return BoundedStream(made)", "return made"),),
        (f"{SENDER}::test_slow_and_endless_answers_are_bounded",),
    ),
    Mutation(
        "webhook-signature-time",
        "the signature covers the time, so that no message can be replayed as a newer one",
        (Edit(f"{CORE}/signature.py", 'f"{message_id}.{timestamp}."', 'f"{message_id}."'),),
        (
            f"{RULES}/test_signature.py::test_signature_is_that_of_the_specification",
            f"{RULES}/test_signature.py::test_signature_covers_id_time_and_body",
        ),
    ),
    Mutation(
        "webhook-redirect",
        "a redirect is no acceptance",
        (Edit(f"{CORE}/notification.py", "200 <= answer.status < 300", "200 <= answer.status < 400"),),
        (f"{RULES}/test_notification.py::test_all_else_is_tried_again_until_the_last_try[302]",),
    ),
    Mutation(
        "webhook-retry-after",
        "a receiver that asks for a pause gets it",
        (Edit("service/adapters/webhooks/sender.py", 'b"retry-after"', 'b"retry-before"'),),
        ("tests/integration/webhooks/test_notifier.py::test_receiver_that_asks_for_a_pause_gets_it",),
    ),
    Mutation(
        "webhook-own-pause",
        "no receiver gets its next attempt sooner by asking",
        (
            Edit(
                f"{CORE}/notification.py",
                "max(RETRIES.delay(tries, draw), asked)",
                "asked or RETRIES.delay(tries, draw)",
            ),
        ),
        (f"{RULES}/test_notification.py::test_receiver_cannot_ask_for_a_shorter_pause[1]",),
    ),
    Mutation(
        "webhook-longest-pause",
        "no receiver puts its notification off for longer than an hour",
        (Edit(f"{CORE}/asked.py", "return min(float(text), MOST_ASKED)", "return float(text)"),),
        (f"{RULES}/test_notification.py::test_receiver_cannot_ask_for_more_than_an_hour[3601]",),
    ),
    Mutation(
        "webhook-pause-ends",
        "no receiver puts its notification off until the job is forgotten",
        (Edit(f"{CORE}/notification.py", "ends_at - now - LAST_CHANCE", "ends_at"),),
        (f"{RULES}/test_notification.py::test_receiver_cannot_ask_for_more_than_an_hour[3601]",),
    ),
    Mutation(
        "webhook-fair",
        "endpoints that hang leave room for the others",
        (Edit(f"{CORE}/room.py", "IN_ALL // 2 - of_troubled, ", ""),),
        (f"{RULES}/test_endpoints.py::test_troubled_endpoints_leave_room_for_the_others",),
    ),
    Mutation(
        "webhook-tenant",
        "a tenant lists its own notifications alone",
        (
            Edit(
                OUTBOX,
                "(UNDELIVERED if dead else NOTIFY) + tag_of_tenant(tenant)",
                '(UNDELIVERED if dead else NOTIFY) + tag_of_tenant("tenant1")',
            ),
            Edit(OUTBOX, '"queue": NOTIFY + tag,', '"queue": NOTIFY + tag_of_tenant("tenant1"),'),
        ),
        (f"{DYNAMO}::test_lists_come_in_pages",),
    ),
)
