"""
The Pulumi engine through its Automation API: a stack whose state is a folder, and what an operation did, by resource.

The engine is the `pulumi` on the PATH; the plugin for AWS lies in PULUMI_HOME (`pulumi plugin install resource aws`).
Every operation is a process of its own (`operation.py`), as `pulumi up` is: what one leaves behind in Pulumi's library
when it fails is nothing to the next.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, cast

import pytest
from pulumi import automation

from tests.support.cluster import gone, wait_for
from tests.support.docker import ROOT

REQUIRE = "REPRISE_REQUIRE_PULUMI"
PASSPHRASE = "of a state that lives as long as a test"
# So that a provider never asks for an account, and gives up on what is away.
PROVIDER: Mapping[str, str] = {
    "aws:region": "us-east-1",
    "aws:accessKey": "test",
    "aws:secretKey": "test",
    "aws:maxRetries": "2",
    "aws:skipCredentialsValidation": "true",
    "aws:skipMetadataApiCheck": "true",
    "aws:s3UsePathStyle": "true",
}
PROJECT = "reprise"
PATIENCE = 300.0  # seconds for one operation


class OperationFailed(Exception):
    """The engine said no, or the program did; the message is what was said."""


def engine_or_skip(environment: Mapping[str, str]) -> None:
    """Without the engine, or without a plugin for AWS of the SDK's version, tests are skipped, or fail."""
    if reason := _missing(environment):
        if environment.get(REQUIRE) == "1":
            pytest.fail(f"{reason}, and {REQUIRE}=1 demands it")
        pytest.skip(reason)


def _missing(environment: Mapping[str, str]) -> str | None:
    if shutil.which("pulumi", path=environment.get("PATH")) is None:
        return "there is no `pulumi` on the PATH"
    home = Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
    wanted = version("pulumi-aws")
    if not (home / "plugins" / f"resource-aws-v{wanted}" / "pulumi-resource-aws").exists():
        return f"{home} has no plugin for AWS (`pulumi plugin install resource aws v{wanted}` lays it there)"
    return None


@dataclass(frozen=True, slots=True)
class Step:
    """What an operation did to a resource: `same`, `create`, `update`, `replace`, `delete` …, and because of what."""

    type: str
    name: str
    did: str
    because: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Type and name, in short: ``s3:Bucket storage``."""
        kind = self.type.split(":")
        return f"{kind[-2].split('/')[0]}:{kind[-1]} {self.name}" if len(kind) > 2 else f"{self.type} {self.name}"


@dataclass(frozen=True, slots=True)
class Done:
    """An operation that has ended."""

    steps: tuple[Step, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict)

    def changes(self) -> dict[str, str]:
        """What was done to each resource that did not stay as it was; providers and the stack itself left out."""
        return {
            step.id: step.did
            for step in self.steps
            if step.did not in {"same", "read", "refresh"} and not step.type.startswith("pulumi:")
        }

    def of(self, *verbs: str) -> list[Step]:
        """The steps that did one of these."""
        return [step for step in self.steps if step.did in verbs and not step.type.startswith("pulumi:")]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack is: its project and its state in a folder, and the variables with which both are found."""

    name: str
    folder: Path
    environment: Mapping[str, str]

    @property
    def state(self) -> Path:
        """The folder of the state, with history and backups."""
        return self.folder / "state"

    def options(self) -> automation.LocalWorkspaceOptions:
        """As the Automation API wants it."""
        home = {"PULUMI_HOME": self.environment["PULUMI_HOME"]} if self.environment.get("PULUMI_HOME") else {}
        variables = {
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **home,
        }
        return automation.LocalWorkspaceOptions(work_dir=str(self.folder / "project"), env_vars=variables)


