"""
Every field of a JSON body that is wrong, under its own name.

msgspec stops at the first mistake, and gives one that concerns the object as a whole no name. So the fields are looked
at again, each by itself, once a body has been refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

MAX_LISTED = 20  # a body may have thousands of unknown fields
MAX_SHOWN = 40  # characters of a name that the client made up


def wrong_fields(body: bytes, shape: type[msgspec.Struct]) -> list[dict[str, str]]:
    """Return `{"field", "in", "message"}` for each field; empty if the body is no JSON object, or is not wrong."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    if not isinstance(value, dict):
        return []
    return [
        {"field": name, "in": "body", "message": message}
        for (name, message), _ in zip(_wrong(value, shape), range(MAX_LISTED), strict=False)
    ]


def _wrong(value: Mapping[str, Any], shape: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    known = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for name, field in known.items():
        if name not in value:
            if field.required:
                yield name, "is required"
            continue
        try:
            msgspec.convert(value[name], field.type)
        except msgspec.ValidationError as error:
            message, _, place = str(error).replace("`", "").partition(" - at $")
            yield name + place.replace("[...]", "[]"), message
    if shape.__struct_config__.forbid_unknown_fields:
        for name in (name for name in value if name not in known):
            yield name[:MAX_SHOWN], f"is unknown; known are {', '.join(known)}"
