import pytest

from deploy import healthy
from service import settings


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PORT": "1"},
        {"PORT": "1", "REPRISE_PORT": "2"},
        {"REPRISE_PORT": " 2 ", "REPRISE_ROLE": "api"},
        {"REPRISE_ROLE": "worker"},
        {"REPRISE_ROLE": " Worker ", "REPRISE_WORKER_PORT": "3"},
        {"REPRISE_ROLE": "worker", "PORT": "1", "REPRISE_PORT": "2"},
        {"REPRISE_ROLE": "all", "REPRISE_WORKER_PORT": "3"},
    ],
    ids=["none", "port", "ours-first", "api", "worker", "worker-port", "worker-not-port", "all"],
)
def test_health_check_asks_the_port_that_the_settings_choose(variables: dict[str, str]) -> None:
    """The health check, which may not import the service, has the same rules and defaults for ports as the settings."""
    given = settings.read(variables)

    assert healthy.port(variables) == (given.worker_port if given.role == "worker" else given.port)
