"""
Whether the service in this container is well: exit code 0, or 1 and a line that says why.

The process is asked whether it lives, not whether it is ready: a container must not be replaced because S3 is away. A
worker answers on its side port, every other role where it answers requests. Both listen once they have found their
backing services in order, so a process that is still starting is not well yet.

Standard library only, and as little of it as will do: this runs every few seconds.
"""

import os
import socket
import sys
from collections.abc import Mapping

TIMEOUT = 4.0  # seconds; the platform gives up a little later


def main() -> str | None:
    """Return what is wrong, or None."""
    return ask(port(os.environ))


def port(environment: Mapping[str, str]) -> int:
    """Return the port on which the process answers, by the rules and defaults of the settings."""

    def number(*names: str, default: int) -> int:
        return next((int(text) for name in names if (text := environment.get(name, "").strip())), default)

    if environment.get("REPRISE_ROLE", "").strip().lower() == "worker":
        return number("REPRISE_WORKER_PORT", default=8081)
    return number("REPRISE_PORT", "PORT", default=8080)


def ask(port: int) -> str | None:
    """Ask the process that listens on this port of this machine whether it lives."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
            connection.sendall(b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = connection.recv(64).decode("latin-1")
    except OSError as error:
        return f"/health/live does not answer: {error}"
    return None if " 200 " in answer else f"/health/live answers {answer.splitlines()[0] if answer else 'nothing'!r}"


if __name__ == "__main__":
    if problem := main():
        sys.exit(problem)
