"""What goes in and what comes out."""

from typing import Any

import httpx
import pytest

from service.core.errors import InvalidOption
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


async def test_bands_tell_what_goes_together(api: httpx.AsyncClient) -> None:
    """A bitrate is accepted with a rate and a channel count if a band has all three, and refused otherwise."""
    for one in (await api.get("/v1/formats")).json()["output"]:
        limits, bands = one["options"], one["bands"]
        assert bool(bands) == ("bitrate_kbps" in limits)
        for kbps in (6, 8, 64, 100, 128, 144, 320, 500) if bands else ():
            for rate in limits["sample_rate"]["allowed"]:
                for channels in limits["channels"]["allowed"]:
                    offered = any(
                        rate in band["sample_rates"] and channels in band["channels"] and carries(band, kbps)
                        for band in bands
                    )
                    wanted = {"bitrate_kbps": kbps, "sample_rate": rate, "channels": channels}
                    assert accepted(one["format"], wanted) == offered, (one["format"], wanted)


def carries(band: dict[str, Any], kbps: int) -> bool:
    """Whether a band has this bitrate."""
    limits = band["bitrate_kbps"]
    return kbps in limits["allowed"] if "allowed" in limits else bool(limits["min"] <= kbps <= limits["max"])


def accepted(name: str, options: dict[str, object]) -> bool:
    """Whether a job may ask for this."""
    try:
        parse_target(name, options)
    except InvalidOption:
        return False
    return True
