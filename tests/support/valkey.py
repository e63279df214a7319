"""Valkey in a container, to be killed and frozen, and one with TLS and a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from tests.support.containers import Container, run_container
from tests.support.docker import docker_or_skip
from tests.support.redis_server import free_port

if TYPE_CHECKING:
    from tests.support.certificates import Certificates

PASSWORD = "open-sesame"  # of the one that has one


class MortalValkey:
    """A Valkey of one's own, with the verbs of `redis_server.RedisServer`; after `kill`, `start` finds nothing."""

    def __init__(self) -> None:
        docker_or_skip()
        self.port = 0
        self._container: Container | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def inside(self) -> str:
        """Its address for other containers."""
        return self._running().inside

    def start(self) -> None:
        """Start it, the next time on the same port; returns when it answers."""
        if self._container is not None:
            self._container.start()
        else:
            self.port = free_port()
            command = ["valkey-server", "--save", "", "--protected-mode", "no"]
            self._container = run_container("VALKEY_IMAGE", fixed={6379: self.port}, command=command)
        self._container.wait(lambda: answers(self.url), "Valkey answers")

    def kill(self) -> None:
        """SIGKILL."""
        self._running().kill()

    def pause(self) -> None:
        """Freeze it: connections stay open, answers stay away."""
        self._running().pause()

    def resume(self) -> None:
        """Thaw it."""
        self._running().unpause()

    def close(self) -> None:
        """Remove it."""
        if self._container is not None:
            self._container.remove()
            self._container = None

    def _running(self) -> Container:
        if self._container is None:
            raise RuntimeError("Valkey is not running")
        return self._container


@contextmanager
def a_locked_valkey(folder: Path) -> Iterator[tuple[str, "Certificates"]]:
    """A Valkey with TLS alone and with a password: its address, without either, and its certificates."""
    from tests.support.certificates import make_certificates  # noqa: PLC0415  # cryptography is for this alone

    docker_or_skip()
    certificates = make_certificates(folder)
    tls = ["--port", "0", "--tls-port", "6379", "--tls-auth-clients", "no", "--tls-ca-cert-file", "/etc/ca.pem"]
    own = ["--tls-cert-file", "/etc/server.pem", "--tls-key-file", "/etc/server.key", "--requirepass", PASSWORD]
    container = run_container(
        "VALKEY_IMAGE",
        6379,
        command=["valkey-server", "--save", "", *tls, *own],
        files={
            "/etc/ca.pem": certificates.authority.read_bytes(),
            "/etc/server.pem": certificates.certificate.read_bytes(),
            "/etc/server.key": certificates.key.read_bytes(),
        },
    )
    try:
        address = f"{container.host}:{container.ports[6379]}/0"
        url = f"rediss://:{PASSWORD}@{address}?ssl_ca_certs={certificates.authority}"
        container.wait(lambda: answers(url), "Valkey answers over TLS")
        yield address, certificates
    finally:
        container.remove()


def answers(url: str) -> bool:
    """Whether a PING comes back."""
    with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
        return bool(client.ping())
