"""
`python -m service.adapters.embedded.moto_server -H HOST -p PORT`: moto's server, with three things put right.

moto answers every request on a thread of its own, and looks at a condition and writes in two steps between which
another thread may run. Ten claims at once had two winners in one round of seven; real DynamoDB has one, always. A lock
around its whole DynamoDB puts that right. S3 needs none: nothing here is decided by a condition on an object.

To a form that stores an object it answers without ETag and without the bucket's CORS headers, so that no browser would
learn that it worked. Both are added.

And a read takes milliseconds: a request passes through two web frameworks, for each one moto lists its own folder and
the methods of a class, and each item is compared with the model of the answer, although it has that form already.
"""

import functools
import io
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from moto import backends
from moto.core import responses
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import method_names_from_class
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.responses import S3Response
from moto.server import main

ONE_AT_A_TIME = threading.Lock()

READ_MANY, JSON = "DynamoDB_20120810.BatchGetItem", "application/x-amz-json-1.0"
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
    get = DynamoHandler.get_item

    @functools.wraps(get)
    def read(handler: Any) -> str:
        return msgspec.json.encode(get(handler).result).decode()  # bytes in base64, as DynamoDB has them

    DynamoHandler.get_item = read  # type: ignore[method-assign,assignment]


def answer_reads_of_many_first() -> None:
    """Answer them before the request passes through two web frameworks, which takes longer than the read."""
    answer = DomainDispatcherApplication.__call__

    @functools.wraps(answer)
    def first(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        if environ.get("HTTP_X_AMZ_TARGET") != READ_MANY:
            return answer(app, environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            with ONE_AT_A_TIME:
                found = _found(body, environ["HTTP_AUTHORIZATION"])
        except Exception:  # noqa: BLE001  # moto will find it too, and has the words for it
            found = None
        if found is None:
            return answer(app, {**environ, "wsgi.input": io.BytesIO(body)}, start_response)
        start_response("200 OK", [("Content-Type", JSON), ("Content-Length", str(len(found)))])
        return [found]

    DomainDispatcherApplication.__call__ = first  # type: ignore[method-assign,assignment]


def _found(body: bytes, authorization: str) -> bytes | None:
    """Answer a read of many items; None if it is one for moto. Raises whatever is wrong with it."""
    asked = msgspec.json.decode(body)["RequestItems"]
    if not all(_is_plain(request) for request in asked.values()):
        return None
    region = authorization.split("/")[2]  # …Credential=key/day/region/dynamodb/aws4_request…
    backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][region]
    found = {table: _items(backend, table, request["Keys"]) for table, request in asked.items()}
    answer = msgspec.json.encode({"Responses": found, "UnprocessedKeys": {}})
    return answer if len(answer) <= MOST_BYTES else None


def _is_plain(request: Mapping[str, Any]) -> bool:
    """Whether moto would have nothing to refuse in it, and nothing to leave out of the items."""
    keys = request["Keys"]
    return request.keys() <= PLAIN and 0 < len(keys) <= MOST_KEYS and len({str(key) for key in keys}) == len(keys)


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
    answer_reads_of_many_first()
    remember_itself()
    tell_browsers()
    main(sys.argv[1:])
