"""What litestar cannot see in a handler's signature and the OpenAPI document has to say all the same."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIResponse, Operation


@dataclass
class WithoutBody(Operation):
    """A call whose good answers have no body, although their handler returns a response with headers."""

    def __post_init__(self) -> None:
        for status, response in (self.responses or {}).items():
            if status.startswith("2") and isinstance(response, OpenAPIResponse):
                response.content = None
