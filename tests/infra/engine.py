"""
The Pulumi engine through its Automation API: a stack whose state is a folder, and what an operation did, by resource.

The engine is the `pulumi` on the PATH; the plugin for AWS lies in PULUMI_HOME (`pulumi plugin install resource aws`).
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

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
Program = Callable[[], None]


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


@dataclass
class Stack:
    """A stack of the project, on emulators, and the program that it has now."""

    stack: automation.Stack
    folder: Path
    program: Program

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
        events: list[automation.EngineEvent] = []
        self.stack.preview(on_event=events.append, color="never")
        return Done(_steps(events))

    def up(self) -> Done:
        """Deploy; raises `pulumi.automation.CommandError` with what the engine said if it fails."""
        events: list[automation.EngineEvent] = []
        result = self.stack.up(on_event=events.append, color="never")
        return Done(_steps(events), {name: output.value for name, output in result.outputs.items()})

    def refresh(self) -> Done:
        """Look at what is there."""
        events: list[automation.EngineEvent] = []
        self.stack.refresh(on_event=events.append, color="never")
        return Done(_steps(events))

    def destroy(self) -> Done:
        """Remove everything; raises as `up`."""
        events: list[automation.EngineEvent] = []
        self.stack.destroy(on_event=events.append, color="never")
        return Done(_steps(events))

    def resources(self) -> list[dict[str, Any]]:
        """What the state says that there is."""
        deployment = self.stack.export_stack().deployment or {}
        return list(deployment.get("resources") or [])

    def state(self) -> str:
        """All files of the state, as they are on disk, history and backups included."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.rglob("*")) if path.is_file())


def open_stack(
    name: str, program: Program, folder: Path, endpoints: Mapping[str, str], environment: Mapping[str, str]
) -> Stack:
    """A stack without resources, whose provider is pointed at these endpoints and nowhere else."""
    home = {"PULUMI_HOME": environment["PULUMI_HOME"]} if environment.get("PULUMI_HOME") else {}
    state, project = folder / "state", folder / "project"
    state.mkdir(parents=True)
    # Pulumi.yaml as it is, with its declarations of keys. The folder that it names stays empty: we run that in here.
    (project / "infra").mkdir(parents=True)
    shutil.copy(ROOT / "Pulumi.yaml", project)
    options = automation.LocalWorkspaceOptions(
        work_dir=str(project),
        env_vars={
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **home,
        },
    )
    made = Stack.__new__(Stack)
    stack = automation.create_or_select_stack(
        stack_name=name,
        project_name="reprise",
        program=lambda: made.program(),  # noqa: PLW0108  # the one that it has then
        opts=options,
    )
    made.stack, made.folder, made.program = stack, state, program
    made.configure(PROVIDER)
    made.point(endpoints)
    return made


def _steps(events: list[automation.EngineEvent]) -> tuple[Step, ...]:
    found: dict[tuple[str, str], Step] = {}
    for event in events:
        about = event.resource_pre_event or event.res_outputs_event
        if about is None:
            continue
        seen = about.metadata
        name = seen.urn.rsplit("::", 1)[1]
        because = tuple(sorted(seen.diffs or seen.keys or ()))
        found[(seen.urn, str(seen.op.value))] = Step(seen.type, name, str(seen.op.value), because)
    return tuple(found.values())
