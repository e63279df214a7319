"""Errors as clients see them."""

import io

import httpx
import pytest

from service.core.errors import (
    BadMedia,
    ClientError,
    Fenced,
    InvalidOption,
    ObjectGone,
    RepriseError,
    StoreError,
    Unavailable,
)
from service.web.http.problems import MEDIA_TYPE, ProblemException, from_ours
from tests.unit.web.conftest import JOB, World


def raising(world: World, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let every look at a job raise this."""

    async def refuse(job_id: str) -> None:
        raise error

    monkeypatch.setattr(world.jobs, "get", refuse)


async def test_a_problem_has_the_members_of_rfc_9457_code_and_request_id(api: httpx.AsyncClient) -> None:
    """A problem has type, title, status, detail, a stable code and the id of its request."""
    answer = await api.get(f"/v1/jobs/{JOB}", headers={"x-request-id": "my-request-1"})
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json() == {
        "type": "urn:reprise:problem:not_found",
        "title": "There is no such upload or job",
        "status": 404,
        "detail": f"There is no job {JOB}.",
        "code": "not_found",
        "request_id": "my-request-1",
    }


async def test_extra_members_never_replace_reserved_ones(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an error knows beyond its detail is told, but never in place of what every problem has."""
    raising(world, monkeypatch, InvalidOption("no", allowed=frozenset({1}), code="mine", status=200, which=object))
    answer = await api.get(f"/v1/jobs/{JOB}")
    problem = answer.json()
    assert answer.status_code == 422
    assert (problem["code"], problem["status"], problem["allowed"]) == ("invalid_option", 422, [1])


async def test_retry_after_is_whole_seconds_and_never_zero(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Advice on when to retry comes as a header in whole seconds, never as nought, and in the document."""
    error = Unavailable("GetItem: ThrottlingException")
    raising(world, monkeypatch, error)
    for seconds, header in ((2.0, "2"), (0.1, "1"), (2.3, "3")):
        error.retry_after = seconds
        answer = await api.get(f"/v1/jobs/{JOB}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, header)
        assert answer.json()["retry_after"] == seconds


@pytest.mark.parametrize("error", [Unavailable, ObjectGone])
async def test_words_of_backing_services_stay_out_of_problems(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: type[StoreError]
) -> None:
    """What a backing service said is for the log; clients read what it means for them."""
    raising(world, monkeypatch, error("GetItem on table secret-table: AccessDenied"))
    answer = await api.get(f"/v1/jobs/{JOB}")
    assert answer.status_code == error.status
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "error", [KeyError("secret"), BadMedia("secret"), RepriseError("secret"), ExceptionGroup("secret", [KeyError(1)])]
)
async def test_unexpected(
    world: World,
    api: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    error: Exception,
) -> None:
    """A mistake of ours is a bare 500 without anything of its inside; the log has the traceback under the same id."""
    raising(world, monkeypatch, error)
    answer = await api.get(f"/v1/jobs/{JOB}")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    logged = log.getvalue()
    assert "service.unexpected" in logged
    assert answer.json()["request_id"] in logged
    assert "secret" in logged


async def test_unknown_addresses_and_methods_are_problems(api: httpx.AsyncClient) -> None:
    """Unknown addresses and methods are problems too, and say what there is."""
    answer = await api.get("/v2/jobs")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await api.put("/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, OPTIONS, POST"


def leaves(cls: type[RepriseError]) -> list[type[RepriseError]]:
    """All classes below."""
    return [cls, *(leaf for sub in cls.__subclasses__() for leaf in leaves(sub))]


@pytest.mark.parametrize("error", [*leaves(ClientError), *leaves(StoreError), Fenced])
def test_every_error_becomes_a_problem_with_its_status_and_code(error: type[RepriseError]) -> None:
    """Every error that may reach a client becomes a problem with its own status and code."""
    problem = from_ours(error(size=1) if error.status == 416 else error())
    assert (problem.status_code, problem.code) == (error.status, error.code)
    assert 400 <= problem.status_code < 600
    assert problem.detail


def test_a_problem_code_has_one_status() -> None:
    """A program that goes by the code alone can tell every problem from every other: no code has two statuses."""
    statuses: dict[str, set[int]] = {}
    for error in leaves(RepriseError):
        statuses.setdefault(error.code, set()).add(error.status)

    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


def test_titles_are_the_same_on_every_python() -> None:
    """Titles that Python renamed are ours, so that the image and a developer's machine answer alike."""
    titles = {status: ProblemException(status, "code", "detail").title for status in (413, 416, 422)}
    assert titles == {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
