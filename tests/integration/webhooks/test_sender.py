"""The real sender against real receivers: what counts as an answer, and to which addresses nothing goes."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.adapters.system.ambient import SystemClock
from service.adapters.webhooks.sender import WebhookSender
from service.core.webhooks.asked import Answer
from service.core.webhooks.endpoints import Endpoint
from service.core.webhooks.signature import parse_secret, signed_headers
from tests.support.certificates import make_certificates
from tests.support.receiver import OTHER_SECRET, SECRET, Message, Receiver, Send, a_receiver, answer

PATIENCE = 1.0  # seconds that the sender waits here


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on the loopback interface."""
    with a_receiver() as found:
        yield found


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    """One that the operator allows every address."""
    sender = WebhookSender(private=True, seconds=PATIENCE)
    yield sender
    await sender.aclose()


async def posted(sender: WebhookSender, url: str) -> int | str:
    """The status that a small message to this address gets, or why there is none."""
    found = await sender.send(Endpoint("one", url, (b"x" * 24,)), {"webhook-id": "one"}, b"{}")
    return found.status if isinstance(found, Answer) else found


def test_every_secret_signs_so_that_each_receiver_verifies(receiver: Receiver) -> None:
    """While a secret is rotated, the library of the specification verifies a message with the old and the new one."""
    secrets = [parse_secret(SECRET), parse_secret(OTHER_SECRET)]

    async def send() -> Answer | str:
        sender = WebhookSender(private=True)
        headers = signed_headers(secrets, "msg_1", int(SystemClock().wall()), b'{"type":"a"}')
        status = await sender.send(Endpoint("one", receiver.url("/hook?token=1"), ()), headers, b'{"type":"a"}')
        await sender.aclose()
        return status

    assert asyncio.run(send()) == Answer(204)
    (message,) = receiver.messages
    assert message.path == "/hook?token=1"
    assert message.headers["content-type"] == "application/json"
    assert message.headers["user-agent"].startswith("Reprise")
    assert message.verified(SECRET) == message.verified(OTHER_SECRET) == {"type": "a"}


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        pytest.param(lambda message, send: send(answer(500)), 500, id="error"),
        pytest.param(lambda message, send: send(answer(302, "Location: /elsewhere")), 302, id="redirect"),
        pytest.param(lambda message, send: send(b"nonsense\r\n\r\n"), "bad_answer", id="nonsense"),
        pytest.param(lambda message, send: None, "bad_answer", id="hangs up"),
    ],
)
async def test_status_of_the_answer_is_returned(
    receiver: Receiver, sender: WebhookSender, behaviour: object, expected: int | str
) -> None:
    """The status is what counts, a redirect is not followed, and what is no answer is called so."""
    receiver.behave = behaviour  # type: ignore[assignment]

    assert await posted(sender, receiver.url()) == expected
    assert [message.path for message in receiver.messages] == ["/"]


async def test_slow_and_endless_answers_are_bounded(receiver: Receiver, sender: WebhookSender) -> None:
    """A receiver that hangs costs the time limit; of a head or a body without end only the first kilobytes are read."""

    def behave(message: Message, send: Send) -> None:
        if message.path == "/hangs":
            receiver.ended.wait()
        elif message.path == "/head":
            send(b"HTTP/1.1 200 OK\r\n")
            for number in itertools.count():
                send(b"x-%d: y\r\n" % number)
        elif message.path == "/interim":
            while True:
                send(b"HTTP/1.1 102 Processing\r\n\r\n")
        else:
            send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                send(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    receiver.behave = behave
    paths = ("/hangs", "/head", "/interim", "/body")
    answers = await asyncio.gather(*(posted(sender, receiver.url(path)) for path in paths))

    assert answers == ["timeout", "bad_answer", "bad_answer", 200]


async def test_private_address_is_refused_before_anything_is_sent(receiver: Receiver) -> None:
    """Loopback is refused by default, as an address, by a name, and in every form; not even a connection is made."""
    sender = WebhookSender(private=False, seconds=PATIENCE)
    try:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"):
            assert await posted(sender, receiver.url(host=host)) == "address_not_allowed", host
        assert receiver.connections == 0
    finally:
        await sender.aclose()


async def test_name_that_changes_its_meaning_is_refused(receiver: Receiver) -> None:
    """
    Each connection goes to an address that was checked: a name with one private address among public ones is refused,
    and so is one that turns private at the second look (DNS rebinding); there is no further look after the check.
    """
    answers = [["127.0.0.1", "8.8.8.8"], ["127.0.0.1"], []]
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    sender = WebhookSender(private=False, seconds=PATIENCE, resolve=resolve)
    try:
        found = [await posted(sender, receiver.url(host="rebind.example")) for _ in answers]
    finally:
        await sender.aclose()

    assert found == ["address_not_allowed", "address_not_allowed", "no_address"]
    assert asked == ["rebind.example"] * 3
    assert receiver.connections == 0


async def test_resolver_that_hangs_costs_the_time_limit_alone(receiver: Receiver) -> None:
    """A name server that does not answer holds up neither the event loop nor other notifications."""
    sender = WebhookSender(
        private=True,
        seconds=PATIENCE,
        resolve=lambda host, port: ["127.0.0.1"] if host == "quick" else (receiver.ended.wait() and []) or [],
    )
    try:
        slow = [asyncio.create_task(posted(sender, receiver.url(host=f"slow{n}"))) for n in range(20)]
        assert await posted(sender, receiver.url(host="quick")) == 204
        assert set(await asyncio.gather(*slow)) == {"timeout"}
    finally:
        await sender.aclose()


async def test_certificate_proves_the_name_of_the_endpoint(tmp_path: Path) -> None:
    """TLS is for the name in the address, although the connection goes to an address that was resolved before."""
    files = make_certificates(tmp_path)
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(files.certificate, files.key)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(200))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    sender = WebhookSender(
        private=True,
        trust=ssl.create_default_context(cafile=files.authority),
        resolve=lambda host, port: ["127.0.0.1"],
    )
    usual = WebhookSender(private=True)
    try:
        assert await posted(sender, f"https://localhost:{port}/") == 200
        assert await posted(sender, f"https://other.example:{port}/") == "tls_failed"
        assert await posted(usual, f"https://localhost:{port}/") == "tls_failed"
        assert await posted(usual, f"http://127.0.0.1:{port}/") in {"bad_answer", "connection_failed"}
    finally:
        server.close()
        for one in (sender, usual):
            await one.aclose()
    assert await posted(usual, f"https://localhost:{port}/") == "connection_failed"
