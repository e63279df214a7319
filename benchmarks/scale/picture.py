"""The picture of docs/scale.md, as SVG; the same figures give the same file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure of one scene, over the sizes."""

    scene: str
    label: str
    figure: Callable[[Result], Spread]
    colour: str


def write(path: Path, results: Sequence[Result]) -> None:
    """Draw, and write it to a file."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        cost, units, wait, recovery = figure.subplots(2, 2).flat
        _cost(cost, results)
        _units(units, results)
        curves = [Curve("arriving", "wait", lambda it: it.waits, GREEN)]
        _seconds(wait, results, curves, "a job waits for a worker, seconds")
        curves = [
            Curve("faults", "by silence", lambda it: it.killed, BLUE),
            Curve("heard", "by Redis", lambda it: it.killed, ORANGE),
        ]
        _seconds(recovery, results, curves, "from SIGKILL to the next attempt, seconds")
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


def _seconds(axes: Axes, results: Sequence[Result], curves: Sequence[Curve], title: str) -> None:
    for curve in curves:
        found = [it for it in results if it.scene == curve.scene]
        for name, style, share in (("p50", "o-", "p50"), ("p99", "^--", "p99"), ("max", "x:", "most")):
            values = [getattr(curve.figure(it), share) for it in found]
            label = f"{curve.label}, {name}"
            sizes = [it.workers for it in found]
            axes.plot(sizes, values, style, color=curve.colour, label=label, linewidth=1, markersize=4)
    axes.set(title=title, ylim=(0, None))
    _workers(axes, results)
    axes.legend(fontsize=8)


def _workers(axes: Axes, results: Sequence[Result]) -> None:
    sizes = sorted({it.workers for it in results})
    axes.set(xscale="log", xlabel="workers")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
