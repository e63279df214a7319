import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from service.adapters.aws.circuit import CircuitBreaker
from service.adapters.aws.clients import OPEN_CIRCUITS, Aws, AwsSettings
from service.core.errors import CircuitOpen, Unavailable
from service.telemetry import events, subscribe
from service.telemetry.events import Event

pytestmark = pytest.mark.requirement("6.11")


class Time:
    """Seconds that pass only in pauses."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def refuse() -> str:
    """A service that is away."""
    raise Unavailable


@pytest.fixture
def time() -> Time:
    """The time of this test."""
    return Time()


@pytest.fixture
def aws(time: Time) -> Aws:
    """AWS behind a circuit that is open, for a second."""
    aws = Aws.__new__(Aws)
    aws._breaker = CircuitBreaker("s3", time.monotonic, failures=1, reset=1.0)
    aws._wait = time.wait
    with pytest.raises(Unavailable):
        aws.call_guarded(refuse)
    return aws


def test_a_conversion_waits_for_the_circuit(aws: Aws, time: Time) -> None:
    """What a conversion would be lost with waits while the circuit is open, and is then done."""
    assert aws.call_waiting_out_circuit(lambda: "stored") == "stored"
    assert time.pauses == [1.0]


def test_waiting_out_the_circuit_is_bounded(aws: Aws, time: Time) -> None:
    """It waits for a bounded time, and a failure of the service itself is passed on at once."""
    breaker = aws._breaker
    assert breaker is not None
    aws._wait = time.pauses.append  # the time stands still
    with pytest.raises(CircuitOpen):
        aws.call_waiting_out_circuit(lambda: "stored")
    assert len(time.pauses) == OPEN_CIRCUITS
    time.now += 1.0
    with pytest.raises(Unavailable) as caught:
        aws.call_waiting_out_circuit(refuse)
    assert not isinstance(caught.value, CircuitOpen)


async def test_run_unguarded_ignores_the_circuit(aws: Aws) -> None:
    """What asks nobody is done although the circuit is open, and closes nothing; its own calls are refused."""
    aws._threads = ThreadPoolExecutor(1)
    here = threading.get_ident()
    assert await aws.run_unguarded(threading.get_ident) != here
    breaker = aws._breaker
    assert breaker is not None
    assert breaker.state == "open"
    with pytest.raises(CircuitOpen):
        await aws.run_unguarded(lambda: aws.call_guarded(lambda: "asked"))
    aws.close()


def test_each_repetition_of_botocore_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request that botocore sends once more is said, with its service, operation and number; the first is not."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    aws = Aws(AwsSettings(region="us-east-1", bucket="b", table="t", access_key="a", secret_key="s"), threads=1)
    client, answers, said = aws.s3(), [503, 500, 200], list[Mapping[str, object]]()

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return AWSResponse(request.url, answers.pop(0), HTTPHeaders(), Body())

    def hear(event: Event, fields: Mapping[str, object]) -> None:
        if event is events.AWS_RETRIED:
            said.append(fields)

    client.meta.events.register("before-send", answer)  # type: ignore[arg-type]  # what it returns is the answer
    with subscribe(hear):
        aws.call_guarded(client.head_object, Bucket="b", Key="k")
        client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    aws.close()
    assert said == [{"service": "s3", "operation": "HeadObject", "attempt": number} for number in (2, 3)]


def test_items_of_dynamodb_are_taken_as_they_come() -> None:
    """botocore compares no value of an item with its model, which would cost each look at a job a tenth of a poll."""
    aws = Aws(AwsSettings(region="us-east-1", bucket="b", table="t", access_key="a", secret_key="s"), threads=1)
    client, item = aws.dynamodb(), {"pk": {"S": "job#1"}, "new": {"a type": "that no model has"}}

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        body = json.dumps({"Item": item}).encode()
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(body))

    client.meta.events.register("before-send", answer)  # type: ignore[arg-type]  # what it returns is the answer
    found = client.get_item(TableName="t", Key={"pk": {"S": "job#1"}})["Item"]
    aws.close()

    assert found == item


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of an answer, as urllib3 hands them over."""

    content: bytes = b""

    def stream(self) -> Iterator[bytes]:
        return iter((self.content,))
