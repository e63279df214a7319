"""The description that a client is generated from."""

from typing import Any

import httpx
import pytest

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
            if int(status) >= 400 and name != "isReady":
                assert list(response["content"]) == ["application/problem+json"], (name, status)
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
    assert {"404", "410", "409", "412", "416", "200", "206", "304", "307"} <= set(
        operations(document)["downloadJob"]["responses"]
    )
    assert {"413", "415", "422"} <= set(operations(document)["createUpload"]["responses"])


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
