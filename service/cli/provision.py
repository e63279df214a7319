"""``python -m service provision``: the bucket and the table, made where no infrastructure program makes them."""

import argparse
import sys
from collections.abc import Mapping

from service import settings, wiring
from service.cli.convert import pause


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Make what is missing and print what was found and done; returns the exit code."""
    try:
        # Nobody is served here, so who may use the API need not be said.
        read = settings.read({**environment, "REPRISE_ROLE": "worker"})
        if read.embedded:
            problem = "REPRISE_BUCKET and REPRISE_TABLE are missing: they name the bucket and the table to make"
            raise settings.SettingsError((problem,))
        wiring.provision(read, environment, _tell, wait=given.wait, on_aws=given.on_aws, pause=pause)
    except settings.SettingsError as error:
        for problem in error.problems:
            print(f"reprise: {problem}", file=sys.stderr)
        return 2
    except wiring.CannotProvision as error:
        print(f"reprise: {error}", file=sys.stderr)
        return 1
    return 0


def _tell(what: str, found: str) -> None:
    print(f"{what}: {found}", flush=True)
