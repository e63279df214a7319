"""What is watched, against what the service says."""

import json
import re
from collections.abc import Mapping

import pytest

from infra.watching import signals as watched
from infra.watching.alarms import OURS, Alarm, service_alarms, table_alarms, worker_alarms
from infra.watching.signals import QUEUE, QUEUE_EVENT, QUEUE_IS_SAID, SIGNALS, Signal, signals
from service.telemetry import events
from tests.support.cloud import deployed
from tests.unit.infra.calls import wrong
from tests.unit.infra.stacks import STACKS, stack, with_

SAID: Mapping[str, events.Event] = {it.name: it for it in vars(events).values() if isinstance(it, events.Event)}
FIELD = re.compile(r"\$\.(\w+)")
ALARMS = [*service_alarms(queue=True), *table_alarms("t"), *worker_alarms({})]


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda it: it.metric)
def test_what_is_counted_is_what_the_service_says(signal: Signal) -> None:
    """Each event exists, at a level that is logged, and has the fields that the filter reads."""
    event = SAID[signal.event]
    assert event.level >= events.INFO
    assert set(FIELD.findall(f"{signal.pattern} {signal.amount}")) <= {"event", *event.fields}


def test_the_queue_is_watched_as_soon_as_the_service_says_how_long_it_is() -> None:
    """Once the event exists, it has to be read: the switch in signals.py follows the service."""
    assert (QUEUE_EVENT in SAID) == QUEUE_IS_SAID
    if QUEUE_IS_SAID:
        assert {signal.value for signal in QUEUE} <= set(SAID[QUEUE_EVENT].fields)


def test_a_pattern_is_one_that_cloudwatch_reads() -> None:
    """A condition alone, or two in brackets."""
    patterns = {signal.metric: signal.pattern for signal in SIGNALS}
    assert patterns["JobsFailed"] == '{ $.event = "job.failed" }'
    assert patterns["ServerErrors"] == '{ ($.event = "request.done") && ($.status >= 500) }'


@pytest.mark.parametrize("name", STACKS)
def test_each_event_is_counted_where_it_is_said(name: str) -> None:
    """Each signal has a filter on the log of each container that says it, and on no other log."""
    found = sorted(
        it["metricTransformation"]["name"] for it in stack(name).of("cloudwatch/logMetricFilter:LogMetricFilter")
    )
    apart = STACKS[name].get("worker") == "fargate"
    wanted = sorted(signal.metric for signal in SIGNALS for _ in range(len(signal.says) if apart else 1))
    assert found == wanted


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda it: it.name)
def test_an_alarm_watches_a_metric_that_exists_and_says_what_to_do(alarm: Alarm) -> None:
    """Metrics of ours are counted by a signal; the text is a sentence or more."""
    ours = {signal.metric for signal in signals(queue=True)}
    for metric in (alarm.metric, alarm.unless):
        assert metric is None or metric.namespace != OURS or metric.name in ours
    assert alarm.advice.endswith(".")
    assert len(alarm.advice) > 40


def test_no_alarm_speaks_of_an_event_that_does_not_exist() -> None:
    """Whoever follows the advice finds the events it names."""
    for alarm in ALARMS:
        named = re.findall(r"\b(?:job|service|request|aws|circuit|worker)\.[a-z_]+", alarm.advice)
        assert set(named) <= set(SAID), alarm.name


@pytest.mark.parametrize("name", with_(worker="fargate"))
def test_silence_of_the_workers_is_an_alarm(name: str) -> None:
    """When no worker runs there are no numbers at all, and that is what is noticed."""
    it = stack(name).one("cloudwatch/metricAlarm:MetricAlarm", "no-workers")
    assert it["treatMissingData"] == "breaching"
    assert it["comparisonOperator"] == "LessThanOrEqualToThreshold"
    assert set(it["dimensions"]) == {"ClusterName", "ServiceName"}


def test_work_that_is_not_begun_is_an_alarm() -> None:
    """Jobs that come in while none is claimed are noticed, from two counts."""
    it = stack("ecs-express, fargate, none, dev").one("cloudwatch/metricAlarm:MetricAlarm", "not-begun")
    (formula, *metrics) = it["metricQueries"]
    assert [query["metric"]["metricName"] for query in metrics] == ["JobsAccepted", "JobsClaimed"]
    assert [query["returnData"] for query in it["metricQueries"]] == [True, False, False]
    assert formula["expression"] == "IF(FILL(other, 0) == 0, FILL(one, 0), 0)"
    assert "metricName" not in it.inputs


def test_alarms_are_sent_to_the_topic_that_was_named() -> None:
    """With a topic, each alarm goes there, and its end too; without one, none has an action."""
    (topic,) = {it for it in STACKS["with a budget and a topic"].values() if ":sns:" in it}
    alarms = stack("with a budget and a topic").of("cloudwatch/metricAlarm:MetricAlarm")
    assert all(it["alarmActions"] == it["okActions"] == [topic] for it in alarms)
    assert not [
        it
        for it in stack("apprunner, embedded, none, dev").of("cloudwatch/metricAlarm:MetricAlarm")
        if "alarmActions" in it.inputs
    ]


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


def test_with_the_event_there_would_be_an_age_and_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the service's event works: filters that read its numbers, an alarm on the age, more workers."""
    monkeypatch.setattr("infra.program.QUEUE_IS_SAID", True)
    cloud = deployed({"worker": "fargate"})
    amounts = {
        it["metricTransformation"]["name"]: it["metricTransformation"]["value"]
        for it in cloud.of("cloudwatch/logMetricFilter:LogMetricFilter")
    }
    assert amounts["QueueAgeSeconds"] == "$.oldest_seconds"
    assert amounts["QueuedJobs"] == "$.queued"
    age = cloud.one("cloudwatch/metricAlarm:MetricAlarm", "queue-age")
    assert (age["metricName"], age["statistic"]) == ("QueueAgeSeconds", "Maximum")
    (more,) = (it for it in cloud.of("cloudwatch/metricAlarm:MetricAlarm") if it.name == "reprise-dev-queue")
    policy = cloud.one("appautoscaling/policy:Policy", "dev-queue")
    assert (more["metricName"], more["threshold"]) == ("QueuedJobs", 0)
    assert [it["scalingAdjustment"] for it in policy["stepScalingPolicyConfiguration"]["stepAdjustments"]] == [1, 4]
    assert not [fault for it in cloud.resources for fault in wrong(it)]
    assert watched.QUEUE_EVENT in cloud.of("cloudwatch/logMetricFilter:LogMetricFilter", "QueueAge")[0]["pattern"]
