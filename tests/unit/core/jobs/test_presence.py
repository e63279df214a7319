from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.jobs.lease import Lease, State
from service.core.jobs.presence import NOTHING, Look, Memory, PresencePolicy, next_in, owners_of_several, recall

POLICY = PresencePolicy()
NAMES = ("a", "b", "c", "d", "e")
ALL = frozenset(NAMES)


def after(*looks: tuple[float, Look | None], asked: Iterable[str] = ALL) -> tuple[Memory, frozenset[str]]:
    """What is known after these looks, each answered at once, and who is gone after the last one."""
    memory, gone = NOTHING, frozenset[str]()
    for at, look in looks:
        memory, gone = recall(memory, look, frozenset(asked), at, at, POLICY)
    return memory, gone


def there(*names: str, epoch: str = "1") -> Look:
    """A look at Redis that shows these."""
    return Look(epoch, frozenset(names))


def test_worker_that_is_absent_for_a_grace_is_gone() -> None:
    """Seen once and then absent in two looks that are a grace apart, a worker is gone; a moment earlier it is not."""
    _, early = after((0.0, there(*ALL)), (0.2, there(*ALL - {"a"})), (0.44, there(*ALL - {"a"})))
    _, gone = after((0.0, there(*ALL)), (0.2, there(*ALL - {"a"})), (0.46, there(*ALL - {"a"})))

    assert not early
    assert gone == {"a"}


def test_worker_that_is_back_within_the_grace_is_not_gone() -> None:
    """A connection that was cut and made again between two looks counts for nothing, and the next absence anew."""
    absent = there(*ALL - {"a"})
    _, gone = after((0.0, there(*ALL)), (0.1, absent), (0.3, there(*ALL)), (0.4, absent), (0.6, absent))

    assert gone == frozenset()


def test_worker_that_was_never_seen_is_not_gone() -> None:
    """A worker without Redis, or of an older release, is never there: its lease alone counts."""
    rest = there(*ALL - {"a"})

    assert after(*((float(at), rest) for at in range(9)))[1] == frozenset()


def test_worker_is_gone_once() -> None:
    """A worker that lives without Redis loses what it holds once, and nothing of what it takes later."""
    absent = there(*ALL - {"a"})
    looks = [(0.0, there(*ALL)), (0.2, absent), (0.6, absent)]

    assert after(*looks)[1] == {"a"}
    assert all(not after(*looks, *((1.0 + n, absent) for n in range(count)))[1] for count in range(1, 9))
    assert after(*looks, (1.0, there(*ALL)), (1.2, absent), (1.6, absent))[1] == {"a"}


@pytest.mark.parametrize("void", [None, there(*ALL - {"a"}, epoch="2")], ids=["away", "epoch"])
def test_nothing_is_concluded_across_a_look_that_is_void(void: Look | None) -> None:
    """What was seen before Redis was away, or by another connection, is no evidence of an absence afterwards."""
    absent = there(*ALL - {"a"}, epoch=void.epoch if void else "1")
    looks = ((0.0, there(*ALL)), (0.2, void), (0.6, absent), (1.2, absent), (2.0, absent))

    assert [after(*looks[:count])[1] for count in range(len(looks) + 1)] == [frozenset()] * (len(looks) + 1)


@pytest.mark.parametrize(("missing", "gone"), [("a", True), ("ab", True), ("abc", False), ("abcde", False)])
def test_when_more_than_half_vanish_at_once_none_is_gone(missing: str, gone: bool) -> None:
    """If most of those that are watched are away at once, the reason is not that they have died."""
    rest = there(*ALL - set(missing))

    assert after((0.0, there(*ALL)), (0.2, rest), (0.6, rest))[1] == (set(missing) if gone else set())


def test_the_only_worker_that_is_watched_may_be_gone() -> None:
    """One that vanishes is all of them where only one is watched, and still counts."""
    assert after((0.0, there("a")), (0.2, there()), (0.6, there()), asked="a")[1] == {"a"}


