"""
The guards that are broken in an image of their own, each with the scenario of the chaos suite that has to notice.

What is replaced is source text, as in `tests/mutations`; nothing in the product can be switched off.
"""

from dataclasses import dataclass

from tests.mutations.table import MUTATIONS
from tests.mutations.tree import Edit

CONDITIONS = "service/adapters/dynamodb/conditions.py"


@dataclass(frozen=True, slots=True)
class Tooth:
    """
    A guard, and how it is broken; `red` are the checkers of which one has to complain in this scenario.

    `seed` is one with which it did.
    """

    name: str
    guard: str
    edits: tuple[Edit, ...]
    scenario: str
    seed: int
    red: tuple[str, ...]


def edits_of(*names: str) -> tuple[Edit, ...]:
    """Return how these rows of `tests/mutations` break their guards."""
    edits = {mutation.name: mutation.edits for mutation in MUTATIONS}
    return tuple(edit for name in names for edit in edits[name])


TEETH = (
    Tooth(
        "fence",
        "a worker that was replaced is refused on every write",
        (
            Edit(
                CONDITIONS,
                'FENCE = f"{IS_RUNNING} AND {IS_OURS} AND {IS_OUR_ATTEMPT}"',
                "FENCE = IS_RUNNING",
            ),
        ),
        "zombies",
        1,
        ("replaced_attempts_are_refused", "progress_never_falls", "fencing_tokens_never_fall"),
    ),
    Tooth(
        "monotonic",
        "progress that clients are shown only rises",
        (
            Edit(
                "service/worker/heartbeat.py",
                "return max(self._floor, min(self._percent, self._acknowledged))",
                "return min(self._percent, self._acknowledged)",
            ),
            *edits_of("monotonic-redis", "monotonic-shown"),
        ),
        "some-kills",
        1,
        ("progress_never_falls", "event_streams_never_fall"),
    ),
    Tooth(
        "head-patch",
        "the head of a file is delivered as the muxer has patched it at the end",
        edits_of("head-patch"),
        "hints",
        1,
        ("the_bytes_are_right",),
    ),
    Tooth(
        "end-of-input",
        "ffmpeg's exit code 0 counts only if the input ended where its headers say",
        edits_of("end-of-input-media"),
        "ffmpeg",
        1,
        ("failures_are_explained",),
    ),
    Tooth(
        "janitor",
        "the janitor, and the last attempt, remove what killed attempts have left",
        (
            Edit("service/core/orphans.py", "began - since >= grace", "began - since >= grace + 1e9"),
            # Of two nets, each alone catches nearly everything that a run of a minute leaves.
            Edit("service/worker/steps.py", "if work.job.final and work.job.attempt > 1:", "if not work.job:"),
        ),
        "some-kills",
        1,
        ("janitors_remove_all_orphans",),
    ),
    Tooth(
        "idempotency",
        "an Idempotency-Key stands for one job",
        (
            *edits_of("idempotency-dynamodb"),
            # The look before the write, which spares a repeated call the limits of the queue.
            Edit(
                "service/application/jobs.py",
                "job = await context.jobs.accepted(key, context.clock.wall()) if key else None",
                "job = None",
            ),
        ),
        "some-kills",
        1,
        ("an_idempotency_key_is_one_job",),
    ),
)
