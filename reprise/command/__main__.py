"""``python -m reprise.command``."""

from reprise.command.main import run

run()
