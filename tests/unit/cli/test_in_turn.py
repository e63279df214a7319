import httpx
import pytest

from reprise import Client, Unreachable
from service.cli.in_turn import InTurn

ADDRESSES = ("http://127.0.0.1:1001", "http://127.0.0.1:1002", "http://127.0.0.1:1003")


class Wire:
    """What is behind the transport: remembers who was asked, and does not answer for those that are `away`."""

    def __init__(self, *away: str) -> None:
        self.away, self.asked = away, list[str]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        place = f"{request.url.scheme}://{request.url.netloc.decode()}"
        self.asked.append(place)
        assert request.headers["Host"] == request.url.netloc.decode()
        if place in self.away:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"output": []})


def client_over(wire: Wire) -> Client:
    """A client of the addresses, which does not wait."""
    transport = InTurn(ADDRESSES, httpx.MockTransport(wire))
    return Client(ADDRESSES[0], patience=0, transport=transport)


def test_addresses_are_asked_in_turn() -> None:
    """Each request goes to the next address, and after the last to the first."""
    wire = Wire()
    with client_over(wire) as client:
        for _ in range(4):
            client.formats()

    assert wire.asked == [*ADDRESSES, ADDRESSES[0]]


def test_an_address_that_refuses_is_passed_over() -> None:
    """A process that is gone costs a client nothing: the next one is asked at once, and each one once."""
    wire = Wire(ADDRESSES[0], ADDRESSES[1])
    with client_over(wire) as client:
        assert client.formats() == {"output": []}
    assert wire.asked == list(ADDRESSES)

    wire.away, wire.asked = ADDRESSES, []
    with client_over(wire) as client, pytest.raises(Unreachable):
        client.formats()
    assert sorted(wire.asked) == sorted(ADDRESSES)


def test_presigned_urls_stay_as_they_are() -> None:
    """What goes to the object store is not sent to a process of the service."""
    wire = Wire()
    with httpx.Client(transport=InTurn(ADDRESSES, httpx.MockTransport(wire))) as http:
        http.get("https://bucket.s3.example/part?X-Amz-Signature=abc")

    assert wire.asked == ["https://bucket.s3.example"]
