"""A stack on Docker: members as containers, links through Toxiproxy. What is of one service is its `Kit`."""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from chaos.ambient import free_port, wait_for
from chaos.history.events import (
    Attempt,
    Container,
    Final,
    Leftover,
    Sample,
    Stored,
)
from chaos.history.recording import Recorder
from chaos.stack import BOTH, Holding
from chaos.stack.backing import Backing
from chaos.stack.engine import Box, EngineError
from chaos.stack.following import Follower
from chaos.stack.held import Held
from chaos.stack.kit import Kit, Shape
from chaos.stack.usage import sample

READY_SECONDS = 180.0
SIGNAL = (
    'n=0; for p in /proc/[0-9]*; do case "$(readlink "$p/exe")" in *"$1"*) '
    'kill "-$2" "${p#/proc/}" 2>/dev/null && n=$((n+1));; esac; done; echo $n'
)
FILL = (
    'rm -f "$1/.full"; [ "$2" = 0 ] && exit; free=$(df --output=avail -B1 "$1" | tail -1); '
    '[ "$free" -gt "$2" ] && head -c "$((free - $2))" /dev/zero >"$1/.full" || true'
)


class DockerStack:
    """Implements `Stack`."""

    def __init__(
        self, backing: Backing, kit: Kit, versions: Mapping[str, str], shape: Shape, recorder: Recorder, folder: Path,
        since: datetime,
    ) -> None:  # fmt: skip
        self._backing, self._kit, self._versions, self._shape = backing, kit, dict(versions), shape
        self._recorder, self._since, self._logs = recorder, since, folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._boxes: dict[str, Box] = {}
        self._followers: dict[str, Follower] = {}
        self._ports: dict[str, int] = {}
        self._version: dict[str, str] = {}
        self._down: set[str] = set()  # not running
        self._frozen: set[str] = set()
        self._ready: set[str] = set()  # have answered since they were started
        self._count = 0
        self._lock = threading.RLock()
        self._held = Held()
        backing.links.mend()
        kit.prepare(backing, self._versions["new"])
        with ThreadPoolExecutor(shape.members) as pool:
            list(pool.map(lambda _: self.add(), range(shape.members)))

    # ── what is there ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def members(self) -> Sequence[str]:
        return sorted(self._boxes)

    def running(self) -> Sequence[str]:
        with self._lock:
            return [name for name in self.members if name not in self._down | self._frozen]

    def ready(self) -> Sequence[str]:
        with self._lock:
            return [name for name in self.running() if name in self._ready]

    def ended(self) -> Sequence[str]:
        found = [name for name in self.running() if self._boxes[name].state()["Status"] == "exited"]
        for member in found:
            self._gone(member)
        return found

    def address(self, member: str) -> str:
        return f"http://127.0.0.1:{self._ports[member]}"

    def holdings(self) -> Sequence[Holding]:
        with self._lock:
            return self._held.without(self._down)

    # ── members ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, member: str, *, wait: bool = True) -> None:
        if member not in self._down:
            return
        self._boxes[member].start()
        with self._lock:
            self._down.discard(member)
        self._note(member, "started")
        if wait:
            self._wait(member)
        else:
            threading.Thread(target=self._wait_quietly, args=(member,), daemon=True).start()

    def stop(self, member: str) -> None:
        self.thaw(member)
        self._note(member, "stopped")
        self._boxes[member].stop()
        self._gone(member)

    def kill(self, *members: str) -> None:
        with ThreadPoolExecutor(max(1, len(members))) as pool:
            for member, killed in zip(members, pool.map(lambda one: self._boxes[one].kill(), members), strict=True):
                if killed:
                    self._note(member, "killed")
                self._gone(member)

    def pause(self, member: str) -> None:
        self._boxes[member].pause()
        with self._lock:
            self._frozen.add(member)
        self._note(member, "paused")

    def thaw(self, member: str) -> None:
        with self._lock:
            if member not in self._frozen:
                return
            self._frozen.discard(member)
        self._note(member, "thawed")
        self._boxes[member].thaw()

    def signal(self, member: str, program: str, signal: str) -> int:
        try:
            return int(self._boxes[member].run("sh", "-c", SIGNAL, "sh", program, signal))
        except (EngineError, ValueError):
            return 0  # it does not run

    def add(self) -> str:
        with self._lock:
            self._count += 1
            name = f"service-{self._count}"
            self._ports[name] = free_port()
        self._version[name] = self._shape.version
        self._create(name)
        self._wait(name)
        return name

    def retire(self, member: str) -> None:
        self.stop(member)
        self._remove(member)
        self._note(member, "removed")

    def deploy(self, member: str, version: str) -> None:
        if member not in self._down:
            self.stop(member)
        self._remove(member)
        self._version[member] = version
        self._create(member)
        self._wait(member)

    def limit(self, member: str, *, memory: int | None = None, cpus: float | None = None) -> None:
        size = self._kit.memory if memory is None else memory
        quota = -1 if cpus is None else int(cpus * 100_000)
        self._boxes[member].raw.update(mem_limit=size, memswap_limit=size, cpu_period=100_000, cpu_quota=quota)

    def fill(self, member: str, free: int) -> None:
        with contextlib.suppress(EngineError):  # it does not run: what was filled is gone with its memory
            self._boxes[member].run("sh", "-c", FILL, "sh", self._kit.scratch, str(free))

    def skew(self, member: str, seconds: float) -> None:
        with contextlib.suppress(EngineError):
            self._boxes[member].run("sh", "-c", 'echo "$1" >/tmp/clock', "sh", f"{seconds:+g}s")

    # ── links and dependencies ───────────────────────────────────────────────────────────────────────────────────

    def cut(self, member: str, dependency: str, way: str = BOTH) -> None:
        self._backing.links.cut(member, dependency, way)

    def slow(self, member: str, dependency: str, milliseconds: int) -> None:
        self._backing.links.slow(member, dependency, milliseconds)

    def reset(self, member: str, dependency: str, after: int) -> None:
        self._backing.links.reset(member, dependency, after)

    def refuse(self, member: str, dependency: str) -> None:
        self._backing.links.refuse(member, dependency)

    def mend(self, member: str | None = None, dependency: str | None = None) -> None:
        self._backing.links.mend(member, dependency)

    def harm(self, dependency: str, how: str) -> bool:
        return self._backing.harm(dependency, how)

    def restore(self, dependency: str) -> None:
        self._backing.restore(dependency)

    # ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────

    def samples(self) -> Sequence[Sample]:
        return [one for member in self.running() if (one := sample(self._boxes[member])) is not None]

    def stored(self) -> Stored:
        return self._kit.stored(self._backing)

    def finals(self) -> Sequence[Final]:
        return self._kit.finals(self._backing)

    def leftovers(self) -> Sequence[Leftover]:
        return self._kit.leftovers(self._backing)

    def inside(self, member: str) -> Mapping[str, int]:
        found = f'find "{self._kit.scratch}" -type f ! -name .full | wc -l'
        return {"ffmpeg": self.signal(member, "ffmpeg", "0"), "files": int(self._boxes[member].run("sh", "-c", found))}

    def close(self) -> None:
        for member in list(self._boxes):
            with contextlib.suppress(EngineError):
                self._boxes[member].thaw()
                self._boxes[member].kill()
            self._remove(member)
        self._backing.links.mend()

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _create(self, name: str) -> None:
        links = self._backing.links.open(name)
        box = self._backing.engine.box(
            name, self._versions[self._version[name]],
            ports={self._kit.port: self._ports[name]},
            environment=self._kit.environment(links, self._shape, self._version[name]),
            mem_limit=self._kit.memory, memswap_limit=self._kit.memory,
            **self._kit.options(),
        )  # fmt: skip
        with self._lock:
            self._boxes[name] = box
            self._down.discard(name)
        self._followers[name] = Follower(box, self._logs / f"{name}.log", self._line)
        self._note(name, "started", self._version[name])

    def _remove(self, member: str) -> None:
        self._followers.pop(member).stop()
        self._boxes.pop(member).remove()
        self._gone(member)

    def _wait(self, member: str) -> None:
        """Come back when it answers, or has ended again meanwhile, which is what happens to members."""
        url = self.address(member) + self._kit.health

        def answers() -> bool:
            return member in self._down or httpx.get(url, timeout=5).is_success

        try:
            wait_for(answers, f"{member} answers", within=READY_SECONDS)
        except TimeoutError as error:
            last = self._boxes[member].raw.logs(tail=20).decode(errors="replace")
            raise EngineError(f"{error}\n{last}") from error
        with self._lock:
            if member in self._down or member in self._ready:
                return
            self._ready.add(member)
        self._note(member, "ready")

    def _wait_quietly(self, member: str) -> None:
        with contextlib.suppress(EngineError):  # whether all of them came back is asked when the faults are over
            self._wait(member)

    def _gone(self, member: str) -> None:
        with self._lock:
            self._down.add(member)
            self._frozen.discard(member)
            self._ready.discard(member)
            self._held.gone(member)

    def _note(self, member: str, what: str, detail: str = "") -> None:
        self._recorder.write(Container(name=member, what=what, detail=detail))

    def _line(self, member: str, line: Mapping[str, Any], at: datetime) -> None:
        found = self._kit.attempt(line)
        if found is None:
            return
        what, job_id, attempt, detail = found
        moment = max(0.0, (at - self._since).total_seconds())
        self._recorder.write(
            Attempt(at=moment, job_id=job_id, attempt=attempt, container=member, what=what, detail=detail)
        )
        with self._lock:
            self._held.note(member, what, job_id, attempt)
