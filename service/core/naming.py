"""Object keys: what is where in the bucket, and what a key says about its owner."""

import re

UPLOADS = "uploads/"
RESULTS = "results/"
_INPUT = re.compile(rf"{UPLOADS}([^/]+)/input")
_OUTPUT = re.compile(rf"{RESULTS}([^/]+)/(0|[1-9][0-9]{{0,8}})/.+", re.DOTALL)


def input_key(upload_id: str) -> str:
    """Return ``uploads/{upload_id}/input``."""
    return f"{UPLOADS}{upload_id}/input"


def output_key(job_id: str, attempt: int, filename: str) -> str:
    """Return ``results/{job_id}/{attempt}/{filename}``: the attempt keeps a replaced worker's object apart."""
    return f"{RESULTS}{job_id}/{attempt}/{filename}"


def result_prefix(job_id: str) -> str:
    """Return where all attempts of a job put their outputs."""
    return f"{RESULTS}{job_id}/"


def parse_input_key(key: str) -> str | None:
    """Return the upload id in a key that `input_key` made; None for any other key."""
    found = _INPUT.fullmatch(key)
    return found[1] if found else None


def parse_output_key(key: str) -> tuple[str, int] | None:
    """Return the job id and the attempt in a key that `output_key` made; None for any other key."""
    found = _OUTPUT.fullmatch(key)
    return (found[1], int(found[2])) if found else None
