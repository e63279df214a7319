"""The guard of connections, round by round."""

from dataclasses import dataclass

import pytest

from service.web.http.connections import ConnectionGuard, ConnectionLimits, Waiting

LIMITS = ConnectionLimits(max_connections=3, header_seconds=10, idle_seconds=75, stall_seconds=30, min_read_rate=1000)


@dataclass(eq=False)
class Connection:
    """One that is as the test says."""

    waiting: Waiting = Waiting.SILENT
    requests: int = 0
    unsent: int = 0
    blocked: bool = False
    ended: bool = False

    def end(self) -> None:
        """Note that it was closed."""
        self.ended = True


def guard_of(*connections: Connection) -> ConnectionGuard:
    """A guard that has let these in."""
    guard = ConnectionGuard(LIMITS)
    for connection in connections:
        assert guard.admit(connection)
        guard.note(connection)
    return guard


def rounds_of(connection: Connection, most: int = 500) -> int:
    """Seconds after which a connection is closed."""
    guard = guard_of(connection)
    for second in range(1, most):
        guard.look(1.0)
        if connection.ended:
            return second
    return most


@pytest.mark.parametrize(
    ("connection", "seconds"),
    [
        (Connection(), 10),
        (Connection(Waiting.HEAD), 10),
        (Connection(Waiting.HEAD, requests=3), 10),
        (Connection(Waiting.REST, requests=1), 10),
        (Connection(Waiting.SILENT, requests=1), 75),
        (Connection(Waiting.ANSWER), 500),
        (Connection(Waiting.ANSWER, unsent=100), 500),
        (Connection(Waiting.ANSWER, unsent=100_000, blocked=True), 31),
        (Connection(Waiting.SILENT, requests=1, unsent=100), 31),
        (Connection(Waiting.CLOSING, unsent=100), 31),
    ],
)
def test_each_kind_of_waiting_has_its_deadline(connection: Connection, seconds: int) -> None:
    """A head has ten seconds, an idle connection 75, an answer that is not read 30, and one in the making no limit."""
    assert rounds_of(connection) == seconds


def test_a_client_that_reads_steadily_is_waited_for() -> None:
    """An answer that is read at the lowest pace or faster goes on, also where it is always full when looked at."""
    slow = Connection(Waiting.ANSWER, unsent=100_000, blocked=True)
    fast = Connection(Waiting.ANSWER, unsent=100_000, blocked=True)
    guard = guard_of(slow, fast)
    for _ in range(90):
        slow.unsent -= 1000
        guard.read(fast, 48 * 1024)
        guard.look(1.0)

    assert (slow.ended, fast.ended) == (False, False)


async def test_no_client_is_blamed_for_a_frozen_container() -> None:
    """An hour in which this process stood still counts as two seconds."""

    class Thawed:
        """A clock that goes on by an hour at each look."""

        now = 0.0

        def monotonic(self) -> float:
            """One hour later."""
            self.now += 3600
            return self.now

        def wall(self) -> float:
            """Not asked."""
            return 0.0

        async def sleep(self, seconds: float) -> None:
            """Sleep four times, and no more."""
            if self.now > 4 * 3600:
                raise StopAsyncIteration

    connection = Connection()
    guard = guard_of(connection)
    with pytest.raises(StopAsyncIteration):
        await guard.run(Thawed())

    assert not connection.ended
    assert guard._now == 8


def test_room_is_made_by_the_oldest_idle_connection() -> None:
    """At the cap the connection that is idle for longest goes; one whose request is worked on never does."""
    busy, first, second = Connection(Waiting.ANSWER), Connection(), Connection()
    guard = guard_of(busy, first, second)
    first.waiting = Waiting.ANSWER
    guard.note(first)
    first.waiting, first.requests = Waiting.SILENT, 1
    guard.note(first)  # idle again, and later than the second
    guard.look(0.5)

    assert guard.admit(Connection(Waiting.HEAD))
    assert [one.ended for one in (busy, first, second)] == [False, False, True]
    assert guard.admit(Connection(Waiting.ANSWER))
    assert [one.ended for one in (busy, first)] == [False, True]
    assert len(guard) == 3


def test_silent_connections_make_room_before_kept_ones() -> None:
    """A socket that has asked for nothing in a second goes before a connection that a client keeps, however old."""
    kept, silent = Connection(requests=1), Connection()
    guard = guard_of(kept)
    guard.look(1.0)
    for connection in (silent, Connection()):
        assert guard.admit(connection)
    guard.look(1.0)
    assert guard.admit(Connection())

    assert [one.ended for one in (kept, silent)] == [False, True]


def test_no_room_is_made_where_all_are_worked_on() -> None:
    """With a request in flight on every connection one more is refused, unless an answer lies unread for seconds."""
    unread = Connection(Waiting.ANSWER, unsent=100_000, blocked=True)
    guard = guard_of(unread, Connection(Waiting.ANSWER), Connection(Waiting.ANSWER))

    assert not guard.admit(Connection())
    for _ in range(7):
        guard.look(1.0)
    assert guard.admit(Connection())
    assert unread.ended
