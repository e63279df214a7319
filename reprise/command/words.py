"""An error as one line for a person, and as the exit code that it leads to."""

from reprise.errors import ProblemError, RepriseError, TryLater, Unauthorized, UnexpectedAnswer, Unreachable

OK, FAILED, USAGE, LATER, KEY, INTERRUPTED = 0, 1, 2, 3, 4, 130
AGAIN = "the same command goes on where this one stopped"


def code_of(error: Exception | None) -> int:
    """Return the exit code."""
    match error:
        case None:
            return OK
        case Unauthorized():
            return KEY
        case TryLater() | Unreachable() | UnexpectedAnswer():
            return LATER
    return FAILED


def line(error: Exception, url: str) -> str:
    """Return what happened and what to do, without an end of line."""
    match error:
        case Unauthorized():
            return f"{error}: give one that {url} knows by --key, or in REPRISE_API_KEY"
        case Unreachable():
            return f"{url} does not answer ({error}): is the address right, and the service running?"
        case UnexpectedAnswer():
            return f"{url}: {error}: is the address right?"
        case ProblemError() if error.hint:
            return f"{error}. {error.hint}"
        case OSError() if error.strerror:
            return f"{error.filename or 'a file'}: {error.strerror}"
        case RepriseError():
            return str(error)
    return str(error)
