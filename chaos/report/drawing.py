"""
Pictures of a run as SVG text, of our own making.

Horizontal positions are percentages, so that a picture is as wide as its place and its letters keep their size; curves
have a coordinate system of their own, stretched over the lane. Colours are classes of the style sheet: a strict
content security policy allows no style attributes.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape

from chaos.history.interruptions import Span
from chaos.report.view import FaultView, JobView, Life, View

STEPS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)  # seconds between ticks
TICKS = 12
MOMENT = 0.1  # seconds: the least that a line of times spans, because a job may be taken over at once
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-z]{3,20}")
KINDS = (
    (
        "network",
        (
            "hints",
            "objects",
            "records",
            "stores",
            "redis",
            "s3",
            "dynamo",
            "cut",
            "partition",
            "slow",
            "reset",
            "flush",
        ),
    ),
    ("kill", ("kill", "crash", "oom")),
    ("freeze", ("pause", "freeze", "stop", "thaw", "deploy", "scale")),
    ("resource", ("disk", "memory", "cpu", "clock", "full", "poison")),
)
ICONS = {
    "cut": "M-4-4L4 4M-4 4L4-4",
    "done": "M-5 0L-1.5 4L5-4",
    "refused": "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0M-3.5-3.5L3.5 3.5",
    "failed": "M0-5L0 1M0 4L0 4.5",
    "cancelled": "M-4-4H4V4H-4Z",
    "download": "M0-5V3M-4-1L0 3L4-1",
}


def element(name: str, content: str = "", **attributes: object) -> str:
    """Return an element; `content` is markup, attributes are escaped, and `class_` is written as `class`."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    return f"<{name}{named}>{content}</{name}>"


def kind_of(name: str) -> str:
    """Return the kind of a fault by its name, which gives it its colour: kill, freeze, network, resource or other."""
    return next((kind for kind, words in KINDS if any(word in name.lower() for word in words)), "other")


class Scale:
    """From seconds to a percentage of the width."""

    def __init__(self, length: float) -> None:
        self.length = length

    def x(self, at: float) -> str:
        """Return the position of a moment."""
        return f"{self.share(at):.3f}%"

    def share(self, at: float) -> float:
        """Return the position of a moment as a number from 0 to 100."""
        return min(max(at / self.length, 0.0), 1.0) * 100

    def width(self, begin: float, end: float) -> str:
        """Return the width of a stretch, visible however short it is."""
        return f"{max(self.share(end) - self.share(begin), 0.08):.3f}%"

    def ticks(self) -> list[float]:
        """Return round moments, about `TICKS` of them."""
        step = next((one for one in STEPS if self.length / one <= TICKS), STEPS[-1])
        return [number * step for number in range(int(self.length / step) + 1)]


def axis(scale: Scale) -> str:
    """Draw the moments."""
    marks = []
    for at in scale.ticks():
        share = scale.share(at)
        anchor = "start" if share < 2 else "end" if share > 97 else "middle"
        marks.append(element("line", x1=scale.x(at), x2=scale.x(at), y1="18", y2="24", class_="tick"))
        marks.append(
            element("text", _clock(at, scale.length), x=scale.x(at), y="13", text_anchor=anchor, class_="tick-label")
        )
    return element("svg", "".join(marks), class_="axis", aria_hidden="true")


def _clock(at: float, length: float) -> str:
    """Return a moment for the axis: seconds, or in a long run minutes and seconds."""
    return f"{at:g} s" if length < 150 else f"{int(at // 60)}:{int(at % 60):02d}"


def overlay(view: View, scale: Scale) -> str:
    """Draw grid and faults over the whole height, behind all lanes."""
    drawn = [element("line", x1=scale.x(at), x2=scale.x(at), y1="0", y2="100%", class_="grid") for at in scale.ticks()]
    drawn += [
        element(
            "rect",
            x=scale.x(fault.begun),
            width=scale.width(fault.begun, fault.ended),
            y="0",
            height="100%",
            class_=f"shade f-{kind_of(fault.name)}",
            fill=_own_colour(fault),
        )
        for fault in view.faults
    ]
    return element("svg", "".join(drawn), class_="overlay", aria_hidden="true")


def fault_lane(faults: Iterable[FaultView], scale: Scale) -> str:
    """Draw each fault as a mark, or as a span if it lasts."""
    drawn = []
    for fault in faults:
        kind, tip = f"fault f-{kind_of(fault.name)}", fault_tip(fault)
        if fault.ended > fault.begun:
            width = scale.width(fault.begun, fault.ended)
            drawn.append(
                element(
                    "rect",
                    x=scale.x(fault.begun),
                    width=width,
                    y="6",
                    height="12",
                    rx="3",
                    class_=kind,
                    fill=_own_colour(fault),
                    data_tip=tip,
                )
            )
        else:
            mark = element("path", d="M0-8L6 0L0 8L-6 0Z", class_=kind, fill=_own_colour(fault), data_tip=tip)
            drawn.append(element("svg", mark, x=scale.x(fault.begun), y="50%", overflow="visible"))
    return element("svg", "".join(drawn), class_="track")


def fault_tip(fault: FaultView) -> str:
    """Say what a fault was."""
    lasted = f"{fault.begun:.1f} to {fault.ended:.1f} s" if fault.ended > fault.begun else f"at {fault.begun:.1f} s"
    parts = [f"{fault.name.replace('_', ' ')}: {', '.join(fault.targets) or 'all'}", lasted, fault.detail]
    return " · ".join(part for part in parts if part)


def _own_colour(fault: FaultView) -> str | None:
    """A fault that brings no colour, or one that is none, has that of its kind."""
    return fault.colour if COLOUR.fullmatch(fault.colour) else None


