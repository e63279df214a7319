"""What a stack may set."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from infra import config
from infra.config.keys import KEYS
from infra.config.model import Config
from infra.config.rules import warnings
from infra.costs.examples import example
from service.core.access import parse_keys
from tests.support.cloud import API_KEYS, MINIMAL, REGION, TOKEN
from tests.unit.infra.stacks import WEBHOOKS

ROOT = Path(__file__).resolve().parents[3]
EXISTING = {
    "network": "existing",
    "vpcId": "vpc-0a",
    "vpcCidr": "10.64.0.0/16",
    "privateSubnets": '["subnet-1", "subnet-2"]',
    "publicSubnets": '["subnet-3", "subnet-4"]',
}


def read(*, stack: str = "dev", region: str = REGION, **changed: str) -> Config:
    """Read a stack with these settings besides those it needs."""
    return config.read(
        {**MINIMAL, **{f"reprise:{name}": it for name, it in changed.items()}}, stack=stack, region=region
    )


def complaints(*, stack: str = "dev", region: str = REGION, **changed: str) -> tuple[str, ...]:
    """Everything that is wrong with these settings."""
    with pytest.raises(config.ConfigError) as caught:
        read(stack=stack, region=region, **changed)
    return caught.value.problems


def test_what_is_not_set_has_its_default() -> None:
    """A stack that names its sites and its keys is complete."""
    stack = read()
    assert stack.compute == "ecs-express"
    assert (stack.keep_hours, stack.expire_days, stack.protect) == (24, 30, False)
    assert stack.cors_origins == ("https://app.example.com",)


def test_all_mistakes_are_named_at_once() -> None:
    """Whoever corrects a configuration has to try only once."""
    found = complaints(compute="lambda", keepHours="soon", imge="x", corsOrigins="", workerMin="9")
    assert len(found) == 5
    assert "reprise:imge is not a setting; did you mean reprise:image?" in found


@pytest.mark.parametrize("name", [key.name for key in KEYS])
def test_a_wrong_value_is_refused_with_what_is_expected(name: str) -> None:
    """Each setting says what it expects, and which one it is."""
    (found,) = (it for it in complaints(**{name: "\x00no value at all"}) if f"reprise:{name} must be" in it)
    (key,) = (key for key in KEYS if key.name == name)
    assert key.expects in found


def test_a_secret_is_never_repeated() -> None:
    """An error message may end in a log."""
    text = "\n".join(
        complaints(apiKeys="team:hunter2-not-hashed", cacheToken="hunter2-too-short", webhooks='{"a": "hunter2"}')
    )
    assert "hunter2" not in text
    assert "reprise:apiKeys" in text
    assert "reprise:cacheToken" in text
    assert "reprise:webhooks" in text


@pytest.mark.parametrize("name", [key.name for key in KEYS if key.secret])
def test_a_secret_in_plain_text_is_refused(name: str) -> None:
    """What is a secret is encrypted in the stack's file, or nothing is made."""
    others = {f"reprise:{key.name}" for key in KEYS if key.secret and key.name != name}
    with pytest.raises(config.ConfigError, match=rf"reprise:{name} is in plain text .*--secret"):
        config.read({**MINIMAL, "reprise:webhooks": WEBHOOKS}, stack="dev", region=REGION, secrets=others)


