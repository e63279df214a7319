"""What web pages beside an open service, and names that are not its own, come to."""

import hashlib
from functools import cache

import httpx
import pytest
from litestar import Litestar

from service.core.access import ApiKey
from service.web.http.config import WebConfig
from tests.unit.web.conftest import JOB, UPLOAD, World, client_of, wav

KEY = "a-key-of-somebody"
KEYS = (ApiKey("t", hashlib.sha256(KEY.encode()).hexdigest()),)
EVIL = "http://evil.example"
LOCAL = "localhost:8080"


@cache
def app_of(web: WebConfig) -> Litestar:
    """The application; what is uploaded to it does not matter here."""
    return World(web=web).app


def code_of(answer: httpx.Response) -> object:
    """The code of a problem; None where there is none."""
    return answer.json().get("code") if answer.headers["content-type"] == "application/problem+json" else None


async def ask(
    headers: dict[str, str],
    method: str = "POST",
    path: str = "/v1/uploads",
    *,
    web: WebConfig | None = None,
    host: str = LOCAL,
) -> httpx.Response:
    """Send a request as a browser would."""
    body = wav() if method == "POST" else None
    async with client_of(app_of(web or WebConfig(cors_origins=("*", "https://page.example")))) as client:
        return await client.request(method, path, content=body, headers={"Host": host, **headers})


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL, "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost"},
        {"Origin": "https://page.example.evil.example"},
        {"Origin": "http://page.example"},
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "Cross-Site"},
    ],
)
async def test_web_page_from_elsewhere_changes_nothing_in_an_open_service(headers: dict[str, str]) -> None:
    """What a page of another origin sends is refused where it would create, change or delete, whatever it claims."""
    for method, path in (
        ("POST", "/v1/uploads"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/s3/params?filename=x.wav"),
        ("POST", "/v1/s3/multipart"),
        ("PUT", f"/v1/uploads/{UPLOAD}/parts/1"),
        ("DELETE", f"/v1/jobs/{JOB}"),
        ("POST", f"/v1/jobs/{JOB}/cancel"),
    ):
        answer = await ask(headers, method, path)
        assert (answer.status_code, code_of(answer)) == (403, "cross_site"), (method, path)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": f"http://{LOCAL}", "Sec-Fetch-Site": "same-origin"},
        {"Origin": f"https://{LOCAL}"},
        {"Origin": "https://page.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_own_page_named_pages_and_programs_are_let_in(headers: dict[str, str]) -> None:
    """The service's own page, a page of a configured origin, and programs that are no browser upload as before."""
    assert (await ask(headers)).status_code == 201
    assert (await ask(headers, "GET", "/v1/s3/params?filename=x.wav")).status_code == 200


async def test_pages_read_what_is_for_everybody() -> None:
    """What changes nothing is answered to a page from elsewhere, which cannot read it without CORS."""
    headers = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    for path in ("/v1/formats", "/", "/schema"):
        assert (await ask(headers, "GET", path)).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["rebind.evil.example", "rebind.evil.example:8080", "localhost.evil.example", "10.0.0.9", "[::2]", "localhost@x"],
)
async def test_open_service_answers_to_no_name_that_is_not_its_own(host: str) -> None:
    """A name that leads to this machine by somebody's DNS gets 421 on every address but those of health."""
    for path in ("/v1/formats", "/", "/schema", f"/v1/jobs/{JOB}", "/metrics"):
        answer = await ask({}, "GET", path, host=host)
        expected = (400, "bad_request") if "@" in host else (421, "unknown_host")
        assert (answer.status_code, code_of(answer)) == expected, path
    answer = await ask({}, "GET", "/health/live", host=host)
    assert (answer.status_code == 200) == ("@" not in host)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "localhost.:80", "127.0.0.1:8080", "[::1]:80", "test:99", "audio.example:443"]
)
async def test_open_service_answers_to_its_own_names(host: str) -> None:
    """This machine's names, the address that the connection came to, and those of REPRISE_HOSTS, with any port."""
    web = WebConfig(hosts=("audio.example",))
    assert (await ask({}, "GET", "/v1/formats", web=web, host=host)).status_code == 200


async def test_any_host_can_be_allowed() -> None:
    """REPRISE_HOSTS=* lets every name in, for an operator who has a proxy that checks it."""
    assert (await ask({}, "GET", "/v1/formats", web=WebConfig(hosts=("*",)), host="x.example")).status_code == 200


async def test_with_keys_hosts_and_origins_do_not_matter() -> None:
    """A key is a proof of its own: with it any page and any name will do, and without it none."""
    web = WebConfig(api_keys=KEYS)
    headers = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    assert (await ask(headers, web=web, host="x.example")).status_code == 401
    assert (await ask({**headers, "X-API-Key": KEY}, web=web, host="x.example")).status_code == 201


@pytest.mark.parametrize(
    "given", ["text/plain", "application/x-www-form-urlencoded", "text/json", "application/jsonx", None]
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/s3/multipart", f"/v1/s3/multipart/{UPLOAD}/complete?key=k"])
async def test_json_that_is_not_called_json_is_refused(given: str | None, path: str) -> None:
    """JSON under another type, as a page may send it without a preflight, is 415; also with keys."""
    body = {"upload_id": UPLOAD, "format": "mp3"}
    for web in (WebConfig(), WebConfig(api_keys=KEYS)):
        async with client_of(app_of(web)) as client:
            request = client.build_request("POST", path, json=body, headers={"X-API-Key": KEY})
            del request.headers["content-type"]
            if given:
                request.headers["content-type"] = given
            answer = await client.send(request)
        assert (answer.status_code, code_of(answer)) == (415, "not_json")


async def test_json_may_name_its_charset() -> None:
    """`application/json; charset=utf-8` is JSON."""
    async with client_of(app_of(WebConfig())) as client:
        answer = await client.post(
            "/v1/jobs", content=b"{}", headers={"Content-Type": "Application/JSON; charset=utf-8"}
        )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "host", ["a:b", "a:99999", "a:1:2", "a:80.", "a b", "a/b", "a@b", "[::1", "::1", "a?b", "a#b", "\xff", "[x]"]
)
async def test_host_that_is_none_is_no_mistake_of_ours(host: str) -> None:
    """A Host that no address can be made of is 400, with keys and without, and not the 500 of a reader further in."""
    for web in (WebConfig(hosts=("*",)), WebConfig(api_keys=KEYS)):
        async with client_of(app_of(web)) as client:
            answer = await client.get("/v1/formats", headers=[(b"host", host.encode("latin-1"))])
        assert (answer.status_code, code_of(answer)) == (400, "bad_request")
