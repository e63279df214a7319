"""
USD, on demand, in us-east-1. One row for each thing that is billed, with where it was read.

`read` False: from memory or a secondary page, to be looked up before it is relied on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

AS_OF = "2026-11-22"
REGION = "us-east-1"
HOURS = 730  # of a month


@dataclass(frozen=True, slots=True)
class Price:
    """`usd` for one `unit`."""

    usd: float
    unit: str
    source: str
    read: bool = True


PRICES: Mapping[str, Price] = {
    "apprunner-vcpu": Price(0.064, "vCPU-hour, active", "aws.amazon.com/apprunner/pricing"),
    "apprunner-gb": Price(0.007, "GB-hour, provisioned or active", "aws.amazon.com/apprunner/pricing"),
    "fargate-vcpu": Price(0.04048, "vCPU-hour", "aws.amazon.com/fargate/pricing"),
    "fargate-gb": Price(0.004445, "GB-hour", "aws.amazon.com/fargate/pricing"),
    "fargate-disk": Price(0.000111, "GiB-hour beyond 20", "aws.amazon.com/fargate/pricing", read=False),
    "spot": Price(0.30, "of the on-demand price, which moves", "aws.amazon.com/fargate/pricing", read=False),
    "alb": Price(0.0225, "hour", "aws.amazon.com/elasticloadbalancing/pricing", read=False),
    "alb-lcu": Price(0.008, "LCU-hour", "aws.amazon.com/elasticloadbalancing/pricing", read=False),
    "ipv4": Price(0.005, "address-hour", "aws.amazon.com/vpc/pricing"),
    "dynamodb-write": Price(0.625 / 1e6, "write unit", "aws.amazon.com/dynamodb/pricing/on-demand"),
    "dynamodb-read": Price(0.125 / 1e6, "read unit", "aws.amazon.com/dynamodb/pricing/on-demand"),
    "s3-put": Price(0.005 / 1000, "PUT, POST, LIST", "aws.amazon.com/s3/pricing"),
    "s3-get": Price(0.0004 / 1000, "GET", "aws.amazon.com/s3/pricing"),
    "s3-gb": Price(0.023, "GB-month", "aws.amazon.com/s3/pricing"),
    "egress-gb": Price(0.09, "GB to the internet", "aws.amazon.com/ec2/pricing/on-demand"),
    "serverless-gb": Price(0.084, "GB-hour of Valkey, 0.1 GB at least", "aws.amazon.com/elasticache/pricing"),
    "serverless-ecpu": Price(0.0023 / 1e6, "ECPU of Valkey", "aws.amazon.com/elasticache/pricing"),
    "cache.t4g.micro": Price(0.0128, "node-hour of Valkey", "aws.amazon.com/elasticache/pricing", read=False),
    "cache.t4g.small": Price(0.0256, "node-hour of Valkey", "aws.amazon.com/elasticache/pricing", read=False),
    "cache.t4g.medium": Price(0.052, "node-hour of Valkey", "aws.amazon.com/elasticache/pricing", read=False),
    "secret": Price(0.40, "secret-month", "aws.amazon.com/secrets-manager/pricing", read=False),
    "alarm": Price(0.10, "metric of an alarm, month", "aws.amazon.com/cloudwatch/pricing", read=False),
    "dashboard": Price(3.0, "dashboard-month (an account's first three are free)", "aws.amazon.com/cloudwatch/pricing",
                       read=False),
    "metric": Price(0.30, "metric-month, in the hours in which it has data", "aws.amazon.com/cloudwatch/pricing",
                    read=False),
    "xray-trace": Price(5.0 / 1e6, "trace recorded", "aws.amazon.com/xray/pricing", read=False),
    "log-gb": Price(0.50, "GB of logs taken in", "aws.amazon.com/cloudwatch/pricing", read=False),
}  # fmt: skip


def usd(name: str, amount: float = 1.0) -> float:
    """What so many of this cost."""
    return PRICES[name].usd * amount
