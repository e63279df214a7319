"""What botocore says about its own configuration (profiles, files, credentials), in errors and words of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError

from service.adapters.aws.clients import Aws


class CannotConfigure(Exception):
    """The configuration of AWS cannot be used; the message says why. It has names and files in it, never secrets."""


@contextmanager
def configuring() -> Iterator[None]:
    """Make sessions and clients inside. Raises `CannotConfigure`, such as for a profile that is in no file."""
    try:
        yield
    except BotoCoreError as error:
        raise CannotConfigure(str(error)) from error


def describe_credentials(aws: Aws) -> str:
    """
    Return where the credentials come from, never what they are. May ask the platform, so it blocks.

    That they are missing is reported, with its fix, by the first request that is signed.
    """
    try:
        return aws.credentials_source() or "none found"
    except BotoCoreError as error:
        return f"could not be fetched ({type(error).__name__})"
