"""What a handler writes to be handed something: the request, the ids in its path, and what the use cases are given."""

from typing import Annotated, Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation

from service.application.admission import Admission
from service.application.config import WebConfig
from service.application.context import WebDependencies
from service.application.lookup import ID_PATTERN

HttpRequest = Request[Any, Any, State]

# The pattern is documented but not validated by litestar, whose answer would be 400: what cannot exist is not found.
UploadId = Annotated[
    str, PathParameter(title="Upload id", description="`upload_id` of an upload", schema_extra={"pattern": ID_PATTERN})
]
JobId = Annotated[
    str, PathParameter(title="Job id", description="`job_id` of a job", schema_extra={"pattern": ID_PATTERN})
]

# They are our own objects: nothing for litestar to validate.
Deps = NamedDependency[SkipValidation[WebDependencies]]
Config = NamedDependency[SkipValidation[WebConfig]]
Admit = NamedDependency[SkipValidation[Admission]]


def tenant_of(request: HttpRequest) -> str:
    """The tenant that the guard in `authentication` found; without a guard on the route this raises `KeyError`."""
    tenant: str = request.scope["state"]["tenant"]
    return tenant
