"""Where Pulumi comes in: it runs this folder as a program, with the folder itself in front of the path of imports."""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

# The folder would hide packages of the same names (`config`, `costs`); what is imported from is the folder above it.
sys.path[:] = [str(FOLDER.parent), *(path for path in sys.path if Path(path).resolve() != FOLDER)]

from infra.program import deploy  # noqa: E402  # the path first

deploy()
