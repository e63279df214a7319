"""
The bucket and the table as they have to be: read from ``service/resources.json``, the one place that says it.

It is a data file, not code, because two programs must agree on it that may not import each other: this service, which
creates, checks and uses the two, and the infrastructure program, which reads the same file. Its words are those of
AWS, so that a section can be handed to botocore as it is. What JSON cannot hold is said here: why.

`INDEX` is sparse (only items that have `QUEUE` are in it, and a final job has not) and holds keys only, so that a
heartbeat, which touches neither of its keys, costs one write unit. Unfinished uploads of clients may be resumed, and
conversions take hours, so their day of grace is two. The janitor deletes what has expired; the expiry of the life
cycle is the net below it, and has to be wider than any time to live. Of what pages may do, PUT is for parts and POST
for the form of a file in one piece, and Uppy wants to read the ETag of either and the Location of the latter.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).resolve().parents[2] / "resources.json"

_said: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))

TABLE: Final[Mapping[str, Any]] = _said["table"]["definition"]  # the arguments of CreateTable but its name
TIME_TO_LIVE: Final[Mapping[str, Any]] = _said["table"]["time_to_live"]
CORS: Final[Mapping[str, Any]] = _said["bucket"]["cors"]  # one rule, without its origins
LIFECYCLE: Final[list[Mapping[str, Any]]] = _said["bucket"]["lifecycle"]
PUBLIC_ACCESS_BLOCK: Final[Mapping[str, bool]] = _said["bucket"]["public_access_block"]
OWNERSHIP: Final[str] = _said["bucket"]["ownership"]

KEY: Final[str] = TABLE["KeySchema"][0]["AttributeName"]  # alone
INDEX: Final[str] = TABLE["GlobalSecondaryIndexes"][0]["IndexName"]
QUEUE: Final[str] = TABLE["GlobalSecondaryIndexes"][0]["KeySchema"][0]["AttributeName"]  # hash key of the index
DUE_AT: Final[str] = TABLE["GlobalSecondaryIndexes"][0]["KeySchema"][1]["AttributeName"]  # range key of the index
EXPIRY: Final[str] = TIME_TO_LIVE["AttributeName"]
