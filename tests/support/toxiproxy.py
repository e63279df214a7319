"""A line to another container that can be slow, silent or broken: Toxiproxy."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import httpx

from tests.support.containers import Container, run_container
from tests.support.docker import docker_or_skip


class Toxiproxy:
    """One line to another container, which can be slow, silent or broken."""

    LINE = 4566

    def __init__(self, container: Container, upstream: str) -> None:
        self._container = container
        self._api = httpx.Client(base_url=f"http://{container.host}:{container.ports[8474]}", timeout=10)
        container.wait(lambda: self._api.get("/version").is_success, "Toxiproxy answers")
        line = {"name": "line", "listen": f"0.0.0.0:{self.LINE}", "upstream": upstream, "enabled": True}
        self._api.post("/proxies", json=line).raise_for_status()

    @property
    def endpoint(self) -> str:
        """This end of the line."""
        return f"http://{self._container.host}:{self._container.ports[self.LINE]}"

    def slow(self, milliseconds: int, jitter: int = 0) -> None:
        """Every answer comes so much later, more or less."""
        self._toxic("latency", {"latency": milliseconds, "jitter": jitter})

    def silent(self) -> None:
        """Nothing comes through in either direction, and no connection is closed: a partition."""
        for stream in ("upstream", "downstream"):
            self._toxic("timeout", {"timeout": 0}, stream)

    def resetting(self) -> None:
        """Every connection is reset."""
        self._toxic("reset_peer", {"timeout": 0})

    def mend(self) -> None:
        """Remove all toxics."""
        self._api.post("/reset").raise_for_status()

    def _toxic(self, kind: str, attributes: Mapping[str, int], stream: str = "downstream") -> None:
        toxic = {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "attributes": attributes}
        self._api.post("/proxies/line/toxics", json=toxic).raise_for_status()

    def close(self) -> None:
        """Close the connection to the proxy."""
        self._api.close()


@contextmanager
def a_line_to(upstream: Container) -> Iterator[Toxiproxy]:
    """A line to LocalStack of one's own."""
    docker_or_skip()
    with ExitStack() as stack:
        container = run_container("TOXIPROXY_IMAGE", 8474, Toxiproxy.LINE)
        stack.callback(container.remove)
        line = Toxiproxy(container, f"{upstream.inside}:4566")
        stack.callback(line.close)
        yield line
