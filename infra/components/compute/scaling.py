"""
More workers while work waits: steps on the queue's length and age, beside the tracking of CPU that every worker has.

CPU sees work that is done; the queue, work that is not begun. Its length answers to a burst at once, its age to jobs
that are few and long. Of all that ask for workers the largest number counts; they stop again when their CPU says that
there is nothing to do.
"""

from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import ResourceOptions

from infra.components import Component
from infra.watching.signals import TRIGGERS, Trigger

MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueScalingArgs:
    """What is scaled, and where the metrics of the queue are."""

    target: aws.appautoscaling.Target
    namespace: str


class QueueScaling(Component):
    """No outputs: for each trigger a policy, and the alarm that sets it off."""

    def __init__(self, name: str, args: QueueScalingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("QueueScaling", name, opts)
        for trigger in TRIGGERS:
            self._scale(f"{name}-{trigger.name}", args, trigger)
        self.register_outputs({})

    def _scale(self, name: str, args: QueueScalingArgs, trigger: Trigger) -> None:
        """Every converting process reports the same numbers of the whole service: the maximum is the number."""
        step = aws.appautoscaling.PolicyStepScalingPolicyConfigurationStepAdjustmentArgs
        policy = aws.appautoscaling.Policy(
            name,
            policy_type="StepScaling",
            service_namespace=args.target.service_namespace,
            scalable_dimension=args.target.scalable_dimension,
            resource_id=args.target.resource_id,
            step_scaling_policy_configuration=aws.appautoscaling.PolicyStepScalingPolicyConfigurationArgs(
                adjustment_type="ChangeInCapacity",
                cooldown=MINUTE,
                metric_aggregation_type="Maximum",
                step_adjustments=[
                    step(
                        metric_interval_lower_bound=f"{least:g}",
                        metric_interval_upper_bound=None if most is None else f"{most:g}",
                        scaling_adjustment=more,
                    )
                    for least, most, more in trigger.steps
                ],
            ),
            opts=self.inside,
        )
        aws.cloudwatch.MetricAlarm(
            name,
            alarm_description="Work waits: more workers are started, up to reprise:workerMax. Nothing is to be done.",
            namespace=args.namespace,
            metric_name=trigger.metric,
            statistic="Maximum",
            period=MINUTE,
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=trigger.threshold,
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
            opts=self.inside,
        )
