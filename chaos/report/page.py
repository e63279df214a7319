"""The page of a run: one HTML file that needs nothing beside it, and may load nothing either (its CSP says so)."""

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from chaos.report.drawing import (
    ICONS,
    Scale,
    axis,
    container_lane,
    element,
    fault_lane,
    job_lane,
    kind_of,
    overlay,
    strip,
)
from chaos.report.figures import CARDS, in_words, lead
from chaos.report.stories import headline, story_of
from chaos.report.view import JobView, View
from chaos.verdict import Check, Count

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
MANY, VERY_MANY = 14, 45  # jobs, from which on lanes are lower
ZOOMS = (1, 2, 4, 8, 16)
KINDS = {
    "kill": "kill",
    "freeze": "freeze, stop, deploy",
    "network": "network, stores",
    "resource": "disk, memory, clock",
    "other": "other",
}


def page(view: View, logs: Sequence[str] = ()) -> str:
    """Return the page; `logs` are addresses relative to it."""
    style, script = STYLE.read_text(encoding="utf-8"), SCRIPT.read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    run = view.verdict
    title = f"{run.scenario or 'chaos run'}, seed {run.seed}: {run.verdict}"
    body = "\n".join(
        (_verdict(view), _timeline(view), _recoveries(view), _promises(view), _sometimes(view), _details(view, logs))
    )
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f'<body><main>\n{body}\n</main><div id="tip" role="status" hidden></div>'
        f"<script>{script}</script></body></html>\n"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _verdict(view: View) -> str:
    run = view.verdict
    heading = {"passed": "Every promise was kept.", "failed": "A promise was broken.", "error": "The run broke off."}
    if run.verdict == "failed" and not any(check.broken for check in run.checks):
        heading["failed"] = "Every promise was kept, but the run did not meet what it needs."
    seconds = f"{run.seconds:.0f} s" if run.seconds < 300 else f"{run.seconds / 60:.0f} minutes"
    parts = [
        element("h1", element("b", heading[run.verdict]) + " " + escape(lead(run.figures))),
        element(
            "p",
            f"Scenario {element('code', escape(run.scenario))} with seed {run.seed}, {seconds}. {escape(run.reason)}",
        ),
    ]
    if run.command:
        copy = element("button", "Copy", type="button", data_copy="1")
        parts.append(
            element(
                "div",
                element("span", "Run it again:", class_="muted") + element("code", escape(run.command)) + copy,
                class_="command",
            )
        )
    cards = "".join(
        element(
            "div",
            element("span", escape(name), class_="name")
            + element("b", escape(in_words(run.figures, key)))
            + element("span", escape(meaning)),
            class_="card figure",
        )
        for key, name, meaning in CARDS
    )
    return element("header", "".join(parts), class_=f"card verdict {run.verdict}") + element(
        "div", cards, class_="figures"
    )


def _timeline(view: View) -> str:
    scale = Scale(view.length)
    rows = [
        overlay(view, scale),
        _lane("", axis(scale), "head"),
        _lane(element("span", "faults"), fault_lane(view.faults, scale)),
        element("div", "Containers", class_="group"),
    ]
    for name, lives in view.containers.items():
        swatch = element(
            "svg", element("rect", width="10", height="10", rx="3"), class_=f"swatch c{view.colour_of(name)}"
        )
        rows.append(_lane(swatch + element("span", escape(name)), container_lane(name, lives, view, scale)))
    rows.append(element("div", "Jobs", class_="group"))
    first = max(view.jobs, key=lambda job: (len(job.broken), len(job.interruptions), -job.number), default=None)
    rows += [_job(job, view, scale, opened=job is first) for job in view.jobs]
    dense = "dense-2" if len(view.jobs) >= VERY_MANY else "dense-1" if len(view.jobs) >= MANY else "dense-0"
    scroll = element("div", element("div", "\n".join(rows), class_=f"lanes {dense}"), class_="scroll")
    return (
        element("h2", "What happened")
        + element(
            "p",
            "Time goes from left to right. Each row is a container or a job; the colour of an attempt is that of the"
            " container that converted. Open a job to read its story.",
            class_="lead",
        )
        + _tools(view)
        + element("div", _legend(view) + scroll, class_="card timeline")
    )


def _lane(label: str, track: str, kind: str = "") -> str:
    return element("div", element("div", label, class_="label") + track, class_=f"lane {kind}".strip())


def _job(job: JobView, view: View, scale: Scale, *, opened: bool) -> str:
    states = " ".join(
        name
        for name, holds in (("is-broken", job.broken), ("is-cut", job.interruptions), (f"is-{job.state}", True))
        if holds
    )
    label = element("span", job.name) + element("em", escape(job.job_id), title=job.job_id)
    summary = element("summary", element("div", label, class_="label") + job_lane(job, view, scale))
    sentences = "".join(
        element("li", element("time", f"{one.at:.1f} s") + element("p", escape(one.text)), class_=one.tone)
        for one in story_of(job, view)
    )
    heading = element("h3", f"{job.name.capitalize()} {escape(headline(job))} " + element("small", escape(job.job_id)))
    story = element("div", heading + element("ol", sentences), class_="story")
    markup = element("details", summary + story, class_=f"job {states}", id=job.job_id)
    return markup.replace("<details", "<details open", 1) if opened else markup


