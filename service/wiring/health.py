"""Whether the backing services answer at this moment, for `/health/ready`: asked often, so it asks little."""

import asyncio
from collections.abc import Callable

from service.adapters.aws.clients import Aws
from service.adapters.dynamodb import checks as dynamodb_checks
from service.adapters.s3 import checks as s3_checks
from service.core.errors import CircuitOpen, RepriseError
from service.core.findings import Finding
from service.wiring.build import Service

HEALTH_TIMEOUT = 4.0  # seconds; load balancers and the like mostly give up after five
WHAT_TO_CHECK = "check the endpoint, the network and the credentials"


class Health:
    """
    How the backing services are: ``ok`` or what is wrong, by name. Redis is never more than degraded.

    The answer is public, so what is wrong is a code; the log and the start-up report explain it. A service that hangs
    is asked once, however many requests want to know: each question takes a thread that a conversion may need.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sandbox = {} if service.confined is None else {"sandbox": str(service.confined)}
        self._asked: dict[str, asyncio.Task[str]] = {}

    async def check(self) -> dict[str, str]:
        """Ask all of them at once. Takes `HEALTH_TIMEOUT` seconds at most."""
        service = self._service
        table, bucket = service.dynamodb.settings.table, service.aws.settings.bucket
        dynamodb, s3 = await asyncio.gather(
            self._ask(
                "dynamodb", service.dynamodb, lambda: dynamodb_checks.look_at_table(service.dynamodb_probe, table)
            ),
            self._ask("s3", service.aws, lambda: s3_checks.look_at_bucket(service.s3_probe, bucket)),
        )
        return {"dynamodb": dynamodb, "s3": s3, "redis": await self._redis(), **self._sandbox}

    async def _ask(self, name: str, aws: Aws, call: Callable[[], Finding | None]) -> str:
        asked = self._asked.get(name)
        if asked is None or asked.done():
            asked = self._asked[name] = asyncio.create_task(_answer(aws, call), name=f"health of {name}")
        done, _ = await asyncio.wait({asked}, timeout=HEALTH_TIMEOUT)
        return asked.result() if done else f"does not answer (within {HEALTH_TIMEOUT:g} s); {WHAT_TO_CHECK}"

    async def _redis(self) -> str:
        service = self._service
        if service.settings.redis_url is None:
            return "none: progress comes from DynamoDB"
        await service.board.read("check")
        return "degraded" if service.board.degraded else "ok"


async def _answer(aws: Aws, call: Callable[[], Finding | None]) -> str:
    """Ask through the circuit, so that a container which gets no requests any more notices that the service is back."""
    try:
        found = await aws.run(call)
    except CircuitOpen as error:
        return f"circuit open: {error.detail}"
    except RepriseError as error:
        return f"does not answer ({error.detail}); {WHAT_TO_CHECK}"
    return found.code if found else "ok"
