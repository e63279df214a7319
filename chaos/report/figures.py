"""The figures of a run in words, for the page and for the terminal."""

from collections.abc import Mapping

Figures = Mapping[str, float | int | None]
CARDS = (
    ("recovery_p50", "recovery, median", "from an interruption until a container held the job again"),
    ("recovery_p99", "recovery, p99", "99 of 100 interruptions were over sooner"),
    ("recovery_max", "recovery, longest", "the worst of this run"),
    ("penalty_p50", "kill penalty, median", "until clients saw the progress rise again"),
    ("repeated_share", "work repeated", "of all seconds of conversion"),
)


def in_words(figures: Figures, key: str) -> str:
    """Return a figure as it is read: seconds with a unit, shares in percent, a dash where nothing was measured."""
    value = figures.get(key)
    if value is None:
        return "–"
    if key.endswith("_share"):
        return f"{value * 100:.0f} %"
    if key.startswith(("recovery", "penalty")) or key.endswith("_seconds"):
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    return f"{value:,}"


def lead(figures: Figures) -> str:
    """Say in a sentence or two what a run was."""

    def count(key: str, one: str, many: str) -> str:
        value = int(figures.get(key) or 0)
        return f"{value} {one if value == 1 else many}"

    ends = [f"{figures[key]} {key}" for key in ("succeeded", "failed", "cancelled", "unfinished") if figures.get(key)]
    jobs = count("jobs", "job", "jobs") + (f" ({', '.join(ends)})" if len(ends) > 1 else "")
    faults, cut = count("faults", "fault", "faults"), count("interruptions", "attempt", "attempts")
    return f"{jobs} met {faults}, which cut {cut} short."