def container_lane(name: str, lives: Sequence[Life], view: View, scale: Scale) -> str:
    """Draw when a container lived, and when it did not."""
    drawn = []
    for life in lives:
        tip = f"{name}: {life.state} · {life.why} · {life.begun:.1f} to {life.ended:.1f} s"
        look = f"life {life.state} c{view.colour_of(name)}"
        width = scale.width(life.begun, life.ended)
        drawn.append(
            element("rect", x=scale.x(life.begun), width=width, y="7", height="10", rx="2", class_=look, data_tip=tip)
        )
        if life.state == "gone" and life.why.startswith("killed"):
            drawn.append(icon("cut", scale.x(life.begun), "50%", f"{name} was {life.why} at {life.begun:.1f} s"))
    return element("svg", "".join(drawn), class_="track")


def icon(name: str, x: str, y: str, tip: str) -> str:
    """Draw a mark whose size does not depend on the width."""
    shape = element("circle", r="8", class_="halo") + element("path", d=ICONS[name], class_=f"icon {name}")
    return element("svg", element("g", shape, data_tip=tip), x=x, y=y, overflow="visible")


def job_lane(job: JobView, view: View, scale: Scale) -> str:
    """Draw the attempts of a job as bars, the progress that clients saw inside them, and how each ended."""
    drawn = [
        element("line", x1=scale.x(job.begun), x2=scale.x(job.ended), y1="100%", y2="100%", class_="life-line"),
        element("circle", cx=scale.x(job.begun), cy="100%", r="3", class_="submitted"),
    ]
    drawn += [_bar(span, view, scale) for span in job.spans]
    drawn.append(_curves(job, view, scale))
    for span in job.spans:
        share = scale.share(span.ended) - scale.share(span.begun)
        if share > 1.2:
            label = str(span.attempt) + element("tspan", f" · {escape(span.container)}", class_="long") * (share > 12)
            drawn.append(element("text", label, x=scale.x(span.begun), dx="6", y="13", class_="attempt"))
    drawn += [
        icon(
            "cut", scale.x(cut.at), "50%", f"{cut.container} was {cut.cause} in attempt {cut.attempt} at {cut.at:.1f} s"
        )
        for cut in job.interruptions
    ]
    drawn += [
        icon("refused", scale.x(at), "50%", f"a write of a replaced attempt was refused at {at:.1f} s")
        for at in job.refused
    ]
    if job.state in {"succeeded", "failed", "cancelled"}:
        mark = {"succeeded": "done"}.get(job.state, job.state)
        drawn.append(icon(mark, scale.x(job.ended), "50%", f"{job.name} {job.state} at {job.ended:.1f} s"))
    return element("svg", "".join(drawn), class_="track", role="img", aria_label=f"{job.name}, {job.state}")


def _bar(span: Span, view: View, scale: Scale) -> str:
    ending = span.ending or "still running"
    tip = (
        f"attempt {span.attempt} in {span.container} · {span.begun:.1f} to {span.ended:.1f} s"
        f" · {span.how.replace('_', ' ')}, then {ending}" + (f" ({span.detail})" if span.detail else "")
    )
    return element(
        "rect",
        x=scale.x(span.begun),
        width=scale.width(span.begun, span.ended),
        y="2",
        height="94%",
        rx="4",
        class_=f"bar c{view.colour_of(span.container)}",
        data_tip=tip,
    )


def _curves(job: JobView, view: View, scale: Scale) -> str:
    """One area for each attempt in its colour, and the line that clients saw from the first reading to the last."""
    drawn = []
    for span in job.spans:
        inside = [(at, percent) for at, percent in job.curve if span.begun <= at <= span.ended]
        shown = max((percent for at, percent in job.curve if at < span.begun), default=0.0)
        last = inside[-1][1] if inside else shown
        known = _steps([(span.begun, shown), *inside, (span.ended, last)])
        outline = [(span.begun, 0.0), *known, (span.ended, 0.0)]
        look = f"area c{view.colour_of(span.container)}"
        drawn.append(element("polygon", points=_points(outline, scale), class_=look))
    if len(job.curve) > 1:
        drawn.append(element("polyline", points=_points(_steps(job.curve), scale), class_="curve"))
    return element("svg", "".join(drawn), viewBox="0 0 1000 100", preserveAspectRatio="none", class_="curves")


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """What was shown holds until something else is: no line may say what no client was told."""
    found: list[tuple[float, float]] = []
    for at, percent in points:
        if found and percent != found[-1][1]:
            found.append((at, found[-1][1]))
        found.append((at, percent))
    return found


def _points(points: Iterable[tuple[float, float]], scale: Scale) -> str:
    return " ".join(f"{scale.share(at) * 10:.1f},{96 - percent * 0.92:.1f}" for at, percent in points)


def strip(values: Sequence[float], bound: float) -> str:
    """Draw times as dots on a line from 0 to a bound, so that their spread is seen at once."""
    end = max([bound, *values, MOMENT]) * 1.05
    drawn = [element("line", x1="0", x2="100%", y1="26", y2="26", class_="tick")]
    for at in Scale(end).ticks():
        x = f"{at / end * 96 + 2:.2f}%"
        drawn.append(element("line", x1=x, x2=x, y1="26", y2="30", class_="tick"))
        drawn.append(element("text", f"{at:g} s", x=x, y="44", text_anchor="middle", class_="tick-label"))
    drawn += [
        element("circle", cx=f"{value / end * 96 + 2:.2f}%", cy="16", r="5", class_="dot", data_tip=f"{value:.2f} s")
        for value in values
    ]
    return element("svg", "".join(drawn), class_="strip", role="img", aria_label="recovery times")
