"""Each default is stated once."""

import dataclasses
from typing import Any

import pytest

from service import settings
from service.core import defaults
from service.core.trust import LeasePolicy
from service.wiring.build import config_of_ffmpeg, config_of_janitor, config_of_worker, limits
from service.wiring.serving import config_of_service

GIVEN = settings.read({})
CONFIGS = [
    config_of_ffmpeg(GIVEN, "/scratch"),
    config_of_janitor(GIVEN),
    config_of_service(GIVEN, "one"),
    config_of_worker(GIVEN, "one"),
    GIVEN.lease_policy,
    limits(GIVEN),
]
# Not numbers but choices, which each test and each process makes for itself.
CHOSEN = {"version", "instance", "cors_origins"}


def default_of(field: "dataclasses.Field[Any]") -> object:
    """What a field has if it is not given; `MISSING` if it must be."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
def test_configuration_classes_have_the_defaults_of_the_settings(config: Any) -> None:
    """A class configured from unchanged settings has the defaults that it has by itself: no cap has two values."""
    defaults_of = {field.name: default_of(field) for field in dataclasses.fields(config) if field.name not in CHOSEN}
    given = {name: getattr(config, name) for name, default in defaults_of.items() if default is not dataclasses.MISSING}

    assert given == {name: defaults_of[name] for name in given}


def test_no_default_is_left_that_nothing_uses() -> None:
    """Each number of `core.defaults` is the default of a setting; the unit and the margin serve to state others."""
    numbers = {name: value for name, value in vars(defaults).items() if name.isupper()}
    used = {variable.default for variable in settings.VARIABLES}

    assert [name for name in numbers.keys() - {"GIB", "MARGINS_OF_A_LEASE"} if numbers[name] not in used] == []


def test_the_margin_follows_the_lease() -> None:
    """Whatever the lease, trust ends a sixth of it before its end, as in the default."""
    longer = settings.read({"REPRISE_LEASE_SECONDS": "60"}).lease_policy

    assert longer.margin / longer.duration == LeasePolicy().margin / LeasePolicy().duration
