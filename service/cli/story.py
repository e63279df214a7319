"""
``python -m service story``: the life of a job, or of all of them, from the logs on standard input.

Exit codes: 0, 2 for what is wrong with the arguments or the input, 3 if the job is not in these logs.
"""

import argparse
import json
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.story.lines import Logs, read, whole_lines
from service.story.lives import Life, Story, story_of
from service.story.picture import page
from service.story.processes import Process
from service.story.record import as_object
from service.story.telling import BAD, GOOD, QUIET, Sentence, cost_of_death, costs, headline, sentences
from service.story.words import clock, day, harmless, plural, seconds

CHUNK = 1 << 16
WIDE = 2000  # columns where nothing says how many there are: a job stays on its line
USAGE, NOT_FOUND = 2, 3
STYLES = {BAD: "red", GOOD: "green", QUIET: "dim"}


class _Output(Console):
    """A console that leaves it to its caller when nothing reads what it writes any more; rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def run(given: argparse.Namespace, source: BinaryIO | None = None, out: TextIO | None = None) -> int:
    """Tell it; returns the exit code."""
    out = out or sys.stdout
    if bool(given.job_id) == given.all:
        return _wrong("name one job, or say --all", USAGE)
    if source is None and sys.stdin.isatty():
        return _wrong("the logs are read from standard input: python -m service story JOB_ID < logs", USAGE)
    logs = read(whole_lines(_chunks(source or sys.stdin.buffer)))
    if logs.lines and not logs.entries:
        return _wrong(f"none of {_read(logs)} is an event; they are with REPRISE_LOG_FORMAT=json", NOT_FOUND)
    story = story_of(logs.entries)
    if not given.all and given.job_id not in story.lives:
        asked = harmless(given.job_id, 80)
        return _wrong(f"job {asked} is not in these logs, which have {_read(logs)} of {_jobs(story)}", NOT_FOUND)
    lives = list(story.lives.values()) if given.all else [story.lives[given.job_id]]
    if given.html is not None:
        try:
            given.html.write_text(page(story, lives, note=_read(logs)), encoding="utf-8")
        except OSError as error:
            return _wrong(f"{given.html} cannot be written: {error.strerror}", USAGE)
    try:
        _write(given, story, lives, logs, out)
        out.flush()
    except BrokenPipeError:  # the reader, as `head`, has seen enough; Python would complain when it flushes once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _write(given: argparse.Namespace, story: Story, lives: Sequence[Life], logs: Logs, out: TextIO) -> None:
    if given.json:
        for life in lives:
            print(json.dumps(as_object(life)), file=out)
        return
    console = _Output(file=out, width=None if out.isatty() else WIDE, highlight=False, markup=False, emoji=False)
    if given.all:
        console.print(_table(lives))
    else:
        _tell(console, lives[0], story)
    for line in _deaths(story, lives, every=given.all):
        console.print(Text(line, "red"), soft_wrap=True)
    console.print(Text(f"read: {_read(logs)}", "dim"), soft_wrap=True)


def _tell(console: Console, life: Life, story: Story) -> None:
    said = sentences(life, story.processes)
    console.print(Text(f"job {harmless(life.job_id)}: {headline(life)}", "bold"), soft_wrap=True)
    if said:
        console.print(Text(f"{day(said[0].at)}, times are UTC\n"))
    width = min(max((len(one.where) for one in said), default=0), 40)
    for one in said:
        console.print(_line(one, said[0].at, width), soft_wrap=True)
    console.print()
    for text in costs(life):
        console.print(Text(f"cost: {text}"), soft_wrap=True)
    if life.missing:
        console.print(Text(f"not in these logs: {', '.join(life.missing)}", "yellow"), soft_wrap=True)


def _line(one: Sentence, begun: float, width: int) -> Text:
    after = f"+{seconds(one.at - begun)}"
    return Text(f"{clock(one.at)}  {after:>12}  {one.where:{width}}  {one.text}", STYLES.get(one.tone, ""))


def _table(lives: Sequence[Life]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("job", no_wrap=True, min_width=min(max((len(one.job_id) for one in lives), default=0), 40))
    for heading in ("state", "from (UTC)", "took", "attempts", "cut short", "containers", "not in these logs"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in {"took", "attempts"} else "left")
    for life in lives:
        took = seconds(life.ended - life.begun) if life.ended is not None and life.begun is not None else ""
        state = f"{life.state} ({life.code})" if life.code else life.state
        cuts = _some([f"{one.number} {one.end}" for one in life.cuts])
        held = _some(list(dict.fromkeys(one.container or "?" for one in life.attempts)))
        cells = (life.job_id, state, clock(life.begun), took, len(life.attempts), cuts, held, "; ".join(life.missing))
        style = "red" if life.code else None
        table.add_row(*(Text(harmless(cell)) for cell in cells), style=style)
    return table


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")


def _deaths(story: Story, lives: Sequence[Life], *, every: bool) -> Iterator[str]:
    """Say which processes died, when, and with what; of those without one of these jobs only where `every` is set."""
    jobs = {life.job_id: life for life in lives}
    for process in sorted(story.processes.values(), key=lambda one: one.last):
        held = {job: number for job, number in process.unfinished if job in jobs}
        silent = process.taken is not None and process.stopped is None
        if (held and (process.died or silent)) or (every and process.died):
            cost = cost_of_death([(jobs[job], number) for job, number in held.items()])
            yield _death(process, held.keys(), cost)


def _death(process: Process, held: Collection[str], cost: str) -> str:
    name = process.instance if process.name == process.instance else f"{process.name} ({process.instance})"
    how = "died while it was being stopped" if process.stopping is not None else "died without a word"
    how = how if process.died else "fell silent (killed, or frozen until the logs end)"
    known = "its container was started again" if process.died else "its container was not started again"
    some = f": {', '.join(sorted(held)[:4])}{' …' if len(held) > 4 else ''}" if held else ""
    short = f", short of {harmless(process.short_of)}" if process.short_of else ""
    differ = ", by clocks that differ" if process.wrong_clock else ""
    return (
        f"{harmless(name)} {how}{short} between {clock(process.last)} and {clock(process.until)}{differ}"
        f"; {known}{f' at {clock(process.replaced)}' if process.replaced is not None else ''}"
        f"; it held {plural(len(held), 'job') if held else 'no job'}{some}{f'; {cost}' if cost else ''}"
    )


def _read(logs: Logs) -> str:
    """Say how much was read, and what was left out."""
    kinds = (
        (logs.no_event, "no event"),
        (logs.no_time, "without a time"),
        (logs.too_long, "too long"),
        (logs.repeated, "given twice"),
    )
    left_out = ", ".join(f"{count:,} {what}" for count, what in kinds if count)
    return plural(logs.lines, "line") + (f", {logs.skipped:,} left out ({left_out})" if left_out else "")


def _jobs(story: Story) -> str:
    return plural(len(story.lives), "job")


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        yield chunk


def _wrong(text: str, code: int) -> int:
    print(f"reprise: {text}", file=sys.stderr)
    return code


def arguments(command: argparse.ArgumentParser) -> None:
    """Declare what can be said."""
    command.description = (
        "The life of a job, from the logs of any number of containers on standard input, in any order."
    )
    command.epilog = (
        "exit codes: 0; 2 for wrong arguments, or a page that cannot be written; 3 if no line names the job"
    )
    command.add_argument("job_id", nargs="?", metavar="JOB_ID", help="the job")
    command.add_argument("--all", action="store_true", help="one line for each job instead")
    command.add_argument("--json", action="store_true", help="one JSON object for each job")
    command.add_argument("--html", type=Path, metavar="FILE", help="also write a page with a picture")
