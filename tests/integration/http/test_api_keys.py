"""API keys on a real process: what the environment says, what a client hears, what is logged."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from reprise import Client, NotFound
from reprise.command.main import main as command
from reprise.command.words import KEY as NO_KEY
from service.cli.main import main
from service.cli.processes import DidNotStart
from service.cli.sample import write_sample
from tests.support.cluster import Cluster, a_cluster

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
    line = ["convert", str(song), str(out), "--to", "mp3", "--url", service.address]

    assert main(line) == 1
    assert "unauthorized" in capfd.readouterr().err
    assert main([*line, "--key", "wrong-key-bad1"]) == 1
    monkeypatch.setenv("REPRISE_API_KEY", KEY)
    assert main(line) == 0
    assert out.stat().st_size > 1000

    log = service.log.read_text()
    assert '"tenant": "acme"' in log
    assert KEY not in log
    assert "wrong-key-bad1" not in log


def test_installed_command_with_a_wrong_key_says_what_to_do(
    cluster: Cluster, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a key, or with a wrong one, the command `reprise` says so once, and sends nothing."""
    songs = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for song in songs:
        write_sample(song, 1)
    address = cluster.services[0].address
    line = ["convert", *map(str, songs), "--to", "mp3", "--url", address]

    for key in ([], ["--key", "wrong-key-bad2"]):
        assert command([*line, *key]) == NO_KEY
        told = capfd.readouterr().err
        assert told.count("\n") == 1
        assert f"give one that {address} knows by --key" in told
    assert command(["formats", "--url", address, "--json"]) == 0
    assert not list(tmp_path.glob("*.mp3"))


def test_an_upload_of_one_tenant_does_not_exist_for_another(cluster: Cluster) -> None:
    """What one tenant has uploaded does not exist for another, and the page and the formats are for everybody."""
    [service] = cluster.services
    song = cluster.folder / "mine.wav"
    write_sample(song)
    mine, theirs = (Client(service.address, key=key) for key in (KEY, OTHER))
    upload = mine.upload(song).upload_id

    with pytest.raises(NotFound, match="not_found"):
        theirs.submit(upload, "mp3")
    job = mine.submit(upload, "mp3").job_id
    with pytest.raises(NotFound, match="not_found"):
        theirs.job(job)
    assert mine.job(job).upload_id == upload
    for path in ("/", "/v1/formats", "/health/live", "/schema"):
        assert httpx.get(service.address + path).status_code == 200
    mine.close()
    theirs.close()


def test_a_deployment_without_a_word_on_keys_does_not_start(cluster: Cluster) -> None:
    """A process with a bucket and a table does not start before it was said who may use it."""
    with pytest.raises(DidNotStart, match="REPRISE_API_KEYS is missing"):
        cluster.start(REPRISE_API_KEYS="")
