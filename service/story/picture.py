"""
A page with a picture of lives: one lane for each container, one for each job, and each job's story below.

It needs nothing beside it, runs no script, and whatever comes from a log is escaped.
"""

from collections.abc import Sequence
from html import escape

from service.story.attempts import RUNNING, SUCCEEDED
from service.story.lives import Life, Story
from service.story.processes import Process
from service.story.telling import costs, headline, sentences
from service.story.words import clock, day, harmless, seconds

MOST_JOBS, MOST_CONTAINERS = 300, 60
LEFT, WIDTH, LANE, TOP = 250, 1300, 22, 26  # of the picture, in its own units
COLOURS = 8
TICKS = 10
STYLE = """
:root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif; --ink: #222; --paper: #fff; --line: #ccc; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181a1c; --line: #444; } }
body { margin: 1.5rem; color: var(--ink); background: var(--paper); }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: var(--ink); }
.grid { stroke: var(--line); } .wait { stroke: var(--ink); stroke-width: 1; opacity: .5; }
.cut { stroke: #c00; stroke-width: 2.5; } .good { color: #070; } .bad { color: #c00; } .quiet { opacity: .7; }
@media (prefers-color-scheme: dark) { .cut { stroke: #f66; } .bad { color: #f66; } .good { color: #6c6; } }
.c0 { fill: #4c78a8; } .c1 { fill: #f58518; } .c2 { fill: #54a24b; } .c3 { fill: #b279a2; }
.c4 { fill: #e45756; } .c5 { fill: #72b7b2; } .c6 { fill: #9d755d; } .c7 { fill: #888; } .alive { opacity: .45; }
td { padding: .1rem .8rem .1rem 0; vertical-align: top; } td:nth-child(-n+3) { white-space: nowrap; }
details { margin: .3rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; } td { overflow-wrap: anywhere; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(story: Story, lives: Sequence[Life], *, note: str = "") -> str:
    """Return the page of these jobs; `note` says what was read."""
    shown = list(lives)[:MOST_JOBS]
    scale = _Scale(story, shown)
    containers = _containers(story, shown)
    colours = {name: number % COLOURS for number, name in enumerate(containers)}
    name = f"job {escape(harmless(shown[0].job_id))}" if len(shown) == 1 else f"{len(shown)} jobs"
    left_out = f"<p>{len(lives) - MOST_JOBS:,} further jobs are left out.</p>" if len(lives) > MOST_JOBS else ""
    told = "".join(_told(life, story, opened=len(shown) == 1) for life in shown)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        f"<title>The story of {name}</title><style>{STYLE}</style></head><body>"
        f"<h1>The story of {name}</h1>"
        f"<p>{day(scale.begin)}, times are UTC. {escape(harmless(note, 2000))}</p>"
        f"{_picture(containers, shown, colours, scale)}{left_out}{told}</body></html>\n"
    )


class _Scale:
    """From moments to horizontal positions."""

    def __init__(self, story: Story, lives: Sequence[Life]) -> None:
        moments = [one.at for life in lives for one in sentences(life, story.processes)]
        self.begin, self.end = min(moments, default=0.0), max(moments, default=0.0)
        self.length = max(self.end - self.begin, 0.1)

    def x(self, at: float) -> float:
        """Return the position of a moment."""
        return LEFT + (WIDTH - LEFT) * min(max((at - self.begin) / self.length, 0.0), 1.0)


def _containers(story: Story, lives: Sequence[Life]) -> dict[str, list[Process]]:
    """Return the containers that held one of these jobs, with their processes."""
    held = {attempt.container for life in lives for attempt in life.attempts if attempt.container}
    found: dict[str, list[Process]] = {name: [] for name in sorted(held)[:MOST_CONTAINERS]}
    for process in story.processes.values():
        if process.name in found:
            found[process.name].append(process)
    return found


def _picture(
    containers: dict[str, list[Process]], lives: Sequence[Life], colours: dict[str, int], scale: _Scale
) -> str:
    rows = [_row(number, name, _lives_of(processes, colours[name], scale, number))
            for number, (name, processes) in enumerate(containers.items())]  # fmt: skip
    rows += [_row(number, life.job_id, _attempts(life, colours, scale, number))
             for number, life in enumerate(lives, start=len(containers))]  # fmt: skip
    height = TOP + LANE * len(rows) + 4
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{_axis(scale, height)}{"".join(rows)}</svg>'


def _axis(scale: _Scale, height: int) -> str:
    drawn = []
    for number in range(TICKS):
        at = scale.begin + scale.length * number / TICKS
        x = scale.x(at)
        drawn.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="18" y2="{height}"/>')
        drawn.append(f'<text x="{x:.1f}" y="12">{clock(at)[:10]}</text>')
    return "".join(drawn)


def _row(number: int, name: str, drawn: str) -> str:
    y = TOP + LANE * number + 15
    return f'<text x="0" y="{y}">{escape(harmless(name, 36))}</text>{drawn}'


def _lives_of(processes: Sequence[Process], colour: int, scale: _Scale, number: int) -> str:
    drawn = ""
    for process in processes:
        said = f"{process.instance}, from {clock(process.first)} to {clock(process.last)}"
        drawn += _bar(process.first, process.last, f"c{colour} alive", said, scale, number)
        if process.died:
            drawn += _cross(process.last, scale, number)
    return drawn


def _attempts(life: Life, colours: dict[str, int], scale: _Scale, number: int) -> str:
    y = TOP + LANE * number + 11
    ends = [attempt.ended or attempt.last or 0.0 for attempt in life.attempts]
    drawn = ""
    if life.begun is not None:
        x, width = scale.x(life.begun), scale.x(max([life.begun, *ends]))
        drawn = f'<line class="wait" x1="{x:.1f}" x2="{width:.1f}" y1="{y}" y2="{y}"/>'
    for attempt in life.attempts:
        end = attempt.ended or attempt.last
        begun = attempt.begun if attempt.begun is not None else end
        if begun is None or end is None:
            continue
        said = f"attempt {attempt.number} in {attempt.container or '?'}: {attempt.end}, {seconds(end - begun)}"
        drawn += _bar(begun, end, f"c{colours.get(attempt.container, COLOURS - 1)}", said, scale, number)
        if attempt.cut:
            drawn += _cross(end, scale, number)
    tone = "good" if life.state == SUCCEEDED else "quiet" if life.state == RUNNING else "bad"
    return f'<g class="{tone}">{drawn}</g>'


def _bar(begin: float, end: float, classes: str, said: str, scale: _Scale, number: int) -> str:
    x = scale.x(begin)
    width = max(scale.x(end) - x, 2.0)
    y = TOP + LANE * number + 3
    title = escape(harmless(said, 600))
    return (
        f'<rect class="{classes}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{LANE - 6}" rx="2">'
        f"<title>{title}</title></rect>"
    )


def _cross(at: float, scale: _Scale, number: int) -> str:
    x, y = scale.x(at), TOP + LANE * number + 11
    return f'<path class="cut" d="M{x - 5:.1f} {y - 5}l10 10m0 -10l-10 10"/>'


def _told(life: Life, story: Story, *, opened: bool) -> str:
    begun = life.begun or 0.0
    rows = "".join(
        f'<tr class="{one.tone}"><td>{clock(one.at)}</td><td>+{seconds(one.at - begun)}</td>'
        f"<td>{escape(one.where)}</td><td>{escape(one.text)}</td></tr>"
        for one in sentences(life, story.processes)
    )
    ends = [*costs(life), *([f"Not in these logs: {', '.join(life.missing)}."] if life.missing else [])]
    more = "".join(f"<p>{escape(text)}</p>" for text in ends)
    return (
        f"<details{' open' if opened else ''}><summary>{escape(harmless(life.job_id))}: {escape(headline(life))}"
        f"</summary><table>{rows}</table>{more}</details>"
    )
