"""How the backing services are at this moment, for `/health/ready`: asked often, so it asks little."""

from collections.abc import Callable

from service.adapters import dynamodb_checks, s3_checks
from service.adapters.aws import Aws
from service.core.errors import CircuitOpen, RepriseError
from service.wiring.build import Service


async def check(service: Service) -> dict[str, str]:
    """How the backing services are: ``ok`` or what is wrong, by name. Redis is never more than degraded."""
    table, bucket, origins = service.aws.settings.table, service.aws.settings.bucket, service.settings.cors_origins

    async def ask(aws: Aws, call: Callable[[], list[str]]) -> str:
        """Through the circuit, so that a container which gets no requests any more finds out that it is back."""
        try:
            return "; ".join(await aws.run(call)) or "ok"
        except CircuitOpen as error:
            return f"circuit open: {error.detail}"
        except RepriseError as error:
            return f"does not answer ({error.detail}); check the endpoint, the network and the credentials"

    def check_s3() -> list[str]:
        s3_checks.ping(service.bucket, bucket)
        return s3_checks.check_bucket(service.bucket, bucket, origins)

    found = {
        "dynamodb": await ask(service.truth, lambda: dynamodb_checks.check_table(service.table, table)),
        "s3": await ask(service.aws, check_s3),
    }
    if service.settings.redis_url is None:
        found["redis"] = "none: progress comes from DynamoDB"
    else:
        await service.board.read("check")
        found["redis"] = "degraded" if service.board.degraded else "ok"
    return found
