"""A TCP proxy with a trap: sprung by certain bytes of a request, before it arrives or after it had its effect."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

LARGEST_HEAD = 1 << 20


class TripWire:
    """In front of `target`, for a regular expression. `spring` is called in the proxy's thread; then it hangs up."""

    def __init__(self, target: str, pattern: bytes, *, after: bool) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._pattern, self._after = re.compile(pattern), after
        self.spring: Callable[[], None] = lambda: None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.sprung = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server, suppress(OSError):
            armed = threading.Event()
            threading.Thread(target=self._back, args=(server, client, armed), daemon=True).start()
            seen = b""
            while data := client.recv(1 << 16):
                seen = (seen + data)[-LARGEST_HEAD:]
                if not self.sprung.is_set() and self._pattern.search(seen):
                    self.sprung.set()
                    if not self._after:
                        self.spring()
                        return
                    armed.set()
                server.sendall(data)

    def _back(self, server: socket.socket, client: socket.socket, armed: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if armed.is_set():
                    self.spring()
                    break
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
