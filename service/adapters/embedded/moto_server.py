"""
`python -m service.adapters.embedded.moto_server -H HOST -p PORT`: moto's server, with three things put right.

moto answers every request on a thread of its own, and looks at a condition and writes in two steps between which
another thread may run. Ten claims at once had two winners in one round of seven; real DynamoDB has one, always. A lock
around its whole DynamoDB puts that right. S3 needs none: nothing here is decided by a condition on an object.

To a form that stores an object it answers without ETag and without the bucket's CORS headers, so that no browser would
learn that it worked. Both are added.

And it takes milliseconds to write each item that is read, although an item has the form of an answer already.
"""

import functools
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.responses import DynamoHandler
from moto.s3.responses import S3Response
from moto.server import main

ONE_AT_A_TIME = threading.Lock()


def make_atomic() -> None:
    """Let DynamoDB do one operation after the other."""
    answer = DynamoHandler.call_action

    @functools.wraps(answer)
    def alone(handler: Any) -> Any:
        with ONE_AT_A_TIME:
            return answer(handler)

    DynamoHandler.call_action = alone  # type: ignore[method-assign]


def answer_reads_plainly() -> None:
    """Write items as they are, without a comparison of each value with the model of the answer."""
    for name in ("get_item", "batch_get_item"):
        read = getattr(DynamoHandler, name)

        @functools.wraps(read)
        def plainly(handler: Any, read: Callable[[Any], ActionResult] = read) -> str:
            return json.dumps(read(handler).result)

        setattr(DynamoHandler, name, plainly)


def tell_browsers() -> None:
    """Let the answer to a form say what was stored, to the pages that may know."""
    store = S3Response._bucket_response_post  # noqa: SLF001  # moto has no public hook for it

    @functools.wraps(store)
    def told(handler: Any, request: Any, bucket_name: str) -> Any:
        status, headers, body = store(handler, request, bucket_name)
        if str(status) in {"201", "204"}:
            stored = handler.backend.head_object(bucket_name, handler.querystring["key"][0])
            place = {"ETag": stored.etag, "Location": f"{request.url.split('?')[0].rstrip('/')}/{stored.name}"}
            headers = {**headers, **handler._get_cors_headers_other(), **place}  # noqa: SLF001
        return status, headers, body

    S3Response._bucket_response_post = told  # type: ignore[method-assign,assignment]  # noqa: SLF001


if __name__ == "__main__":
    make_atomic()
    answer_reads_plainly()
    tell_browsers()
    main(sys.argv[1:])