def test_watcher_that_sleeps_in_the_middle_of_a_look_does_not_take_that_for_a_grace() -> None:
    """The grace counts from an answer to a question: what is read late shows what was true when it was sent."""
    absent = there(*ALL - {"a"})
    memory, _ = recall(NOTHING, there(*ALL), ALL, 0.0, 0.0, POLICY)
    memory, _ = recall(memory, absent, ALL, 0.1, 0.1, POLICY)

    assert recall(memory, absent, ALL, 0.2, 60.0, POLICY)[1] == frozenset()


def test_watcher_that_did_not_look_for_a_while_begins_anew() -> None:
    """A watcher that was frozen has missed what was concluded meanwhile: the same absence is not concluded again."""
    absent = there(*ALL - {"a"})

    assert after((0.0, there(*ALL)), (9.0, absent), (9.2, absent), (9.6, absent))[1] == frozenset()
    assert after((0.0, there(*ALL)), (0.2, absent), (9.0, absent))[1] == frozenset()


def test_worker_that_is_not_asked_about_any_more_is_forgotten() -> None:
    """A worker that is not watched any more is not remembered, so that the memory does not grow."""
    memory, _ = after((0.0, there(*ALL)), (0.2, there(*ALL - {"a"})))

    memory, gone = recall(memory, there("b"), frozenset("b"), 0.4, 0.4, POLICY)

    assert (memory, gone) == (Memory("1", 0.4, frozenset("b"), {}), frozenset())


LOOKS = st.none() | st.builds(Look, st.sampled_from(["1", "2"]), st.frozensets(st.sampled_from(NAMES)))


@given(st.lists(st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.3), LOOKS), max_size=25))
def test_worker_that_is_gone_was_seen_in_this_epoch_and_was_absent_ever_since_for_a_grace(
    steps: list[tuple[float, float, Look | None]],
) -> None:
    """Whatever the looks show: seen in this epoch, then absent without a break for a grace, and most were not."""
    memory, now = NOTHING, 0.0
    history: list[tuple[float, float, Look | None]] = []
    for pause, takes, look in steps:
        sent, now = now + pause, now + pause + takes
        memory, gone = recall(memory, look, ALL, sent, now, POLICY)
        history.append((sent, now, look))
        assert len(gone) <= 1 or len(gone) <= len(ALL) / 2
        for name in gone:
            back = list(reversed(history))
            absent = [answered for _, answered, one in _while_absent(back, name)]
            before = back[len(absent)][2]
            assert look is not None
            assert sent - absent[-1] >= POLICY.grace
            assert before is not None
            assert (before.epoch, name in before.present) == (look.epoch, True)


def _while_absent(
    back: list[tuple[float, float, Look | None]], name: str
) -> Iterable[tuple[float, float, Look | None]]:
    """The last looks, the latest first, as far as this one is absent in one epoch."""
    epoch = back[0][2].epoch if back[0][2] else ""
    for one in back:
        if one[2] is None or one[2].epoch != epoch or name in one[2].present:
            return
        yield one


def test_next_look_comes_when_a_grace_is_over() -> None:
    """Looks follow each other closely while jobs are watched or a worker is missing, and never later than its grace."""
    missing = Memory("1", 10.0, ALL, {"a": 10.0, "b": 9.9})

    assert next_in(NOTHING, 10.0, POLICY, busy=True) == POLICY.every
    assert next_in(NOTHING, 10.0, POLICY, busy=False) == POLICY.every_idle
    assert next_in(missing, 10.0, POLICY, busy=False) == POLICY.every
    assert next_in(missing, 10.1, POLICY, busy=True) == pytest.approx(0.05)
    assert next_in(missing, 99.0, POLICY, busy=True) == 0


def test_owner_of_several_leases_is_found() -> None:
    """A worker that is gone with more than one job has no single file to blame."""
    leases = [
        Lease(key=str(n), state=State.RUNNING, owner=owner) for n, owner in enumerate(["a", "b", "a", None, None])
    ]

    assert owners_of_several(leases) == {"a"}
