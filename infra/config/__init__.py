"""
What a stack can set, under `reprise:`: one `Key` each, with how it is read, its default and what is expected.

`read` is pure: from the texts that Pulumi gives to a frozen `Config`, or a `ConfigError` that lists every mistake with
its fix. It runs before the first resource is declared, so that a wrong setting creates nothing. Pulumi.yaml declares
the same keys with the same defaults, and a test holds the two together. An empty text is a key that is not set.
"""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from infra.config.keys import KEYS, Key
from infra.config.model import Config
from infra.config.rules import relations

PREFIX = "reprise:"


class ConfigError(Exception):
    """The configuration of the stack is wrong; `problems` has a line for each mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("The configuration of this stack is wrong:\n" + "\n".join(f"  - {it}" for it in problems))


def read(raw: Mapping[str, str], *, stack: str, region: str, secrets: Collection[str] | None = None) -> Config:
    """
    Read the keys that begin with `reprise:`; others are left to their owners.

    `secrets` names the keys that are encrypted in the stack's file; None skips that check. Raises `ConfigError`.
    """
    given = {name.removeprefix(PREFIX): text for name, text in raw.items() if name.startswith(PREFIX)}
    values: dict[str, Any] = {key.field: key.default for key in KEYS}
    problems = _unknown(given)
    for key in KEYS:
        text = given.get(key.name, "").strip()
        if not text:
            continue
        try:
            values[key.field] = key.read(text)
        except ValueError as error:
            problems.append(f"{PREFIX}{key.name} must be {key.expects}{_found(key, text, error)}")
        if key.secret and secrets is not None and PREFIX + key.name not in secrets:
            fix = f"set it with `pulumi config set --secret {PREFIX}{key.name}`, and replace what has been exposed"
            problems.append(f"{PREFIX}{key.name} is in plain text in the stack's file: {fix}")
    config = Config(stack=stack, region=region, **values)
    problems += relations(config, given)
    if problems:
        raise ConfigError(tuple(problems))
    return config


def _found(key: Key, text: str, error: ValueError) -> str:
    """What was found instead; a secret is never repeated."""
    return f" ({error})" if key.secret else f", not {text!r}"


def _unknown(given: Mapping[str, str]) -> list[str]:
    known = [key.name for key in KEYS]
    problems = []
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean {PREFIX}{near[0]}?" if near else f"remove it with `pulumi config rm {PREFIX}{name}`"
        problems.append(f"{PREFIX}{name} is not a setting; {fix}")
    return problems
