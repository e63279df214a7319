"""What making the bucket and making the table share: the words for what was done, and the errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004  # botocore's

from service.adapters.aws.clients import status_of

Tell = Callable[[str, str], None]  # what was looked at, what was found or done

AS_IT_SHOULD_BE = "as it should be"


class CannotBeMended(Exception):
    """There is something already, and it is another thing than it should be; the message says what to do."""


class CannotMake(Exception):
    """AWS, or what stands in for it, refused or did not answer; the message is botocore's."""


@contextmanager
def making() -> Iterator[None]:
    """Call AWS inside; errors of botocore come out as `CannotMake`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise CannotMake(str(error)) from error


def why_not_up(ask: Callable[[], object]) -> str | None:
    """
    Return why an endpoint does not answer, or None if it does: any answer will do that is not a server's own failure.

    `ask` makes one request. What its answer says about bucket and table is of no concern here.
    """
    try:
        ask()
    except (ConnectionError, HTTPClientError) as error:
        return type(error).__name__
    except ClientError as error:
        if status_of(error) >= 500:
            return f"it answers {status_of(error)}"
    return None


def silently(_: str, __: str) -> None:
    """Report nothing."""
