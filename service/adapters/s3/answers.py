"""What S3's answers mean, in one place: ETags, fields that must be there, and the kinds of refusals of an upload."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from service.adapters.aws.errors import code_of
from service.core.errors import Indefinite

# "No such upload" is what an upload becomes that was completed or aborted. An answer without a body has only the
# status.
ENDED = frozenset({"NoSuchUpload", "404"})
REPLACED = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall"})


def bare(etag: str) -> str:
    """Return an ETag without its quotes."""
    return etag.strip('"')


def quoted(etag: str) -> str:
    """Return an ETag as headers want it."""
    return f'"{etag}"'


def field(answer: Mapping[str, Any], name: str) -> Any:
    """
    Return a field that a complete answer always has.

    Raises `Indefinite` if it is not there: the connection broke in the middle of the answer's head.
    """
    if name not in answer:
        raise Indefinite(f"half an answer, without {name}")
    return answer[name]


def upload_has_ended(error: Exception) -> bool:
    """Whether S3 says that there is no such multipart upload (any more): it was completed, aborted, or never begun."""
    return isinstance(error, ClientError) and code_of(error) in ENDED


def part_was_replaced(error: Exception) -> bool:
    """Whether S3 says that the parts that were named are not (all of) those that it has."""
    return isinstance(error, ClientError) and code_of(error) in REPLACED
