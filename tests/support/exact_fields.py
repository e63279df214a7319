"""Every event that any test makes the service emit has exactly the fields that it declares, or that test fails."""

import sys
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

import service
from service.telemetry import subscribe
from service.telemetry.events import CONTEXT, Event

PRODUCT = str(Path(service.__file__).parent)
ALLOWED = {*CONTEXT, "exc_info"}  # `exc_info` becomes `exception`


class ExactFields:
    """Collects what does not fit. `note` is called on any thread, where an error would be lost."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def note(self, event: Event, fields: Mapping[str, object]) -> None:
        """Compare the fields of an event with its declaration."""
        caller = sys._getframe(2).f_code.co_filename  # past `emit`; tests make up events of their own
        if caller.startswith(PRODUCT) and (found := wrong_fields(event, fields)):
            self.wrong.append(f"{event.name}: {found}")


def wrong_fields(event: Event, fields: Mapping[str, object]) -> str:
    """Return what is missing and what is not declared; an empty string if all is well."""
    missing = set(event.fields) - set(fields)
    unknown = set(fields) - {*event.fields, *event.maybe} - ALLOWED
    return f"missing {sorted(missing)}, not declared {sorted(unknown)}" if missing or unknown else ""


FOUND = ExactFields()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail a test during which an event did not fit."""
    FOUND.wrong.clear()
    with subscribe(FOUND.note):
        result = yield
    if FOUND.wrong:
        pytest.fail(f"events do not have their declared fields: {'; '.join(sorted(set(FOUND.wrong)))}")
    return result
