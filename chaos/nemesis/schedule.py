"""When which fault comes: drawn from the seed, before anything happens."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.ambient import draws
from chaos.nemesis import Injection
from chaos.nemesis.faults import Fault, by_weight


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault at `at` seconds, healed `hold` seconds after it was done; `seed` is that of its draws."""

    at: float
    fault: Fault[Injection]
    hold: float
    seed: str


def schedule(
    seed: int,
    faults: Sequence[Fault[Injection]],
    *,
    seconds: float,
    every: float,
    first: Sequence[Fault[Injection]] = (),
) -> list[Strike]:
    """
    Draw faults for so many `seconds`, one `every` so many on average; those of `first` come first, in their order.

    What lasts is healed within the time.
    """
    draw = draws(seed, "schedule")
    bag, forced = by_weight(faults), list(first)
    strikes: list[Strike] = []
    at = every * draw.uniform(0.4, 0.8)
    while at < seconds or forced:
        fault = forced.pop(0) if forced else draw.choice(bag)
        hold = fault.duration(draw.random())
        strikes.append(Strike(at, fault, max(0.2, min(hold, seconds - at)), f"{seed} strike {len(strikes)}"))
        at += every * draw.uniform(0.5, 1.5)
    return strikes
