import re
from collections import Counter

import pytest

from service.core import errors
from service.core.errors import RepriseError
from service.core.limits import shares

LINE = re.compile(r"^    (?P<branch>[│├└─ ]*)(?P<name>[A-Z]\w+) +(?P<status>\d{3})?")


def every_class(kind: type[RepriseError] = RepriseError) -> list[type[RepriseError]]:
    """The tree as it is: a class, and all below it."""
    return [kind, *(below for child in kind.__subclasses__() for below in every_class(child))]


def drawing() -> dict[str, tuple[str | None, str | None]]:
    """The tree as the docstring draws it: by name, the name of the parent and the status, if it is written there."""
    drawn: dict[str, tuple[str | None, str | None]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := LINE.match(line):
            depth = len(found["branch"]) // 4
            path[depth:] = [found["name"]]
            drawn[found["name"]] = (path[depth - 1] if depth else None, found["status"])
    return drawn


def test_every_error_class_is_in_the_tree_that_errors_draws() -> None:
    """The drawing names each class once, below its parent, and no class that does not exist."""
    product = [kind for kind in every_class() if kind.__module__.startswith("service.core.")]
    actual = {kind.__name__: kind.__bases__[0].__name__ if kind is not RepriseError else None for kind in product}

    assert {name: parent for name, (parent, _) in drawing().items()} == actual


@pytest.mark.parametrize("name", [name for name, (_, status) in drawing().items() if status])
def test_status_in_the_drawing_is_that_of_the_class(name: str) -> None:
    """A status that the drawing shows is the one that clients are answered with."""
    assert drawing()[name][1] == str((getattr(errors, name, None) or getattr(shares, name)).status)


def test_problem_code_belongs_to_one_class() -> None:
    """A program can tell two problems apart by their codes alone: no code is defined by two classes."""
    codes = Counter(vars(kind)["code"] for kind in every_class() if "code" in vars(kind))

    assert [code for code, times in codes.items() if times > 1] == []
