"""What is told of a job from logs: nothing that the logs do not prove, and nothing that a terminal or a page obeys."""

from tests.mutations.tree import Edit, Mutation

LINES = "tests/unit/story/test_lines.py"
LIVES = "tests/unit/story/test_lives.py"
TELLING = "tests/unit/story/test_telling.py"

STORIES = (
    Mutation(
        "story-harmless",
        "no text of a log reaches a terminal as a control character",
        (Edit("service/story/words.py", "char if char.isprintable() else", "char if char != '\\0' else"),),
        (f"{TELLING}::test_hostile_texts_are_shown_harmlessly",),
    ),
    Mutation(
        "story-escape",
        "texts of a log are no markup of the page",
        (Edit("service/story/picture.py", "<td>{escape(one.text)}</td>", "<td>{one.text}</td>"),),
        (f"{TELLING}::test_page_holds_no_markup_of_a_log_and_nothing_from_elsewhere",),
    ),
    Mutation(
        "story-middle",
        "an event in the middle of a line, as a client may send it, is none",
        (Edit("service/story/lines.py", "    if prefix is None:\n        return None\n    source, stamp = prefix",
              "    prefix = prefix or _HEAD.match('')\n    if prefix is None:\n        return None\n"
              "    source, stamp = prefix"),),
        (f"{LINES}::test_what_is_no_event_is_skipped_and_counted[text before]",),
    ),
    Mutation(
        "story-order",
        "a line is given to no process by an order in which time runs backwards",
        (Edit("service/story/processes.py", "return found if orderly else", "return found if found else"),),
        (f"{LIVES}::test_shuffled_lines_without_a_container_are_given_to_no_process",),
    ),
    Mutation(
        "story-stopped",
        "a process that was stopped did not die",
        (Edit("service/story/processes.py", "return self.replaced is not None and self.stopped is None",
              "return self.replaced is not None"),),
        (f"{LIVES}::test_stopped_process_gives_its_job_back",),
    ),
    Mutation(
        "story-alive",
        "a process that logs on after a takeover was not killed",
        (Edit("service/story/attempts.py", "process.last > begun_after + AFTER", "process.last < begun_after"),),
        (f"{LIVES}::test_process_that_logs_on_after_a_takeover_was_not_killed",),
    ),
    Mutation(
        "story-clocks",
        "a clock that was wrong makes no process live on that was killed",
        (Edit("service/story/attempts.py", "not process.wrong_clock and", "process.last and"),),
        (f"{LIVES}::test_process_with_a_wrong_clock_is_known_to_be_killed_all_the_same",),
    ),
)  # fmt: skip
