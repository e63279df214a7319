"""
What never reaches a log, whatever is emitted: the net below the rule that no event has a secret for a field.

It looks at the finished line, so it sees tracebacks, nested fields and what another library wrote into a message. Known
secrets of this process (`protect`) are looked for as they are; all others by their form.
"""

import json
import re
from collections.abc import Iterable

HIDDEN = "***"
LEAST = 8  # characters; what is shorter is in too many words

_VALUE = r"""\\?["']?\s*[=:]\s*\\?["']?"""  # between a name and its value: a query, a header, JSON, JSON in JSON
_FORMS = re.compile(
    rf"(?P<query>x-amz-(?:signature|credential|security-token){_VALUE})[^&\s\"'\\,}}]+"
    rf"|(?P<header>\b(?:proxy-)?authorization{_VALUE}|\bx-api-key{_VALUE}|\b(?:set-)?cookie{_VALUE})[^\"'\\\n}}]+"
    rf"|(?P<bearer>\bbearer )[A-Za-z0-9._~+/=-]+"
    rf"|(?P<signed>\bSignature=)[0-9a-f]{{32,}}"
    rf"|(?P<named>\b(?:aws_)?(?:secret_access_key|session_token|secretaccesskey|sessiontoken|password|passwd){_VALUE})"
    r"[^\s\"'\\,}]+"
    r"|(?P<user>://)[^/\s\"'@]*@"
    r"|\bwhsec_[A-Za-z0-9+/=_-]+"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    re.IGNORECASE,
)
# A line without any of these has none of the forms. All lower case.
_HINTS = ("x-amz-", "authorization", "api-key", "cookie", "bearer ", "signature=", "secret", "session", "passw", "akia",
          "asia", "whsec_", "@")  # fmt: skip

_known: dict[str, re.Pattern[str] | None] = {"": None}


def protect(secrets: Iterable[str | None]) -> None:
    """Keep these out of every line from now on, in place of those of an earlier call; what is too short is left out."""
    found = {secret for secret in secrets if secret and len(secret) >= LEAST}
    forms = {form for secret in found for form in (secret, json.dumps(secret)[1:-1])}
    longest_first = sorted(forms, key=len, reverse=True)
    _known[""] = re.compile("|".join(map(re.escape, longest_first))) if forms else None


def redact(line: str) -> str:
    """Return a line without secrets."""
    if (known := _known[""]) is not None:
        line = known.sub(HIDDEN, line)
    low = line.lower()
    return _FORMS.sub(_hide, line) if any(hint in low for hint in _HINTS) else line


def _hide(found: re.Match[str]) -> str:
    name = found.lastgroup
    if name is None:
        return HIDDEN
    return f"{found[name]}{HIDDEN}{'@' if name == 'user' else ''}"
