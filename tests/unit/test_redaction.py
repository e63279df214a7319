"""Secrets, megabytes and control characters: what a line of the log is cut and cleaned of."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from service.telemetry import configure_logging, emit, events, protect
from service.telemetry.limits import MOST_CHARACTERS, MOST_ITEMS, MOST_TRACE
from service.telemetry.redaction import HIDDEN, redact
from service.wiring.secrets import secrets_in

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
FORMS = (
    f"https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={SECRET}&x=1",
    f"https://b/k?X-Amz-Credential={SECRET}%2F2026&X-Amz-Security-Token={SECRET}",
    json.dumps({"fields": {"x-amz-signature": SECRET, "x-amz-security-token": SECRET}}),
    json.dumps({"body": json.dumps({"x-amz-signature": SECRET})}),
    f"Authorization: AWS4-HMAC-SHA256 Credential={SECRET}, SignedHeaders=host, Signature={'ab' * 32}",
    f"{{'authorization': 'Bearer {SECRET}'}}",
    f"(b'x-api-key', X-Api-Key: {SECRET})",
    f"Bearer {SECRET} is not valid",
    f"Cookie: session={SECRET}; other={SECRET}",
    "redis://user:AKI-my-password@cache:6379/0 does not answer",
    f"aws_secret_access_key={SECRET} password: {SECRET}",
    f"secrets: [whsec_{SECRET}]",
    "AccessKeyId AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE",
)


@pytest.fixture
def forget() -> Iterator[None]:
    """Protect nothing afterwards."""
    yield
    protect(())


@pytest.mark.parametrize("text", FORMS)
def test_what_has_the_form_of_a_secret_is_hidden(text: str) -> None:
    """Signatures, credentials, tokens, headers and passwords are cut out of whatever text they stand in."""
    found = redact(text)
    for secret in (SECRET, "AKI-my-password", "AKIAIOSFODNN7", "ASIAIOSFODNN7", "ab" * 32):
        assert secret not in found
    assert HIDDEN in found


@pytest.mark.parametrize(
    "text",
    [
        "Uploads with the name a@b.wav, 3 cookies and the api_keys of 2 tenants; the password is wrong",
        json.dumps({"api_keys": 2, "key": "results/j/1/song.mp3", "credentials": "iam-role", "tenant": "team"}),
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    """Ordinary text is not touched, so the log stays readable."""
    assert redact(text) == text


@pytest.mark.usefixtures("forget")
def test_secrets_of_the_environment_are_hidden_in_every_form() -> None:
    """What the process was given as a secret is found as it is, quoted for JSON, and decoded from its address."""
    odd = 'p"ss%20w\\rd'
    environment = {
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "REDIS_URL": "rediss://:se%73ame-open@cache:6379",
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-token={odd},other=short",
        "REPRISE_WEBHOOKS": json.dumps(
            {"studio": {"url": "https://studio.example/hook?t=sesame", "secrets": [f"whsec_{'a' * 32}"]}}
        ),
    }
    protect(secrets_in(environment))
    text = json.dumps([SECRET, odd, "sesame-open", "se%73ame-open", "/hook?t=sesame", "short"])

    assert json.loads(redact(text)) == [HIDDEN, HIDDEN, HIDDEN, HIDDEN, f"/hook?{HIDDEN}", "short"]


@pytest.mark.usefixtures("forget")
def test_short_word_is_never_taken_for_a_secret() -> None:
    """A password of a few letters is in too many words: it is hidden in addresses only."""
    protect(["test"])
    assert redact("the latest test") == "the latest test"


@given(st.text(), st.text())
def test_redaction_never_fails_and_never_lengthens_much(before: str, after: str) -> None:
    """Whatever text stands around a signature, the line comes out, without it."""
    assert SECRET not in redact(f"{before}?X-Amz-Signature={SECRET}&{after}")


def test_secret_in_a_traceback_is_hidden() -> None:
    """An exception may hold an address; neither form of the log shows its signature."""
    for form in ("json", "text"):
        written = log_of(form, ValueError(f"GET https://b/k?X-Amz-Signature={SECRET}"))
        assert SECRET not in written
        assert "ValueError" in written


def test_megabytes_become_a_line_that_can_be_read() -> None:
    """Texts, lists, mappings, nesting and tracebacks are cut; the line says how much there was."""
    deep: object = "x"
    for _ in range(50):
        deep = [deep]
    before, stream = structlog.get_config(), io.StringIO()
    configure_logging(level="info", form="json", stream=stream)
    try:
        long = {"a" * 5000: "b" * 10**6, "list": list(range(10**5)), "deep": deep, "odd": 10**5000, "nan": float("nan")}
        emit(events.JOB_FAILED, code="c" * 10**6, detail="d", facts=long)
        emit(events.UNEXPECTED, where="x", exc_info=ValueError("e" * 10**6))
    finally:
        structlog.configure(**before)
    failed, unexpected = stream.getvalue().splitlines()

    assert len(failed) < 4 * MOST_CHARACTERS + 20 * MOST_ITEMS
    assert "1000000 characters" in json.loads(failed)["code"]
    assert "100000 items" in json.loads(failed)["facts"]["list"][-1]
    assert len(unexpected) < MOST_TRACE + 500


def test_no_text_of_a_client_begins_a_line() -> None:
    """Line ends in a field or in the message of an exception make no line of the log, in neither form."""
    forged = 'x\n2026-01-01T00:00:00Z [info     ] job.succeeded   key=k\r\n{"event": "job.succeeded"}\u2028\x85\x0b\x0c'
    for form in ("json", "text"):
        written = log_of(form, ValueError(forged), detail=forged)
        lines = written.splitlines()
        assert not [line for line in lines if line.startswith(("2026-01-01", '{"event": "job.succeeded"'))]
        marked = [line for line in lines if line.startswith("  | ")]
        assert len(lines) - len(marked) == 2  # the two events


def log_of(form: str, error: Exception, detail: str = "") -> str:
    """What is written of a failed job with this detail, and of a mistake that ends with this error."""
    before, stream = structlog.get_config(), io.StringIO()
    configure_logging(level="info", form=form, stream=stream)
    try:
        emit(events.JOB_FAILED, code="bad_media", detail=detail, facts={detail: detail})
        try:
            raise error
        except ValueError as raised:
            emit(events.UNEXPECTED, where="web", exc_info=raised)
    finally:
        structlog.configure(**before)
    return stream.getvalue()
