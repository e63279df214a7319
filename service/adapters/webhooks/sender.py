"""
Posts notifications: `ports.webhooks.Sender`, over httpcore.

httpcore is what httpx is built on. It is used by itself because it has a public place for making connections
(`adapters.webhooks.connecting`), and because it follows no redirect, reads no proxy from the environment and keeps no
cookies, which httpx would have to be told, each of them.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence

import certifi
import httpcore

from service.adapters.webhooks.connecting import CheckedNetwork, NoAddress, NotPublic, Resolve
from service.core.webhooks.asked import Answer
from service.core.webhooks.endpoints import Endpoint
from service.core.webhooks.notification import SEND_SECONDS


class WebhookSender:
    """Belongs to one event loop. Each message gets a connection of its own, so each address is checked anew."""

    def __init__(
        self,
        *,
        private: bool,
        agent: str = "Reprise",
        seconds: float = SEND_SECONDS,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`private`: addresses that are not public are allowed; `trust`: in place of the usual authorities."""
        self._agent, self._seconds = agent, seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust or usual_trust(),
            max_connections=None,  # how many are under way is decided in `core.webhooks.room`
            max_keepalive_connections=0,
            network_backend=CheckedNetwork(private=private, resolve=resolve),
        )

    async def send(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Answer | str:
        """See `ports.webhooks`; the body of an answer is not read at all, its head as far as `bounded` allows."""
        wanted = {"content-type": "application/json", "user-agent": self._agent, "connection": "close", **headers}
        lines = [(name.encode(), value.encode()) for name, value in wanted.items()]
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._pool.stream("POST", endpoint.url, headers=lines, content=body) as answer,
            ):
                return Answer(int(answer.status), _first(answer.headers, b"retry-after"))
        except (TimeoutError, httpcore.TimeoutException):
            return "timeout"
        except NotPublic:
            return "address_not_allowed"
        except NoAddress:
            return "no_address"
        except (httpcore.RemoteProtocolError, httpcore.LocalProtocolError, httpcore.ReadError):
            return "bad_answer"
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return "tls_failed" if _of_tls(error) else "connection_failed"

    async def aclose(self) -> None:
        """Close what is open."""
        await self._pool.aclose()


def usual_trust() -> ssl.SSLContext:
    """Return the authorities of the system (or SSL_CERT_FILE), and those of certifi: slim images have none."""
    trust = ssl.create_default_context()
    trust.load_verify_locations(certifi.where())
    return trust


def _first(headers: Sequence[tuple[bytes, bytes]], wanted: bytes) -> str:
    """Return a field of the head of an answer, as it came; empty if there is none."""
    return next((value.decode("latin-1") for name, value in headers if name.lower() == wanted), "")


def _of_tls(error: BaseException | None) -> bool:
    """Tell whether TLS is at the bottom of an error of httpcore."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
