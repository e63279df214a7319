import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy import healthy


@contextmanager
def somebody_answers(answer: bytes) -> Iterator[int]:
    """A port on which one request is answered with these bytes."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 503 Service Unavailable"),
        (b"", "nothing"),
    ],
)
def test_health_check_reports_what_the_process_answers(answer: bytes, said: str | None) -> None:
    """The health check passes on what the process answers: healthy, or the reason why not."""
    with somebody_answers(answer) as port:
        found = healthy.ask(port)

    assert found is None if said is None else said in (found or "")


def test_health_check_reports_a_closed_port() -> None:
    """A port on which no process listens is reported as unhealthy, and raises nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert "does not answer" in (healthy.ask(port) or "")
