"""
Whether this container lives, and whether it can do its work.

``live`` asks no other service: a container must not be restarted because a backing service is away. ``ready`` asks the
backing services; one that we can do without (Redis) makes it ``degraded``, which is still 200.

Both need no key. Where there are keys, a caller without one hears the status and nothing of the inside: no version, no
name of a host, nor which services there are.
"""

from litestar import Controller, Response, get
from litestar.openapi import ResponseSpec

from service.web.http.authentication import is_known
from service.web.http.parameters import ConfigDep, ContextDep, HttpRequest
from service.web.http.responses import documented_mistake
from service.web.http.schemas import HealthDocument

OK, DEGRADED, UNAVAILABLE = "ok", "degraded", "unavailable"


class HealthController(Controller):
    """`/health`."""

    path = "/health"
    tags = ("health",)

    @get(
        "/live",
        operation_id="isLive",
        summary="Whether the process is alive",
        responses=documented_mistake(),
    )
    async def live(self, request: HttpRequest, context: ContextDep, config: ConfigDep) -> HealthDocument:
        """200 as long as anything is answered at all."""
        if not is_known(request, config.api_keys):
            return HealthDocument(status=OK)
        return HealthDocument(status=OK, version=context.config.version, instance=context.config.instance)

    @get(
        "/ready",
        operation_id="isReady",
        summary="Whether requests can be served, and what is missing",
        responses=documented_mistake()
        | {503: ResponseSpec(HealthDocument, generate_examples=False, description="They cannot.")},
    )
    async def ready(self, request: HttpRequest, context: ContextDep, config: ConfigDep) -> Response[HealthDocument]:
        """200 when requests can be served, 503 when a service is away that nothing can be done without."""
        checks = dict(await context.checks())
        if context.board.degraded:
            checks["redis"] = DEGRADED
        status = verdict(checks)
        document = HealthDocument(status=status)
        if is_known(request, config.api_keys):
            version, instance = context.config.version, context.config.instance
            document = HealthDocument(status=status, version=version, instance=instance, checks=checks)
        return Response(document, status_code=503 if status == UNAVAILABLE else 200)


def verdict(checks: dict[str, str]) -> str:
    """The worst of all checks."""
    if any(not said.startswith((OK, DEGRADED)) for said in checks.values()):
        return UNAVAILABLE
    return DEGRADED if any(said.startswith(DEGRADED) for said in checks.values()) else OK