def _tools(view: View) -> str:
    cut = sum(bool(job.interruptions) for job in view.jobs)
    broken = sum(bool(job.broken) for job in view.jobs)
    buttons = [
        element("button", f"All {len(view.jobs)} jobs", type="button", data_show="all", aria_pressed="true"),
        element("button", f"{cut} interrupted", type="button", data_show="is-cut", aria_pressed="false"),
    ]
    if broken:
        buttons.append(
            element(
                "button", f"{broken} with a broken promise", type="button", data_show="is-broken", aria_pressed="false"
            )
        )
    buttons.append(element("span", "", class_="gap"))
    buttons.append(element("span", "Zoom", class_="muted"))
    buttons += [
        element("button", f"{zoom}×", type="button", data_zoom=zoom, aria_pressed=str(zoom == 1).lower())
        for zoom in ZOOMS
    ]
    return element("div", "".join(buttons), class_="bar-of-tools")


def _legend(view: View) -> str:
    def entry(picture: str, text: str) -> str:
        return element("span", element("svg", picture, viewBox="0 0 26 18", aria_hidden="true") + text)

    def mark(name: str) -> str:
        inner = element("circle", r="8", class_="halo") + element("path", d=ICONS[name], class_=f"icon {name}")
        return element("g", inner, transform="translate(13 9)")

    bar = element("rect", x="0", y="1", width="26", height="16", rx="3", class_="bar c0")
    area = element("path", d="M1 16L25 5V16Z", class_="area c0") + element("path", d="M1 16L25 5", class_="curve")
    entries = [
        entry(bar + area, "attempt, and the progress that clients saw"),
        entry(mark("cut"), "attempt cut short"),
        entry(mark("done"), "succeeded"),
    ]
    if any(job.refused for job in view.jobs):
        entries.append(entry(mark("refused"), "late write of a replaced attempt refused"))
    for state, text in (("failed", "failed, as its file must"), ("cancelled", "cancelled")):
        if any(job.state == state for job in view.jobs):
            entries.append(entry(mark(state), text))
    seen = {kind_of(fault.name) for fault in view.faults}
    for kind, text in KINDS.items():
        if kind in seen:
            shape = element("path", d="M13 1L19 9L13 17L7 9Z", class_=f"fault f-{kind}")
            entries.append(entry(shape, f"fault: {text}"))
    return element("div", "".join(entries), class_="legend")


def _recoveries(view: View) -> str:
    times = [one.recovery for job in view.jobs for one in job.interruptions if one.recovery is not None]
    if not times:
        return ""
    bound = view.history.recovery_bound
    text = (
        "Each dot is an interruption: the seconds until a container held the job again."
        f" With a free container and no fault that lasts, at most {bound:g} s are allowed."
    )
    drawn = strip(times, max(times))
    return element("h2", "Recovery") + element("p", text, class_="lead") + element("div", drawn, class_="card pad")


def _promises(view: View) -> str:
    rows = "".join(_promise(check, view) for check in sorted(view.verdict.checks, key=lambda one: not one.broken))
    head = "<tr><th></th><th>Promise</th><th class='promise-name'>Checker</th></tr>"
    table = element("table", head + rows)
    return element("h2", "Promises") + element("div", table, class_="card")


def _promise(check: Check, view: View) -> str:
    mark = element("td", "✗" if check.broken else "✓", class_="mark no" if check.broken else "mark yes")
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(check.promise))
    if check.broken:
        text += element("ul", "".join(element("li", _linked(one, view)) for one in check.broken[:50]), class_="broken")
        if len(check.broken) > 50:
            text += element("p", f"and {len(check.broken) - 50} more in run.json", class_="muted")
    return element("tr", mark + element("td", text) + element("td", element("code", check.name), class_="promise-name"))


def _linked(text: str, view: View) -> str:
    """Escape a sentence; the job that it names becomes a link to its lane."""
    for job in view.jobs:
        if job.job_id in text:
            before, after = text.split(job.job_id, 1)
            link = element("a", f"{job.name} ({escape(job.job_id)})", href=f"#{job.job_id}")
            return escape(before) + link + escape(after)
    return escape(text)


def _sometimes(view: View) -> str:
    rows = "".join(_count(one) for one in view.verdict.sometimes)
    head = "<tr><th></th><th>At least once</th><th class='number'>Times</th></tr>"
    lead_text = "A run in which no fault hit anything proves nothing. The scenario requires those in bold."
    return (
        element("h2", "Did the faults hit?")
        + element("p", lead_text, class_="lead")
        + element("div", element("table", head + rows), class_="card")
    )


def _count(one: Count) -> str:
    mark, kind = ("✓", "yes") if one.count else ("✗", "no") if one.required else ("–", "none")
    meaning = element("b", escape(one.meaning)) if one.required else escape(one.meaning)
    return element(
        "tr",
        element("td", mark, class_=f"mark {kind}")
        + element("td", meaning)
        + element("td", str(one.count), class_="number"),
    )


def _details(view: View, logs: Sequence[str]) -> str:
    parameters = "".join(
        element(
            "tr",
            element("td", element("code", escape(str(key))), class_="key")
            + element("td", escape(str(value)), class_="value"),
        )
        for key, value in view.verdict.parameters.items()
    )
    files = [element("a", escape(one.rsplit("/", 1)[-1]), href=one) for one in ("run.json", "history.jsonl", *logs)]
    listed = "".join(element("tr", element("td", one)) for one in files)
    return element(
        "div",
        element("section", element("h2", "Parameters") + element("div", element("table", parameters), class_="card"))
        + element(
            "section", element("h2", "Files of this run") + element("div", element("table", listed), class_="card")
        ),
        class_="columns",
    )
