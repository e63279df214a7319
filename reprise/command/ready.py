"""What is asked of the service before the first file is sent: that it is there, and knows the key and the format."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from reprise.client import Client
from reprise.errors import NotFound, ProblemError, TryLater, UnexpectedAnswer, Unreachable

NO_JOB = "a" * 26  # an id that no job has


class UnknownFormat(Exception):
    """The service does not write this format; the message names those that it does."""


def formats(url: str, key: str | None, patience: float, notify: Callable[[str], None]) -> Mapping[str, Any]:
    """
    Return what the service converts.

    A service that is away is waited for, and `notify` told so at once: with a wrong address nothing else would be seen
    for as long as that takes. Raises what `Client` does.
    """
    try:
        return _ask(url, key, 0.0)
    except (TryLater, Unreachable) as error:
        if patience <= 0:
            raise
        notify(f"{url} does not answer ({error}); trying for {patience:g} s, and Ctrl-C ends it")
    return _ask(url, key, patience)


def _ask(url: str, key: str | None, patience: float) -> Mapping[str, Any]:
    with Client(url, key=key, patience=patience) as client:
        try:
            found = client.formats()
        except ProblemError as error:
            if error.code.startswith("http_") and not isinstance(error, TryLater):  # no problem document of ours
                raise UnexpectedAnswer(f"what answers there is no Reprise service ({error.status})") from None
            raise
        if not isinstance(found.get("output"), list):
            raise UnexpectedAnswer("what answers there is no Reprise service")
        return found


def require_key(url: str, key: str | None, patience: float) -> None:
    """Raise `Unauthorized` if the service wants another key; what it converts is shown without any."""
    with Client(url, key=key, patience=patience) as client:
        try:
            client.job(NO_JOB)
        except NotFound:
            return


def extension(known: Mapping[str, Any], target: str) -> str:
    """Return how names of files of a format end. Raises `UnknownFormat`."""
    endings = {str(one.get("format")): str(one.get("extension", one.get("format"))) for one in known["output"]}
    if target in endings:
        return endings[target]
    near = difflib.get_close_matches(target, endings, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise UnknownFormat(f"there is no format {target!r}.{meant} There are: {', '.join(endings)}")
