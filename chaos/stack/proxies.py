"""Links between members and dependencies, through one Toxiproxy: each has a listener of its own."""

import threading
from collections.abc import Mapping

import httpx

from chaos.ambient import wait_for
from chaos.stack import BOTH, FROM, TO

API_PORT, FIRST_PORT = 8474, 20000
CLOSING = "limit_data"
STREAMS = {TO: ("upstream",), FROM: ("downstream",), BOTH: ("upstream", "downstream")}


class Links:
    """
    The HTTP API of Toxiproxy. `upstreams` says where each dependency is, `refusing` where 503 comes from.

    A link is named by its member and its dependency.
    """

    def __init__(self, api: str, upstreams: Mapping[str, str], refusing: str) -> None:
        self._http = httpx.Client(base_url=api, timeout=20)
        self._upstreams = dict(upstreams)
        self._refusing = refusing
        self._ports: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()  # several members may be started at once
        wait_for(lambda: self._http.get("/version").is_success, "Toxiproxy answers", within=120)

    def open(self, member: str) -> Mapping[str, int]:
        """Open the links of a member, if they are not there yet; returns the port of each dependency."""
        with self._lock:
            for dependency, upstream in self._upstreams.items():
                if (member, dependency) not in self._ports:
                    port = FIRST_PORT + len(self._ports)
                    self._listen(member, dependency, port, upstream)
                    self._ports[member, dependency] = port
        return {dependency: self._ports[member, dependency] for dependency in self._upstreams}

    def cut(self, member: str, dependency: str, way: str) -> None:
        """Hold back every byte of one direction or both; connections stay open."""
        for stream in STREAMS[way]:
            self._toxic(member, dependency, "timeout", {"timeout": 0}, stream)

    def slow(self, member: str, dependency: str, milliseconds: int) -> None:
        """Delay all answers."""
        self._toxic(member, dependency, "latency", {"latency": milliseconds, "jitter": milliseconds // 2}, "downstream")

    def reset(self, member: str, dependency: str, after: int) -> None:
        """Close every connection after so many bytes from the member."""
        self._toxic(member, dependency, CLOSING, {"bytes": after}, "upstream")

    def refuse(self, member: str, dependency: str) -> None:
        """Lead the link to where every request is answered with 503; connections that are open are closed."""
        self._lead(member, dependency, self._refusing)

    def mend(self, member: str | None = None, dependency: str | None = None) -> None:
        """Make links as they were."""
        for proxy in self._http.get("/proxies").raise_for_status().json().values():
            link = next(link for link in self._ports if "-".join(link) == proxy["name"])
            if member not in {None, link[0]} or dependency not in {None, link[1]}:
                continue
            if any(toxic["type"] == CLOSING for toxic in proxy["toxics"]):
                self._replace(*link)
                continue
            for toxic in proxy["toxics"]:
                self._http.delete(f"/proxies/{proxy['name']}/toxics/{toxic['name']}")
            if proxy["upstream"] != self._upstreams[link[1]]:
                self._lead(*link, self._upstreams[link[1]])

    def close(self) -> None:
        """Close the connection to the proxy."""
        self._http.close()

    def _listen(self, member: str, dependency: str, port: int, upstream: str) -> None:
        body = {"name": f"{member}-{dependency}", "listen": f"0.0.0.0:{port}", "upstream": upstream}
        self._http.post("/proxies", json={**body, "enabled": True}).raise_for_status()

    def _replace(self, member: str, dependency: str) -> None:
        """
        Make the link anew on its port; its connections are closed.

        To remove the toxic that closes connections from one that is stalled makes Toxiproxy wait for ever.
        """
        self._http.delete(f"/proxies/{member}-{dependency}").raise_for_status()
        self._listen(member, dependency, self._ports[member, dependency], self._upstreams[dependency])

    def _lead(self, member: str, dependency: str, upstream: str) -> None:
        self._http.post(f"/proxies/{member}-{dependency}", json={"upstream": upstream}).raise_for_status()

    def _toxic(self, member: str, dependency: str, kind: str, attributes: Mapping[str, int], stream: str) -> None:
        toxic = {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "attributes": attributes}
        answer = self._http.post(f"/proxies/{member}-{dependency}/toxics", json=toxic)
        if answer.status_code != 409:  # it is there already
            answer.raise_for_status()
