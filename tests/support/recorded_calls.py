"""
Which AWS operations the adapters call, recorded from botocore's events; and which role makes them.

As a plugin (``-p tests.support.recorded_calls``) of a run of pytest of its own, it appends lines of JSON to the file
that `REPRISE_RECORDED_CALLS` names. Two kinds of run are recorded. Over the contract suites and the tests of the
transcoder, real adapters talk to a stand-in: this tells what each method of theirs calls. Over the unit tests of the
web layer and of the worker, the stores are in memory: this tells which role calls which method, for which keys.
"""

import asyncio
import contextvars
import functools
import importlib
import inspect
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

from service.adapters.aws.clients import Aws

FILE = "REPRISE_RECORDED_CALLS"

# Real adapters, and the fakes that stand for them; the first word names the port, so that both sides meet.
ADAPTERS = {
    "service.adapters.dynamodb.store": "table",
    "service.adapters.s3.store": "bucket",
    "service.adapters.ffmpeg.transcoder": "transcoder",
    "service.adapters.ffmpeg.draft": "transcoder",
}
FAKES = {"service.testing.memory_jobs": "table", "service.testing.memory_objects": "bucket"}
ROLES = {"web": "api", "application": "api", "worker": "worker"}  # by room
PREFIXES = {"uploads/": "uploads", "results/": "results"}

_for_ever = ExitStack()
_method: contextvars.ContextVar[str | None] = contextvars.ContextVar("method", default=None)

Heard = Callable[[str, str], None]  # operation such as s3.GetObject, resource such as uploads


