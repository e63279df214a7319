"""What `docker compose --profile observe up` shows, held against the code and the manual."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from service.telemetry.counters import COUNTERS
from service.telemetry.metrics import GAUGES
from tests.support.docker import ROOT
from tests.unit.test_operations import MANUAL, SAID_BY_LITESTAR, cells

FOLDER = ROOT / "deploy" / "observe"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana" / "dashboards" / "reprise.json").read_text(encoding="utf-8"))
LABELS = {f"{one.name}_total": set(one.labels) for one in COUNTERS} | {
    name: set(labels) for name, (_, labels) in GAUGES.items()
}
OF_PROMETHEUS = {"instance", "job", "le"}
OF_REQUESTS = {"method", "path", "status_code", "app_name"}


def loaded(path: Path) -> Any:
    """A file of YAML."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rows_of_the_manual() -> list[tuple[str, str, str, str]]:
    """Name, expression, minutes and advice of each alarm of docs/operations.md."""
    section = MANUAL.partition("### Alarms")[2].partition("\n## ")[0]
    found = []
    for line in section.splitlines()[4:]:
        if line.startswith("| "):
            name, expressions, advice = cells(line)
            parts = re.findall(r"`([^`]+)`(?: for (\d+) min)?", expressions)
            found += [(name, expression, f"{minutes}m" if minutes else "", advice) for expression, minutes in parts]
    return found


def test_rules_are_the_alarms_of_the_manual() -> None:
    """Prometheus alarms by the expressions, times and advice of docs/operations.md, each under a name of its own."""
    (group,) = loaded(FOLDER / "prometheus" / "rules.yml")["groups"]
    rules = [
        (it["annotations"]["summary"], it["expr"], it.get("for", ""), it["annotations"]["description"])
        for it in group["rules"]
    ]

    assert len(rules) > 15
    assert rules == rows_of_the_manual()
    assert len({it["alert"] for it in group["rules"]}) == len(rules)


def test_dashboard_shows_metrics_and_labels_that_exist() -> None:
    """Each expression of the dashboard names metrics of ours, and labels that these have."""
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]

    assert len(expressions) > 30
    for expression in expressions:
        names = set(re.findall(r"\breprise_[a-z0-9_]+", expression))
        requests = {name for name in names if name.removesuffix("_bucket") in SAID_BY_LITESTAR}
        assert names, expression
        assert names - requests <= LABELS.keys(), expression
        known = set.union(OF_PROMETHEUS, OF_REQUESTS if requests else set(), *(LABELS[it] for it in names - requests))
        grouped = [name for group in re.findall(r"by \(([^)]*)\)", expression) for name in group.split(", ")]
        chosen = re.findall(r'([a-z_]+)[!=~]+"', expression)
        assert {*grouped, *chosen} <= known, expression


def test_panels_of_the_dashboard_stand_side_by_side() -> None:
    """No panel covers another, each has its own number and a title, and all ask the data source that is provided."""
    taken: set[tuple[int, int]] = set()
    sources = {
        it["uid"]: it["url"] for it in loaded(FOLDER / "grafana/provisioning/datasources/reprise.yaml")["datasources"]
    }
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cover = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cover & taken, panel["title"]
        assert max(x for x, _ in cover) < 24, panel["title"]
        taken |= cover
        assert {panel["datasource"]["uid"], *(it["datasource"]["uid"] for it in panel["targets"])} <= sources.keys()
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len({panel["title"] for panel in DASHBOARD["panels"]})


def test_observers_are_found_under_their_names() -> None:
    """Grafana asks the services of the profile by their names and ports, and Prometheus those of the service."""
    services = loaded(ROOT / "deploy" / "observe.yaml")["services"]
    ports = {name: it["ports"][0].rsplit(":", 1)[1] for name, it in services.items()}
    sources = loaded(FOLDER / "grafana/provisioning/datasources/reprise.yaml")["datasources"]
    (job,) = loaded(FOLDER / "prometheus" / "prometheus.yml")["scrape_configs"]

    assert all(it["profiles"] == ["observe"] for it in services.values())
    assert {it["url"] for it in sources} == {f"http://{name}:{ports[name]}" for name in ("prometheus", "jaeger")}
    assert [(it["names"], it["port"]) for it in job["dns_sd_configs"]] == [(["service"], 8080)]
