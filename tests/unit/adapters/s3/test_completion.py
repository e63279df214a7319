from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from service.adapters.aws.clients import LONG_READ_TIMEOUT, Aws, AwsSettings
from service.adapters.s3.completion import MAX_REPETITIONS, Completer
from service.core.errors import Indefinite
from service.core.upload import Part
from service.ports.objects import NotStored
from service.telemetry import events, subscribe
from service.telemetry.events import Event

PARTS = [Part(1, 5, "one"), Part(2, 3, "two")]
WHOLE, NOTHING = 8, None
DONE = b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
LOST = ReadTimeoutError(endpoint_url="s3")
RESET = ConnectionClosedError(endpoint_url="s3")


class Body:
    """Bytes as urllib3 hands them over."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        return iter((self._content,))


class S3:
    """Real clients whose requests end here: what a completion is answered, and how many bytes are there after each."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str] | Exception] = []
        self.sizes: list[int | None] = []
        self.requests: list[str] = []
        self.pauses: list[float] = []
        self.said: list[tuple[Event, Mapping[str, object]]] = []
        self.aws = Aws(
            AwsSettings(region="us-east-1", bucket="b", table="t", access_key="a", secret_key="s"), threads=1
        )
        self.once, often = self.aws.s3(repeats=False), self.aws.s3()
        for client in (self.once, often):
            client.meta.events.register("before-send", self._answer)  # type: ignore[arg-type]
        self.completer = Completer(self.once, often, self.pauses.append)

    def complete(self, *answers: tuple[int, str] | Exception, sizes: list[int | None]) -> Any:
        """Complete `PARTS`, with these answers to it and to the looks at the object."""
        self.answers, self.sizes = list(answers), sizes
        with subscribe(self._note):
            return self.completer.complete("b", "k", "upload", PARTS)

    def _note(self, event: Event, fields: Mapping[str, object]) -> None:
        if event is not events.AWS_CALL:
            self.said.append((event, fields))

    @property
    def events(self) -> list[Event]:
        return [event for event, _ in self.said]

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self.requests.append(request.method)
        if request.method == "HEAD":
            size = self.sizes.pop(0)
            headers = {} if size is None else {"Content-Length": str(size), "ETag": '"x-2"'}
            return self._response(request, 404 if size is None else 200, headers, b"")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, code = answer
        body = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode() if code else DONE
        return self._response(request, status, {}, body)

    @staticmethod
    def _response(request: AWSPreparedRequest, status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
        found = HTTPHeaders()
        for name, value in headers.items():
            found[name] = value
        return AWSResponse(request.url, status, found, Body(body))


@pytest.fixture
def s3() -> Iterator[S3]:
    """The S3 of this test."""
    made = S3()
    yield made
    made.aws.close()


OK = (200, "")


def test_completion_returns_the_object_as_head_found_it(s3: S3) -> None:
    """One request, one look, and the object is as the look found it."""
    stored = s3.complete(OK, sizes=[WHOLE])

    assert (stored.key, stored.size, stored.etag) == ("k", WHOLE, "x-2")
    assert s3.requests == ["POST", "HEAD"]
    assert vars(s3.once.meta.config)["_user_provided_options"]["read_timeout"] == LONG_READ_TIMEOUT


@pytest.mark.parametrize("there", [0, 5])
def test_completion_that_answers_200_without_all_bytes_is_an_error(s3: S3, there: int | None) -> None:
    """A success after which bytes are missing is an error that passes, and is said under a name of its own."""
    with pytest.raises(Indefinite, match="instead of 8 bytes"):
        s3.complete(OK, sizes=[there])
    assert s3.said == [(events.S3_NOT_WHOLE, {"key": "k", "size": WHOLE, "found": there})]


def test_completed_object_that_is_not_there_is_for_the_caller_to_judge(s3: S3) -> None:
    """It may have been removed on purpose in this moment: an error that passes, and no alarm from here."""
    with pytest.raises(NotStored, match="8 bytes") as raised:
        s3.complete(OK, sizes=[NOTHING])
    assert (raised.value.key, raised.value.size) == ("k", WHOLE)
    assert isinstance(raised.value, Indefinite)
    assert s3.said == []


def test_completion_that_timed_out_after_its_effect_counts(s3: S3) -> None:
    """S3 that was too slow to answer is not asked again: the object says that it came about."""
    assert s3.complete(LOST, sizes=[WHOLE]).size == WHOLE
    assert s3.requests == ["POST", "HEAD"]


@pytest.mark.parametrize("there", [NOTHING, 0])
def test_completion_that_timed_out_is_not_repeated(s3: S3, there: int | None) -> None:
    """S3 may still be at it: whoever wants to try again does so from the beginning."""
    with pytest.raises(ReadTimeoutError):
        s3.complete(LOST, sizes=[there])
    assert s3.requests == ["POST", "HEAD"]
    assert s3.events == [events.S3_NOT_WHOLE] * (there == 0)


def test_completion_is_repeated_only_after_looking_for_the_object(s3: S3) -> None:
    """A reset, a 500 and a throttle cost a pause each; where the object may be there, it is looked for first."""
    assert s3.complete(RESET, (500, "InternalError"), (503, "SlowDown"), OK, sizes=[NOTHING, NOTHING, WHOLE])
    assert s3.requests == ["POST", "HEAD", "POST", "HEAD", "POST", "POST", "HEAD"]
    assert s3.pauses == [0.2, 0.5, 1.0]
    assert s3.events == [events.AWS_RETRIED] * 3


def test_completion_error_inside_a_200_is_repeated(s3: S3) -> None:
    """S3 answers 200 before it knows the end; the error that follows in the body is one."""
    assert s3.complete((200, "InternalError"), OK, sizes=[NOTHING, WHOLE]).size == WHOLE


@pytest.mark.requirement("6.2")
def test_repetitions_of_a_completion_are_bounded(s3: S3) -> None:
    """A service that only fails is asked as often as botocore would, and the last failure is the answer."""
    with pytest.raises(ClientError, match="SlowDown"):
        s3.complete(*[(503, "SlowDown")] * 9, sizes=[])
    assert s3.requests == ["POST"] * (1 + MAX_REPETITIONS)


@pytest.mark.parametrize("there", [NOTHING, 5])
def test_completion_of_an_unknown_upload_without_an_object_fails(s3: S3, there: int | None) -> None:
    """No such upload, and no such object: that is final."""
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.complete((404, "NoSuchUpload"), sizes=[there])
    assert s3.requests == ["POST", "HEAD"]


def test_completion_of_an_upload_that_was_completed_before_counts(s3: S3) -> None:
    """No such upload any more, because it has become the object."""
    assert s3.complete((404, "NoSuchUpload"), sizes=[WHOLE]).size == WHOLE


def test_completion_that_s3_refuses_is_not_repeated(s3: S3) -> None:
    """What S3 will not do it is not asked again."""
    with pytest.raises(ClientError, match="InvalidPart"):
        s3.complete((400, "InvalidPart"), sizes=[])
    assert s3.requests == ["POST"]
