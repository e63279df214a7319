"""Settings: from the environment, all mistakes at once."""

import json
import re
from pathlib import Path

import pytest

from service import settings
from service.core.limits.shares import parse_shares
from service.settings.variables import ADDRESS


def problems(**environment: str) -> tuple[str, ...]:
    """What is wrong with these variables."""
    with pytest.raises(settings.SettingsError) as caught:
        settings.read(environment)
    return caught.value.problems


def test_nothing_set_is_the_embedded_default() -> None:
    """Without any variable the settings are those of the embedded service, and fit together."""
    given = settings.read({})

    assert given.embedded
    assert given.lease_policy.problems() == ()


@pytest.mark.requirement("4.1", "5.5")
def test_every_mistake_is_named_at_once() -> None:
    """Each wrong variable is named with what was expected and what was found, all in one error."""
    found = problems(REPRISE_SLOTS="many", REPRISE_PORT="70000", AWS_ENDPOINT_URL="localhost", REPRISE_ROLE="boss")

    assert found == (
        "REPRISE_ROLE must be all, api or worker, not 'boss'",
        "REPRISE_PORT must be a port, 0 to 65535 (0: any free one), not '70000'",
        f"AWS_ENDPOINT_URL must be {ADDRESS}, not 'localhost'",
        "REPRISE_SLOTS must be a number from 1 to 64, not 'many'",
    )


def test_variables_that_ci_sets_for_the_tests_are_no_mistake() -> None:
    """What `.ci/run` exports for the tests reaches the services that they start, and is not taken for a setting."""
    exported = re.findall(r"REPRISE_[A-Z_]+(?==)", (Path(__file__).parents[2] / ".ci" / "run").read_text())

    assert "REPRISE_REQUIRE_WRITERS" in exported
    assert settings.read(dict.fromkeys(exported, "1")).embedded


def test_a_misspelt_setting_is_pointed_out() -> None:
    """A variable that begins like ours but is not is refused, with the nearest real one."""
    assert problems(REPRISE_BUCKT="b") == ("REPRISE_BUCKT is not a setting; did you mean REPRISE_BUCKET?",)


def test_half_a_deployment_is_refused() -> None:
    """A bucket without a table would lose jobs in a stand-in: it is refused."""
    assert problems(REPRISE_BUCKET="audio") == (
        "REPRISE_TABLE is missing: set both REPRISE_BUCKET and REPRISE_TABLE, or neither (embedded)",
    )


def test_numbers_that_do_not_fit_together_are_refused() -> None:
    """A heartbeat above a third of the lease is refused, because one lost renewal would lose the job."""
    (problem,) = problems(REPRISE_LEASE_SECONDS="6", REPRISE_HEARTBEAT_SECONDS="3")

    assert "heartbeat (3 s) must be at most a third of the lease (6 s)" in problem


def test_leftovers_are_spared_for_a_lease_at_least() -> None:
    """A janitor that took things younger than a lease could take what a worker is about to record: it is refused."""
    (problem,) = problems(REPRISE_JANITOR_GRACE_SECONDS="5")

    assert problem == "REPRISE_JANITOR_GRACE_SECONDS must be at least the lease (6 s), not 5 s"


def test_a_password_is_not_repeated() -> None:
    """The address of Redis may hold a password: an error about it does not quote it."""
    (problem,) = problems(REDIS_URL="http://user:hunter2@cache")

    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("environment", "port"),
    [({}, 8080), ({"PORT": "1"}, 1), ({"PORT": "1", "REPRISE_PORT": "2"}, 2)],
)
def test_our_own_name_goes_before_a_platforms(environment: dict[str, str], port: int) -> None:
    """REPRISE_PORT goes before PORT, which platforms set."""
    assert settings.read(environment).port == port


@pytest.mark.requirement("5.4")
def test_aws_conventions_choose_the_endpoints() -> None:
    """The variables that every AWS tool understands are the ones that point the service at a stand-in."""
    given = settings.read({"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_S3": "http://s3.local:9000/"})

    assert (given.any_endpoint, given.s3_endpoint) == ("http://localhost:4566", "http://s3.local:9000")


def test_a_deployment_is_not_open_by_omission() -> None:
    """With a bucket and a table it has to be said who may use the API; the embedded service and a worker need not."""
    deployed = {"REPRISE_BUCKET": "audio", "REPRISE_TABLE": "jobs"}

    (problem,) = problems(**deployed)
    assert "REPRISE_API_KEYS is missing" in problem
    assert settings.read({**deployed, "REPRISE_API_KEYS": "none"}).api_keys == ()
    assert settings.read({**deployed, "REPRISE_ROLE": "worker"}).api_keys is None
    assert settings.read({}).api_keys is None


def test_a_key_is_not_repeated() -> None:
    """Who puts the key itself where its hash belongs is told where, and not shown the key in the log of a start."""
    (problem,) = problems(REPRISE_BUCKET="audio", REPRISE_TABLE="jobs", REPRISE_API_KEYS="acme:hunter2")

    assert "REPRISE_API_KEYS" in problem
    assert "entry 1" in problem
    assert "hunter2" not in problem


