"""
An upload: bytes on their way into the object store, and then bytes that are there and were found to be something.

A file that comes in one stream is recorded when it is complete. One that goes past the service, in parts or in one
piece, has a record from the first moment (`PendingUpload`), so that any container can say what has arrived and go on
from there; completing it replaces that record by an `Upload`, once. The two are different types because nothing can be
made from the first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.core.errors import (
    InvalidRequest,
    LargerThanDeclared,
    NotFound,
    UnsupportedMedia,
    UploadPending,
    UploadTooLarge,
)
from service.core.media.inputs import Source

MIB = 1024 * 1024
MAX_PARTS = 10_000  # what S3 allows
MIN_PART_SIZE = 5 * MIB  # what S3 demands of each but the last
DEFAULT_PART_SIZE = 8 * MIB
MAX_RELAYED_PART_SIZE = 16 * MIB  # through the service, which holds a part in memory until S3 has it
MAX_SINGLE_PUT_SIZE = 5 * 1024 * MIB  # that S3 takes in one request
MAX_NAMED = 100  # missing parts in one answer
IN_ONE_PIECE = ""  # in place of a transfer's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A complete upload. Sizes are bytes, times seconds since the epoch (UTC)."""

    upload_id: str
    tenant: str
    filename: str
    key: str
    size: int
    etag: str
    source: Source
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingUpload:
    """
    An upload that is not complete. `transfer` is the object store's own name for it while it comes in parts, and
    `IN_ONE_PIECE` if it comes as the one file of a form.
    """

    upload_id: str
    tenant: str
    filename: str
    key: str
    transfer: str
    declared_size: int | None  # what the client says that it will send
    created_at: float
    expires_at: float  # not completed by then: abandoned
    closes_at: float  # no byte can come after this; until then it counts as open
    part_size: int | None = None  # of each part but the last, if the client has said so

    @property
    def parts_needed(self) -> int:
        """The highest number that a part may have: S3 demands `MIN_PART_SIZE` of each but the last."""
        if self.declared_size is None:
            return MAX_PARTS
        return max(1, -(-self.declared_size // (self.part_size or MIN_PART_SIZE)))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tenant stores: bytes, and how many uploads are begun of which nobody has said how large they are."""

    size: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has arrived. Numbers count from 1; `etag` is opaque and includes no quotes."""

    number: int
    size: int
    etag: str


def suggested_part_size(size: int | None) -> int:
    """Return how large parts should be: a size that fits all of the file into `MAX_PARTS`, in whole MiB."""
    least = -(-(size or 0) // MAX_PARTS)
    return max(DEFAULT_PART_SIZE, -(-least // MIB) * MIB)


def check_declared(size: int | None, content_type: str, limit: int) -> None:
    """
    Refuse what can be refused before a single byte was sent.

    The type is only what a client believes, so it can do no more than rule out what is certainly no audio; the bytes
    are looked at when they are there. Raises `UploadTooLarge`, `InvalidRequest`, `UnsupportedMedia`.
    """
    if size is not None:
        if size < 0:
            raise InvalidRequest("size: must be 0 or more.")
        check_size(size, limit)
    kind = content_type.split(";", 1)[0].strip().lower()
    if _NO_AUDIO.fullmatch(kind):
        raise UnsupportedMedia(f"A file of type {kind} is not audio that can be converted.")


def check_size(size: int, limit: int) -> None:
    """Raise `UploadTooLarge` above the limit."""
    if size > limit:
        raise UploadTooLarge(f"The upload is larger than the {limit} bytes that this service accepts.", limit=limit)


def check_part_number(pending: PendingUpload, number: int) -> None:
    """Raise `NotFound` for a number that S3 would not take, or that the declared size does not need."""
    needed = pending.parts_needed
    if not 1 <= number <= needed:
        raise NotFound(f"There is no part {number}: parts are numbered from 1 to {needed}.")


def check_part_size(size: int | None, part_size: int | None) -> None:
    """Raise `InvalidRequest` for parts that do not fit the declared size of the file."""
    if part_size is None:
        return
    if size is None:
        raise InvalidRequest("part_size: says nothing without the size of the file.")
    least = max(MIN_PART_SIZE, -(-size // MAX_PARTS))
    if not least <= part_size <= MAX_SINGLE_PUT_SIZE:
        raise InvalidRequest(f"part_size: must be {least} to {MAX_SINGLE_PUT_SIZE} for a file of {size} bytes.")


def largest_part(pending: PendingUpload, number: int) -> int:
    """Return how many bytes this part may have: the declared size, less what all parts before it have at least."""
    if pending.declared_size is None:
        return MAX_SINGLE_PUT_SIZE
    before = (number - 1) * (pending.part_size or MIN_PART_SIZE)
    rest = pending.declared_size - before
    return max(0, min(rest, pending.part_size or rest, MAX_SINGLE_PUT_SIZE))


def part_length(pending: PendingUpload, number: int, told: int | None) -> int | None:
    """
    Return how many bytes this part has to have, None if that is not known.

    It follows from the declared size and the size of parts, or where the file is a single part; otherwise it is what
    the client has told for this part. Raises `NotFound` as `check_part_number`, `InvalidRequest` for a length that
    cannot be.
    """
    check_part_number(pending, number)
    most = largest_part(pending, number)
    if told is not None and not 0 <= told <= most:
        raise InvalidRequest(f"size: part {number} has {most} bytes at most.")
    exact = pending.declared_size is not None and (pending.part_size is not None or pending.parts_needed == 1)
    if exact and told not in (None, most):
        raise InvalidRequest(f"size: part {number} has {most} bytes.")
    return most if exact else told


def assembled(arrived: Sequence[Part], claimed: Sequence[tuple[int, str]] | None, declared: int | None) -> list[Part]:
    """
    Return the parts of the file, in order: those that the client names as (number, etag), or all that arrived.

    The client's list is believed in one thing only, which parts it wants; that they are there, and are what the client
    sent, is compared. Raises `UploadPending` if something is missing, naming the first `MAX_NAMED` numbers,
    `LargerThanDeclared`, and `InvalidRequest` if it does not fit together.
    """
    by_number = {part.number: part for part in arrived}
    wanted = sorted(by_number) if claimed is None else [number for number, _ in claimed]
    named = set(wanted)
    if not wanted:
        raise UploadPending("No part has arrived yet.", missing=[1])
    if len(named) != len(wanted):
        raise InvalidRequest("parts: a part is named twice.")
    # Bounded by what is there: a list that names part 10,000 alone must not make a list of 9,999 missing ones.
    missing = (named | set(range(1, len(wanted) + 1))) - (named & by_number.keys())
    if missing:
        raise UploadPending("Some parts have not arrived yet.", missing=sorted(missing)[:MAX_NAMED])
    for number, etag in claimed or ():
        if by_number[number].etag != etag:
            raise InvalidRequest(f"parts: part {number} is not the one that arrived; its ETag differs.")
    chosen = [by_number[number] for number in sorted(wanted)]
    small = next((part for part in chosen[:-1] if part.size < MIN_PART_SIZE), None)
    if small is not None:
        raise InvalidRequest(
            f"parts: part {small.number} has {small.size} bytes; all but the last must have {MIN_PART_SIZE} or more."
        )
    size = sum(part.size for part in chosen)
    if declared is not None and size < declared:
        raise UploadPending(f"Only {size} of {declared} bytes have arrived.", received=size)
    if declared is not None and size > declared:
        raise LargerThanDeclared(f"{size} bytes have arrived, but {declared} were announced.")
    return chosen


# What browsers and tools say of files that are certainly none of ours. Anything unknown passes: the bytes decide.
# The type ends at its first slash: with `.*/` a long text of slashes would be tried from each of them.
_NO_AUDIO = re.compile(
    r"(image|text|font|model|message|multipart)/.*"
    r"|[^/]*/.*(mpegurl|scpls|xspf|smil)(\+xml)?"
    r"|application/(pdf|zip|gzip|json|xml|xhtml\+xml|javascript|x-tar|x-7z-compressed|msword|x-msdownload)"
)
