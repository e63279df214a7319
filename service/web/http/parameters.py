"""What a handler writes to be handed something: the request, the ids in its path, and what the use cases are given."""

from typing import Annotated, Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, SkipValidation

from service.application.admission import Admission
from service.application.context import Caller, ServiceContext
from service.application.lookup import ID_PATTERN
from service.core.upload import MAX_PARTS
from service.web.http.config import WebConfig

HttpRequest = Request[Any, Any, State]

# The pattern is documented but not validated by litestar, whose answer would be 400: what cannot exist is not found.
UploadId = Annotated[
    str, PathParameter(title="Upload id", description="`upload_id` of an upload", schema_extra={"pattern": ID_PATTERN})
]
JobId = Annotated[
    str, PathParameter(title="Job id", description="`job_id` of a job", schema_extra={"pattern": ID_PATTERN})
]
PartNumber = Annotated[
    int, PathParameter(description=f"1 to {MAX_PARTS}", schema_extra={"minimum": 1, "maximum": MAX_PARTS})
]

# The parameters are called `caller`, `context`, `config` and `admission`: litestar finds a dependency by its name.
# They are our own objects, so there is nothing for litestar to validate.
CallerDep = NamedDependency[SkipValidation[Caller]]
ContextDep = NamedDependency[SkipValidation[ServiceContext]]
ConfigDep = NamedDependency[SkipValidation[WebConfig]]
AdmissionDep = NamedDependency[SkipValidation[Admission]]


def caller_in(context: ServiceContext) -> Provide:
    """
    Tell who asks, as the guard of `authentication` or `browsers` found out.

    Raises `KeyError` on a route without a guard: without its word there is no answer at all.
    """

    def caller_of(request: HttpRequest) -> Caller:
        return Caller(context, request.scope["state"]["tenant"])

    return Provide(caller_of, sync_to_thread=False)
