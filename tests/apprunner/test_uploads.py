"""Uploads on the platform: 200 MB past the service, and through it when the line is too slow, or a deployment comes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from infra.smoke.audio import compare_flac, samples, wav
from reprise import Client
from tests.apprunner.conftest import LIMIT, Platform
from tests.apprunner.platform import AppRunner
from tests.apprunner.test_conversions import waited
from tests.support.cluster import pause
from tests.support.docker import one_worker

pytestmark = [pytest.mark.apprunner, pytest.mark.timeout(400), one_worker, pytest.mark.requirement("5.3")]

MIB = 1024 * 1024
PART = 16 * MIB  # the most that goes through the service at once
SECOND = samples(1)


def song(size: int) -> bytes:
    """Samples for so many bytes of WAV."""
    return (SECOND * (size // len(SECOND) + 1))[:size]


def begun(http: httpx.Client, size: int) -> dict[str, Any]:
    """An upload in parts."""
    asked = {"filename": "long.wav", "type": "audio/wav", "size": size}
    return dict(http.post("/v1/s3/multipart", json=asked).raise_for_status().json())


def judged(http: httpx.Client, platform: AppRunner, upload_id: str, pcm: bytes) -> None:
    """Convert to FLAC, and compare the samples of what S3 has."""
    order = {"upload_id": upload_id, "format": "flac", "options": {}}
    job_id = http.post("/v1/jobs", json=order).raise_for_status().json()["job_id"]
    job = waited(platform, job_id)
    assert job["state"] == "succeeded", job
    moved = http.get(f"/v1/jobs/{job_id}/download")
    compare_flac(httpx.get(moved.headers["Location"], timeout=60).content, pcm)


def test_200_megabytes_straight_to_s3(platform: Platform) -> None:
    """200 MB go in parts to addresses that the service has signed: the platform sees none of them."""
    pcm = song(200 * MIB)
    data = wav(pcm)
    made = platform()
    with httpx.Client(base_url=made.address, timeout=60) as http, ThreadPoolExecutor(4) as threads:
        upload = begun(http, len(data))
        pieces = {number: data[at : at + PART] for number, at in enumerate(range(0, len(data), PART), 1)}
        numbers = ",".join(map(str, pieces))
        path, key = f"/v1/s3/multipart/{upload['uploadId']}", f"key={upload['key']}"
        urls = http.get(f"{path}/batch?{key}&partNumbers={numbers}").raise_for_status().json()["presignedUrls"]
        etags = threads.map(
            lambda part: httpx.put(urls[str(part[0])], content=part[1], timeout=60).raise_for_status().headers["ETag"],
            pieces.items(),
        )
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in zip(pieces, etags, strict=True)]
        done = http.post(f"{path}/complete?{key}", json={"parts": parts}).raise_for_status().json()
        assert done["size"] == len(data)
        judged(http, made, upload["upload_id"], pcm)


def slowly(data: bytes) -> Iterator[bytes]:
    """The bytes, in twice the time that the platform allows."""
    pieces = 40
    size = len(data) // pieces + 1
    for at in range(0, len(data), size):
        pause(2 * LIMIT / pieces)
        yield data[at : at + size]


def test_a_line_that_is_too_slow(platform: Platform) -> None:
    """One stream that takes too long is cut; in parts through the service only the part under way is lost."""
    pcm = song(40 * MIB)
    data = wav(pcm)
    made = platform()
    with httpx.Client(base_url=made.address, timeout=60) as http:
        assert not arrives(http, "POST", "/v1/uploads?filename=long.wav", data, slow=True)
        assert made.cut == 1

        upload = begun(http, len(data))
        path = f"/v1/uploads/{upload['upload_id']}"
        for number, at in enumerate(range(0, len(data), PART), 1):
            # The line is at its worst for the second part.
            assert arrives(http, "PUT", f"{path}/parts/{number}", data[at : at + PART], slow=number == 2) == (
                number != 2
            )
        assert made.cut == 2
        document = http.get(path).raise_for_status().json()
        assert [part["number"] for part in document["parts"]] == [1, 3]
        assert arrives(http, "PUT", f"{path}/parts/2", data[PART : 2 * PART])
        http.post(f"{path}/complete").raise_for_status()
        judged(http, made, upload["upload_id"], pcm)


def test_a_deployment_during_an_upload(platform: Platform, client: Callable[[AppRunner], Client]) -> None:
    """Parts that arrived before a deployment count after it; the part under way is sent again."""
    pcm = song(40 * MIB)
    data = wav(pcm)
    made = platform()
    with httpx.Client(base_url=made.address, timeout=60) as http, ThreadPoolExecutor(1) as threads:
        upload = begun(http, len(data))
        path = f"/v1/uploads/{upload['upload_id']}"
        assert arrives(http, "PUT", f"{path}/parts/1", data[:PART])
        under_way = threads.submit(arrives, http, "PUT", f"{path}/parts/2", data[PART : 2 * PART], slow=True)
        made.deploy()
        assert not under_way.result()
        assert http.get(path).raise_for_status().json()["received"] == PART
        assert arrives(http, "PUT", f"{path}/parts/2", data[PART : 2 * PART])
        assert arrives(http, "PUT", f"{path}/parts/3", data[2 * PART :])
        http.post(f"{path}/complete").raise_for_status()
        judged(http, made, upload["upload_id"], pcm)


def arrives(http: httpx.Client, method: str, path: str, data: bytes, *, slow: bool = False) -> bool:
    """Whether a body comes through, and is answered."""
    headers = {"Content-Length": str(len(data))}
    try:
        answer = http.request(method, path, content=slowly(data) if slow else data, headers=headers)
    except httpx.TransportError:
        return False
    return answer.is_success
