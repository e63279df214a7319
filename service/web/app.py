"""The HTTP application: every address there is, and what holds for all of them."""

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Tag

from service.web import problems
from service.web.admission import Admission
from service.web.config import WebConfig
from service.web.dependencies import WebDependencies
from service.web.downloads import Downloads
from service.web.events import Events
from service.web.formats import formats
from service.web.health import Health
from service.web.jobs import Jobs
from service.web.page import page_routes
from service.web.requests import Around
from service.web.status import status
from service.web.uploads import Uploads

LARGEST_BODY = 256 * 1024  # of anything that is not an upload

DESCRIPTION = """
Converts audio files, and does not lose a job when a container dies in the middle of it.

Upload a file, create a job, follow it (events, long polling or polling), download the result. Errors are
`application/problem+json` with a stable `code`. Every answer carries `X-Request-Id`.
"""


def create_app(deps: WebDependencies, config: WebConfig) -> Litestar:
    """Put it together. Nothing is connected or started: `deps` are ready to be used, and their maker closes them."""
    admission = Admission(deps.jobs, deps.clock, deps.capacity, deps.crew, config)
    api = Router("/v1", route_handlers=[Uploads, Jobs, Events, Downloads, formats, status])
    app = Litestar(
        route_handlers=[api, Health, *page_routes()],
        dependencies={
            "deps": Provide(lambda: deps, sync_to_thread=False),
            "config": Provide(lambda: config, sync_to_thread=False),
            "admission": Provide(lambda: admission, sync_to_thread=False),
        },
        plugins=[problems.plugin],
        request_max_body_size=LARGEST_BODY,
        logging_config=None,  # service.telemetry is the only way of logging
        openapi_config=OpenAPIConfig(
            title="Reprise",
            version=config.version,
            description=DESCRIPTION.strip(),
            path="/schema",
            tags=[
                Tag("uploads", "Bytes that go in."),
                Tag("jobs", "Conversions, and what comes out."),
                Tag("formats", "What is accepted and produced."),
                Tag("health", "For load balancers and people on call."),
            ],
            # No page of a viewer: those that litestar offers load their scripts from elsewhere.
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"]), YamlRenderPlugin()],
        ),
    )
    app.asgi_handler = Around(app.asgi_handler, deps.clock, deps.ids)
    return app
