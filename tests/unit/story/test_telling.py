from html.parser import HTMLParser

from service.story.lines import read
from service.story.lives import Story, story_of
from service.story.picture import page
from service.story.telling import costs, headline, sentences
from service.story.words import clock, harmless, seconds
from service.telemetry import events
from tests.unit.story.logs import BEGAN, CONTAINER, FIRST, JOB, NEIGHBOUR, ONE, OTHER, SECOND, UPLOAD, about, line

HOSTILE = '\x1b[2J\x1b]0;owned\x07\n{"event": "job.failed"}\r\u202e\u2028\ud800<script>alert(1)</script>\'"&'


def everything(*lines: bytes) -> Story:
    """All lives and processes."""
    return story_of(read(lines).entries)


def hostile() -> Story:
    """A job of which each text that a client or another program could choose is an attack."""
    return everything(
        line(5, "upload.stored", upload_id=UPLOAD, filename=HOSTILE, format=HOSTILE, size="many", key=HOSTILE),
        about(7, "job.accepted", upload_id=UPLOAD, format=HOSTILE),
        about(8, "job.claimed", 1, instance=HOSTILE),
        about(9, "job.renewed_late", 1, level="error", **{HOSTILE: HOSTILE, "after": [HOSTILE]}),
        about(16, "job.taken_over", 2, previous_owner=HOSTILE, instance=HOSTILE),
        about(17, HOSTILE, 2, level="error"),
        about(20, "job.failed", 2, code=HOSTILE, instance=HOSTILE),
    )


def test_killed_container_is_named_with_when_and_what_it_cost() -> None:
    """The story says which container was killed, between which moments, how long the job stood still, and the work."""
    story = everything(*FIRST, *SECOND)
    life = story.lives[JOB]
    (cost,) = costs(life)

    assert headline(life) == "succeeded after 15.5 s, in 2 attempts, of which 1 was cut short"
    assert cost == (
        f"attempt 1, in {CONTAINER}, was killed between 02:19:50.000 and 02:19:54.000; the job stood still for at most "
        "6.0 s, and at least 2.0 s of work were done again"
    )
    said = [(clock(one.at), one.where, one.text) for one in sentences(life, story.processes)]
    assert said == sorted(said, key=lambda one: one[0])
    assert next(text for _, where, text in said if where == NEIGHBOUR).startswith(f"takes the job over from {ONE}, ")
    assert said[0][2] == f"upload {UPLOAD} is stored: song.wav, wav, 7,056,044 bytes"


def test_hostile_texts_are_shown_harmlessly() -> None:
    """No text of a log reaches the terminal as a control character, or as a line of its own."""
    story = hostile()
    life = story.lives[JOB]
    shown = [headline(life), *costs(life), *life.missing]
    shown += [f"{one.where} {one.text}" for one in sentences(life, story.processes)]

    assert all(text.isprintable() for text in shown)
    assert any("\\x1b[2J" in text for text in shown)


def test_takeover_tells_what_its_line_knows() -> None:
    """Where a takeover says for how long its worker was silent and what is converted again, the story says so."""
    known = {"silent": 6.2, "percent": 41.0, "lost_seconds": 98.4, "lost_bytes": 2_893_000}
    story = everything(*FIRST, about(16, "job.taken_over", 2, previous_owner=ONE, instance=OTHER, **known))
    life = story.lives[JOB]

    assert any(
        one.text == f"takes the job over from {ONE}, which renewed its lease no more for 6.2 s and was at 41 % at most:"
        " attempt 2"
        for one in sentences(life, story.processes)
    )
    assert costs(life)[0].endswith(
        "6.0 s, and at most 1 min 38 s of sound, 2,893,000 bytes of the input were converted again"
    )


def test_warning_is_told_with_what_it_means() -> None:
    """A warning about the job has the words of the vocabulary, and the fields of its line."""
    warnings = (
        about(9, "job.renewed_late", 1, level="warning", after=7.17, instance=ONE),
        about(9.5, "job.taken_from_living", 1, level="warning", instance=ONE),
    )
    story = everything(*FIRST, *warnings, *SECOND)
    texts = [one.text for one in sentences(story.lives[JOB], story.processes)]

    assert any(text.startswith("job.renewed_late: two heartbeats were missed") for text in texts)
    assert any(text.endswith("(after=7.17)") for text in texts)
    assert f"job.taken_from_living: {events.JOB_TAKEN_FROM_LIVING.about}" in texts


class Seen(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note them."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_page_holds_no_markup_of_a_log_and_nothing_from_elsewhere() -> None:
    """In the page texts of a log are text; there is no script, no address, and a policy that forbids both."""
    story = hostile()
    made = page(story, list(story.lives.values()), note=HOSTILE)
    seen = Seen()
    seen.feed(made)

    assert "script" not in seen.tags
    assert not {name for name in seen.attributes if name.startswith("on")} | (
        seen.attributes & {"src", "href", "style"}
    )
    assert "default-src 'none'" in made.replace("&#x27;", "'")
    assert "://" not in made
    assert all(char.isprintable() or char == "\n" for char in made)
    assert "&lt;script&gt;" in made


def test_page_shows_each_attempt_and_each_death() -> None:
    """Each attempt is a bar with its number and container, and what was cut short has a cross, as its container has."""
    story = everything(*FIRST, *SECOND)
    made = page(story, list(story.lives.values()))

    assert made.count('<path class="cut"') == 2
    assert f"attempt 1 in {CONTAINER}: killed, 2.0 s" in made
    assert f"attempt 2 in {NEIGHBOUR}: succeeded, 4.5 s" in made


def test_story_of_very_many_lines_is_bounded() -> None:
    """Ten thousand warnings about a job are told in two hundred lines, and the number of the others."""
    many = (about(9 + number / 1000, "job.renewed_late", 1, level="warning", after=number) for number in range(10_000))
    story = everything(*FIRST, *many)
    said = sentences(story.lives[JOB], story.processes)

    assert len(said) < 220
    assert said[-1].text == "… and 9,800 further lines"


def test_durations_and_texts_are_written_for_people() -> None:
    """Durations have the unit that fits, also those that are negative because clocks differ; long texts are cut."""
    assert [seconds(it) for it in (0.42, 12.34, 185, 7800, -0.5, -185)] == [
        "0.42 s", "12.3 s", "3 min 5 s", "2 h 10 min", "-0.50 s", "-3 min 5 s",
    ]  # fmt: skip
    assert harmless("x" * 1000) == "x" * 200 + "… (1,000 characters)"
    assert clock(BEGAN) == "02:19:40.000"
