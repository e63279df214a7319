"""API keys on a real process: what the environment says, what a client hears, what is logged."""

import hashlib
from collections.abc import Iterator, Mapping

import httpx
import pytest

from service.cli.client import Client, ServiceProblem
from service.cli.main import main
from service.cli.processes import DidNotStart
from service.cli.sample import write_sample
from tests.support.cluster import Cluster, a_cluster, pause

KEY, OTHER = "an-acme-key-c0ffee", "another-key-5eed"
CONFIGURED = ",".join(
    f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in (("acme", KEY), ("other", OTHER))
)


@pytest.fixture(scope="module")
def cluster(embedded_stack: Mapping[str, str]) -> Iterator[Cluster]:
    """A stack, and one process with two tenants."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        cluster.start(REPRISE_API_KEYS=CONFIGURED, REPRISE_LOG_LEVEL="debug")
        yield cluster


def test_convert_with_a_key(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command line converts with the key of its environment, is refused without, and neither is in the log."""
    [service] = cluster.services
    song, out = cluster.folder / "song.wav", cluster.folder / "song.mp3"
    write_sample(song)
    command = ["convert", str(song), str(out), "--to", "mp3", "--url", service.address]

    assert main(command) == 1
    assert "unauthorized" in capfd.readouterr().err
    assert main([*command, "--key", "wrong-key-bad1"]) == 1
    monkeypatch.setenv("REPRISE_API_KEY", KEY)
    assert main(command) == 0
    assert out.stat().st_size > 1000

    log = service.log.read_text()
    assert '"tenant": "acme"' in log
    assert KEY not in log
    assert "wrong-key-bad1" not in log


def test_an_upload_of_one_tenant_does_not_exist_for_another(cluster: Cluster) -> None:
    """What one tenant has uploaded does not exist for another, and the page and the formats are for everybody."""
    [service] = cluster.services
    song = cluster.folder / "mine.wav"
    write_sample(song)
    mine, theirs = (Client([service.address], pause=pause, key=key) for key in (KEY, OTHER))
    upload = mine.upload(song, lambda _: None)["upload_id"]

    with pytest.raises(ServiceProblem, match="not_found"):
        theirs.submit(upload, "mp3", {})
    job = mine.submit(upload, "mp3", {})["job_id"]
    with pytest.raises(ServiceProblem, match="not_found"):
        theirs.job(job)
    assert mine.job(job)["upload_id"] == upload
    for path in ("/", "/v1/formats", "/health/live", "/schema"):
        assert httpx.get(service.address + path).status_code == 200
    mine.close()
    theirs.close()


def test_a_deployment_without_a_word_on_keys_does_not_start(cluster: Cluster) -> None:
    """A process with a bucket and a table does not start before it was said who may use it."""
    with pytest.raises(DidNotStart, match="REPRISE_API_KEYS is missing"):
        cluster.start(REPRISE_API_KEYS="")
