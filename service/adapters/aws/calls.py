"""
What is logged of every call to AWS, from botocore's own hooks: code that makes a call has not to think of it.

Only what is named here of a call's parameters is written: never a body, an item, the value of a condition or an upload
id, which is what signs nothing but opens a transfer. The hooks run on the thread that makes the call, under its
context.
"""

import math
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.hooks import BaseEventHooks
from botocore.model import OperationModel

from service.adapters.aws.resources import KEY
from service.telemetry import emit, events, wanted

SLOW = 5.0  # seconds; longer than any answer of DynamoDB may take, and than a part of an upload should

PARAMETERS: Final = frozenset({
    "ConditionExpression", "ConsistentRead", "ContentLength", "ContentType", "IfMatch", "IndexName",
    "KeyConditionExpression", "KeyMarker", "Limit", "MaxKeys", "MaxParts", "MaxUploads", "PartNumber",
    "PartNumberMarker", "Prefix", "Range", "ReturnValues", "Select", "StartAfter", "UpdateExpression",
})  # fmt: skip
OURS: Final = "reprise"  # where a call's facts are kept in botocore's context of it
CALL_OF: Final = "reprise_call"  # and in an exception, for `errors.translate`


class CallLog:
    """Logs the calls of the clients of one session; `monotonic`: the time in seconds, None if it need not be logged."""

    def __init__(self, monotonic: Callable[[], float] | None) -> None:
        self._monotonic = monotonic or (lambda: math.nan)

    def listen(self, hooks: BaseEventHooks) -> None:
        """Register for every call of clients that are made from now on."""
        hooks.register("before-parameter-build", self._begin)
        hooks.register("request-created", self._note_repetition)
        hooks.register("after-call", self._answered)
        hooks.register("after-call-error", self._failed)

    def _begin(self, params: Mapping[str, Any], context: MutableMapping[str, Any], **_: object) -> None:
        context[OURS] = (self._monotonic(), params)

    def _note_repetition(self, request: AWSRequest, operation_name: str, event_name: str, **_: object) -> None:
        """botocore logs no repetition; every request that it makes comes past this hook, with its number."""
        attempt = attempts_in(request.context)
        if attempt > 1:
            emit(events.AWS_RETRIED, service=service_in(event_name), operation=operation_name, attempt=attempt)

    def _answered(
        self, model: OperationModel, parsed: Mapping[str, Any], context: Mapping[str, Any], event_name: str, **_: object
    ) -> None:
        if self._goes_without_saying(context):
            return
        told = parsed.get("ResponseMetadata", {})
        more = {"aws_request_id": told["RequestId"]} if told.get("RequestId") else {}
        if error := parsed.get("Error", {}).get("Code"):
            more["error"] = error
        self._log(context, service_in(event_name), model.name, int(told.get("HTTPStatusCode", 0)), more)

    def _failed(self, exception: Exception, context: Mapping[str, Any], event_name: str, **_: object) -> None:
        service, operation = service_in(event_name), event_name.split(".")[2]
        if isinstance(exception, BotoCoreError):
            vars(exception)[CALL_OF] = (service, operation, attempts_in(context))
        if not self._goes_without_saying(context):
            self._log(context, service, operation, 0, {"error": type(exception).__name__})

    def _goes_without_saying(self, context: Mapping[str, Any]) -> bool:
        """Tell whether no line comes of a call, which is most of the time; a poll would pay for its fields."""
        return self._monotonic() - context.get(OURS, (math.nan,))[0] < SLOW and not wanted(events.AWS_CALL)

    def _log(
        self, context: Mapping[str, Any], service: str, operation: str, status: int, more: Mapping[str, str]
    ) -> None:
        began, params = context.get(OURS, (self._monotonic(), {}))
        seconds = self._monotonic() - began
        emit(
            events.AWS_SLOW if seconds >= SLOW else events.AWS_CALL,
            service=service,
            operation=operation,
            status=status,
            attempts=attempts_in(context),
            seconds=None if math.isnan(seconds) else round(seconds, 4),
            parameters=parameters_of(params),
            **target_of(params),
            **more,
        )


def parameters_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a call's parameters that may be logged."""
    return {name: value for name, value in params.items() if name in PARAMETERS}


def target_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Return what a call is about: bucket or table, and key; what it has of them."""
    if bucket := params.get("Bucket"):
        found = params.get("Key") or params.get("Prefix")
        return {"bucket": bucket, **({"key": found} if found else {})}
    if table := params.get("TableName"):
        values = params.get("ExpressionAttributeValues", {})
        key = params.get("Key", {}).get(KEY) or params.get("Item", {}).get(KEY) or values.get(":queue")
        return {"table": table, **({"key": key["S"]} if key else {})}
    if wanted := params.get("RequestItems"):
        table = next(iter(wanted))
        return {"table": table, "key": " ".join(key[KEY]["S"] for key in wanted[table]["Keys"])}
    puts = [action["Put"] for action in params.get("TransactItems", ()) if "Put" in action]
    return {"table": puts[0]["TableName"], "key": " ".join(put["Item"][KEY]["S"] for put in puts)} if puts else {}


def attempts_in(context: Mapping[str, Any]) -> int:
    """Return how many requests were sent for a call so far."""
    return int(context.get("retries", {}).get("attempt", 1))


def service_in(event_name: str) -> str:
    """Return the service in the name of a hook such as ``after-call.s3.GetObject``."""
    return event_name.split(".")[1]
