"""No argument that pulumi-aws would rather not have, under warnings that are errors."""

import importlib
import inspect
from typing import Any

import pulumi_aws as aws
import pytest

from tests.support.cloud import Recorded
from tests.unit.infra.stacks import STACKS, stack


def camel(name: str) -> str:
    """A Python name as the schema has it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def again(it: Recorded) -> Any:
    """Make the arguments of a resource once more, by the class that warns; the resource itself does not."""
    place, _, kind = it.kind.removeprefix("aws:").partition(":")
    made = getattr(importlib.import_module(f"pulumi_aws.{place.partition('/')[0]}"), kind)
    module = vars(importlib.import_module(made.__module__))
    arguments = module.get(f"{kind}InitArgs") or module[f"{kind}Args"]  # a block may have the same name
    names = {camel(name): name for name in inspect.signature(arguments).parameters}
    return arguments(**{names[name]: value for name, value in it.inputs.items()})


@pytest.mark.parametrize("name", STACKS)
def test_no_argument_is_deprecated(name: str) -> None:
    """Each resource is declared with arguments that a next version of the provider will still have."""
    for it in stack(name).resources:
        again(it)


def test_a_deprecated_argument_is_seen() -> None:
    """The check itself sees one, of a resource and of a block in it."""
    old = {"bucket": "b", "acl": "private"}
    it = Recorded(
        "aws:s3/bucket:Bucket", "x", old, frozenset(), protected=False, retained=False, ignored=(), after=frozenset()
    )
    with pytest.raises(DeprecationWarning, match="acl is deprecated"):
        again(it)
    with pytest.raises(DeprecationWarning, match="hash_key is deprecated"):
        aws.dynamodb.TableGlobalSecondaryIndexArgs(name="i", projection_type="KEYS_ONLY", hash_key="queue")