@dataclass
class Stack:
    """A stack of the project, on emulators."""

    place: Place
    stack: automation.Stack

    def configure(self, settings: Mapping[str, str], *, secrets: Mapping[str, str] | None = None) -> None:
        """Set these keys, as `pulumi config set --path` does: `reprise:corsOrigins[0]` is the first of a list."""
        given = {name: automation.ConfigValue(value) for name, value in settings.items()}
        given |= {name: automation.ConfigValue(value, secret=True) for name, value in (secrets or {}).items()}
        self.stack.set_all_config(given, path=True)

    def point(self, endpoints: Mapping[str, str]) -> None:
        """Tell the provider where each service of AWS is."""
        self.configure({"aws:endpoints": json.dumps([dict(endpoints)])})

    def preview(self) -> Done:
        """What would be done."""
        return self._operate("preview")

    def up(self) -> Done:
        """Deploy; raises `OperationFailed`, as the others do."""
        return self._operate("up")

    def refresh(self) -> Done:
        """Look at what is there."""
        return self._operate("refresh")

    def destroy(self, **options: bool) -> Done:
        """Remove everything; `exclude_protected` leaves what is protected."""
        return self._operate("destroy", **options)

    def kill_up(self, reached: threading.Event) -> None:
        """
        Begin an `up`, and when `reached` is set kill the engine, the program and the plugin, all with SIGKILL.

        It works at one resource at a time, so that what is under way is what the test knows of.
        """
        with (self.place.folder / "killed.log").open("wb") as log:
            running = subprocess.Popen(
                self._command("up"), cwd=ROOT, env=dict(self.place.environment), stdin=subprocess.PIPE,
                stdout=log, stderr=log,
            )  # fmt: skip
        try:
            with cast("IO[bytes]", running.stdin) as told:
                told.write(self._request(parallel=1).encode())
            wait_for(lambda: reached.is_set() or running.poll() is not None, "the call is made", within=PATIENCE)
            if running.poll() is not None:
                raise OperationFailed((self.place.folder / "killed.log").read_text(errors="replace")[-20000:])
        finally:
            # The program last: it is their parent, and what it leaves behind is another's to find.
            below = descendants(running.pid)
            for pid in below:
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: all(gone(pid) for pid in below), "engine and plugin are gone")
            running.kill()
            running.wait()

    def pending(self) -> list[dict[str, Any]]:
        """The operations that the state says have begun, and does not know the end of."""
        deployment = self.stack.export_stack().deployment or {}
        return list(deployment.get("pending_operations") or [])

    def pulumi(self, *arguments: str) -> None:
        """Run a command line, for what the Automation API lacks."""
        options = self.place.options()
        command = ["pulumi", *arguments, "--stack", self.place.name, "--non-interactive"]
        done = subprocess.run(
            command, cwd=str(options.work_dir), env={**self.place.environment, **dict(options.env_vars or {})},
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        if done.returncode:
            raise OperationFailed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")

    def resources(self) -> list[dict[str, Any]]:
        """What the state says that there is."""
        deployment = self.stack.export_stack().deployment or {}
        return list(deployment.get("resources") or [])

    def files(self) -> str:
        """All files of the state as they are on disk, history and backups included."""
        found = sorted(self.place.state.rglob("*"))
        return "\n".join(path.read_text(errors="replace") for path in found if path.is_file())

    def _operate(self, verb: str, **options: bool) -> Done:
        done = subprocess.run(
            self._command(verb), cwd=ROOT, env=dict(self.place.environment), input=self._request(**options),
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        if done.returncode:
            raise OperationFailed(f"{verb} of {self.place.name}: exit code {done.returncode}\n{done.stderr[-20000:]}")
        answer = json.loads(done.stdout.splitlines()[-1])
        steps = (Step(**{**step, "because": tuple(step["because"])}) for step in answer["steps"])
        return Done(tuple(steps), answer["outputs"])

    def _command(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "tests.infra.operation", verb]

    def _request(self, **options: bool | int) -> str:
        return json.dumps({"name": self.place.name, "folder": str(self.place.folder), "options": options})


def open_stack(name: str, folder: Path, endpoints: Mapping[str, str], environment: Mapping[str, str]) -> Stack:
    """A stack without resources, whose provider is pointed at these endpoints and nowhere else."""
    place = Place(name, folder, environment)
    place.state.mkdir(parents=True)
    # Pulumi.yaml as it is, with its declarations of keys. The folder that it names stays empty: we run that in here.
    (folder / "project" / "infra").mkdir(parents=True)
    shutil.copy(ROOT / "Pulumi.yaml", folder / "project")
    stack = automation.create_stack(stack_name=name, project_name=PROJECT, program=nothing, opts=place.options())
    made = Stack(place, stack)
    made.configure(PROVIDER)
    made.point(endpoints)
    return made


def descendants(pid: int) -> list[int]:
    """The processes that this one has started, and those that they have."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(it) for task in tasks for it in (task / "children").read_text().split()]
    except OSError:  # it has ended
        return []
    return [*children, *(found for child in children for found in descendants(child))]


def nothing() -> None:
    """Stand for the program where none is run."""
