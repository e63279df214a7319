"""What goes in and what comes out."""

import httpx
import pytest

from service.core.media.formats import OUTPUT_FORMATS
from service.core.media.inputs import INPUT_FORMATS
from service.core.media.options import Options, parse_target
from service.web.formats import COMMON_OPTIONS


@pytest.mark.requirement("6.9")
async def test_every_input_and_output_format_is_listed(api: httpx.AsyncClient) -> None:
    """Every format that is accepted or made is listed, and how it is done is not."""
    answer = await api.get("/v1/formats")
    document = answer.json()
    assert [one["format"] for one in document["input"]] == [one.name for one in INPUT_FORMATS]
    assert {one["format"] for one in document["output"]} == set(OUTPUT_FORMATS)
    for secret in ("muxer", "demuxer", "encoder", "libmp3lame"):
        assert secret not in answer.text


async def test_listed_options_are_those_of_jobs(api: httpx.AsyncClient) -> None:
    """Every option that is listed is an option of a job, and every one of a job is listed somewhere."""
    document = (await api.get("/v1/formats")).json()
    listed = set(document["options"]).union(*(one["options"] for one in document["output"]))
    assert listed == set(Options.__dataclass_fields__)
    for name, limits in COMMON_OPTIONS.items():
        if "default" in limits:
            assert getattr(Options(), name) == limits["default"]
    for one in document["output"]:
        for name, limits in one["options"].items():
            for value in limits.get("allowed", []):
                if name == "bit_depth" or (name == "channels" and not one["options"].get("bitrate_kbps")):
                    parse_target(one["format"], {name: value})
