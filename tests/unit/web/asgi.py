"""One ASGI call by hand, for what no HTTP client can show: what is read when, and a client that goes away."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from litestar import Litestar


class Call:
    """A request whose body comes when the test says so."""

    def __init__(
        self, app: Litestar, method: str, path: str, headers: Mapping[str, str] | None = None, *, version: str = "1.1"
    ) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self._complete = False
        self.received_before_answer = 0  # how often the application asked for more
        self._app = app
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._progress = asyncio.Condition()
        path, _, query = path.partition("?")
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "server": ("test", 80),
            "client": ("127.0.0.1", 1),
            "state": {},
        }

    async def run(self) -> None:
        """Let the application answer."""
        await self._app(self._scope, self._receive, self._send)  # type: ignore[arg-type]  # ASGI, twice typed

    async def send_body(self, data: bytes, *, more: bool) -> None:
        """Let the next piece of the body arrive."""
        await self._incoming.put({"type": "http.request", "body": data, "more_body": more})

    def disconnect(self) -> None:
        """Go away."""
        self._incoming.put_nowait({"type": "http.disconnect"})

    async def answered(self, size: int = 1) -> None:
        """Wait for at least so many bytes of the answer."""
        async with self._progress:
            await self._progress.wait_for(lambda: self._complete or len(self.body) >= size)

    def complete(self) -> bool:
        """Whether the answer has come to its end."""
        return self._complete

    def json(self) -> Any:
        """The answer."""
        return json.loads(self.body)

    async def _receive(self) -> dict[str, Any]:
        self.received_before_answer += not self.status
        return await self._incoming.get()

    async def _send(self, message: Mapping[str, Any]) -> None:
        async with self._progress:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.body += message.get("body", b"")
                self._complete = not message.get("more_body", False)
            self._progress.notify_all()