BROKEN: Mapping[str, tuple[dict[str, str], str]] = {
    "an API without keys": ({"apiKeys": ""}, "reprise:apiKeys is missing"),
    "no site at all": ({"corsOrigins": "[]"}, "reprise:corsOrigins is missing"),
    "an open API in production": ({"protect": "true", "apiKeys": "none"}, "may not be none"),
    "every site in production": ({"protect": "true", "corsOrigins": '["*"]'}, "may not hold *"),
    "logs without what the alarms read": ({"logLevel": "error"}, "set info"),
    "webhooks from where nothing can be reached": (
        {"compute": "apprunner", "webhooks": WEBHOOKS},
        "set reprise:worker to fargate",
    ),
    "a pair that App Runner has not": (
        {"compute": "apprunner", "cpu": "1", "memory": "8"},
        "App Runner has no 1 vCPU with 8 GB: set reprise:memory to one of 2, 3, 4",
    ),
    "a pair that Fargate has not": ({"cpu": "4", "memory": "2"}, "Fargate has no 4 vCPU with 2 GB"),
    "a pair of the worker that Fargate has not": (
        {"worker": "fargate", "workerCpu": "0.25", "workerMemory": "4"},
        "set reprise:workerMemory to one of 0.5, 1, 2",
    ),
    "fewer instances than at least": ({"minInstances": "5"}, "reprise:minInstances (5) is more than"),
    "fewer workers than at least": ({"workerMin": "5"}, "reprise:workerMin (5) is more than"),
    "a bucket that forgets too soon": ({"keepHours": "100", "expireDays": "8"}, "set at least 9"),
    "a cache without a password": ({"cache": "serverless", "cacheToken": ""}, "reprise:cacheToken is missing"),
    "a network without room": ({"vpcCidr": "10.0.0.0/18"}, "set one of /16 or /17"),
    "an existing network without its addresses": ({**EXISTING, "vpcCidr": ""}, "reprise:vpcCidr is missing"),
    "subnets of a network that is made": ({"vpcId": "vpc-0a"}, "reprise:vpcId is set, but"),
    "one zone": ({"zones": '["us-east-1a"]'}, "two or three availability zones, not 1"),
    "an existing network without a name": ({**EXISTING, "vpcId": ""}, "reprise:vpcId is missing"),
    "an existing network of one zone": ({**EXISTING, "privateSubnets": '["subnet-1"]'}, "at least two subnets"),
    "tasks without a way out": ({**EXISTING, "publicSubnets": ""}, "for ecs-express or fargate"),
    "zones of an existing network": ({**EXISTING, "zones": '["us-east-1a", "us-east-1b"]'}, "have their zones"),
    "a budget that tells nobody": ({"budgetUsd": "5"}, "set both, or neither"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_settings_that_do_not_fit_are_refused_with_the_fix(case: str) -> None:
    """Nothing is made from settings that contradict each other, and the message says what to do."""
    changed, words = BROKEN[case]
    (found,) = complaints(**changed)
    assert words in found


@pytest.mark.parametrize("name", ["Dev", "a--b", "1st", "a-very-long-name", ""])
def test_a_stack_whose_name_fits_no_resource_is_refused(name: str) -> None:
    """Names in AWS are made of the stack's, and the shortest of them decides."""
    (found,) = complaints(stack=name)
    assert "the stack's name" in found


def test_a_region_has_to_be_named() -> None:
    """Without a region nothing could be made, and the provider's own message is no help."""
    (found,) = complaints(region="")
    assert "aws:region" in found


def test_the_schema_of_the_project_has_the_same_settings() -> None:
    """Pulumi.yaml declares each setting, with the same description and default, and no other."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    assert list(declared) == [key.name for key in KEYS]
    for key in KEYS:
        entry = declared[key.name]
        default = json.dumps(entry["default"]) if isinstance(entry["default"], list | bool) else str(entry["default"])
        assert entry["description"] == key.about
        assert entry.get("secret", False) is key.secret
        assert (key.read(default) if default else "") == key.default


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_example_stacks_are_complete(stack: str) -> None:
    """With its secrets, each example can be deployed as it is."""
    assert example(stack).stack == stack


def test_the_example_for_production_protects_its_data() -> None:
    """A team that copies the example keeps its data, whatever happens to the stack."""
    assert example("prod").protect
    assert not example("dev").protect


def test_no_example_holds_a_secret() -> None:
    """Secrets are set by command, and encrypted; a file of the repository has none."""
    for stack in ("dev", "prod"):
        document = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
        assert not {f"reprise:{key.name}" for key in KEYS if key.secret} & set(document["config"])


def test_jobs_that_wander_between_app_runner_instances_are_warned_of() -> None:
    """Embedded workers on several App Runner instances are allowed, with a warning that names both ways out."""
    (found,) = warnings(read(compute="apprunner"))
    assert "set reprise:worker to fargate, or reprise:maxInstances to 1" in found
    assert "attempts_exhausted" in found
    for quiet in ({"worker": "fargate"}, {"maxInstances": "1"}, {"compute": "ecs-express"}):
        assert not warnings(read(**{"compute": "apprunner", **quiet}))


def test_keys_are_taken_as_the_service_takes_them() -> None:
    """What a stack accepts as its API keys, the service accepts too."""
    assert [
        key.tenant for key in parse_keys(read(apiKeys=f" {API_KEYS.upper().replace('TEAM', 'team')} ").api_keys)
    ] == ["team"]
    assert parse_keys(read(apiKeys="None").api_keys) == ()


def test_a_token_needs_no_escaping() -> None:
    """It becomes a part of an address, and stays what it is."""
    assert read(cacheToken=TOKEN).cache_token == TOKEN
    assert complaints(cacheToken="a/b@c:" * 8)