@pytest.mark.requirement("5.5")
@pytest.mark.parametrize(
    ("variable", "wrong", "expected"),
    [
        ("REPRISE_BUCKET", "My_Bucket", "a bucket's name"),
        ("REPRISE_TABLE", "jobs!", "a table's name"),
        ("AWS_REGION", "Ireland", "a region"),
        ("AWS_ENDPOINT_URL_S3", "http://localhost:port", "an http(s) address"),
        ("AWS_ENDPOINT_URL", "http:///path", "an http(s) address"),
        ("AWS_ENDPOINT_URL", "http://local_stack:4566", "an http(s) address"),
        ("AWS_ENDPOINT_URL", "http://user:hunter2@s3", "an http(s) address"),
        ("AWS_ENDPOINT_URL", "http://s3?token=1", "an http(s) address"),
        ("REDIS_URL", "redis:///0", "a redis(s):// or unix:// address"),
        ("REPRISE_CORS_ORIGINS", "audio.example", "origins (https://host"),
        ("REPRISE_CORS_ORIGINS", "https://audio.example/app", "origins (https://host"),
    ],
)
def test_a_value_that_could_never_work_is_refused(variable: str, wrong: str, expected: str) -> None:
    """What S3, DynamoDB or a browser would refuse later, or silently never match, is refused at start."""
    found = problems(**{"REPRISE_ROLE": "worker", "REPRISE_BUCKET": "audio", "REPRISE_TABLE": "jobs", variable: wrong})

    assert len(found) == 1, found
    assert found[0].startswith(f"{variable} must be {expected}")


def test_a_wrong_name_is_not_called_missing() -> None:
    """A bucket with a name that cannot be is complained of once, for what it is."""
    (problem,) = problems(REPRISE_ROLE="worker", REPRISE_BUCKET="B", REPRISE_TABLE="jobs")

    assert problem.endswith("not 'B'")


def test_half_a_credential_is_refused() -> None:
    """A key without its secret would be found out by the first request; it is refused, and neither is repeated."""
    (problem,) = problems(AWS_SECRET_ACCESS_KEY="hunter2")

    assert problem.startswith("AWS_ACCESS_KEY_ID is missing")
    assert "hunter2" not in problem


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "REPRISE_S3_PUBLIC_ENDPOINT"])
def test_a_password_in_any_address_is_not_repeated(variable: str) -> None:
    """An endpoint may hold a password too: an error about it does not quote it."""
    (problem,) = problems(**{variable: "ftp://user:hunter2@files"})

    assert "hunter2" not in problem


def test_an_origin_may_end_in_a_slash() -> None:
    """A browser sends origins without a slash at the end, people write them with one: both are meant."""
    given = settings.read({"REPRISE_CORS_ORIGINS": "https://audio.example/, http://localhost:3000"})

    assert given.cors_origins == ("https://audio.example", "http://localhost:3000")


@pytest.mark.parametrize("address", ["http://[::1]:4566", "https://10.0.0.1", "http://Minio-1.storage:9000"])
def test_addresses_of_every_kind_are_taken(address: str) -> None:
    """A name, a number and a number of the new kind are addresses."""
    assert settings.read({"AWS_ENDPOINT_URL": address}).any_endpoint == address


def test_limits_of_tenants_are_read_and_name_tenants_that_exist() -> None:
    """A tenant without a key is a misspelt one; a worker, which is given no keys, takes the limits as they are."""
    keys = f"amber:{'a' * 64}"
    given = settings.read({"REPRISE_API_KEYS": keys, "REPRISE_TENANT_LIMITS": "amber:queued=7;*:stored=1GiB"})
    assert given.shares == parse_shares("amber:queued=7;*:stored=1GiB")

    assert problems(REPRISE_API_KEYS=keys, REPRISE_TENANT_LIMITS="ambre:queued=7") == (
        "REPRISE_TENANT_LIMITS names ambre, a tenant without a key in REPRISE_API_KEYS",
    )
    assert settings.read({"REPRISE_TENANT_LIMITS": "amber:running=2"}).shares.tenants == ("amber",)
    (problem,) = problems(REPRISE_TENANT_LIMITS="amber:slots=2")
    assert "entry 1" in problem


HOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def hooks(**urls: str) -> str:
    """`REPRISE_WEBHOOKS` with an address for each tenant."""
    return json.dumps({tenant: {"url": url, "secrets": [HOOK]} for tenant, url in urls.items()})


def test_endpoints_that_could_never_be_reached_are_refused_at_start() -> None:
    """Each endpoint without TLS, at a private address or of no tenant is named at once; nothing secret is repeated."""
    keys = f"amber:{'0' * 64}"
    wrong = hooks(amber="http://10.0.0.1/?token=hunter2", ambre="https://[::1]/")
    found = problems(REPRISE_API_KEYS=keys, REPRISE_WEBHOOKS=wrong)

    assert len(found) == 4
    assert all(problem.startswith("REPRISE_WEBHOOKS") for problem in found)
    assert "hunter2" not in "".join(found)
    (unreadable,) = problems(REPRISE_WEBHOOKS=f'{{"amber": {{"url": "https://a.example", "secrets": "{HOOK}"}}}}')
    assert "'amber'" in unreadable
    assert HOOK not in unreadable
    allowed = {"REPRISE_API_KEYS": keys, "REPRISE_WEBHOOKS": hooks(amber="http://10.0.0.1/")}
    assert [one.host for one in settings.read({**allowed, "REPRISE_WEBHOOKS_ALLOW": "Private, http"}).webhooks] == [
        "10.0.0.1"
    ]
    assert problems(**allowed, REPRISE_WEBHOOKS_ALLOW="everything")
