"""
Checkers of runs of real containers: what clients saw over time, and what containers logged of their attempts.

Like those of `jobs`, each returns one sentence per broken promise. The first line of its docstring is the promise, as
reports and documents quote it.
"""

import itertools
import math
import re
from collections import defaultdict

from chaos.history.events import LOST, REFUSED, RELEASED
from chaos.history.interruptions import BEGINS, LEASE, Span, fault_spans, free_stretches, interruptions, spans
from chaos.history.records import CANCELLED, FINAL, SUCCEEDED, History, Reading, by_job, expectation_of

CANCEL_TIMEOUT = 15.0  # seconds in which a running conversion has to hear of its cancellation
POISON_ATTEMPTS = 6  # of a file that ends its container
SKEW = 1.0  # seconds that the clocks of two containers on one machine may differ when nothing was done to them
# An attempt that ends so has said it: its container was told to stop, or short of time on a busy machine.
GAVE_UP = frozenset({RELEASED, LOST, REFUSED})
ATTEMPT_IN_KEY = re.compile(r"/(\d+)/")


def event_streams_never_fall(history: History) -> list[str]:
    """An event stream never shows less than it showed before, and nothing after the job has ended."""
    broken = []
    streams: dict[tuple[str, str, float], list[Reading]] = defaultdict(list)
    for one in history.readings:
        if one.streamed:
            streams[one.job_id, one.client, one.asked].append(one)
    for (job_id, client, asked), readings in streams.items():
        for before, after in itertools.pairwise(sorted(readings, key=lambda one: one.answered)):
            if after.percent < before.percent:
                broken.append(
                    f"{job_id}: the stream that {client} opened at {asked:.3f} fell from {before.percent}"
                    f" to {after.percent} at {after.answered:.3f}"
                )
            if before.state in FINAL:
                broken.append(
                    f"{job_id}: the stream that {client} opened at {asked:.3f} went on after {before.state}"
                    f" with {after.state}"
                )
    return broken


def downloads_are_never_partial(history: History) -> list[str]:
    """A download brings all bytes or is refused: a file that is not finished is never served."""
    broken = []
    states = {final.job_id: final.state for final in history.finals}
    for one in history.downloads:
        if one.digest is None:
            continue
        expected = expectation_of(history, one.job_id, history.upload_of[one.job_id])
        if None not in {one.size, expected.size} and one.size != expected.size:
            broken.append(f"{one.job_id}: the download at {one.asked:.3f} had {one.size} bytes of {expected.size}")
        if states.get(one.job_id, SUCCEEDED) != SUCCEEDED:
            broken.append(f"{one.job_id} was delivered at {one.asked:.3f} and is {states[one.job_id]}")
    return broken


def cancelling_wins(history: History) -> list[str]:
    """A cancellation that was granted ends the job as cancelled, within seconds while containers live."""
    broken = []
    finals = {final.job_id: final for final in history.finals}
    ends: dict[str, float] = {}
    for reading in history.readings:
        if reading.state in FINAL:
            ends[reading.job_id] = min(reading.answered, ends.get(reading.job_id, math.inf))
    for attempt in history.attempts:
        if attempt.what == "ended":
            ends[attempt.job_id] = min(attempt.at, ends.get(attempt.job_id, math.inf))
    for wish in history.wishes:
        final = finals.get(wish.job_id)
        if wish.granted is None or final is None or final.state in {CANCELLED, "failed"}:
            continue
        late = ends.get(wish.job_id, math.inf) - wish.granted
        if late > CANCEL_TIMEOUT:
            broken.append(f"{wish.job_id} was to be cancelled at {wish.granted:.3f}, and is {final.state}")
    return broken


def an_attempt_has_one_holder(history: History) -> list[str]:
    """The fencing token of an attempt is given once: no two containers work under the same one."""
    holders: dict[tuple[str, int], set[str]] = defaultdict(set)
    for one in history.attempts:
        if one.what in BEGINS:
            holders[one.job_id, one.attempt].add(one.container)
    return [
        f"{job_id}: attempt {attempt} was begun by {' and by '.join(sorted(found))}"
        for (job_id, attempt), found in sorted(holders.items())
        if len(found) > 1
    ]


