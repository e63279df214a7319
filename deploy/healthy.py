"""
Whether the service in this container is well: exit code 0, or 1 and a line that says why.

A process that answers requests is asked whether it lives (not whether it is ready: a container must not be replaced
because S3 is away). A worker has no door to knock at. It is well when it is past its start, that is, has found its
backing services in order and asks for SIGTERM from then on, and has not been stopped.

Standard library only, and as little of it as will do: this runs every few seconds.
"""

import os
import signal
import socket
import sys
from pathlib import Path

PATIENCE = 4.0  # seconds; the platform gives up a little later


def main() -> str | None:
    """What is wrong, or None."""
    if os.environ.get("REPRISE_ROLE", "").strip().lower() == "worker":
        return worker(Path("/proc"))
    return door(int(os.environ.get("REPRISE_PORT") or os.environ.get("PORT") or 8080))


def door(port: int) -> str | None:
    """Ask the process that listens whether it lives."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = connection.recv(64).decode("latin-1")
    except OSError as error:
        return f"/health/live does not answer: {error}"
    return None if " 200 " in answer else f"/health/live answers {answer.splitlines()[0] if answer else 'nothing'!r}"


def worker(proc: Path) -> str | None:
    """Find the process that init started, and look at it from outside."""
    for child in (proc / "1/task/1/children").read_text().split():
        fields = dict(line.split(":", 1) for line in (proc / child / "status").read_text().splitlines())
        if fields["State"].split()[0] in "TtZX":
            return f"process {child} does not run: {fields['State'].strip()}"
        if not int(fields["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1:
            return f"process {child} is still starting"
        return None
    return "no process"


if __name__ == "__main__":
    if problem := main():
        sys.exit(problem)
