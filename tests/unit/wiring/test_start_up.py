import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from service import settings
from service.adapters.ffmpeg import check as ffmpeg_check
from service.core.findings import Finding
from service.wiring.build import ffmpeg_program
from service.wiring.places import Place
from service.wiring.start_up import Report, _check_ffmpeg, _check_settings, log_report

PLACES = (
    Place("S3", "http://localstack:4566", "AWS_ENDPOINT_URL"),
    Place("DynamoDB", "AWS, eu-west-1", "no endpoint is set"),
    Place("Redis", "rediss://cache:6379 (TLS)", "REDIS_URL"),
    Place("presigned URLs", "http://localhost:4566", "REPRISE_S3_PUBLIC_ENDPOINT"),
)
GONE = Finding("credentials_missing", "There are none.", "Set them.")
CORS = Finding("cors_missing", "No rule.", "Add one.", stops=False)


DEPLOYED = {"REPRISE_BUCKET": "audio", "REPRISE_TABLE": "jobs", "REPRISE_API_KEYS": "none"}


def a_report(**findings: list[Finding]) -> Report:
    """Of a deployed service."""
    return Report(
        settings=settings.read(DEPLOYED),
        instance="one",
        places=PLACES,
        credentials="container-role",
        embedded=False,
        findings={"s3": [], "dynamodb": [], "redis": [], "settings": [], **findings},
    )


@pytest.mark.requirement("4.1", "5.4")
def test_start_logs_each_endpoint_what_chose_it_and_each_check() -> None:
    """A start is logged with each endpoint, what chose it, and the source of credentials; each check has its result."""
    with capture_logs() as said:
        log_report(a_report(s3=[CORS]))

    starting, *checks = said
    assert starting["event"] == "service.starting"
    assert (starting["s3"], starting["dynamodb"]) == ("http://localstack:4566", "AWS, eu-west-1")
    assert starting["presigned_for"] == "http://localhost:4566"
    assert starting["chosen_by"]["S3"] == "AWS_ENDPOINT_URL"
    assert starting["credentials"] == "container-role"
    results = {one["check"]: one["result"] for one in checks if one["event"] == "service.check"}
    assert results == {"s3": "cors_missing", "dynamodb": "ok", "redis": "ok", "settings": "ok"}
    json.dumps(said)  # a line of a log


@pytest.mark.requirement("7.17")
def test_each_finding_is_an_event_with_its_fix() -> None:
    """What stops is an error and what does not a warning, each once, with a stable code and the fix to make."""
    with capture_logs() as said:
        report = a_report(s3=[GONE, CORS], dynamodb=[GONE])
        log_report(report)

    found = [(one["event"], one["log_level"], one["code"], one["fix"]) for one in said if "code" in one]
    assert found == [
        ("service.problem", "error", "credentials_missing", "Set them."),
        ("service.concern", "warning", "cors_missing", "Add one."),
    ]
    assert report.problems == (GONE,)


@pytest.mark.requirement("5.4")
@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, ["public_endpoint_missing"]),
        ({"REPRISE_S3_PUBLIC_ENDPOINT": "http://localhost:4566"}, []),
        ({"REPRISE_ROLE": "worker"}, []),
        ({"REPRISE_ROLE": "worker", "REPRISE_FFMPEG": "/no/ffmpeg"}, ["ffmpeg_missing"]),
        ({"REPRISE_ROLE": "api", "REPRISE_FFMPEG": "/no/ffmpeg"}, ["public_endpoint_missing"]),
    ],
    ids=["all", "said", "worker", "no-ffmpeg", "api"],
)
def test_start_up_checks_depend_on_the_role(variables: dict[str, str], found: list[str]) -> None:
    """Who presigns is told that browsers cannot reach a container's name; who converts, that there is no ffmpeg."""
    endpoint = "http://localstack:4566"
    given = settings.read({**DEPLOYED, "AWS_ENDPOINT_URL": endpoint, **variables})
    service: Any = SimpleNamespace(settings=given, aws=SimpleNamespace(s3_address=endpoint))

    codes = [finding.code for finding in (*_check_settings(service), *_check_ffmpeg(given).findings)]
    assert [code for code in codes if code != "sandbox_without_landlock"] == found  # that depends on the kernel


def a_program(folder: Path, content: bytes, mode: int = 0o755) -> Path:
    """A file under the name of ffmpeg."""
    path = folder / "ffmpeg"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "mode", "code", "said"),
    [
        (b"#!/bin/sh\n", 0o644, "ffmpeg_missing", "There is no program"),
        (b"\x7fELF of another machine", 0o755, "ffmpeg_unusable", "Exec format error"),
        (b"#!/no/interpreter\n", 0o755, "ffmpeg_unusable", "No such file"),
        (b"#!/bin/sh\necho no library >&2\nexit 127\n", 0o755, "ffmpeg_unusable", "127, and said 'no library'"),
    ],
    ids=["no-x-bit", "exec-format", "no-interpreter", "fails"],
)
def test_an_ffmpeg_that_cannot_run_stops_the_start(
    tmp_path: Path, content: bytes, mode: int, code: str, said: str
) -> None:
    """A program that would fail every conversion is found before the first one, with what it says and what to do."""
    program = a_program(tmp_path, content, mode)
    [finding] = _check_ffmpeg(settings.read({**DEPLOYED, "REPRISE_FFMPEG": str(program)})).findings

    assert (finding.code, finding.stops) == (code, True)
    assert said in finding.problem
    assert str(program) in finding.problem
    assert "REPRISE_FFMPEG" in finding.fix


def test_ffmpeg_check_is_skipped_for_api_and_gives_up_on_a_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who converts tries it, and one that hangs is given up and ended."""
    monkeypatch.setattr(ffmpeg_check, "VERSION_TIMEOUT", 0.3)
    program = a_program(tmp_path, b"#!/bin/sh\nwhile :; do :; done\n")
    variables = {**DEPLOYED, "REPRISE_FFMPEG": str(program)}
    [finding] = _check_ffmpeg(settings.read(variables)).findings

    assert "did not tell its version" in finding.problem
    assert _check_ffmpeg(settings.read({**variables, "REPRISE_ROLE": "api"})).findings == []


def test_the_bundled_ffmpeg_runs() -> None:
    """What comes with the installation can be started as conversions start it."""
    checked = _check_ffmpeg(settings.read(DEPLOYED))
    assert checked.confined is not None
    assert checked.confined.seccomp
    assert not [finding for finding in checked.findings if finding.stops]


def test_ffmpeg_named_without_a_path_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ffmpeg may be set by its name alone, though conversions start it where there is no PATH."""
    program = a_program(tmp_path, b"#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    given = settings.read({**DEPLOYED, "REPRISE_FFMPEG": "ffmpeg"})

    assert ffmpeg_program(given) == str(program)
    assert not [finding for finding in _check_ffmpeg(given).findings if finding.stops]
