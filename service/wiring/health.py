"""How the backing services are at this moment, for `/health/ready`: asked often, so it asks little."""

from collections.abc import Callable

from service.adapters import dynamodb_checks, s3_checks
from service.adapters.aws import Aws
from service.core.errors import CircuitOpen, RepriseError
from service.core.findings import Finding
from service.wiring.build import Service


async def check(service: Service) -> dict[str, str]:
    """
    How the backing services are: ``ok`` or what is wrong, by name. Redis is never more than degraded.

    Anybody may ask, so what is wrong is a code; what it means is said at start, and in the log.
    """
    table, bucket = service.truth.settings.table, service.aws.settings.bucket

    async def ask(aws: Aws, call: Callable[[], Finding | None]) -> str:
        """Through the circuit, so that a container which gets no requests any more finds out that it is back."""
        try:
            found = await aws.run(call)
            return found.code if found else "ok"
        except CircuitOpen as error:
            return f"circuit open: {error.detail}"
        except RepriseError as error:
            return f"does not answer ({error.detail}); check the endpoint, the network and the credentials"

    found = {
        "dynamodb": await ask(service.truth, lambda: dynamodb_checks.look_at_table(service.table, table)),
        "s3": await ask(service.aws, lambda: s3_checks.look_at_bucket(service.bucket, bucket)),
    }
    if service.settings.redis_url is None:
        found["redis"] = "none: progress comes from DynamoDB"
    else:
        await service.board.read("check")
        found["redis"] = "degraded" if service.board.degraded else "ok"
    return found
