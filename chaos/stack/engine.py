"""Docker, as far as a stack needs it: containers and networks of one run, made by testcontainers and labelled."""

import contextlib
import io
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from docker.errors import APIError, NotFound
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from chaos.ambient import pause
from chaos.stack import StackError
from chaos.stack.watcher import LABEL

FREEZE_TRIES = 40  # a cgroup with many threads may take several tries to freeze
STOP_SECONDS = 30  # between SIGTERM and SIGKILL


class EngineError(StackError):
    """Docker could not do what was asked; the message is its own."""


@dataclass(eq=False)
class Box:
    """One container, running or not."""

    name: str
    _made: DockerContainer
    _raw: Any = field(init=False)

    def __post_init__(self) -> None:
        self._raw = self._made.get_wrapped_container()

    @property
    def raw(self) -> Any:
        """The container as docker-py knows it."""
        return self._raw

    def port(self, inside: int) -> int:
        """Return where a port is on 127.0.0.1."""
        self._raw.reload()
        return int(self._raw.attrs["NetworkSettings"]["Ports"][f"{inside}/tcp"][0]["HostPort"])

    def state(self) -> Mapping[str, Any]:
        """Return `Status`, `ExitCode`, `OOMKilled` …."""
        self._raw.reload()
        return dict(self._raw.attrs["State"])

    def start(self) -> None:
        """Start it again."""
        self._raw.start()

    def kill(self) -> bool:
        """SIGKILL; False if it did not run."""
        try:
            self._raw.kill()
        except NotFound:
            return False
        except APIError as error:
            if "is not running" not in str(error):
                raise
            return False
        return True

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after half a minute."""
        self._raw.stop(timeout=STOP_SECONDS)

    def pause(self) -> None:
        """Freeze it."""
        for left in reversed(range(FREEZE_TRIES)):
            try:
                self._raw.pause()
            except APIError as error:
                if "already paused" in str(error):
                    return
                if "is not running" in str(error) or not left:
                    raise EngineError(str(error)) from error
                pause(0.05)
            else:
                return

    def thaw(self) -> None:
        """Thaw it; also if it is not frozen, or gone."""
        with contextlib.suppress(APIError):
            self._raw.unpause()

    def run(self, *command: str, user: str = "") -> str:
        """Run something in it; raises `EngineError` if it does not run, or the command fails."""
        try:
            done = self._raw.exec_run(list(command), user=user)
        except APIError as error:
            raise EngineError(str(error)) from error
        if done.exit_code:
            raise EngineError(f"{command[0]} in {self.name}: exit code {done.exit_code}: {done.output[-300:]!r}")
        return str(done.output.decode(errors="replace"))

    def remove(self) -> None:
        """Take it away with its volumes."""
        with contextlib.suppress(APIError):
            self._raw.remove(force=True, v=True)
        self._made.get_docker_client().client.close()


@dataclass
class Engine:
    """What is started for one run; every container is in its network, under its own name."""

    run: str
    network: Network = field(init=False)

    def __post_init__(self) -> None:
        self.network = Network(docker_network_kw={"labels": {LABEL: self.run}})
        self.network.create()

    def box(
        self,
        name: str,
        image: str,
        *,
        ports: Mapping[int, int | None] | None = None,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        files: Mapping[str, bytes] | None = None,
        **options: Any,
    ) -> Box:
        """
        Start a container that the others find as `name`. `ports` (inside → outside, None: any) are on 127.0.0.1.

        `options` are those of docker-py. Raises `EngineError`.
        """
        made = DockerContainer(image, env=dict(environment or {}), name=f"reprise-chaos-{self.run}-{name}")
        made.with_network(self.network).with_network_aliases(name)
        made.tmpfs = dict(options.pop("tmpfs", {}))
        made.with_kwargs(labels={LABEL: self.run}, **options)
        made._command = list(command) if command else None  # noqa: SLF001  # the constructor knows texts only
        made.ports = {str(inside): ("127.0.0.1", outside) for inside, outside in (ports or {}).items()}  # type: ignore[misc]  # docker-py takes an address too
        for path, content in (files or {}).items():
            made.with_copy_into_container(content, path)
        try:
            made.start()
        except APIError as error:
            raise EngineError(f"{name} cannot be started: {error}") from error
        return Box(name, made)

    def close(self) -> None:
        """Remove the network, which has to be empty."""
        with contextlib.suppress(APIError):
            self.network.remove()
        self.network._docker.client.close()  # noqa: SLF001  # it offers nothing to close its connections with


def put(box: Box, path: str, content: bytes) -> None:
    """Write a file into a container whose root can be written to."""
    folder, _, name = path.rpartition("/")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        entry.mode = 0o644
        archive.addfile(entry, io.BytesIO(content))
    box.raw.put_archive(folder or "/", packed.getvalue())


def engine_missing() -> str | None:
    """Return why no engine answers; None where one does."""
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no answer"])[-1]
