"""
What a process without an API serves on its side port: health and metrics, and nothing else.

A worker takes no requests, but a platform has to see whether it lives, and Prometheus what it does. Health needs no
key, as everywhere. `/metrics` needs one unless it was opened; where no keys were configured and the service was not
declared open either, no key fits, so that a deployment is never open by omission.
"""

from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from service.application.admission import Admission
from service.application.context import ServiceContext
from service.core.errors import Unauthorized
from service.web.app import methods_of
from service.web.http import problems
from service.web.http.authentication import Connection, Guard, guard
from service.web.http.config import WebConfig
from service.web.http.middleware import RequestMiddleware
from service.web.operations.health import HealthController
from service.web.operations.metrics import Metrics, metrics_route

MAX_BODY_BYTES = 1024  # no address takes any


def create_side_app(context: ServiceContext, config: WebConfig, *, open_service: bool) -> Litestar:
    """Put it together; `open_service` says that the operator configured no keys on purpose."""
    admission = Admission(context)
    metrics = Metrics(context, admission, receives_uploads=False)
    app = Litestar(
        route_handlers=[HealthController, metrics_route(metrics, _guards(config, open_service=open_service), None)],
        middleware=[metrics.http.middleware],
        lifespan=[metrics.lifespan],
        dependencies={
            "context": Provide(lambda: context, sync_to_thread=False),
            "config": Provide(lambda: config, sync_to_thread=False),
        },
        plugins=[problems.plugin],
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,  # service.telemetry is the only way of logging
        openapi_config=None,
    )
    app.asgi_handler = RequestMiddleware(app.asgi_handler, context.clock, context.ids, methods_of(app), config)
    return app


def _guards(config: WebConfig, *, open_service: bool) -> list[Guard]:
    if config.metrics_open:
        return []
    return [guard(config.api_keys)] if config.api_keys or open_service else [_refuse]


async def _refuse(_: Connection, __: BaseRouteHandler) -> None:
    raise Unauthorized("This process has no API keys: set REPRISE_API_KEYS, or REPRISE_METRICS=open.")