def replaced_attempts_are_refused(history: History) -> list[str]:
    """An attempt that was replaced changes nothing: its outcome is refused, and its output never served."""
    broken = []
    begun: dict[str, list[tuple[int, float, str]]] = defaultdict(list)
    for one in history.attempts:
        if one.what in BEGINS:
            begun[one.job_id].append((one.attempt, one.at, one.container))
    for one in history.attempts:
        heirs = [heir for heir in begun[one.job_id] if heir[0] > one.attempt and heir[1] + SKEW < one.at]
        if one.what == "ended" and heirs:
            attempt, _, by = heirs[0]
            broken.append(
                f"{one.job_id}: attempt {one.attempt} of {one.container} recorded its outcome at {one.at:.3f},"
                f" after {by} had begun attempt {attempt}"
            )
    for final in history.finals:
        named = ATTEMPT_IN_KEY.search(final.output_key or "")
        if named is not None and int(named[1]) != final.attempt:
            broken.append(f"{final.job_id} is at attempt {final.attempt} and serves the output of attempt {named[1]}")
    return broken


def fencing_tokens_never_fall(history: History) -> list[str]:
    """The attempt that clients are shown never falls."""
    broken = []
    for job_id, readings in by_job(history.readings):
        answered = sorted(readings, key=lambda one: one.answered)
        highest, position = 0, 0
        for reading in sorted(readings, key=lambda one: one.asked):
            while position < len(answered) and answered[position].answered < reading.asked:
                highest = max(highest, answered[position].attempt)
                position += 1
            if reading.attempt < highest:
                broken.append(
                    f"{job_id} was at attempt {highest}, and at {reading.attempt} when asked {reading.asked:.3f}"
                )
    return broken


def recovery_is_bounded(history: History) -> list[str]:
    """An interrupted job is held again within the bound, once a container that lives is free and no fault lasts."""
    free = free_stretches(history)
    broken = []
    for one in interruptions(history):
        until = history.ended if one.recovered is None else one.recovered
        waits = [
            (min(end, until) - max(begin, one.at), name)
            for name, stretches in free.items()
            for begin, end in stretches
            if begin < until and end > one.at
        ]
        waited, name = max(waits, default=(0.0, ""))
        if waited > history.recovery_bound:
            broken.append(
                f"{one.job_id}: {one.container} was {one.cause} at {one.at:.3f}, and {name} did not go on with it,"
                f" although it was free for {waited:.1f} s"
            )
    return broken


def attempts_are_bounded(history: History) -> list[str]:
    """A job is begun again only for a reason, and a file that ends its container fails in a few attempts."""
    broken = []
    faults = fault_spans(history)
    held: dict[str, list[Span]] = defaultdict(list)
    for span in spans(history):
        held[span.job_id].append(span)
    accepted: dict[str, float] = {}
    for one in history.accepted:
        accepted[one.job_id] = min(one.asked, accepted.get(one.job_id, one.asked))
    for final in history.finals:
        seen = held[final.job_id]
        begun = accepted.get(final.job_id, 0.0)
        ended = max((one.ended for one in seen), default=history.ended)
        excuses = sum(
            1 + math.ceil((min(until, ended) - max(since, begun)) / LEASE)
            for since, until, _ in faults
            if since <= ended and until >= begun
        )
        gave_up = sum(one.what in GAVE_UP for one in history.attempts if one.job_id == final.job_id)
        expected = expectation_of(history, final.job_id, final.upload_id)
        bound = 1 + excuses + gave_up + (0 if expected.may_succeed else POISON_ATTEMPTS)
        if final.attempt > bound:
            broken.append(f"{final.job_id} took {final.attempt} attempts, and only {bound} have a reason")
    return broken


BLACK_BOX = (
    event_streams_never_fall,
    downloads_are_never_partial,
    cancelling_wins,
    an_attempt_has_one_holder,
    replaced_attempts_are_refused,
    fencing_tokens_never_fall,
    recovery_is_bounded,
    attempts_are_bounded,
)
