import re
from collections.abc import Iterator

import pytest

from service.adapters.dynamodb import conditions as changes
from service.adapters.dynamodb import endings
from service.adapters.dynamodb.conditions import Change
from service.adapters.dynamodb.items import STAMP, job_to_item
from service.adapters.dynamodb.outbox import Announcing
from service.core.jobs.lease import Holding, State
from service.testing.clock import NOON
from service.testing.factories import a_failure, a_job, a_running_job, an_output, changed

HOLDING = Holding("job1", "worker1", 1)

HOLDERS = {
    "renew": changes.renew(HOLDING, 5.0, "local"),
    "renew_only": changes.renew_only(HOLDING, None),
    "release": changes.release(HOLDING, NOON, "stamp", 4, fault=True),
    "succeed": endings.succeed(HOLDING, an_output(), NOON, "stamp"),
    "fail": endings.fail(HOLDING, a_failure(), NOON, "stamp"),
    "stop": endings.stop(HOLDING, NOON, "stamp"),
}
OTHERS = {
    "claim": changes.claim("job1", "worker1", NOON, "stamp", 4),
    "take_over": changes.take_over(a_running_job().lease, "worker2", "stamp"),
    "requeue": changes.requeue(a_running_job().lease, "stamp", 4, excused=True),
    "note_alive": changes.note_alive(1, counted=True),
    "exhaust": endings.exhaust(a_running_job().lease, a_failure(), NOON, "stamp"),
    "cancel_queued": endings.cancel_queued(NOON, "stamp"),
    "cancel_running": changes.cancel_running(),
    "note_shown": changes.note_shown(5.0),
    "forget": changes.forget(),
    "put_new": changes.put_new(),
    "use_key": changes.use_key(NOON, None),
}
NOTICE = Announcing({"job1"}).notice("job1", NOON)  # an id without a tag is a tenant of its own
ANNOUNCED = {
    "succeed": endings.succeed(HOLDING, an_output(), NOON, "stamp", NOTICE),
    "fail": endings.fail(HOLDING, a_failure(), NOON, "stamp", "local", NOTICE),
    "stop": endings.stop(HOLDING, NOON, "stamp", NOTICE),
    "exhaust": endings.exhaust(a_running_job().lease, a_failure(), NOON, "stamp", NOTICE),
    "cancel_queued": endings.cancel_queued(NOON, "stamp", NOTICE),
}
ALL = HOLDERS | OTHERS


def _attributes() -> Iterator[str]:
    full = a_running_job(path="local", finished_at=NOON, output=an_output(), failure=a_failure())
    # What is not written while it is nought.
    yield from job_to_item(changed(full, excused=1, alive=1, mistaken=1, lived=1), 4)
    yield STAMP
    yield from NOTICE


@pytest.mark.parametrize("change", list(HOLDERS.values()), ids=list(HOLDERS))
def test_every_write_of_a_holder_is_fenced(change: Change) -> None:
    """Nothing that a holder writes goes without the whole fence."""
    assert change.condition.startswith(changes.FENCE)
    assert changes.FENCE.count(" AND ") == 2


@pytest.mark.parametrize("change", list(ALL.values()), ids=list(ALL))
def test_expressions_speak_of_attributes_that_exist(change: Change) -> None:
    """Every name is one that a job is written down with: a typing error would be a condition that never holds."""
    names = set(change.request()["ExpressionAttributeNames"].values())

    assert names <= set(_attributes())


@pytest.mark.parametrize("change", list(ALL.values()), ids=list(ALL))
def test_requests_bind_exactly_what_they_use(change: Change) -> None:
    """DynamoDB refuses names and values that no expression uses, and those that are missing."""
    request = change.request()
    text = f"{request['ConditionExpression']} {request.get('UpdateExpression', '')}"

    assert set(request["ExpressionAttributeNames"]) == set(re.findall(r"#\w+", text))
    assert set(request.get("ExpressionAttributeValues", {})) == set(re.findall(r":\w+", text))


@pytest.mark.parametrize("change", list(ALL.values()), ids=list(ALL))
def test_only_state_changes_write_queue_attributes(change: Change) -> None:
    """Who leaves the state alone leaves the keys of the index alone, and who ends a job takes it out."""
    to = re.search(r"#state = :(\w+)", change.update)
    if to is None:
        assert not re.search(r"#queue|#due_at", change.update)
    elif State(to[1]) in {State.QUEUED, State.RUNNING}:
        assert "#queue = :queue" in change.update
    else:
        assert re.search(r"REMOVE .*#queue", change.update)


@pytest.mark.parametrize("change", list(ALL.values()), ids=list(ALL))
def test_every_transition_leaves_a_stamp(change: Change) -> None:
    """Every transition leaves its stamp, by which it is known after its answer was lost."""
    moves = "#attempt = #attempt" in change.update or "#state = " in change.update

    assert (change.stamp == "stamp") == moves
    assert ("#stamp = :stamp" in change.update) == (change.stamp is not None)


def test_queue_of_a_claim_is_that_of_its_submission() -> None:
    """A claim moves the job within its own shard."""
    before = job_to_item(a_job(), 4)["queue"]["S"]
    after = OTHERS["claim"].request()["ExpressionAttributeValues"][":queue"]["S"]

    assert (before.split("#")[0], after.split("#")[0]) == ("queued", "running")
    assert before.split("#")[1] == after.split("#")[1]


@pytest.mark.parametrize("name", list(ANNOUNCED))
def test_end_of_a_job_moves_it_to_the_outbox_by_one_write(name: str) -> None:
    """The end that is notified has the condition of the other one, and differs in what it puts into the outbox."""
    announced, silent = ANNOUNCED[name], ALL[name]
    names = set(announced.request()["ExpressionAttributeNames"].values())

    assert announced.condition == silent.condition
    assert set(NOTICE) <= names <= set(_attributes())
    assert "#queue = :queue" in announced.update
    assert announced.update.endswith(" REMOVE #owner")
    assert silent.update.endswith(" REMOVE #owner, #queue")