@contextmanager
def hearing(heard: Heard) -> Iterator[None]:
    """Hear of every operation of every client that `Aws` makes meanwhile, signed URLs and forms among them."""

    def watched(make: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(make)
        def made(*given: Any, **settings: Any) -> Any:
            client = make(*given, **settings)
            register = client.meta.events.register
            register("provide-client-params", lambda **said: _hear(heard, client, **said))
            register("before-sign.s3", lambda **said: _hear_form(heard, **said))
            return client

        return made

    with mock.patch.object(Aws, "s3", watched(Aws.s3)), mock.patch.object(Aws, "dynamodb", watched(Aws.dynamodb)):
        yield


def _hear(heard: Heard, client: Any, *, model: Any, params: dict[str, Any], context: Any, **_: Any) -> None:
    if model.name == "CreateBucket" and context.get("is_presign_request"):
        return  # botocore borrows the address of this operation for a form, and does not call it
    service = client.meta.service_model.service_name
    for resource in _resources(service, params):
        heard(f"{service}.{model.name}", resource)


def _hear_form(heard: Heard, signature_version: str = "", operation_name: str = "", **said: Any) -> None:
    """A form to POST is signed without any call."""
    if "presign-post" in str(signature_version):
        fields = said["request"].context["s3-presign-post-fields"]
        heard(f"s3.{operation_name}", _of_key(str(fields["key"])))


def _resources(service: str, params: dict[str, Any]) -> set[str]:
    if service == "dynamodb":
        if not {kind for action in params.get("TransactItems", []) for kind in action} <= {"Put"}:
            raise AssertionError(f"a transaction does more than put: {params}")
        return {"index" if "IndexName" in params else "table"}
    if "Delete" in params:
        return {_of_key(one["Key"]) for one in params["Delete"]["Objects"]}
    return {_of_key(params["Key"])} if "Key" in params else {"bucket"}


def _of_key(key: str) -> str:
    return next((resource for prefix, resource in PREFIXES.items() if key.startswith(prefix)), "objects")


# ── as a plugin ──────────────────────────────────────────────────────────────────────────────────────────────────


def pytest_configure() -> None:
    """Wrap the methods of adapters and fakes for the rest of this process."""
    if FILE not in os.environ:
        return
    sink, seen = Path(os.environ[FILE]), set[str]()

    def note(**line: Any) -> None:
        text = json.dumps(line)
        if text not in seen:
            seen.add(text)
            with sink.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    def heard(operation: str, resource: str) -> None:
        if (method := _method.get()) is not None:  # and otherwise it is a test that prepares something
            note(method=method, operation=operation, resource=resource)

    sys.set_coroutine_origin_tracking_depth(8)
    _carry_context_into_threads()
    _for_ever.enter_context(hearing(heard))
    for module, port in ADAPTERS.items():
        for owner, name, method in _methods(module):
            setattr(owner, name, _labelled(f"{port}.{name}", method))
    for module, port in FAKES.items():
        for owner, name, method in _methods(module):
            setattr(owner, name, _witnessed(f"{port}.{name}", method, note))


def _carry_context_into_threads() -> None:
    submit = ThreadPoolExecutor.submit

    def carrying(pool: ThreadPoolExecutor, call: Callable[..., Any], /, *given: Any, **named: Any) -> "Future[Any]":
        return submit(pool, contextvars.copy_context().run, functools.partial(call, *given, **named))

    ThreadPoolExecutor.submit = carrying  # type: ignore[assignment,method-assign]


def _methods(module: str) -> Iterator[tuple[type, str, Callable[..., Any]]]:
    """The public methods of the classes that a module defines."""
    for owner in vars(importlib.import_module(module)).values():
        if inspect.isclass(owner) and owner.__module__ == module:
            for name, method in list(vars(owner).items()):
                if not name.startswith("_") and inspect.isfunction(method):
                    yield owner, name, method


def _labelled(label: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The same method; whatever is called on its behalf, on whichever thread, can tell."""

    @functools.wraps(method)
    async def awaited(*given: Any, **named: Any) -> Any:
        with _on_behalf_of(label):
            return await method(*given, **named)

    @functools.wraps(method)
    def called(*given: Any, **named: Any) -> Any:
        with _on_behalf_of(label):
            answer = method(*given, **named)
        return _stepped(label, answer) if inspect.isasyncgen(answer) else answer

    return awaited if inspect.iscoroutinefunction(method) else called


@contextmanager
def _on_behalf_of(label: str) -> Iterator[None]:
    token = _method.set(label)
    try:
        yield
    finally:
        _method.reset(token)


async def _stepped(label: str, steps: AsyncGenerator[Any, Any]) -> AsyncIterator[Any]:
    try:
        while True:
            with _on_behalf_of(label):
                try:
                    step = await anext(steps)
                except StopAsyncIteration:
                    return
            yield step
    finally:
        await steps.aclose()


def _witnessed(label: str, method: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    """The same method; it is noted which role called it, and for keys under which prefixes."""

    def witness(given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if role := _role_of_caller():
            note(role=role, method=label, resources=sorted({_of_key(key) for key in _keys(given[1:], named)}))

    @functools.wraps(method)
    async def awaited(*given: Any, **named: Any) -> Any:
        witness(given, named)
        return await method(*given, **named)

    @functools.wraps(method)
    def called(*given: Any, **named: Any) -> Any:
        witness(given, named)
        return method(*given, **named)

    return awaited if inspect.iscoroutinefunction(method) else called


def _role_of_caller() -> str | None:
    """The innermost caller in the product decides: tests have stores of their own that stand in between."""
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        if role := _role_of_file(frame.f_code.co_filename):
            return role
        if frame.f_code.co_filename.endswith("/service/testing/transcoder.py"):
            return None  # it stands for ffmpeg, and stores its outputs in its own way
        if "/asyncio/" in frame.f_code.co_filename:
            break
        frame = frame.f_back
    try:  # a call that was made into a task has no caller any more, but its coroutine was made somewhere
        origin = getattr(asyncio.current_task(), "get_coro", lambda: None)()
    except RuntimeError:
        return None
    return next(filter(None, (_role_of_file(step[0]) for step in getattr(origin, "cr_origin", None) or ())), None)


def _role_of_file(name: str) -> str | None:
    return next((role for room, role in ROLES.items() if f"/service/{room}/" in name), None)


def _keys(given: tuple[Any, ...], named: dict[str, Any]) -> Iterator[str]:
    for value in (*given, *named.values()):
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, str) and one.startswith(tuple(PREFIXES)):
                yield one
