"""The life of a job as an object for programs: names and texts as they were logged, moments as ISO 8601."""

from service.story.attempts import Attempt
from service.story.lives import Life
from service.story.words import stamp


def as_object(life: Life) -> dict[str, object]:
    """Return a life as what JSON can hold; null and "" is what is not known."""
    return {
        "job_id": life.job_id,
        "upload_id": life.upload_id,
        "state": life.state,
        "code": life.code,
        "begun": stamp(life.begun),
        "accepted": stamp(life.accepted[0].at) if life.accepted else None,
        "ended": stamp(life.ended),
        "output": life.output,
        "size": life.size,
        "deleted": stamp(life.deleted),
        "attempts": [_attempt(one) for one in life.attempts],
        "missing": life.missing,
    }


def _attempt(attempt: Attempt) -> dict[str, object]:
    return {
        "number": attempt.number,
        "owner": attempt.owner,
        "container": attempt.container,
        "how": attempt.how,
        "begun": stamp(attempt.begun),
        "end": attempt.end,
        "ended": stamp(attempt.ended),
        "reason": attempt.reason,
        "last": stamp(attempt.last),
        "until": stamp(attempt.until),
    }
