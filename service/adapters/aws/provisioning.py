"""The words in which bucket and table are made: what was found, what was done, and what nobody can mend from here."""

from collections.abc import Callable

Tell = Callable[[str, str], None]  # what was looked at, what was found or done

AS_IT_SHOULD_BE = "as it should be"


class CannotBeMended(Exception):
    """There is something already, and it is another thing than it should be; the message says what to do."""


def silently(_: str, __: str) -> None:
    """Tell nobody."""
