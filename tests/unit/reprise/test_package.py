"""The package as it is installed."""

import reprise
import service
from reprise.command.main import _parser
from service.core.media.options import Options


def test_client_and_service_have_one_version() -> None:
    """What is installed beside a service of the same version says so."""
    assert reprise.__version__ == service.__version__


def test_every_option_has_a_flag() -> None:
    """An option that the service gains is given a flag of the command, too."""
    told = _parser().parse_args(["convert", "x", "--to", "mp3"])

    assert {name for name in Options.__dataclass_fields__ if not hasattr(told, name)} == set()
