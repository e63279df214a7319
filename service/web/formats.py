"""What goes in, what comes out, with which options: read from the tables that the conversion itself goes by."""

from typing import Annotated, Any

import msgspec
from litestar import get
from msgspec import Meta

from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.inputs import INPUT_FORMATS
from service.core.media.option_values import ON_DAMAGE
from service.web.http.responses import documented_without_key

# What can be asked for whatever the format; a default is what happens without a word about it.
COMMON_OPTIONS: dict[str, dict[str, Any]] = {
    "start_seconds": {"min": 0},
    "end_seconds": {"min": 0},
    "loudness": {"allowed": [False, True], "default": False},
    "keep_tags": {"allowed": [False, True], "default": True},
    "keep_cover": {"allowed": [False, True], "default": True},
    "track": {"min": 1, "description": "a number, or a language such as `eng`; else the one that ffmpeg chooses"},
    "on_damage": {"allowed": list(ON_DAMAGE), "default": "fail"},
}


class InputFormatDocument(msgspec.Struct, frozen=True):
    """A container that is accepted, found by its bytes."""

    format: str
    title: str
    content_type: str


class FormatsDocument(msgspec.Struct, frozen=True):
    """All formats: of an upload (`input`) and of a job (`output`)."""

    input: list[InputFormatDocument]
    output: Annotated[
        list[dict[str, Any]],
        Meta(
            description="with the options of each: `allowed` values, or `min`, `max`; `bands` tell which bitrates go "
            "with which rates and channel counts"
        ),
    ]
    options: Annotated[dict[str, Any], Meta(description="what every output format understands as well")]


@get(
    "/formats",
    operation_id="listFormats",
    summary="Formats and options",
    tags=["formats"],
    responses=documented_without_key(),
)
async def formats() -> FormatsDocument:
    """What goes in, what comes out, with which options."""
    return FormatsDocument(
        input=[InputFormatDocument(one.name, one.title, one.content_type) for one in INPUT_FORMATS],
        output=[one.describe() for one in OUTPUT_FORMATS.values()],
        options=COMMON_OPTIONS,
    )
