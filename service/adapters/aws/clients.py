"""
One way to make a boto3 client, and one way to call it: on our threads, through a circuit, with our errors.

Endpoints, regions, profiles and roles are botocore's own business (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3` …).
What is fixed here: SigV4 always (presigned URLs would be SigV2 otherwise), standard retries with a limit, bounded
waits, and checksums only where the service demands them, because stand-ins of S3 differ in what they can check.
"""

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from service.adapters.aws.calls import CallLog
from service.adapters.aws.circuit import CircuitBreaker
from service.adapters.aws.errors import code_of, status_of, translate
from service.core.errors import CircuitOpen

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3.client import S3Client

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["Aws", "AwsSettings", "code_of", "status_of", "translate", "translate_errors"]


# What botocore is told of AWS beyond its own models. Of DynamoDB: that items are documents, to be taken as they come in
# JSON. botocore compares each value of an item with its model otherwise, in 140 microseconds for each look at a job.
MODELS = Path(__file__).with_name("models")

AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
# Seconds. App Runner cuts a request at 120 s, and a client should hear from us before that.
LONG_READ_TIMEOUT = 100

# Pauses of an open circuit that a conversion waits out: 6 to 12 seconds. botocore's own repetitions take about as long
# (4 requests with up to 3 s to connect), so a conversion survives the same outage whether the circuit is open or not.
OPEN_CIRCUITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """How to reach AWS. None leaves the choice to botocore's own conventions."""

    region: str
    bucket: str
    table: str
    s3_endpoint: str | None = None
    dynamodb_endpoint: str | None = None
    s3_public_endpoint: str | None = None  # what clients can reach; presigned URLs are signed for it
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    path_style: bool | None = None  # None: wherever it is not AWS itself, as stand-ins have no wildcard DNS


class Aws:
    """
    Makes clients (thread-safe, to be shared) and runs blocking calls on its own threads.

    With a `breaker` every call goes through its circuit, so one object belongs to one backing service.
    """

    long_read_timeout: float = LONG_READ_TIMEOUT
    _breaker: CircuitBreaker | None = None
    _wait: Callable[[float], object] = staticmethod(threading.Event().wait)

    def __init__(
        self,
        settings: AwsSettings,
        *,
        threads: int = 32,
        breaker: CircuitBreaker | None = None,
        session: boto3.session.Session | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        """Take how to tell the time in seconds (`monotonic`), so that the log says how long calls take."""
        self.settings = settings
        self._breaker = breaker
        self._session = session or _session(settings, monotonic)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="aws")

    def apart(self, *, threads: int, breaker: CircuitBreaker | None = None) -> Self:
        """
        Make one with threads, clients and a circuit of its own; what this one's calls fill, its calls do not notice.

        The session is the same, which knows the models and the credentials. Not to be called while others make clients.
        """
        return type(self)(self.settings, threads=threads, breaker=breaker, session=self._session)

    def s3(self, *, public: bool = False, connections: int = 32, repeats: bool = True) -> "S3Client":
        """
        An S3 client; `public` signs for the address that the service's own clients use.

        One that `repeats` nothing waits longer: for what takes long, and must not be done twice at a time.
        """
        endpoint = (self.settings.s3_public_endpoint if public else None) or self.settings.s3_endpoint
        path = self.settings.path_style
        if path is None:
            path = not is_aws(endpoint or self.s3_address)
        # Never "auto": it signs for the bucket's global host, which redirects until DNS knows a young bucket.
        style = Config(s3={"addressing_style": "path" if path else "virtual"})
        config = self._config(connections).merge(style)
        if not repeats:
            config = config.merge(
                Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=self.long_read_timeout)
            )
        return self._session.client("s3", endpoint_url=endpoint, config=config)

    def dynamodb(self, *, connections: int = 32) -> "DynamoDBClient":
        """A DynamoDB client. Its answers are small: one that takes longer than this is lost, and a lease is short."""
        config = self._config(connections).merge(
            Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
        )
        return self._session.client("dynamodb", endpoint_url=self.settings.dynamodb_endpoint, config=config)

    @functools.cached_property
    def s3_address(self) -> str:
        """Where requests for S3 go: the endpoint that is set, or what botocore makes of its files and the region."""
        return self.settings.s3_endpoint or self._address("s3")

    @functools.cached_property
    def dynamodb_address(self) -> str:
        """The same for DynamoDB."""
        return self.settings.dynamodb_endpoint or self._address("dynamodb")

    def credentials_source(self) -> str | None:
        """Where the credentials come from, in botocore's words; None if there are none. May ask the platform."""
        if self.settings.access_key:
            return "AWS_ACCESS_KEY_ID"
        found = self._session.get_credentials()
        return found.method if found else None

    def _address(self, service: Literal["s3", "dynamodb"]) -> str:
        client = self._session.client(service)
        client.close()
        return str(client.meta.endpoint_url)

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run a blocking call on our threads; its botocore errors come out as ours.

        Raises `CircuitOpen` without waiting for a thread: they may all be waiting for a service that hangs.
        """
        if self._breaker is not None:
            self._breaker.check()
        return await self.run_unguarded(self.call_guarded, call, *args, **kwargs)

    def call_guarded(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a blocking call on this thread, through the circuit; its botocore errors come out as ours."""
        if self._breaker is None:
            return translate_errors(call, *args, **kwargs)
        return self._breaker.guard(lambda: translate_errors(call, *args, **kwargs))

    def call_waiting_out_circuit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Make a blocking call on this thread; while the circuit is open, wait, for `OPEN_CIRCUITS` pauses at most.

        For calls without which a whole conversion would be lost. A request has a client that can come again; a
        conversion has not.
        """
        for _ in range(OPEN_CIRCUITS):
            try:
                return self.call_guarded(call, *args, **kwargs)
            except CircuitOpen as error:
                self._wait(error.retry_after or 0.0)
        return self.call_guarded(call, *args, **kwargs)

    async def run_unguarded(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run on our threads what sends no request itself (signing), or whose requests go through `call_guarded`."""
        # Under the context of the task: what a thread logs and traces belongs to the job or the request.
        inside = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: inside(call, *args, **kwargs))

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    def _config(connections: int) -> Config:
        return Config(
            signature_version="s3v4",
            retries={"mode": "standard", "total_max_attempts": 4},
            connect_timeout=3,
            read_timeout=20,
            max_pool_connections=connections,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            tcp_keepalive=True,
        )


def is_aws(address: str) -> bool:
    """Whether an address is one of AWS itself (or a VPC endpoint of it)."""
    return (urlsplit(address).hostname or "").endswith(AWS_HOSTS)


def translate_errors(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a call; botocore's errors come out as ours."""
    try:
        return call(*args, **kwargs)
    except (ClientError, BotoCoreError) as error:
        raise translate(error) from error


def _session(settings: AwsSettings, monotonic: Callable[[], float] | None) -> boto3.session.Session:
    core = botocore.session.get_session()
    core.get_component("data_loader").search_paths.append(str(MODELS))
    session = boto3.session.Session(
        botocore_session=core,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        aws_session_token=settings.session_token,
        region_name=settings.region,
    )
    CallLog(monotonic).listen(session.events)
    return session
