"""
Whether this container lives, and whether it can do its work.

``live`` asks nobody: a container must not be restarted because a backing service is away. ``ready`` asks the backing
services; one that we can do without (Redis) makes it ``degraded``, which is still 200.
"""

from litestar import Controller, Response, get
from litestar.openapi import ResponseSpec

from service.web.dependencies import Config, Deps
from service.web.http.schemas import HealthDocument

OK, DEGRADED, UNAVAILABLE = "ok", "degraded", "unavailable"


class Health(Controller):
    """`/health`."""

    path = "/health"
    tags = ("health",)

    @get("/live", operation_id="isLive", summary="Whether the process is alive")
    async def live(self, config: Config) -> HealthDocument:
        """200 as long as anything is answered at all."""
        return HealthDocument(status=OK, version=config.version, instance=config.instance)

    @get(
        "/ready",
        operation_id="isReady",
        summary="Whether requests can be served, and what is missing",
        responses={503: ResponseSpec(HealthDocument, generate_examples=False, description="They cannot.")},
    )
    async def ready(self, deps: Deps, config: Config) -> Response[HealthDocument]:
        """200 when requests can be served, 503 when a service is away that nothing can be done without."""
        checks = dict(await deps.checks())
        if deps.board.degraded:
            checks["redis"] = DEGRADED
        status = verdict(checks)
        document = HealthDocument(status=status, version=config.version, instance=config.instance, checks=checks)
        return Response(document, status_code=503 if status == UNAVAILABLE else 200)


def verdict(checks: dict[str, str]) -> str:
    """The worst of all checks."""
    if any(not said.startswith((OK, DEGRADED)) for said in checks.values()):
        return UNAVAILABLE
    return DEGRADED if any(said.startswith(DEGRADED) for said in checks.values()) else OK
