import httpx
import pytest

from reprise import AsyncClient, Client


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://audio.example", "http://", "/v1", "http://[::"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_is_no_address_is_refused_at_once(kind: type[Client | AsyncClient], url: str) -> None:
    """An address that cannot be asked is an error at once, instead of a service that seems to be away."""
    with pytest.raises(ValueError, match="is no address"):
        kind(url)


@pytest.mark.parametrize("key", ["kéy", "key\n"])
def test_key_that_no_header_takes_is_refused_at_once(key: str) -> None:
    """A key that was copied with something else is told before it is sent, and not repeated in the message."""
    with pytest.raises(ValueError, match="API key") as refused:
        Client("http://audio.example", key=key)
    assert key not in str(refused.value)


def test_transport_is_the_callers() -> None:
    """What stands between client and service is given as a transport of httpx, and gets the key too."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), request.headers["Authorization"]))
        return httpx.Response(200, json={"output": []})

    with Client("http://audio.example/", key="k", transport=httpx.MockTransport(answer)) as client:
        assert client.formats() == {"output": []}
    assert seen == [("http://audio.example/v1/formats", "Bearer k")]
