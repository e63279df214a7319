"""
Requests to X-Ray's own OTLP address, signed with the container's credentials.

X-Ray takes spans without a collector in between, under https://xray.REGION.amazonaws.com/v1/traces, and wants what
every call to AWS has: a signature. Any other receiver gets requests as they are.
"""

import re
from urllib.parse import urlsplit

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

_XRAY = re.compile(r"xray\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
SIGNED = ("Content-Type", "Content-Encoding")  # what is sent beside these may be changed on its way


def session_for(endpoint: str) -> requests.Session:
    """Return a session for this receiver: one that signs, if it is X-Ray."""
    session = requests.Session()
    if (found := _XRAY.fullmatch(urlsplit(endpoint).hostname or "")) is not None:
        session.auth = _Signature(found["region"])
    return session


class _Signature(requests.auth.AuthBase):
    """Signs each request anew, since credentials of a container change every few hours."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._session = boto3.session.Session(region_name=region)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        credentials = self._session.get_credentials()
        if credentials is None:
            return request  # X-Ray refuses it, and the reason is logged
        headers = {name: request.headers[name] for name in SIGNED if name in request.headers}
        unsigned = AWSRequest(method=request.method, url=request.url, data=request.body, headers=headers)
        SigV4Auth(credentials.get_frozen_credentials(), "xray", self._region).add_auth(unsigned)
        request.headers.update(dict(unsigned.headers.items()))
        return request
