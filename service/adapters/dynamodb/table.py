"""
The calls to DynamoDB that a store needs, as values: what was written, or what stood in the way.

A refused condition is an answer here and no error. It carries the item as it is, which DynamoDB hands back with the
refusal, so that the loser learns why in the same round trip. What else goes wrong is raised as a `StoreError`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from service.adapters.aws.clients import Aws, code_of
from service.adapters.aws.resources import DUE_AT, INDEX, KEY, QUEUE
from service.adapters.dynamodb.conditions import Change
from service.adapters.dynamodb.values import Item, encode
from service.core.backoff import DYNAMODB_CALL
from service.core.errors import Unavailable
from service.ports.time import Clock, Ids
from service.telemetry import emit, events

TRIES = 6  # of what is throttled or in conflict half-way, with growing pauses
PAGE = 1000  # index entries in one answer, which are 100 KB and cost 12 read units
MAX_PAGES = 50  # of one shard: a bound for the loop, far above what a queue holds
BATCH = 100  # keys; the limit of BatchGetItem

# Why a transaction was cancelled, for each of its items. The last three are transient; all others are bugs of ours.
NOTHING, CONDITION_FAILED = "None", "ConditionalCheckFailed"
MAY_PASS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """The condition did not hold. `item` is what is there, None if nothing is."""

    item: Item | None


Entries = list[tuple[float, str]]  # of the index: (due_at, pk)


class Table:
    """One table, and nothing of what it means. All calls run on the threads of `aws`, so none blocks the event loop."""

    def __init__(self, aws: Aws, clock: Clock, ids: Ids) -> None:
        self._aws = aws
        self._clock = clock
        self._ids = ids
        self._name = aws.settings.table
        self._client = aws.dynamodb()

    async def get(self, key: str) -> Item | None:
        """Read strongly consistently."""
        answer = await self._call(self._client.get_item, Key=_key(key), ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    async def put(self, item: Item, change: Change) -> Refusal | None:
        """Put a whole item."""
        answer = await self._write(self._client.put_item, change, Item=item)
        return answer if isinstance(answer, Refusal) else None

    async def replace(self, item: Item, change: Change) -> Item | Refusal:
        """Put a whole item in the place of another; returns the one that was there."""
        answer = await self._write(self._client.put_item, change, Item=item, ReturnValues="ALL_OLD")
        return answer if isinstance(answer, Refusal) else answer.get("Attributes", {})

    async def update(self, key: str, change: Change) -> Item | Refusal:
        """Change an item; returns it as it is after the write."""
        answer = await self._write(self._client.update_item, change, Key=_key(key), ReturnValues="ALL_NEW")
        return answer if isinstance(answer, Refusal) else answer["Attributes"]

    async def delete(self, key: str, change: Change | None = None) -> Item | Refusal | None:
        """Delete an item; returns what was there, None if nothing was."""
        wanted = {"Key": _key(key), "ReturnValues": "ALL_OLD"}
        if change is None:
            answer = await self._call(self._client.delete_item, **wanted)
        else:
            answer = await self._write(self._client.delete_item, change, **wanted)
        return answer if isinstance(answer, Refusal) else answer.get("Attributes")

    async def put_all(self, puts: Sequence[tuple[Item, Change]]) -> list[Refusal | None] | None:
        """
        Put all items or none, in one transaction.

        Returns None if it is done, else one entry for each item: why it was refused, or None if it was not.
        """
        actions = [
            {
                "Put": {
                    "TableName": self._name,
                    "Item": item,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    **change.request(),
                }
            }
            for item, change in puts
        ]
        for number in range(1, TRIES + 1):
            reasons = await self._aws.run(self._transact, actions)
            if reasons is None:
                return None
            if any(reason["Code"] == CONDITION_FAILED for reason in reasons):
                return [Refusal(r.get("Item")) if r["Code"] == CONDITION_FAILED else None for r in reasons]
            await self._pause(
                "TransactWriteItems", number
            )  # another transaction is at work on these items, or we are throttled
        raise Unavailable("TransactWriteItems: conflicts or throttling that did not pass")

    async def keys_in(
        self,
        queue: str,
        enough: Callable[[Entries], bool] | None = None,
        *,
        after: float | None = None,
        page: int | None = None,
    ) -> Entries:
        """
        Return what one queue of the index holds, by rising `due_at`: everything, or until it is `enough`.

        With `after`, what is later than that. An answer holds at most a `page`, and costs by what it holds.
        """
        found: Entries = []
        start: dict[str, Any] = {}
        for _ in range(MAX_PAGES):
            answer = await self._call(
                self._client.query,
                IndexName=INDEX,
                **_in_queue(queue, after),
                Limit=min(PAGE, page or PAGE),
                **start,
            )
            found += [(float(entry[DUE_AT]["N"]), entry[KEY]["S"]) for entry in answer["Items"]]
            if not answer.get("LastEvaluatedKey") or (enough and enough(found)):
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found

    async def count_in(self, queue: str, most: int, *, after: float = 0.0) -> int:
        """Count the entries later than `after` in one queue of the index; stops at `most`. Only numbers travel."""
        found = 0
        start: dict[str, Any] = {}
        while found < most:
            answer = await self._call(
                self._client.query,
                IndexName=INDEX,
                **_in_queue(queue, after),
                Select="COUNT",
                Limit=most - found,
                **start,
            )
            found += int(answer["Count"])
            if not answer.get("LastEvaluatedKey"):
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found

    async def first_in(self, queue: str) -> float | None:
        """Return the lowest `due_at` in one shard of the index, None if it is empty; one entry is read."""
        answer = await self._call(
            self._client.query,
            IndexName=INDEX,
            **_in_queue(queue, None),
            ScanIndexForward=True,
            Limit=1,
        )
        return next((float(entry[DUE_AT]["N"]) for entry in answer["Items"]), None)

    async def last_in(
        self, queue: str, limit: int, *, before: float | Decimal | None = None, after: float | None = None
    ) -> list[tuple[Decimal, str]]:
        """Return up to `limit` entries of one queue of the index, by falling `due_at`, on one side of a number."""
        edge, sign = (before, "<") if before is not None else (after, ">")
        answer = await self._call(
            self._client.query,
            IndexName=INDEX,
            **_in_queue(queue, edge, sign),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [(Decimal(entry[DUE_AT]["N"]), entry[KEY]["S"]) for entry in answer["Items"]]

    async def get_many(self, keys: Sequence[str], *, strongly: bool = True) -> list[Item]:
        """Return the items that exist among `keys`, each read strongly consistently or not, in no particular order."""
        found: list[Item] = []
        for first in range(0, len(keys), BATCH):
            found += await self._get_batch([_key(key) for key in keys[first : first + BATCH]], strongly=strongly)
        return found

    async def _get_batch(self, keys: list[dict[str, Any]], *, strongly: bool) -> list[Item]:
        found: list[Item] = []
        for number in range(1, TRIES + 1):
            answer = await self._call(
                self._client.batch_get_item,
                RequestItems={self._name: {"Keys": keys, "ConsistentRead": strongly}},
            )
            found += answer["Responses"].get(self._name, [])
            keys = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if not keys:
                return found
            await self._pause("BatchGetItem", number)
        raise Unavailable(f"BatchGetItem: {len(keys)} keys were not served")

    # ── underneath ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _write(self, call: Callable[..., Any], change: Change, **arguments: Any) -> Any:
        """Make a conditional write; return botocore's answer, or the refusal."""
        return await self._call(
            _refusable(call),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **arguments,
            **change.request(),
        )

    async def _call(self, call: Callable[..., Any], **arguments: Any) -> Any:
        if "RequestItems" not in arguments:  # which name their table themselves
            arguments["TableName"] = self._name
        return await self._aws.run(call, **arguments)

    def _transact(self, actions: list[Any]) -> list[Any] | None:
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            reasons: list[Any] = list(error.response.get("CancellationReasons", []))
            codes = {reason["Code"] for reason in reasons} - {NOTHING}
            if code_of(error) == "TransactionCanceledException" and codes and codes <= MAY_PASS | {CONDITION_FAILED}:
                return reasons
            raise
        return None

    async def _pause(self, operation: str, number: int) -> None:
        emit(events.AWS_RETRIED, service="dynamodb", operation=operation, attempt=number + 1)
        await self._clock.sleep(DYNAMODB_CALL.delay(number, self._ids.draw()))


def _key(key: str) -> dict[str, Any]:
    return {KEY: encode(key)}


def _in_queue(queue: str, edge: float | Decimal | None, sign: str = ">") -> dict[str, Any]:
    """Return what asks the index for one queue, or for what is later than `edge` in it (`<`: earlier)."""
    if edge is None:
        return {
            "KeyConditionExpression": "#queue = :queue",
            "ExpressionAttributeNames": {"#queue": QUEUE},
            "ExpressionAttributeValues": {":queue": encode(queue)},
        }
    return {
        "KeyConditionExpression": f"#queue = :queue AND #due_at {sign} :edge",
        "ExpressionAttributeNames": {"#queue": QUEUE, "#due_at": DUE_AT},
        "ExpressionAttributeValues": {":queue": encode(queue), ":edge": encode(edge)},
    }


def _refusable(call: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a call so that a condition that did not hold is an answer."""

    def refusable(**arguments: Any) -> Any:
        try:
            return call(**arguments)
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return Refusal(error.response.get("Item"))  # type: ignore[arg-type]  # the stubs do not know of it

    return refusable
