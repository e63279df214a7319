"""How Pulumi comes in, and what the documents say of it."""

import json
import re
import runpy
import sys
from pathlib import Path

import pulumi
import pytest
from pulumi.runtime import config as given

from infra.config import ConfigError
from infra.config.keys import KEYS
from infra.program import read
from tests.support.cloud import MINIMAL, REGION
from tests.unit.infra.stacks import STACKS, stack

ROOT = Path(__file__).resolve().parents[3]


def test_the_program_runs_as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi runs the folder, with it in front of the path; a wrong configuration ends it before anything is made."""
    folder = str(ROOT / "infra")
    monkeypatch.setattr(sys, "path", [folder, *(path for path in sys.path if path not in {"", str(ROOT)})])
    monkeypatch.setattr("pulumi.get_stack", lambda: "dev")
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"reprise:compute": "lambda"}))
    with pytest.raises(pulumi.RunError, match="reprise:compute must be apprunner or ecs-express, not 'lambda'"):
        runpy.run_path(folder, run_name="__main__")
    assert sys.path[0] == str(ROOT)
    assert folder not in sys.path


def test_the_engines_configuration_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from the engine, with which of them are encrypted; a secret in plain text ends it."""
    texts = {**MINIMAL, "aws:region": REGION}
    secrets = ["reprise:apiKeys", "reprise:cacheToken"]
    monkeypatch.setattr("pulumi.get_stack", lambda: "dev")
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secrets))
    assert read().region == REGION
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secrets[:1]))
    assert not given.is_config_secret("reprise:cacheToken")
    with pytest.raises(ConfigError, match="cacheToken is in plain text"):
        read()


@pytest.mark.parametrize("name", ["docs/deploy.md", "Pulumi.dev.yaml", "Pulumi.prod.yaml"])
def test_documents_name_settings_that_exist(name: str) -> None:
    """Every `reprise:setting` in a document or an example is one of the settings."""
    named = set(re.findall(r"reprise:([A-Za-z]+)", (ROOT / name).read_text(encoding="utf-8")))
    assert named <= {key.name for key in KEYS}


def test_the_guide_names_every_output() -> None:
    """What a stack puts out is explained in the guide, and the guide explains nothing else."""
    text = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", text, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    put_out = set().union(*(stack(name).outputs for name in STACKS))
    assert put_out - {"registry"} <= explained


def test_the_plugin_and_the_package_are_one_version() -> None:
    """What is pinned is what the tests ran with."""
    pins = (ROOT / "requirements/infra.txt").read_text(encoding="utf-8")
    assert "pulumi==3.272.0" in pins
    assert "pulumi-aws==7.51.1" in pins
