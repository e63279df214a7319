"""`python -m infra.smoke` against real service processes: what it says and leaves, when all is right and when not."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import httpx
import pytest

from infra.smoke.audio import NotTheSame
from infra.smoke.journey import STEPS, Journey
from infra.smoke.service import Service, Unexpected
from tests.support.cluster import Cluster, a_cluster
from tests.support.docker import ROOT
from tests.support.targets import KEYS, OURS

WHERE = ("--log-group", "/reprise/dev/api", "--dashboard", "https://console.example/dashboard")


@pytest.fixture(scope="module")
def cluster(embedded_stack: Mapping[str, str]) -> Iterator[Cluster]:
    """A bucket and a table, on which each test starts the service that it needs."""
    with a_cluster(embedded_stack) as made:
        yield made


@pytest.fixture
def journey(cluster: Cluster) -> Iterator[Journey]:
    """A journey through a service that is all right, none of its steps taken yet."""
    with ExitStack() as stack:
        service = Service(cluster.start().address)
        stack.callback(service.close)
        yield Journey(service)


def smoke(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does."""
    command = [sys.executable, "-m", "infra.smoke", *arguments]
    return subprocess.run(command, cwd=ROOT, input=typed, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.requirement("8.1")
def test_every_step_is_right_and_nothing_is_left(cluster: Cluster) -> None:
    """On a service that works every step is right, the exit code is 0, and no object or upload is left behind."""
    address = cluster.start(REPRISE_API_KEYS=KEYS).address
    done = smoke(address, "--key", "-", typed=f"{OURS}\n")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(": ")[0].split(maxsplit=2)[2] for line in done.stdout.splitlines()[:-1]] == [
        step.name for step in STEPS
    ]
    assert "401 without the key" in done.stdout
    assert OURS not in done.stdout + done.stderr
    assert cluster.left_in_s3() == ([], [])


def test_without_a_worker_the_conversion_is_named(embedded_stack: Mapping[str, str]) -> None:
    """Where no worker runs, the step `conversion` fails, with the job, the log command and the dashboard to look at."""
    with a_cluster(embedded_stack) as cluster:
        done = smoke(cluster.start(REPRISE_ROLE="api").address, "--patience", "1", *WHERE)
        left = cluster.left_in_s3()

    assert done.returncode == 1
    assert "conversion: job" in done.stdout
    assert "still queued" in done.stdout
    assert "aws logs tail /reprise/dev/api --since 30m --filter-pattern" in done.stdout
    assert "https://console.example/dashboard" in done.stdout
    assert left == ([], [])  # what it had made by then is removed all the same


def test_a_missing_key_is_named(cluster: Cluster) -> None:
    """Where keys are in use and none is given, the first refused step says how to give one."""
    done = smoke(cluster.start(REPRISE_API_KEYS=KEYS).address)

    assert done.returncode == 1
    assert "answered 401" in done.stdout
    assert "--key KEY" in done.stdout


def test_an_open_service_is_not_taken_for_a_closed_one(cluster: Cluster) -> None:
    """Where a key is given and the service lets anybody in, that is a failure."""
    done = smoke(cluster.start().address, "--key", "of-no-use")

    assert done.returncode == 1
    assert "it refuses strangers" in done.stdout


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "audio.example"], ids=["nothing listens", "no address"])
def test_a_wrong_address_is_named(address: str) -> None:
    """An address at which nothing answers is exit code 1; one that is none is exit code 2; both are named."""
    done = smoke(address, "--tries", "1")

    assert done.returncode == (1 if address.startswith("http") else 2)
    assert address in done.stdout + done.stderr


def taken(journey: Journey, upto: str) -> None:
    """Take the steps before this one."""
    for step in STEPS:
        if step.name == upto:
            return
        step.run(journey)


@pytest.mark.parametrize("step", ["download from the bucket", "download through the service"])
def test_other_bytes_are_not_right(journey: Journey, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download in which one byte is another fails its step."""
    taken(journey, step)

    def spoilt(client: httpx.Client, method: str, url: str, *args: object) -> httpx.Response:
        answer = plain(journey.service, client, method, url, *args)  # type: ignore[arg-type]
        if answer.status_code == 200 and len(answer.content) > 100_000:
            middle = 30 if answer.content[:4] == b"fLaC" else len(answer.content) // 2
            answer._content = (
                answer.content[:middle] + bytes([answer.content[middle] ^ 1]) + answer.content[middle + 1 :]
            )
        return answer

    plain = Service._patiently
    monkeypatch.setattr(journey.service, "_patiently", spoilt)
    with pytest.raises(NotTheSame, match="other samples"):
        next(each for each in STEPS if each.name == step).run(journey)


def test_progress_that_falls_is_not_right(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events whose percentage goes down fail their step."""
    taken(journey, "events")
    monkeypatch.setattr(
        journey.service, "events", lambda path: iter([("progress", '{"percent": 50}'), ("progress", '{"percent": 40}')])
    )
    with pytest.raises(NotTheSame, match="fell from 50 to 40"):
        journey.tells_as_it_goes()


def test_a_platform_that_scales_is_waited_for() -> None:
    """A 429 and a 503 are repeated, after the time that they ask for; a 500 is not."""
    busy = httpx.Response(429, headers={"Retry-After": "3"})
    broken = httpx.Response(500, headers={"X-Request-Id": "of-this-one"})
    answers = iter([busy, httpx.Response(503), httpx.Response(200, json={"version": "1"}), broken])
    rests: list[float] = []
    service = Service("http://service", pause=rests.append)
    service._with_key = httpx.Client(base_url="http://service", transport=httpx.MockTransport(lambda _: next(answers)))
    journey = Journey(service)

    assert journey.answers() == "version 1"
    assert rests == [3.0, 2.0]
    with pytest.raises(Unexpected, match="answered 500") as found:
        journey.answers()
    assert found.value.request_id == "of-this-one"
    service.close()
