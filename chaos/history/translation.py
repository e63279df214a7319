"""From the events of a run of real containers to the `History` that checkers read."""

from collections.abc import Iterable

from chaos.history.events import (
    FAIL,
    OK,
    Attempt,
    Container,
    Event,
    Expected,
    Fault,
    Final,
    Leftover,
    Operation,
    Run,
    Sample,
    Stored,
)
from chaos.history.records import (
    DONE,
    NOT_FOUND,
    OPEN,
    STOPPING,
    Absence,
    Accepted,
    Deletion,
    Download,
    Expectation,
    Glimpse,
    History,
    Reading,
    Wish,
)
from chaos.history.records import Final as Ending
from chaos.history.records import Leftover as Orphan

GONE = 404
READS = frozenset({"read", "stream", "list", "cancel", "submit"})


def history_of(events: Iterable[Event]) -> History:
    """Return what was seen as a history; of events with the same moment, the order of the record counts."""
    history = History()
    expected: dict[str, Expectation] = {}
    events = list(events)
    for event in events:
        history.ended = max(history.ended, event.at)
        match event:
            case Run():
                _run(history, event)
            case Operation():
                history.ended = max(history.ended, event.answered)
                _operation(history, event)
            case Expected():
                expected[event.job_id or event.upload_id] = Expectation(
                    digest=event.digest,
                    may_succeed=event.may_succeed,
                    failures=frozenset(event.failures),
                    size=event.bytes,
                )
            case Final():
                _final(history, event)
            case Leftover():
                _leftover(history, event)
            case _:
                _observed(history, event)
    history.expected = expected
    history.lives = _with_signs_of_life(history, events)
    return history


def _with_signs_of_life(history: History, events: Iterable[Event]) -> list[Container]:
    """A container that was started is ready at the latest when it answers a client, or begins an attempt."""
    signs = [(one.at, one.container) for one in history.attempts]
    signs += [(one.answered, one.via) for one in events if isinstance(one, Operation) and one.status is not None]
    moments: dict[str, list[float]] = {}
    for at, name in sorted(signs):
        moments.setdefault(name, []).append(at)
    found: list[Container] = []
    lives = sorted(history.lives, key=lambda life: life.at)
    for position, life in enumerate(lives):
        found.append(life)
        after = next((one for one in lives[position + 1 :] if one.name == life.name), None)
        if life.what != "started" or (after is not None and after.what == "ready"):
            continue
        end = history.ended if after is None else after.at
        ready = next((at for at in moments.get(life.name, []) if life.at < at < end), None)
        if ready is not None:
            found.append(Container(at=ready, name=life.name, what="ready", detail="it did something"))
    return sorted(found, key=lambda life: life.at)


def _observed(history: History, event: Fault | Container | Attempt | Sample | Stored) -> None:
    match event:
        case Fault():
            history.faults.append(event)
            history.disturbed.update(event.targets)
            history.quiet_from = max(history.quiet_from, event.at)
        case Container():
            history.lives.append(event)
        case Attempt():
            history.attempts.append(event)
        case Sample():
            history.samples.append(event)
        case Stored():
            history.stored.append(event)


def _run(history: History, event: Run) -> None:
    slots, bound = event.parameters.get("slots"), event.parameters.get("recovery_bound")
    if slots is not None:
        history.slots = int(slots)
    if bound is not None:
        history.recovery_bound = float(bound)


def _final(history: History, event: Final) -> None:
    history.upload_of.setdefault(event.job_id, event.upload_id)
    history.finals.append(
        Ending(
            job_id=event.job_id,
            upload_id=event.upload_id,
            state=event.state,
            attempt=event.attempt,
            output_key=event.output_key,
            failure=event.failure,
            tenant=event.tenant,
        )
    )


def _leftover(history: History, event: Leftover) -> None:
    """A run waits until janitors had their time: what is there without an excuse, they should have removed."""
    if event.excuse is None:
        history.remains.append(event.key)
    else:
        history.leftovers.append(Orphan(key=event.key, excuse=event.excuse))


def _operation(history: History, event: Operation) -> None:
    if event.outcome == FAIL and event.status is None:
        return  # nothing was sent: no answer of the service
    match event.verb:
        case "submit" if event.outcome == OK and event.job_id is not None:
            history.accepted.append(
                Accepted(
                    client=event.client,
                    via=event.via,
                    job_id=event.job_id,
                    key=event.key,
                    asked=event.asked,
                    answered=event.answered,
                    tenant=event.tenant,
                )
            )
            if event.upload_id is not None:
                history.upload_of[event.job_id] = event.upload_id
        case "download":
            _download(history, event)
        case "cancel" if event.job_id is not None and event.outcome != FAIL:
            granted = event.answered if event.outcome == OK else None
            history.wishes.append(Wish(job_id=event.job_id, asked=event.asked, granted=granted))
        case "delete_job" | "delete_upload":
            _deletion(history, event)
        case "peek" if event.outcome in {OK, FAIL}:
            _peek(history, event)
        case _:
            pass
    if event.verb in READS:
        _reading(history, event)


def _reading(history: History, event: Operation) -> None:
    if event.job_id is None:
        return
    if event.outcome == FAIL and event.status == GONE and event.verb in {"read", "stream"}:
        history.absences.append(
            Absence(client=event.client, via=event.via, job_id=event.job_id, asked=event.asked, answered=event.answered)
        )
    if event.outcome == OK and event.state is not None and event.percent is not None:
        history.readings.append(
            Reading(
                client=event.client,
                via=event.via,
                job_id=event.job_id,
                state=event.state,
                percent=event.percent,
                attempt=event.attempt or 0,
                asked=event.asked,
                answered=event.answered,
                streamed=event.verb == "stream",
            )
        )


def _download(history: History, event: Operation) -> None:
    if event.job_id is None or event.outcome not in {OK, FAIL}:
        return
    problem = None
    if event.outcome == FAIL:
        problem = NOT_FOUND if event.status == GONE else event.code or str(event.status)
    history.downloads.append(
        Download(
            client=event.client,
            via=event.via,
            job_id=event.job_id,
            digest=event.digest,
            problem=problem,
            asked=event.asked,
            answered=event.answered,
            size=event.bytes,
        )
    )


def _deletion(history: History, event: Operation) -> None:
    what = event.job_id if event.verb == "delete_job" else event.upload_id
    if what is None:
        return
    answers = {OK: STOPPING if event.state == STOPPING else DONE, FAIL: event.code or str(event.status)}
    answer = answers.get(event.outcome)
    history.deletions.append(
        Deletion(client=event.client, what=what, asked=event.asked, answered=event.answered, answer=answer)
    )
    if event.outcome != FAIL:
        history.erased.setdefault(what, event.asked)


def _peek(history: History, event: Operation) -> None:
    """Another tenant's attempt: a refusal says that there is no such thing, a deletion of nothing is DONE."""
    verb = event.detail or "read"
    answer = OPEN if not verb.startswith("delete") else DONE
    if event.outcome == FAIL:
        answer = NOT_FOUND if event.status == GONE else event.code or str(event.status)
    history.glimpses.append(Glimpse(what=event.job_id or event.upload_id or "", verb=verb, answer=answer, at=event.at))
