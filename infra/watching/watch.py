"""The watch over a stack: alarms on the metrics of its logs, a dashboard, and a mail before the bill is too high."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.components import Component
from infra.watching import dashboard
from infra.watching.alarms import Alarm, Metric, service_alarms, table_alarms, webhook_alarms, worker_alarms
from infra.watching.signals import namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchArgs:
    """`topic_arn` empty: alarms only show. `worker` None: it is embedded. `budget_usd` 0: none."""

    region: str
    stack: str
    table: Input[str]
    api: Mapping[str, Input[str]]
    runner: bool
    worker: Mapping[str, Input[str]] | None
    webhooks: bool
    topic_arn: str
    budget_usd: int
    budget_email: str


class Watch(Component):
    """Outputs: `link` of the dashboard, and `namespace` of the metrics."""

    def __init__(self, name: str, args: WatchArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Watch", name, opts)
        self._name, self._args = name, args
        self.namespace = namespace(args.stack)
        alarms = [*service_alarms(), *table_alarms(args.table)]
        if args.worker is not None:
            alarms += worker_alarms(args.worker)
        if args.webhooks:
            alarms += webhook_alarms()
        for alarm in alarms:
            self._alarm(alarm)
        self._dashboard()
        if args.budget_usd:
            self._budget()
        self.link = dashboard.link(args.region, name)
        self.register_outputs({"link": self.link})

    def _alarm(self, alarm: Alarm) -> None:
        comparison = "LessThanOrEqualToThreshold" if alarm.below else "GreaterThanThreshold"
        topic = [self._args.topic_arn] if self._args.topic_arn else None
        single = alarm.metric if alarm.unless is None else None
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{alarm.name}",
            alarm_description=alarm.advice,
            comparison_operator=comparison,
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            treat_missing_data="breaching" if alarm.silence else "notBreaching",
            namespace=(single.namespace or self.namespace) if single else None,
            metric_name=single.name if single else None,
            dimensions=(dict(single.dimensions) or None) if single else None,
            statistic=single.statistic if single else None,
            period=alarm.minutes * 60 if single else None,
            metric_queries=None if alarm.unless is None else self._queries(alarm, alarm.unless),
            alarm_actions=topic,
            ok_actions=topic,
            opts=self.inside,
        )

    def _queries(self, alarm: Alarm, unless: Metric) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
        """The metric where the other is 0 or missing, and 0 elsewhere."""
        return [
            aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id="left",
                expression="IF(FILL(other, 0) == 0, FILL(one, 0), 0)",
                label=alarm.name,
                return_data=True,
            ),
            *(
                aws.cloudwatch.MetricAlarmMetricQueryArgs(
                    id=name,
                    metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                        namespace=metric.namespace or self.namespace,
                        metric_name=metric.name,
                        dimensions=dict(metric.dimensions) or None,
                        stat=metric.statistic,
                        period=alarm.minutes * 60,
                    ),
                    return_data=False,
                )
                for name, metric in (("one", alarm.metric), ("other", unless))
            ),
        ]

    def _dashboard(self) -> None:
        args = self._args
        body = Output.all(
            table=args.table,
            api=Output.from_input(dict(args.api)),
            worker=Output.from_input(None if args.worker is None else dict(args.worker)),
        ).apply(
            lambda known: dashboard.body(
                title=f"# Reprise, {args.stack}",
                region=args.region,
                namespace=self.namespace,
                table=known["table"],
                api=known["api"],
                worker=known["worker"],
                runner=args.runner,
            )
        )
        aws.cloudwatch.Dashboard(self._name, dashboard_name=self._name, dashboard_body=body, opts=self.inside)

    def _budget(self) -> None:
        """Of the whole account: a budget by tag sees nothing before the tag is activated in the billing console."""
        aws.budgets.Budget(
            self._name,
            budget_type="COST",
            limit_amount=str(self._args.budget_usd),
            limit_unit="USD",
            time_unit="MONTHLY",
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    notification_type="FORECASTED",
                    comparison_operator="GREATER_THAN",
                    threshold=100,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=[self._args.budget_email],
                )
            ],
            opts=self.inside,
        )
