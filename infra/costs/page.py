"""docs/costs.md: the two bills of each example, and the prices they rest on."""

from collections.abc import Iterator, Mapping, Sequence

from infra.config.model import Config
from infra.costs.model import IDLE_OF_FEW, IDLE_OF_MANY, TYPICAL, Line, idle, thousand, total
from infra.costs.prices import AS_OF, HOURS, PRICES, REGION

OPENING = f"""\
# What it costs

This page is written by `python -m infra.costs` from the example stacks and `infra/costs/prices.py`; a test holds them.
Prices are of {AS_OF}, for {REGION}, on demand, without taxes, credits and free tiers, for a month of {HOURS} hours.
Prices marked with † were not read on AWS's own page on that day: look them up before you rely on them.
`pulumi up` prints the idle cost of the stack at hand as the output `idle_usd_a_month`.
"""

READING = f"""\
## How to read it

*Idle* is a month in which nobody uses the service.
A worker that has nothing to do still looks for work, and writes its entry among the workers: with up to three of them {IDLE_OF_FEW.writes} times an hour, with more {IDLE_OF_MANY.writes} times, with a cache and without; [scale.md](scale.md) has all of its calls.
The second bill is what 1,000 conversions add: {TYPICAL.upload:g} MB in, {TYPICAL.result:g} MB out and downloaded once, {TYPICAL.cpu:g} seconds of one vCPU, kept for {TYPICAL.days:g} days.
Downloads are most of it, and they leave S3 directly: no container, and no NAT gateway, is in between.
There is no NAT gateway and no interface endpoint in any of these stacks; S3 and DynamoDB are reached through gateway endpoints, which are free.
Metrics of the log cost {PRICES["metric"].usd:.2f} USD a metric and month, only for the hours in which their event happens.
A stack on ECS Express Mode cannot be as cheap when idle as one on App Runner: its load balancer and a task are there all the time.
A development stack on it that is not used at night is better destroyed, which takes minutes and leaves nothing, than kept.
"""  # noqa: E501  # a document has a sentence a line


def page(stacks: Mapping[str, tuple[str, Config]]) -> str:
    """The document, for examples by name, each with what it is."""
    parts = [OPENING, *_summary(stacks)]
    for name, (about, stack) in stacks.items():
        parts += [f"\n## {name}\n\n{about}\n", *_bill("Idle, a month", idle(stack))]
        parts += _bill("1,000 conversions", thousand(stack))
    return "".join([*parts, "\n", READING, *_prices()])


def _summary(stacks: Mapping[str, tuple[str, Config]]) -> Iterator[str]:
    yield "\n| stack | idle, USD a month | 1,000 conversions, USD |\n| --- | --: | --: |\n"
    for name, (_, stack) in stacks.items():
        yield f"| {name} | {total(idle(stack)):.2f} | {total(thousand(stack)):.2f} |\n"


def _bill(title: str, lines: Sequence[Line]) -> Iterator[str]:
    yield f"\n| {title} | | USD |\n| --- | --- | --: |\n"
    for line in lines:
        yield f"| {line.what} | {line.how} | {line.usd:.2f} |\n"
    yield f"| **sum** | | **{total(lines):.2f}** |\n"


def _prices() -> Iterator[str]:
    yield "\n## Prices\n\n| | USD | for one | from |\n| --- | --: | --- | --- |\n"
    for name, price in PRICES.items():
        mark = "" if price.read else " †"
        yield f"| {name}{mark} | {price.usd:.10g} | {price.unit} | {price.source} |\n"
