"""
An upload that can be interrupted anywhere: in parts, straight to the object store where it can be reached.

What has arrived is asked of the service, so that resuming needs nothing but the id of the upload.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from reprise.asking import PATIENCE, call, decoded, delay_after
from reprise.errors import Interrupted, NotFound, ProblemError
from reprise.models import PendingUpload, Signed, Stage, Upload
from reprise.steps import Answer, Ask, Flow, NoAnswer, Pause

WHOLE = 5 * 1024 * 1024  # bytes; a smaller file goes in one request
TRIES = 8  # of one part
ROUNDS = 3  # of looking for parts that are missing after all

Seen = Callable[[int], None]
"""Is told how many bytes have arrived, of the whole file."""


class Source(Protocol):
    """What is uploaded. It is read more than once, in pieces, from any place."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An upload in parts that was begun: all that is needed to go on. `part_size` in bytes."""

    upload_id: str
    part_size: int


@dataclass(slots=True)
class _Way:
    """How parts travel: straight to the object store until that is found to be out of reach."""

    direct: bool = True
    proven: bool = False


def send(
    source: Source,
    filename: str,
    *,
    begun: Begun | None = None,
    on_begun: Callable[[Begun], None] = lambda _: None,
    seen: Seen = lambda _: None,
    patience: float = PATIENCE,
) -> Flow[Upload]:
    """
    Upload a file and return what the service recognised.

    `begun` goes on with an earlier one; if that is gone by now, it is begun anew. `on_begun` is told what to keep.
    Raises `ProblemError` if the service refuses the file, `Interrupted` or `Unreachable` if it could not be sent.
    """
    if source.size < WHOLE:
        return (yield from _send_whole(source, filename, seen, patience))
    if begun is None or (there := (yield from _look(begun, patience))) is None:
        begun = yield from _begin(source, filename, patience)
        there = yield from _look(begun, patience)
    on_begun(begun)
    way = _Way()
    for _ in range(ROUNDS):
        if isinstance(there, Upload):
            break
        if there is None:
            raise Interrupted("the upload is gone")
        for number, size in _missing(source, begun, there, seen):
            data = source.read((number - 1) * begun.part_size, size)
            yield from _send_part(begun, number, data, way, patience)
        there = yield from _complete(begun, patience)
    if not isinstance(there, Upload):
        raise Interrupted("parts of the upload are missing after all")
    seen(source.size)
    return there


def _send_whole(source: Source, filename: str, seen: Seen, patience: float) -> Flow[Upload]:
    ask = Ask(
        method="POST",
        to="/v1/uploads",
        params={"filename": filename},
        headers={"Content-Type": "application/octet-stream"},
        content=source.read(0, source.size),
        seconds=120.0,
    )
    answer = yield from call(ask, patience)
    seen(source.size)
    return decoded(answer.body, Upload)


def _begin(source: Source, filename: str, patience: float) -> Flow[Begun]:
    wanted = {"filename": filename, "size": source.size}
    answer = yield from call(Ask(method="POST", to="/v1/s3/multipart", json=wanted), patience)
    return decoded(answer.body, Begun)


def _look(begun: Begun, patience: float) -> Flow[Upload | PendingUpload | None]:
    try:
        answer = yield from call(Ask(method="GET", to=f"/v1/uploads/{begun.upload_id}"), patience)
    except NotFound:
        return None
    return _document(answer)


def _document(answer: Answer) -> Upload | PendingUpload:
    if decoded(answer.body, Stage).state == "complete":
        return decoded(answer.body, Upload)
    return decoded(answer.body, PendingUpload)


def _missing(source: Source, begun: Begun, there: PendingUpload, seen: Seen) -> Iterator[tuple[int, int]]:
    """Yield the number and size of each part that has to be sent; `seen` hears how much has arrived in between."""
    arrived = {part.number: part.size for part in there.parts}
    sizes = {
        number: min(begun.part_size, source.size - offset)
        for number, offset in enumerate(range(0, source.size, begun.part_size), start=1)
    }
    done = sum(size for number, size in sizes.items() if arrived.get(number) == size)
    seen(done)
    for number, size in sizes.items():
        if arrived.get(number) != size:
            yield number, size
            done += size
            seen(done)


def _send_part(begun: Begun, number: int, data: bytes, way: _Way, patience: float) -> Flow[None]:
    failures = 0
    while way.direct and failures < TRIES:
        answer: Answer | NoAnswer = yield (yield from _signed(begun, number, data, patience))
        if isinstance(answer, Answer) and answer.status < 300:
            way.proven = True
            return
        failures += 1
        if not way.proven and failures >= 2:
            way.direct = False  # a firewall, or an address that only the service's own network knows
        yield Pause(delay_after(failures, answer))
    if way.direct:
        raise Interrupted(f"part {number} could not be sent to the object store")
    to = f"/v1/uploads/{begun.upload_id}/parts/{number}"
    yield from call(Ask(method="PUT", to=to, content=data, seconds=120.0), patience)


def _signed(begun: Begun, number: int, data: bytes, patience: float) -> Flow[Ask]:
    key = f"uploads/{begun.upload_id}/input"
    to = f"/v1/s3/multipart/{quote(begun.upload_id, safe='')}/{number}"
    answer = yield from call(Ask(method="GET", to=to, params={"key": key, "size": str(len(data))}), patience)
    signed = decoded(answer.body, Signed)
    return Ask(method=signed.method, to=signed.url, headers=signed.headers, content=data, seconds=120.0)


def _complete(begun: Begun, patience: float) -> Flow[Upload | PendingUpload | None]:
    """Join the parts; where some are missing after all, return what there is."""
    try:
        to = f"/v1/uploads/{begun.upload_id}/complete"
        answer = yield from call(Ask(method="POST", to=to, seconds=120.0), patience)
    except ProblemError as error:
        if error.code != "upload_pending":
            raise
        return (yield from _look(begun, patience))
    return _document(answer)
