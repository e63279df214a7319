"""
A line to an emulator on which the first call of an operation is held: its caller waits until it is killed.

The call has been done by then, and only its answer is missing, or it has never arrived. Both are what an engine leaves
behind that is killed in the middle of a call. Every later call goes through.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

# Of a connection and not of a message; httpx writes its own, and the body arrives unpacked.
PER_CONNECTION = frozenset({
    "connection", "content-encoding", "content-length", "date", "expect", "keep-alive", "server", "transfer-encoding",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """Where the line is; `reached` is set when the call waits, and `release` lets it go without an answer."""

    address: str
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


@contextmanager
def holding(upstream: str, operation: str, *, done: bool) -> Iterator[Held]:
    """Hand on to `upstream` all but the first `operation` of a JSON API; with `done` that too, without its answer."""

    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            named = self.headers.get("X-Amz-Target", "").endswith(f".{operation}")
            if named and not line.reached.is_set():
                if done:
                    self._ask(body)
                line.reached.set()
                line.release.wait()
                self.close_connection = True
                return
            answer = self._ask(body)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in PER_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def _ask(self, body: bytes) -> httpx.Response:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in PER_CONNECTION}
            return client.request(self.command, f"{upstream}{self.path}", content=body, headers=headers)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _pass_on  # noqa: N815  # the names of http.server

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    line = Held(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever)
    with httpx.Client(timeout=100) as client:
        serving.start()
        try:
            yield line
        finally:
            line.release.set()
            server.shutdown()
            serving.join()
            server.server_close()
