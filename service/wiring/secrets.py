"""The secrets that this process is given, so that its log can leave them out wherever they turn up."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote, urlsplit

from service.core.webhooks.endpoints import Endpoint, parse_endpoints

WHOLE = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "REPRISE_API_KEY")
ADDRESSES = ("REDIS_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB")
HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")  # name=value,name=value


def secrets_in(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield each secret of this environment, in every form in which it may be written."""
    for name in WHOLE:
        yield environment.get(name, "")
    for name in ADDRESSES:
        password = password_in(environment.get(name, ""))
        yield password
        yield unquote(password)
    for name in HEADERS:
        for pair in environment.get(name, "").split(","):
            value = pair.partition("=")[2].strip()
            yield value
            yield unquote(value)
    for endpoint in _endpoints(environment.get("REPRISE_WEBHOOKS", "")):
        yield endpoint.url
        yield urlsplit(endpoint.url).query  # its secrets have a form of their own


def _endpoints(text: str) -> Iterable[Endpoint]:
    try:
        return parse_endpoints(text)
    except ValueError:  # the settings complain of it
        return ()


def password_in(address: str) -> str:
    """Return the password of an address as it is written there; empty if it has none, or is no address."""
    try:
        return urlsplit(address).password or ""
    except ValueError:
        return ""
