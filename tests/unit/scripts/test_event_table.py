from scripts.event_table import PAGE, page, source
from service.telemetry import events
from service.telemetry.events import Event


def test_table_of_events_is_that_of_the_code() -> None:
    """docs/events.md is what `make events` writes, with a line for every event of the vocabulary."""
    text = PAGE.read_text(encoding="utf-8")

    assert text == page(source()), "run `make events`"
    for event in vars(events).values():
        if isinstance(event, Event):
            assert f"\n| `{event.name}` | " in text
