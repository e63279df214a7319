"""The HTTP application: every address there is, and what holds for all of them."""

from collections.abc import Mapping, Sequence

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from service.application.admission import Admission
from service.application.context import ServiceContext
from service.web.formats import formats
from service.web.http import problems
from service.web.http.authentication import guard
from service.web.http.browsers import check_of
from service.web.http.config import WebConfig
from service.web.http.middleware import RequestMiddleware
from service.web.http.parameters import caller_in
from service.web.jobs.downloads import DownloadController
from service.web.jobs.events import JobEventsController
from service.web.jobs.notifications import NotificationController
from service.web.jobs.routes import JobController
from service.web.operations.health import HealthController
from service.web.operations.metrics import Metrics, metrics_route
from service.web.operations.status import status
from service.web.page.routes import page_routes
from service.web.uploads.relayed_parts import RelayedPartsController
from service.web.uploads.s3_form import S3FormController
from service.web.uploads.s3_multipart import S3MultipartController
from service.web.uploads.whole import UploadController

MAX_BODY_BYTES = 256 * 1024  # of anything that is not an upload

# By name, because `*` would not cover Authorization. The last one is what Uppy sends with every call.
CORS_REQUEST = (
    "Accept", "Authorization", "Content-Disposition", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range",
    "Last-Event-ID", "Range", "X-API-Key", "X-Request-Id", "Uppy-Versions",
)  # fmt: skip
CORS_ANSWER = (
    "Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "ETag", "Location", "Retry-After",
    "WWW-Authenticate", "X-Request-Id",
)  # fmt: skip

KEYS = {
    "bearer": SecurityScheme(type="http", scheme="bearer"),
    "header": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
}
EITHER_KEY: list[dict[str, list[str]]] = [{name: []} for name in KEYS]

DESCRIPTION = """
Converts audio files, and does not lose a job when a container dies in the middle of it.

Upload a file, create a job, follow it (events, long polling or polling), download the result. Errors are
`application/problem+json` with a stable `code`. Every answer carries `X-Request-Id`.
"""


def create_app(context: ServiceContext, config: WebConfig | None = None) -> Litestar:
    """
    Put the application together.

    Nothing is connected or started: what is in `context` is ready to be used, and closed by the code that made it.
    """
    config = config or WebConfig()
    admission = Admission(context)
    handlers: list[ControllerRouterHandler] = [
        UploadController,
        S3MultipartController,
        S3FormController,
        RelayedPartsController,
        JobController,
        JobEventsController,
        DownloadController,
        NotificationController,
        status,
    ]
    keyed = bool(config.api_keys)
    guards, security = ([guard(config.api_keys)], EITHER_KEY) if keyed else ([], None)
    api = Router("/v1", route_handlers=handlers, guards=guards, security=security)
    metrics = Metrics(context, admission)
    measured = metrics_route(metrics, *(([], None) if config.metrics_open else (guards, security)))
    app = Litestar(
        route_handlers=[
            api,
            Router("/v1", route_handlers=[formats]),
            HealthController,
            measured,
            *page_routes(config.storage),
        ],
        before_request=check_of(config, keyed=keyed),
        middleware=[metrics.http.middleware],
        lifespan=[metrics.lifespan],
        dependencies={
            "context": Provide(lambda: context, sync_to_thread=False),
            "caller": caller_in(context),
            "config": Provide(lambda: config, sync_to_thread=False),
            "admission": Provide(lambda: admission, sync_to_thread=False),
        },
        plugins=[problems.plugin],
        cors_config=cors(config.cors_origins, keyed=keyed),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,  # service.telemetry is the only way of logging
        openapi_config=OpenAPIConfig(
            title="Reprise",
            version=context.config.version,
            description=DESCRIPTION.strip(),
            path="/schema",
            tags=[
                Tag("uploads", "Bytes that go in."),
                Tag("jobs", "Conversions, and what comes out."),
                Tag("notifications", "Webhooks about the ends of jobs."),
                Tag("formats", "What is accepted and produced."),
                Tag("health", "For load balancers and people on call."),
            ],
            components=Components(security_schemes=dict(KEYS)) if keyed else Components(),
            # No page of a viewer: those that litestar offers load their scripts from elsewhere.
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"]), YamlRenderPlugin()],
        ),
    )
    app.asgi_handler = RequestMiddleware(app.asgi_handler, context.clock, context.ids, methods_of(app), config)
    return app


def methods_of(app: Litestar) -> Mapping[str, str]:
    """List the methods of each address for `OPTIONS`; litestar itself names those of one of its handlers only."""
    methods: dict[str, set[str]] = {}
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            methods.setdefault(route.path_format, set()).update(str(method) for method in route.methods)
    return {path: ", ".join(sorted(known)) for path, known in methods.items()}


def cors(origins: Sequence[str], *, keyed: bool) -> CORSConfig | None:
    """
    Say what web pages from elsewhere may do: nothing without `origins`.

    Keys travel in headers that a page has to know, never in cookies, so no page can use those of its visitors. An open
    service has no such protection: any page that somebody opens beside it could use it, so there `*` lets none in, and
    only pages that are named are let in. What needs no CORS is refused by `http.browsers`.
    """
    named = [origin for origin in origins if keyed or origin != "*"]
    if not named:
        return None
    return CORSConfig(
        allow_origins=named,
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=list(CORS_REQUEST),
        expose_headers=list(CORS_ANSWER),
        max_age=3000,
    )
