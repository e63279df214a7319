"""What is watched, against what the service says."""

import json
import re
from collections.abc import Mapping

import pytest

from infra.watching.alarms import OURS, Alarm, service_alarms, table_alarms, webhook_alarms, worker_alarms
from infra.watching.signals import QUEUE, SIGNALS, TRIGGERS, namespace
from service.telemetry import events
from service.telemetry.embedded_metrics import METRICS
from tests.support.cloud import Recorded
from tests.unit.infra.stacks import STACKS, stack, with_
from tests.unit.infra.test_containers import environments

SAID: Mapping[str, events.Event] = {it.name: it for it in vars(events).values() if isinstance(it, events.Event)}
ALARMS = [*service_alarms(), *table_alarms("t"), *webhook_alarms(), *worker_alarms({})]


def test_alarms_and_the_service_name_the_same_metrics() -> None:
    """Each metric of `service/metrics.json` is written by the service, and what is watched here is one of them."""
    assert [(it.name, it.event, it.value) for it in SIGNALS] == [(it.name, it.event, it.value) for it in METRICS]
    alarms = [*service_alarms(), *webhook_alarms()]
    watched = {metric.name for alarm in alarms for metric in (alarm.metric, alarm.unless) if metric}
    watched |= {trigger.metric for trigger in TRIGGERS}
    assert watched <= {it.name for it in METRICS}


@pytest.mark.parametrize("name", STACKS)
def test_containers_write_metrics_where_the_alarms_look_for_them(name: str) -> None:
    """The namespace that containers are told is that of all alarms on the service's metrics, without dimensions."""
    cloud, namespaces = stack(name), set[str]()
    for alarm in cloud.of("cloudwatch/metricAlarm:MetricAlarm"):
        single = [alarm.inputs] if "metricName" in alarm.inputs else []
        several = [query["metric"] for query in alarm.inputs.get("metricQueries", ()) if "metric" in query]
        ours = [it for it in (*single, *several) if it["metricName"] in {metric.name for metric in METRICS}]
        namespaces |= {it["namespace"] for it in ours}
        assert not [it for it in ours if it.get("dimensions")]
    told = {plain["REPRISE_METRICS_NAMESPACE"] for plain, _ in environments(cloud)}
    assert namespaces == told == {namespace("prod" if name.endswith("prod") else "dev")}


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda it: it.name)
def test_an_alarm_watches_a_metric_that_exists_and_says_what_to_do(alarm: Alarm) -> None:
    """Metrics of ours are written by the service; the text is a sentence or more."""
    ours = {signal.name for signal in SIGNALS}
    for metric in (alarm.metric, alarm.unless):
        assert metric is None or metric.namespace != OURS or metric.name in ours
    assert alarm.advice.endswith(".")
    assert len(alarm.advice) > 40


def test_no_alarm_speaks_of_an_event_that_does_not_exist() -> None:
    """Whoever follows the advice finds the events it names."""
    for alarm in ALARMS:
        named = re.findall(r"\b(?:job|service|request|aws|circuit|worker|notification)\.[a-z_]+", alarm.advice)
        assert set(named) <= set(SAID), alarm.name


@pytest.mark.parametrize("name", with_(worker="fargate"))
def test_silence_of_the_workers_is_an_alarm(name: str) -> None:
    """When no worker runs there are no numbers at all, and that is what is noticed."""
    it = stack(name).one("cloudwatch/metricAlarm:MetricAlarm", "no-workers")
    assert it["treatMissingData"] == "breaching"
    assert it["comparisonOperator"] == "LessThanOrEqualToThreshold"
    assert set(it["dimensions"]) == {"ClusterName", "ServiceName"}


@pytest.mark.parametrize("name", STACKS)
def test_webhooks_that_are_given_up_are_an_alarm_where_some_are_sent(name: str) -> None:
    """The first one within an hour is told of, by the event that the service logs; other stacks pay for no alarm."""
    alarms = stack(name).of("cloudwatch/metricAlarm:MetricAlarm")
    found = [it.inputs for it in alarms if it.inputs.get("metricName") == "NotificationsDead"]
    assert len(found) == ("webhooks" in name)
    for it in found:
        assert (it["threshold"], it["comparisonOperator"]) == (0, "GreaterThanThreshold")
        assert (it["statistic"], it["period"], it["treatMissingData"]) == ("Sum", 3600, "notBreaching")
    (metric,) = (it for it in METRICS if it.name == "NotificationsDead")
    assert (metric.event, metric.value) == (events.NOTIFICATION_DEAD.name, None)


def test_work_that_is_not_begun_is_an_alarm() -> None:
    """Jobs that come in while none is claimed are noticed, from two counts."""
    it = stack("ecs-express, fargate, none, dev").one("cloudwatch/metricAlarm:MetricAlarm", "not-begun")
    (formula, *metrics) = it["metricQueries"]
    assert [query["metric"]["metricName"] for query in metrics] == ["JobsAccepted", "JobsClaimed"]
    assert [query["returnData"] for query in it["metricQueries"]] == [True, False, False]
    assert formula["expression"] == "IF(FILL(other, 0) == 0, FILL(one, 0), 0)"
    assert "metricName" not in it.inputs


