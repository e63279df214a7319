"""The metrics of real processes, as Prometheus would read them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.cli.processes import ServiceProcess
from service.cli.sample import write_sample
from tests.support.cluster import a_cluster, wait_for

KEY = "a-key-for-scraping"
SECONDS = 4.0


def scraped(service: ServiceProcess, **headers: str) -> dict[str, float]:
    """Every sample of ours, by its name and the values of its labels."""
    answer = httpx.get(f"{service.address}/metrics", headers=headers, timeout=30).raise_for_status()
    return {
        " ".join(filter(None, [sample.name, *sample.labels.values()])): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name.startswith("reprise_") and not sample.name.startswith("reprise_http")
    }


@pytest.fixture(scope="module")
def piece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some music."""
    path = tmp_path_factory.mktemp("piece") / "piece.wav"
    write_sample(path, SECONDS)
    return path


@pytest.mark.requirement("6.7")
def test_a_takeover_is_counted_in_the_process_that_did_it(embedded_stack: Mapping[str, str], piece: Path) -> None:
    """What a process did is counted in that process, also that it took a job over from one that was killed."""
    with a_cluster(embedded_stack, redis=False) as cluster:
        slow = cluster.slow_ffmpeg(2)
        victim = cluster.start(**slow)
        client = cluster.client(victim)
        upload = client.upload(piece)
        job = client.submit(upload.upload_id, "mp3")
        wait_for(lambda: scraped(victim)["reprise_ffmpeg_started_total streaming"] == 1, "it converts")
        before = scraped(victim)
        victim.kill()
        other = cluster.start(**slow)
        client = cluster.client(other)
        done = wait_for(lambda: (now := client.job(job.job_id)).state == "succeeded" and now, "success")
        httpx.get(f"{other.address}/v1/jobs/{job.job_id}/download", params={"via": "proxy"}).raise_for_status()
        after = wait_for(lambda: (now := scraped(other))["reprise_downloads_sent_bytes_total"] and now, "it was sent")

    assert before["reprise_uploads_stored_bytes_total"] == piece.stat().st_size
    assert before["reprise_attempts_started_total claimed"] == 1
    assert before["reprise_conversions_running"] == before["reprise_conversion_slots"] == 1
    assert before["reprise_circuit_state s3 closed"] == before["reprise_circuit_state dynamodb closed"] == 1
    assert before["reprise_redis_degraded"] == 1, "there is none"
    assert after["reprise_attempts_started_total taken_over"] == 1
    assert after["reprise_jobs_ended_total succeeded"] == 1
    assert after["reprise_converted_bytes_total"] == after["reprise_downloads_sent_bytes_total"] == done.size
    assert after["reprise_heartbeats_total"] > 0
    assert after["reprise_queue_jobs queued"] == 0
    assert not [name for name in after if "other" in name], "everything that was said is in the vocabulary"


def test_metrics_need_a_key_unless_they_are_open(embedded_stack: Mapping[str, str]) -> None:
    """Where keys are in use a scraper needs one, unless REPRISE_METRICS=open; a scrape with one leaves no log line."""
    keys = {"REPRISE_API_KEYS": f"scraper:{hashlib.sha256(KEY.encode()).hexdigest()}"}
    with a_cluster(embedded_stack, redis=False) as cluster:
        closed, opened = cluster.start(**keys), cluster.start(**keys, REPRISE_METRICS="open")
        assert httpx.get(f"{closed.address}/metrics").status_code == 401
        assert scraped(closed, **{"X-API-Key": KEY})
        assert scraped(opened)
        said = [(event["event"], event["status"]) for event in closed.events() if event.get("path") == "/metrics"]
        assert said == [("request.done", 401)]
