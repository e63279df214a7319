"""What it costs, and that the page says the same."""

import dataclasses

import pytest

from infra.costs import model
from infra.costs.examples import ROOT, example, examples
from infra.costs.page import page
from infra.costs.prices import PRICES


def test_the_page_is_what_the_prices_give() -> None:
    """docs/costs.md is written from the table and the examples: `python -m infra.costs`."""
    assert (ROOT / "docs/costs.md").read_text(encoding="utf-8") == page(examples())


def test_an_idle_development_stack_costs_less_than_fifteen_dollars() -> None:
    """The example for development, a month in which nobody uses it, all lines included."""
    assert model.total(model.idle(example("dev"))) < 15


def test_hours_are_counted_as_the_price_list_has_them() -> None:
    """An instance of App Runner with 1 GB that waits is 730 hours of 0.007 USD."""
    (line,) = (it for it in model.idle(example("dev")) if it.what.startswith("App Runner"))
    assert line.usd == pytest.approx(5.11)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"worker": "fargate"}, {"workers", "their public addresses"}),
        ({"worker": "fargate", "workerDisk": "50"}, {"their disks"}),
        ({"cache": "serverless"}, {"cache, serverless"}),
        ({"cache": "replicated"}, {"cache, replicated"}),
        ({"compute": "ecs-express"}, {"load balancer", "API tasks"}),
    ],
    # Not `str`: the order of a set differs from process to process, and so would the names of the tests.
    ids=lambda value: " ".join(sorted(f"{key}={value[key]}" if isinstance(value, dict) else key for key in value)),
)
def test_what_is_used_is_billed_and_nothing_else(changed: dict[str, str], what: set[str]) -> None:
    """A part of a stack has its line, and a stack without that part has not."""
    with_it = {line.what for line in model.idle(example("dev", **changed))}
    without = {line.what for line in model.idle(example("dev"))}
    assert what <= with_it
    assert not what & without


def test_traces_are_billed_where_they_are_sent() -> None:
    """X-Ray is billed by the trace, so by use, and only where tracing is on."""
    lines = {tracing: model.thousand(example("dev", tracing=tracing)) for tracing in ("none", "xray")}
    (traces,) = {line.what for line in lines["xray"]} - {line.what for line in lines["none"]}
    assert traces == "X-Ray"
    assert model.idle(example("dev", tracing="xray")) == model.idle(example("dev"))


def test_spot_is_cheaper_and_more_instances_are_dearer() -> None:
    """The model follows the settings in the right direction."""

    def idle(**changed: str) -> float:
        return model.total(model.idle(example("prod", **changed)))

    assert idle(spot="true") < idle(spot="false")
    assert idle(minInstances="1") < idle(minInstances="2")
    assert idle(cache="replicated", cacheNodes="1") < idle(cache="replicated", cacheNodes="2")


def test_a_node_that_is_not_in_the_table_says_so() -> None:
    """A price that is not known is not passed off as one that is."""
    (line,) = (
        it
        for it in model.idle(example("dev", cache="replicated", cacheNodeType="cache.r7g.large"))
        if "cache" in it.what
    )
    assert "look it up" in line.how


def test_a_longer_conversion_costs_more() -> None:
    """1,000 conversions grow with the CPU and the bytes of each."""
    stack = example("prod")
    longer = dataclasses.replace(model.TYPICAL, cpu=600)
    larger = dataclasses.replace(model.TYPICAL, result=200)
    assert model.total(model.thousand(stack, longer)) > model.total(model.thousand(stack))
    assert model.total(model.thousand(stack, larger)) > model.total(model.thousand(stack)) + 8


def test_every_price_has_a_source() -> None:
    """Each price is positive, and says what it is for and where it was read."""
    assert all(price.usd > 0 and price.unit and "aws.amazon.com" in price.source for price in PRICES.values())