def for_people(name: str) -> list[Recorded]:
    """The alarms of a stack that tell somebody; those of the scaling start workers instead."""
    alarms = stack(name).of("cloudwatch/metricAlarm:MetricAlarm")
    return [it for it in alarms if "-scaling-" not in it.name]


def test_alarms_are_sent_to_the_topic_that_was_named() -> None:
    """With a topic, each alarm goes there, and its end too; without one, none has an action."""
    (topic,) = {it for it in STACKS["with a budget and a topic"].values() if ":sns:" in it}
    assert all(it["alarmActions"] == it["okActions"] == [topic] for it in for_people("with a budget and a topic"))
    assert not [it for it in for_people("apprunner, embedded, none, dev") if "alarmActions" in it.inputs]


def test_a_budget_mails_before_it_is_spent() -> None:
    """The forecast is what is watched, not the bill."""
    it = stack("with a budget and a topic").one("budgets/budget:Budget")
    assert it["notifications"][0]["notificationType"] == "FORECASTED"
    assert it["limitAmount"] == "100"


@pytest.mark.parametrize("name", STACKS)
def test_the_dashboard_shows_what_this_stack_has(name: str) -> None:
    """The API's metrics are those of its platform, the workers are shown where there are any, nothing overlaps."""
    widgets = json.loads(stack(name).one("cloudwatch/dashboard:Dashboard")["dashboardBody"])["widgets"]
    titles = {it["properties"].get("title") for it in widgets}
    assert ("Workers" in titles) == (STACKS[name].get("worker") == "fargate")
    (api,) = (it for it in widgets if it["properties"].get("title") == "API")
    platform = "AWS/AppRunner" if STACKS[name].get("compute") == "apprunner" else "AWS/ECS"
    assert api["properties"]["metrics"][0][0] == platform
    assert len({(it["x"], it["y"]) for it in widgets}) == len(widgets)


@pytest.mark.parametrize("name", with_(worker="fargate"))
def test_workers_are_scaled_by_the_queues_length_and_age(name: str) -> None:
    """Jobs that wait start workers at once, more of them the more wait or the longer, up to the configured number."""
    cloud = stack(name)
    found = {}
    for kind in ("length", "age"):
        alarm = cloud.one("cloudwatch/metricAlarm:MetricAlarm", f"scaling-{kind}")
        policy = cloud.one("appautoscaling/policy:Policy", f"scaling-{kind}")
        steps = policy["stepScalingPolicyConfiguration"]["stepAdjustments"]
        found[alarm["metricName"]] = (alarm["threshold"], [step["scalingAdjustment"] for step in steps])
        assert (alarm["comparisonOperator"], alarm["period"]) == ("GreaterThanThreshold", 60)
        assert len(alarm["alarmActions"]) == 1
        assert steps[0]["metricIntervalLowerBound"] == "0"
        assert steps[0]["metricIntervalUpperBound"] == steps[1]["metricIntervalLowerBound"]
        assert "metricIntervalUpperBound" not in steps[1]
    assert found == {"QueuedJobs": (0, [1, 4]), "QueueAgeSeconds": (60, [1, 4])}


@pytest.mark.parametrize("name", STACKS)
def test_numbers_of_the_queue_are_never_added_up(name: str) -> None:
    """Each converting process reports the same numbers: alarms, scaling and dashboard take the maximum of them."""
    cloud, queue = stack(name), {signal.name for signal in QUEUE}
    statistics = [
        it["statistic"] for it in cloud.of("cloudwatch/metricAlarm:MetricAlarm") if it.inputs.get("metricName") in queue
    ]
    statistics += [
        it["stepScalingPolicyConfiguration"]["metricAggregationType"]
        for it in cloud.of("appautoscaling/policy:Policy")
        if "stepScalingPolicyConfiguration" in it.inputs
    ]
    widgets = json.loads(cloud.one("cloudwatch/dashboard:Dashboard")["dashboardBody"])["widgets"]
    shown = [it["properties"] for it in widgets if it["properties"].get("title") == "Queue"]
    assert [[metric for _, metric in it["metrics"]] for it in shown] == [[signal.name for signal in QUEUE]]
    assert {*statistics, *(it["stat"] for it in shown)} == {"Maximum"}


def test_metrics_of_the_queue_are_the_numbers_that_are_logged() -> None:
    """Length and age are read off the event as they stand there, and too great an age is an alarm."""
    read = {it.name: it.value for it in QUEUE}
    assert read == {"QueuedJobs": "queued", "RunningJobs": "running", "QueueAgeSeconds": "oldest_seconds"}
    alarm = stack("ecs-express, fargate, none, dev").one("cloudwatch/metricAlarm:MetricAlarm", "dev-queue-age")
    assert alarm["metricName"] == "QueueAgeSeconds"
