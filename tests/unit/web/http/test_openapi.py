"""The description that a client is generated from."""

from typing import Any

import httpx
import pytest
from litestar import Litestar

from service.core.access import parse_keys
from service.web.http.config import WebConfig
from tests.unit.web.conftest import World, client_of

Document = dict[str, Any]


@pytest.fixture
async def document(api: httpx.AsyncClient) -> Document:
    """The description, which is the same at each of its addresses."""
    answer = await api.get("/schema")
    assert answer.status_code == 200
    assert (await api.get("/schema/openapi.json")).json() == answer.json()
    assert (await api.get("/schema/openapi.yaml")).status_code == 200
    description: Document = answer.json()
    return description


def operations(document: Document) -> Document:
    """Every operation by its id."""
    return {o["operationId"]: o for path in document["paths"].values() for o in path.values()}


@pytest.mark.requirement("8.3")
async def test_every_operation_has_a_name_for_generated_clients(document: Document) -> None:
    """Every verb has a name that a generated client can use."""
    assert document["openapi"].startswith("3.1")
    assert set(operations(document)) == {
        "createUpload", "getUpload", "deleteUpload", "createJob", "getJob", "getProgress", "cancelJob", "deleteJob",
        "followJob", "downloadJob", "inspectDownload", "listFormats", "isLive", "isReady", "createMultipart",
        "listMultipartParts", "signMultipartPart", "signMultipartParts", "completeMultipart", "abortMultipart",
        "putPart", "completeUpload", "getStatus", "getMetrics", "getUploadParameters", "listJobs", "listUploads",
        "listNotifications", "resendNotification",
    }  # fmt: skip


@pytest.mark.requirement("8.3")
async def test_every_documented_error_is_a_problem_document(document: Document) -> None:
    """Every error that is listed is a problem document of its own media type."""
    for name, operation in operations(document).items():
        for status, response in operation["responses"].items():
            if int(status) >= 400 and (name, status) != ("isReady", "503"):
                assert list(response["content"]) == ["application/problem+json"], (name, status)
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
    assert {"404", "410", "409", "412", "416", "200", "206", "304", "307"} <= set(
        operations(document)["downloadJob"]["responses"]
    )
    assert {"413", "415", "422"} <= set(operations(document)["createUpload"]["responses"])


@pytest.mark.requirement("8.3")
async def test_mistake_of_the_service_is_documented_for_every_operation(document: Document) -> None:
    """A generated client knows the answer `500 internal` of each call, and not of some."""
    for name, operation in operations(document).items():
        described = operation["responses"].get("500", {}).get("description", "")
        assert ("`internal`" in described, "`misconfigured`" in described) == (True, True), name


@pytest.mark.requirement("8.3")
async def test_request_bodies_of_uploads_and_jobs_are_described(document: Document) -> None:
    """An upload is described as what it is, and a job by its fields."""
    content = operations(document)["createUpload"]["requestBody"]["content"]
    assert set(content) == {"application/octet-stream", "multipart/form-data"}
    assert "content" not in operations(document)["deleteJob"]["responses"]["204"]
    assert "content" not in operations(document)["inspectDownload"]["responses"]["200"]
    job = document["components"]["schemas"]["JobRequest"]
    assert set(job["properties"]) == {"upload_id", "format", "options"}
    assert set(job["required"]) == {"upload_id", "format"}


async def test_every_address_names_its_methods(api: httpx.AsyncClient, document: Document) -> None:
    """`OPTIONS`, and the refusal of another method, name all methods of an address and no other."""
    for path, methods in document["paths"].items():
        address = path.replace("{part_number}", "1").replace("{upload_id}", "u" * 16).replace("{job_id}", "j" * 16)
        expected = {*map(str.upper, methods), "OPTIONS"}
        for method in ("OPTIONS", "TRACE"):
            answer = await api.request(method, address)
            assert set(answer.headers["allow"].split(", ")) == expected, (method, path)


async def test_refusals_in_front_of_every_address_are_documented(document: Document) -> None:
    """A missing key, a web page from elsewhere and a name that is not ours: each address lists what it answers."""
    keys = parse_keys(f"acme:{'0' * 64}")
    without_key, open_service = World(web=WebConfig(api_keys=keys)).app, World().app
    asked: list[tuple[Litestar, dict[str, str]]] = [
        (without_key, {}),
        (open_service, {"Host": "rebind.evil.example"}),
        (open_service, {"Host": "a@b"}),
        (open_service, {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}),
    ]
    missing, seen = set(), set()
    for path, methods in document["paths"].items():
        address = path.replace("{part_number}", "1").replace("{upload_id}", "u" * 16).replace("{job_id}", "j" * 16)
        for method, operation in methods.items():
            for app, headers in asked:
                async with client_of(app) as client:
                    answer = await client.request(method, address, headers=headers)
                if answer.status_code in {401, 403, 421}:
                    seen.add(answer.status_code)
                    if str(answer.status_code) not in operation["responses"]:
                        missing.add((operation["operationId"], answer.status_code))

    assert (missing, seen) == (set(), {401, 403, 421})
