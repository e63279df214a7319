"""What a request can reach without any store is quick, however large and however odd the request is."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from service.core.access import ApiKey
from service.core.filenames import content_disposition, output_filename, safe_filename
from service.core.media.options import parse_target
from service.core.media.sniff import HEAD_BYTES, tags_end
from service.core.upload import MAX_PARTS, MIN_PART_SIZE, Part, assembled, check_declared
from service.web.app import MAX_BODY_BYTES
from service.web.http.authentication import MAX_KEY_LENGTH, authenticate
from service.web.http.fields import wrong_fields
from service.web.http.schemas import JobRequest
from service.web.jobs.events import floor_of
from service.web.jobs.ranges import parse_range
from service.web.uploads.disposition import filename_in
from service.web.uploads.forms import OVERHEAD, open_file
from service.web.uploads.s3_multipart import MAX_COMPLETION_BYTES, Completion, numbers_in, size_in
from tests.support.work import cpu_seconds

MAX_HEAD_BYTES = 64 * 1024  # bytes that the server takes in front of a body: address and headers
GOAL = 0.02  # CPU seconds
LIMIT = 25 * GOAL  # what a slow machine is forgiven; the square of these sizes takes minutes
STEPS = (64, 16, 4, 1)  # parts of the largest size, so that what takes the square of it is found out early

Case = Callable[[int], Callable[[], object]]
DIGITS = int("9" * 4000)


def listed(numbers: list[int]) -> list[tuple[int, str]]:
    """Parts as a client names them."""
    return [(number, "e") for number in numbers]


def arrived(numbers: list[int]) -> list[Part]:
    """Parts that are there."""
    return [Part(number, MIN_PART_SIZE, "e") for number in numbers]


def shuffled(count: int) -> list[int]:
    """The numbers from 1 on, in disorder."""
    return sorted(range(1, count + 1), key=lambda number: number * 7919 % 10_007)


def parts(count: int, there: Callable[[int], list[int]]) -> Callable[[], object]:
    """Complete an upload with so many parts named, and these of them there."""
    claimed, stored = listed(shuffled(count)), arrived(there(count))
    return lambda: assembled(stored, claimed, None)


def decoded(text: str, kind: type) -> Callable[[], object]:
    """Read a body."""
    body = text.encode()
    return lambda: msgspec.json.decode(body, type=kind)


def refused(text: str) -> Callable[[], object]:
    """List what is wrong with a body."""
    body = text.encode()
    return lambda: wrong_fields(body, JobRequest)


def job(options: object) -> Callable[[], object]:
    """Check a request with these options."""
    return lambda: parse_target("mp3", options)  # type: ignore[arg-type]  # whatever a client sends


def form(body: bytes) -> Callable[[], object]:
    """Read the form that a body is, up to its end, in one piece."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    async def read() -> None:
        file = await open_file(pieces(), "b")
        async for _ in file.chunks:
            pass

    return lambda: asyncio.run(read())


FIELD = b'--b\r\nContent-Disposition: form-data; name="f'
FILE = FIELD + b'"; filename="a"\r\n\r\n'
OPTION = '{"upload_id":"","format":"","options":{"a":'
LIST = '{"PartNumber":1,"ETag":""},'

