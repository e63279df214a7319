"""
AWS's own models of its calls, as botocore has them: what Pulumi's inputs become in a call, and what is wrong with it.

Pulumi names a property like the member of the call that it becomes, in another case, in the plural where it may be
repeated, and without the prefix that a service may have; `call` finds it by that. What it does not find it reports,
so that no argument goes unchecked.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session

NUMBER = (int, float)
PYTHON: Mapping[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": NUMBER,
    "double": NUMBER,
}
JAVA = (
    ("\\uD800\\uDC00-\\uDBFF\\uDFFF", "\U00010000-\U0010ffff"),
    ("\\p{Alpha}", "a-zA-Z"),
    ("\\p{L}", "\\w"),
    ("\\p{Z}", "\\s"),
    ("\\p{N}", "\\d"),
    ("\\p{Print}", "[ -~]"),
    ("(?i)", ""),
)


@cache
def shape(service: str, operation: str) -> Any:
    """What a call takes."""
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


def call(wanted: Any, given: Any, renamed: Mapping[str, str], unknown: list[str], where: str = "") -> Any:
    """`given` as the call wants it. Properties that no member of the call stands for are added to `unknown`."""
    kind = wanted.type_name
    if kind == "structure":
        block = given[0] if isinstance(given, list) and len(given) == 1 else given
        if not isinstance(block, dict):
            return given
        found = {}
        for name, value in block.items():
            here = f"{where}.{name}".strip(".")
            found_as = member(wanted, name, renamed)
            if found_as is None:
                unknown.append(here)
            else:
                found[found_as] = call(wanted.members[found_as], value, renamed, unknown, here)
        return found
    if kind == "list":
        if isinstance(given, dict) and wanted.member.type_name == "structure" and len(wanted.member.members) == 2:
            first, second = wanted.member.members  # a map, as a list of names and values
            return [{first: name, second: value} for name, value in given.items()]
        items = given if isinstance(given, list) else [given]
        return [call(wanted.member, it, renamed, unknown, f"{where}[{index}]") for index, it in enumerate(items)]
    if kind in PYTHON and int in PYTHON[kind]:
        return _number(given)
    return given


def _number(given: Any) -> Any:
    """As a call has it: Pulumi writes some numbers as texts, and all others as floating-point numbers."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return given
    try:
        number = float(given)
    except ValueError:
        return given
    return int(number) if number.is_integer() else number


def member(wanted: Any, name: str, renamed: Mapping[str, str]) -> str | None:
    """The member that a property stands for, or None."""
    if renamed.get(name) in wanted.members:
        return renamed[name]
    low = name.lower()
    singular = re.sub(r"ies$", "y", low) if low.endswith("ies") else low.removesuffix("s")
    wordings = {low, f"{low}s", singular, f"{low}list", f"{low}configurations"}
    return next((it for it in wanted.members if it.lower() in wordings), None)


def faults(wanted: Any, value: Any, where: str = "") -> Iterator[str]:
    """What the call would be refused for: members, types, words, patterns, lengths and bounds."""
    kind, rules = str(wanted.type_name), wanted.metadata
    right = isinstance(value, PYTHON[kind]) and isinstance(value, bool) == (kind == "boolean")
    if not right:
        yield f"{where}: not a {kind}: {value!r}"
    elif kind == "structure":
        yield from (f"{where}.{name}: missing" for name in wanted.required_members if name not in value)
        for name, inner in value.items():
            yield from faults(wanted.members[name], inner, f"{where}.{name}".strip("."))
    elif kind == "list":
        yield from _bounds(len(value), rules, where)
        for index, inner in enumerate(value):
            yield from faults(wanted.member, inner, f"{where}[{index}]")
    elif kind == "map":
        for name, inner in value.items():
            yield from faults(wanted.key, name, f"{where} key")
            yield from faults(wanted.value, inner, f"{where}.{name}")
    elif kind == "string":
        yield from _text(value, rules, where)
    elif kind != "boolean":
        yield from _bounds(value, rules, where)


def _text(value: str, rules: Mapping[str, Any], where: str) -> Iterator[str]:
    if rules.get("enum") and value not in rules["enum"]:
        yield f"{where}: {value!r} is none of {rules['enum']}"
    if "pattern" in rules and re.fullmatch(_python(rules["pattern"]), value, re.DOTALL) is None:
        yield f"{where}: {value!r} is not like {rules['pattern']}"
    yield from _bounds(len(value), rules, where)


def _python(pattern: str) -> str:
    """Models have Java's patterns. Of those that occur, classes by name, surrogates and flags differ."""
    for java, python in JAVA:
        pattern = pattern.replace(java, python)
    return pattern


def _bounds(size: float, rules: Mapping[str, Any], where: str) -> Iterator[str]:
    if "min" in rules and size < rules["min"]:
        yield f"{where}: {size} is below {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"{where}: {size} is above {rules['max']}"
