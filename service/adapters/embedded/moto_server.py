"""
`python -m service.adapters.embedded.moto_server -H HOST -p PORT`: moto's server, with three things put right.

moto answers every request on a thread of its own, and looks at a condition and writes in two steps between which
another thread may run. Ten claims at once had two winners in one round of seven; real DynamoDB has one, always. A lock
around its whole DynamoDB puts that right. S3 needs none: nothing here is decided by a condition on an object.

To a form that stores an object it answers without ETag and without the bucket's CORS headers, so that no browser would
learn that it worked. Both are added.

And a read takes milliseconds: each item is compared with the model of the answer, although it has that form already,
and for each request moto lists its own folder and the methods of a class.
"""

import functools
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from moto import backends
from moto.core import responses
from moto.core.utils import method_names_from_class
from moto.dynamodb.responses import DynamoHandler
from moto.s3.responses import S3Response
from moto.server import main

ONE_AT_A_TIME = threading.Lock()

PLAIN = {"Keys", "ConsistentRead"}  # what a read of whole items asks; moto itself answers everything else
SCALARS = {"S", "N", "BOOL", "NULL"}
MOST_KEYS = 50  # of a table; moto refuses more than 100 of all tables
MOST_BYTES = 1024 * 1024  # of a plain answer; moto counts the size of each item, for a limit of 16 MiB


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
    get, get_many = DynamoHandler.get_item, DynamoHandler.batch_get_item

    @functools.wraps(get)
    def read(handler: Any) -> str:
        return _json(get(handler).result)

    @functools.wraps(get_many)
    def read_many(handler: Any) -> Any:
        asked = handler.body["RequestItems"]
        if all(_is_plain(request) for request in asked.values()):
            found = {table: _items(handler.dynamodb_backend, table, asked[table]["Keys"]) for table in asked}
            answer = _json({"Responses": found, "UnprocessedKeys": {}})
            if len(answer) <= MOST_BYTES:
                return answer
        return get_many(handler)

    DynamoHandler.get_item = read  # type: ignore[method-assign,assignment]
    DynamoHandler.batch_get_item = read_many  # type: ignore[method-assign,assignment]


def _json(answer: Any) -> str:
    return msgspec.json.encode(answer).decode()  # bytes in base64, as DynamoDB has them


def _is_plain(request: Mapping[str, Any]) -> bool:
    """Whether moto would have nothing to refuse in it, and nothing to leave out of the items."""
    keys = request["Keys"]
    return request.keys() <= PLAIN and len(keys) <= MOST_KEYS and len({str(key) for key in keys}) == len(keys)


def _items(backend: Any, table: str, keys: Sequence[Any]) -> list[dict[str, Any]]:
    found = (backend.get_item(table, key) for key in keys)
    return [_plain_map(item.attrs) for item in found if item]


def _plain_map(values: Mapping[str, Any]) -> dict[str, Any]:
    """The form of an item or a map in an answer, as moto would write it."""
    return {
        name: {value.type: value.value} if value.type in SCALARS else _plain(value) for name, value in values.items()
    }


def _plain(value: Any) -> dict[str, Any]:
    if value.type == "M":
        return {"M": _plain_map(value.value)}
    if value.type == "L":
        return {"L": [_plain(inner) for inner in value.value]}
    return value.to_json()  # type: ignore[no-any-return]


def remember_itself() -> None:
    """Let moto look once which services and operations it has: it lists its own folder and classes for each request."""
    services = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    responses.method_names_from_class = functools.cache(method_names_from_class)  # type: ignore[attr-defined]


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
    remember_itself()
    tell_browsers()
    main(sys.argv[1:])