CASES: dict[str, tuple[Case, int]] = {
    # a list of parts
    "parts, none there": (lambda n: parts(n, lambda _: []), MAX_PARTS),
    "parts, all there": (lambda n: parts(n, shuffled), MAX_PARTS),
    "parts, every other there": (lambda n: parts(n, lambda count: list(range(1, count + 1, 2))), MAX_PARTS),
    "parts, the last ones there": (lambda n: parts(n, lambda count: list(range(count // 2, count + 1))), MAX_PARTS),
    "parts, the same named again": (
        lambda n: lambda: assembled([], listed([1] * n), None), MAX_COMPLETION_BYTES // len(LIST)),
    "list of parts, as JSON": (
        lambda n: decoded('{"parts":[' + LIST * n + '{"PartNumber":1,"ETag":""}]}', Completion),
        MAX_COMPLETION_BYTES // len(LIST)),
    "numbers of parts to sign": (lambda n: lambda: numbers_in("1," * n), MAX_HEAD_BYTES // 2),
    "blanks for numbers of parts": (lambda n: lambda: numbers_in(" " * n), MAX_HEAD_BYTES),
    "size in metadata": (lambda n: lambda: size_in("9" * n), MAX_BODY_BYTES),
    # names
    "file name": (lambda n: lambda: safe_filename("a" * n), MAX_BODY_BYTES),
    "file name of one combining mark": (lambda n: lambda: safe_filename("\u0301" * n), MAX_BODY_BYTES // 2),
    "file name of combining marks in disorder": (
        lambda n: lambda: safe_filename("a" + "\u0301\u0316" * n), MAX_BODY_BYTES // 4),
    "file name that grows": (lambda n: lambda: safe_filename("\ufb2c" * n), MAX_BODY_BYTES // 3),
    "file name of dots": (lambda n: lambda: safe_filename("." * n), MAX_BODY_BYTES),
    "file name of folders": (lambda n: lambda: safe_filename("\\/" * n), MAX_BODY_BYTES // 2),
    "name of the output": (lambda n: lambda: output_filename("a." * n, "mp3"), MAX_BODY_BYTES // 2),
    "name for a header": (lambda n: lambda: content_disposition(safe_filename("\ufdfa" * n)), MAX_BODY_BYTES // 3),
    # what a client says of a file
    "media type of slashes": (lambda n: lambda: check_declared(1, "/" * n, 9), MAX_BODY_BYTES),
    "media type, nearly a playlist": (
        lambda n: lambda: check_declared(1, "a/mpegurl" * n + "x", 9), MAX_BODY_BYTES // 9),
    "media type of blanks": (lambda n: lambda: check_declared(1, "image/" + " " * n + ";x", 9), MAX_BODY_BYTES),
    # headers
    "quotes": (lambda n: lambda: filename_in('"' * n), MAX_HEAD_BYTES),
    "parameters": (lambda n: lambda: filename_in(";a=b" * n), MAX_HEAD_BYTES // 4),
    "parameters without a value": (lambda n: lambda: filename_in("; a" * n), MAX_HEAD_BYTES // 3),
    "parameters of open quotes": (lambda n: lambda: filename_in('; a="' * n), MAX_HEAD_BYTES // 5),
    "a quote of backslashes": (lambda n: lambda: filename_in('; a="' + "\\" * n), MAX_HEAD_BYTES),
    "a quote of escaped quotes": (lambda n: lambda: filename_in(';a="' + '\\"' * n), MAX_HEAD_BYTES // 2),
    "blanks behind a semicolon": (lambda n: lambda: filename_in(";" + " " * n), MAX_HEAD_BYTES),
    "blanks behind a name": (lambda n: lambda: filename_in(";a" + " " * n), MAX_HEAD_BYTES),
    "semicolons with blanks": (lambda n: lambda: filename_in("; " * n), MAX_HEAD_BYTES // 2),
    "a long name of a parameter": (lambda n: lambda: filename_in(";" + "a*" * n), MAX_HEAD_BYTES // 2),
    "percent signs": (lambda n: lambda: filename_in("; filename*=utf-8''" + "%41" * n), MAX_HEAD_BYTES // 3),
    "range": (lambda n: lambda: parse_range("bytes=" + "1" * n, 100), MAX_HEAD_BYTES),
    "range of blanks": (lambda n: lambda: parse_range("bytes=" + " " * n + "-", 100), MAX_HEAD_BYTES),
    "last event": (lambda n: lambda: floor_of("9" * n), MAX_HEAD_BYTES),
    "API key": (lambda n: lambda: authenticate([ApiKey("t", "0" * 64)] * n, "k" * MAX_KEY_LENGTH), 1000),
    "API key that is too long": (lambda n: lambda: authenticate([ApiKey("t", "0" * 64)], "k" * n), MAX_HEAD_BYTES),
    # forms
    "fields of a form": (lambda n: form((FIELD + b'"\r\n\r\n\r\n') * n), OVERHEAD // len(FIELD)),
    "headers of a field": (lambda n: form(b"--b\r\n" + b"A: b\r\n" * n), OVERHEAD // 6),
    "a long header of a field": (
        lambda n: form(FIELD + b'"; filename="a' + b'"; a="' * n + b"\r\n\r\n"), OVERHEAD // 6),
    "a file that is nearly boundaries": (lambda n: form(FILE + b"\r\n--" * n), OVERHEAD // 4),
    "a file of line ends": (lambda n: form(FILE + b"\r\n" * n + b"\r\n--b--\r\n"), OVERHEAD // 2),
    # the beginning of a file
    "tags in front of a file": (lambda n: lambda: tags_end(b"ID3\3\0\0\0\0\0\0" * n, 1 << 40), HEAD_BYTES // 10),
    # a job
    "digits": (
        lambda n: decoded(OPTION + "9" * n + "}}", JobRequest), MAX_BODY_BYTES),
    "digits behind a point": (
        lambda n: decoded(OPTION + "0." + "9" * n + "}}", JobRequest), MAX_BODY_BYTES),
    "numbers of many digits": (
        lambda n: decoded(OPTION + "[" + ("9" * 4000 + ",") * n + "0]}}", JobRequest),
        MAX_BODY_BYTES // 4001),
    "deep JSON": (
        lambda n: decoded(OPTION + "[" * n, JobRequest), MAX_BODY_BYTES),
    "fields that there are not": (
        lambda n: refused("{" + ",".join(f'"{number}":0' for number in range(n)) + "}"), MAX_BODY_BYTES // 10),
    "a field of the wrong kind": (lambda n: refused('{"format":[' + "0," * n + "0]}"), MAX_BODY_BYTES // 2),
    "many options": (lambda n: job({f"quality{number}": 1 for number in range(n)}), MAX_BODY_BYTES // 12),
    "a long name of an option": (lambda n: job({"a" * n: 1}), MAX_BODY_BYTES),
    "a long text for a number": (lambda n: job({"quality": "\x00" * n}), MAX_BODY_BYTES),
    "a list for a number": (lambda n: job({"quality": [0] * n}), MAX_BODY_BYTES // 2),
    "a list of large numbers": (lambda n: job({"quality": [DIGITS] * n}), MAX_BODY_BYTES // 4000),
    "a large number": (lambda n: job({"quality": DIGITS // 10 ** (1000 - n)}), 1000),
    "a large whole number": (lambda n: job({"bitrate_kbps": DIGITS // 10 ** (1000 - n)}), 1000),
    "a long name of a format": (lambda n: lambda: parse_target("a" * n, {}), MAX_BODY_BYTES),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_largest_input_is_no_burden(case: str) -> None:
    """No text, list or number that fits into a request holds the event loop for longer than its parsing takes."""
    make, largest = CASES[case]

    for share in STEPS:
        call = make(max(1, largest // share))
        assert min(cpu_seconds(call) for _ in range(2)) < LIMIT, f"at 1/{share} of the largest size"
