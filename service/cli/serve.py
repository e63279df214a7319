"""``python -m service serve``: the service, with its own backing services if none are configured."""

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from service import settings, wiring
from service.cli import report
from service.cli.sample import write_sample
from service.telemetry import configure_logging
from service.telemetry.libraries import listen_to_libraries

PATIENCE = 1.0  # seconds for threads that are about to end

# ruff: noqa: E501 - lines to be copied cannot be broken
TRY = """
Open {address} in a browser, or try these three lines in another terminal ({sample} is a sample; take your own):

  UPLOAD=$(curl -sF 'file=@{sample}' {address}/v1/uploads | grep -o '"upload_id":"[^"]*' | cut -d'"' -f4)
  JOB=$(curl -s {address}/v1/jobs --json '{{"upload_id": "'$UPLOAD'", "format": "mp3"}}' | grep -o '"job_id":"[^"]*' | cut -d'"' -f4)
  curl -s "{address}/v1/jobs/$JOB?wait=60" && curl -sLo song.mp3 "{address}/v1/jobs/$JOB/download"

Everything is kept in memory and gone when you stop it with Ctrl-C.
"""


def run(environment: Mapping[str, str]) -> int:
    """Serve until a signal; returns the exit code."""
    wiring.hide_from_others()
    with ExitStack() as stack:
        try:
            given = settings.read(environment)
            people = given.embedded and "REPRISE_LOG_FORMAT" not in environment
            form = "text" if people else given.log_format
            configure_logging(level=given.log_level, form=form, namespace=given.metrics_namespace)
            listen_to_libraries()
            sample: Path | None = None
            embedded = given.embedded
            if embedded:
                environment = embed(stack, environment)
                given = settings.read(environment)
                sample = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reprise-"))) / "song.wav"
                write_sample(sample)
            asyncio.run(
                wiring.serve(
                    given,
                    environment,
                    lambda address: _announce(address, None if given.role == "worker" else sample),
                    show=report.draw if form == "text" else wiring.log_report,
                    embedded=embedded,
                )
            )
        except (settings.SettingsError, wiring.StartError) as error:
            for problem in error.problems:
                print(f"reprise: {problem}", file=sys.stderr)
            return 2
        except wiring.EmbeddedError as error:
            print(f"reprise: {error}", file=sys.stderr)
            return 2
    leave(0)
    return 0


def leave(code: int) -> None:
    """
    End the process if it would not end by itself: a thread may wait for an S3 that does not answer.

    Its leases are given back and everything is closed; what such a thread leaves is the janitor's.
    """
    # Daemons as well: at its end, Python waits for the threads of every pool, whatever they are.
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    for thread in others:
        thread.join(PATIENCE / len(others))
    if any(thread.is_alive() for thread in others):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def embed(stack: ExitStack, environment: Mapping[str, str]) -> dict[str, str]:
    """Start an embedded stack that lives as long as `stack`; returns the environment that points to it."""
    embedded = stack.enter_context(wiring.embedded_stack(environment))
    if not embedded.redis:
        print(
            "redis-server is not installed: progress comes from DynamoDB instead, a little less often", file=sys.stderr
        )
    pointed = {**environment, **embedded.environment}
    wiring.prepare_embedded(settings.read(pointed), pointed)
    return pointed


def _announce(address: str, sample: Path | None) -> None:
    print(f"listening on {address}", flush=True)
    if sample is not None:
        print(TRY.format(address=address, sample=sample), flush=True)
