"""Where the options of the command line may stand."""

import itertools

import pytest

from reprise.command.main import parse

COMMON = (["--url", "http://a"], ["--key", "k"], ["--patience", "7"], ["--json"])


@pytest.mark.parametrize("command", [["convert", "FILE", "--to", "mp3"], ["formats"]], ids=["convert", "formats"])
def test_options_of_all_commands_stand_before_or_after_the_command(command: list[str]) -> None:
    """Each of them, before or after, in every combination, means the same; without any there are the defaults."""
    for before in itertools.product((True, False), repeat=len(COMMON)):
        first = [word for words, here in zip(COMMON, before, strict=True) if here for word in words]
        last = [word for words, here in zip(COMMON, before, strict=True) if not here for word in words]
        given = parse([*first, *command, *last])
        assert (given.url, given.key, given.patience, given.json) == ("http://a", "k", 7.0, True), first
    given = parse(command)
    assert (given.url, given.key, given.patience, given.json) == (None, None, 120.0, False)


def test_option_after_the_command_counts_where_it_is_given_twice() -> None:
    """The last one counts, as with any option that is repeated."""
    given = parse(["--url", "http://a", "--patience", "1", "formats", "--url", "http://b"])
    assert (given.url, given.patience) == ("http://b", 1.0)
