"""The picture of docs/scale.md, as SVG; the same figures give the same file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.scale.goals import LEASE, MOST_OF_COMPUTE
from benchmarks.scale.results import Result, Spread

INK, BLUE, ORANGE, GREEN, GREY = "#24292f", "#0969da", "#bc4c00", "#1a7f37", "#8c959f"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "reprise",  # ids that do not differ from run to run
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d0d7de",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


def write(path: Path, results: Sequence[Result]) -> None:
    """Draw, and write it to a file."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        cost, units, wait, recovery = figure.subplots(2, 2).flat
        _cost(cost, results)
        _units(units, results)
        _seconds(wait, results, "arriving", {"wait": lambda it: it.waits}, "a job waits for a worker, seconds")
        after = {"SIGKILL": lambda it: it.killed, "SIGTERM": lambda it: it.stopped}
        _seconds(recovery, results, "faults", after, "from the end of a worker to the next attempt, seconds")
        recovery.axhline(LEASE, color=GREY, linestyle="--", linewidth=1)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _cost(axes: Axes, results: Sequence[Result]) -> None:
    for scene, colour in (("busy", BLUE), ("arriving", GREEN), ("idle", ORANGE)):
        found = [it for it in results if it.scene == scene]
        axes.plot([it.workers for it in found], [100 * it.state_share for it in found], "o-", color=colour, label=scene)
    axes.axhline(100 * MOST_OF_COMPUTE, color=GREY, linestyle="--", linewidth=1, label="goal")
    axes.set(title="state costs, % of compute", ylim=(0, None))
    _workers(axes, results)
    axes.legend()


def _units(axes: Axes, results: Sequence[Result]) -> None:
    """Where the money goes at the largest size, as parts of compute."""
    found = [it for it in results if it.scene == "busy"]
    if not found:
        return
    largest = max(found, key=lambda it: it.workers)
    parts = sorted(largest.operations.items(), key=lambda it: it[1].reads + 5 * it[1].writes)[-8:]
    whole = sum(one.reads + 5 * one.writes for one in largest.operations.values())
    shares = [100 * largest.state_share * (one.reads + 5 * one.writes) / whole for _, one in parts]
    axes.barh([name for name, _ in parts], shares, color=BLUE)
    axes.set(title=f"by operation, {largest.workers:,} busy workers, % of compute")


def _seconds(
    axes: Axes,
    results: Sequence[Result],
    scene: str,
    figures: dict[str, Callable[[Result], Spread]],
    title: str,
) -> None:
    found = [it for it in results if it.scene == scene]
    sizes = [it.workers for it in found]
    for (name, figure), colour in zip(figures.items(), (BLUE, ORANGE), strict=False):
        for label, style in (("p50", "o-"), ("p99", "^--"), ("most", "x:")):
            values = [getattr(figure(it), label) for it in found]
            axes.plot(
                sizes,
                values,
                style,
                color=colour,
                label=f"{name}, {label.replace('most', 'max')}",
                linewidth=1,
                markersize=4,
            )
    axes.set(title=title, ylim=(0, None))
    _workers(axes, results)
    axes.legend(fontsize=8)


def _workers(axes: Axes, results: Sequence[Result]) -> None:
    sizes = sorted({it.workers for it in results})
    axes.set(xscale="log", xlabel="workers")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
