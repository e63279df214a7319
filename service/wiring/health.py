"""How the backing services are at this moment, for `/health/ready`: asked often, so it asks little."""

import asyncio
from collections.abc import Callable

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb import checks as dynamodb_checks
from service.adapters.s3 import checks as s3_checks
from service.core.errors import CircuitOpen, RepriseError
from service.core.findings import Finding
from service.wiring.build import Service

PATIENCE = 4.0  # seconds; those who ask, such as load balancers, mostly give up after five
WHAT_TO_CHECK = "check the endpoint, the network and the credentials"


class Health:
    """
    How the backing services are: ``ok`` or what is wrong, by name. Redis is never more than degraded.

    Anybody may ask, so what is wrong is a code; what it means is said at start, and in the log. A service that hangs is
    asked once, however many want to know: each question takes a thread that a conversion may need.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._asked: dict[str, asyncio.Task[str]] = {}

    async def check(self) -> dict[str, str]:
        """Ask all of them at once. Takes `PATIENCE` seconds at most."""
        service = self._service
        table, bucket = service.truth.settings.table, service.aws.settings.bucket
        dynamodb, s3 = await asyncio.gather(
            self._ask("dynamodb", service.truth, lambda: dynamodb_checks.look_at_table(service.table, table)),
            self._ask("s3", service.aws, lambda: s3_checks.look_at_bucket(service.bucket, bucket)),
        )
        return {"dynamodb": dynamodb, "s3": s3, "redis": await self._redis()}

    async def _ask(self, name: str, aws: Aws, call: Callable[[], Finding | None]) -> str:
        asked = self._asked.get(name)
        if asked is None or asked.done():
            asked = self._asked[name] = asyncio.create_task(_answer(aws, call), name=f"health of {name}")
        done, _ = await asyncio.wait({asked}, timeout=PATIENCE)
        return asked.result() if done else f"does not answer (within {PATIENCE:g} s); {WHAT_TO_CHECK}"

    async def _redis(self) -> str:
        service = self._service
        if service.settings.redis_url is None:
            return "none: progress comes from DynamoDB"
        await service.board.read("check")
        return "degraded" if service.board.degraded else "ok"


async def _answer(aws: Aws, call: Callable[[], Finding | None]) -> str:
    """Through the circuit, so that a container which gets no requests any more finds out that it is back."""
    try:
        found = await aws.run(call)
    except CircuitOpen as error:
        return f"circuit open: {error.detail}"
    except RepriseError as error:
        return f"does not answer ({error.detail}); {WHAT_TO_CHECK}"
    return found.code if found else "ok"
