"""A receiver of webhooks, a real server on a thread of its own, that behaves as badly as it is told to."""

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_b3RoZXItc2VjcmV0LW9mLXRoaXMtcmVjZWl2ZXI="

Send = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Its webhook-id."""
        return self.headers["webhook-id"]

    def verified(self, secret: str = SECRET) -> dict[str, object]:
        """What it says, if its signature and its time are right; raises `WebhookVerificationError` if not."""
        found: dict[str, object] = Webhook(secret).verify(self.body, self.headers)
        return found


@dataclass(slots=True)
class Receiver:
    """`behave` is called with each message and with what writes to the connection; it answers 204 by default."""

    port: int = 0
    behave: Callable[[Message, Send], None] = field(default=lambda _, send: send(answer(204)))
    messages: list[Message] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Its address."""
        return f"http://{host}:{self.port}{path}"

    def at(self, path: str) -> list[Message]:
        """What has arrived under a path."""
        return [message for message in self.messages if message.path == path]


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """The bytes of an answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextlib.contextmanager
def a_receiver() -> Iterator[Receiver]:
    """Run one until the end of the block."""
    receiver = Receiver()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            receiver.connections += 1
            with contextlib.suppress(OSError, ValueError, IndexError):
                path = self.rfile.readline().decode().split()[1]
                headers: dict[str, str] = {}
                while line := self.rfile.readline().decode().strip():
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                body = self.rfile.read(int(headers.get("content-length", "0")))
                message = Message(path, headers, body)
                receiver.messages.append(message)
                receiver.behave(message, self._send)

        def _send(self, data: bytes) -> None:
            self.wfile.write(data)
            self.wfile.flush()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.ended.set()
            server.shutdown()
            thread.join()
