"""A container that is killed in the middle of a conversion, as an operator sees it: in the logs, and in Prometheus."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from reprise import Job
from service.cli.processes import ServiceProcess
from service.cli.sample import write_sample
from tests.support.cluster import a_cluster, wait_for
from tests.support.prometheus import RULES, promtool, scraping
from tests.support.story_check import story
from tests.unit.deploy.test_observe import DASHBOARD

SECONDS, SPEED = 6.0, 2.0  # of music, and how much of it is read in a second


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is left of it: the job, as its client sees it, both processes, and the logs of both."""

    job: Job
    victim: ServiceProcess
    heir: ServiceProcess

    def instance(self, service: ServiceProcess) -> str:
        """What a process calls itself."""
        return next(str(event["instance"]) for event in service.events() if event["event"] == "service.starting")

    def logs(self) -> list[bytes]:
        """The lines of both, the later process first."""
        return [line for one in (self.heir, self.victim) for line in one.log.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def aftermath(embedded_stack: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """A conversion whose process was killed, and which another one has finished."""
    piece = tmp_path_factory.mktemp("piece") / "piece.wav"
    write_sample(piece, SECONDS)
    with a_cluster(embedded_stack) as cluster:
        slow = cluster.slow_ffmpeg(SPEED)
        one, other = cluster.start(**slow), cluster.start(**slow)
        client = cluster.client()
        job_id = client.submit(client.upload(piece).upload_id, "mp3").job_id
        victim = wait_for(lambda: next((it for it in (one, other) if converts(it)), None), "one of them converts")
        victim.kill()
        heir = other if victim is one else one
        client = cluster.client(heir)
        job = wait_for(lambda: (now := client.job(job_id)).state == "succeeded" and now, "success")
        httpx.get(f"{heir.address}/v1/jobs/{job_id}/download", params={"via": "proxy"}).raise_for_status()
        yield Aftermath(job, victim, heir)


def converts(service: ServiceProcess) -> bool:
    """Whether it has started ffmpeg."""
    return any(event["event"] == "ffmpeg.started" for event in service.events())


def tell(lines: list[bytes], *arguments: str) -> str:
    """What the command prints for these lines."""
    done = story(b"\n".join(lines), *arguments)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_story_tells_a_killed_process_from_the_logs_alone(aftermath: Aftermath, tmp_path: Path) -> None:
    """From both logs, in any order, the story has the job as it was: owners, kill, takeover, output."""
    job_id, page = str(aftermath.job.job_id), tmp_path / "story.html"
    victim, heir = aftermath.instance(aftermath.victim), aftermath.instance(aftermath.heir)
    shuffled = sorted(aftermath.logs(), key=lambda line: line[::-1])
    told = json.loads(tell(shuffled, job_id, "--json", "--html", str(page)))

    assert (told["state"], told["size"]) == ("succeeded", aftermath.job.size)
    assert [(it["number"], it["owner"], it["how"], it["end"]) for it in told["attempts"]] == [
        (1, victim, "claimed", "silent"),
        (2, heir, "taken over", "succeeded"),
    ]
    assert len(told["attempts"]) == aftermath.job.attempt
    assert told["missing"] == []
    text = page.read_text(encoding="utf-8")
    assert f"attempt 1, in {victim}, fell silent between " in text
    assert f"takes the job over from {victim}, " in text
    assert f"attempt 1 in {victim}: silent" in text


def test_prometheus_scrapes_the_service_and_answers_the_dashboard(aftermath: Aftermath, tmp_path: Path) -> None:
    """A real Prometheus with our configuration has the takeover, answers each panel and evaluates each alarm."""
    with scraping([aftermath.heir.address.removeprefix("http://")], tmp_path) as prometheus:
        taken = 'sum(reprise_attempts_started_total{how="taken_over"})'
        wait_for(lambda: prometheus.value(taken) == 1, "the takeover was scraped")
        (target,) = prometheus.ask("targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")

        silent = []
        for panel in DASHBOARD["panels"]:
            for one in panel["targets"]:
                expression = one["expr"].replace("$__rate_interval", "1m")
                if prometheus.ask("query", query=expression)["resultType"] != "vector":
                    silent.append(expression)
        assert silent == []
        assert prometheus.value('max(reprise_queue_jobs{state="queued"})') == 0

        def evaluated() -> list[dict[str, Any]]:
            (group,) = prometheus.ask("rules")["groups"]
            return [] if any(it["health"] == "unknown" for it in group["rules"]) else list(group["rules"])

        rules = wait_for(evaluated, "each alarm was evaluated")
    assert [(it["name"], it["lastError"]) for it in rules if it["health"] != "ok"] == []
    assert len(rules) == len(yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"])


CASES = """\
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'reprise_queue_jobs{{state="queued",instance="a"}}'
        values: '3x30'
      - series: 'reprise_queue_jobs{{state="running",instance="a"}}'
        values: '0x10 1x20'
      - series: 'reprise_attempts_started_total{{how="taken_over",instance="a"}}'
        values: '0 0 0 0 0 0 9x24'
    alert_rule_test:
      - {{ eval_time: 1m, alertname: NoJobIsConverted, exp_alerts: [] }}
      - eval_time: 5m
        alertname: NoJobIsConverted
        exp_alerts: [{{ exp_annotations: {no_job} }}]
      - {{ eval_time: 15m, alertname: NoJobIsConverted, exp_alerts: [] }}
      - {{ eval_time: 5m, alertname: ContainersDieOrFreeze, exp_alerts: [] }}
      - eval_time: 10m
        alertname: ContainersDieOrFreeze
        exp_alerts: [{{ exp_annotations: {die} }}]
"""


def test_alarms_and_panels_are_what_prometheus_reads(tmp_path: Path) -> None:
    """promtool accepts configuration, alarms and each panel's expressions; two alarms are seen to fire."""
    expressions = [
        it["expr"].replace("$__rate_interval", "1m") for panel in DASHBOARD["panels"] for it in panel["targets"]
    ]
    panels = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": panels}]}))
    said = {
        rule["alert"]: json.dumps(rule["annotations"])
        for rule in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    }
    cases = CASES.format(rules=RULES, no_job=said["NoJobIsConverted"], die=said["ContainersDieOrFreeze"])
    (tmp_path / "cases.yml").write_text(cases)
    checks = (
        ("check", "config", "--lint-fatal", str(RULES.with_name("prometheus.yml"))),
        ("check", "rules", "--lint-fatal", "panels.yml"),
        ("test", "rules", "cases.yml"),
    )
    for check in checks:
        done: subprocess.CompletedProcess[str] = promtool(*check, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
