"""
Make the bucket and the table where no infrastructure program does: at a stand-in, or on AWS if that is really meant.

Safe to repeat, and to run at the same time elsewhere. What was found and done is told line by line.
"""

from collections.abc import Callable, Mapping

from service.adapters.aws.clients import Aws
from service.adapters.aws.configuration import CannotConfigure, configuring
from service.adapters.aws.provisioning import CannotBeMended, CannotMake, Tell, making, silently, why_not_up
from service.adapters.dynamodb import provision as dynamodb_provision
from service.adapters.s3 import provision as s3_provision
from service.adapters.system.ambient import SystemClock
from service.settings import Settings
from service.wiring.build import aws_settings
from service.wiring.places import places

PAUSE = 0.5  # seconds between two questions whether an endpoint is up


class CannotProvision(Exception):
    """It could not be done; the message says why and what to do, in one line."""


def prepare_embedded(settings: Settings, environment: Mapping[str, str]) -> None:
    """Create the bucket and the table of an embedded stack."""
    aws = Aws(aws_settings(settings, environment), threads=1)
    _make(settings, aws, silently)
    aws.close()


def provision(
    settings: Settings,
    environment: Mapping[str, str],
    tell: Tell,
    *,
    wait: float = 0.0,
    on_aws: bool = False,
    pause: Callable[[float], object],
) -> None:
    """
    Make what is missing at the endpoints of the settings, which have to name a bucket and a table.

    An endpoint that is not up yet is waited for, `wait` seconds at most. Raises `CannotProvision`, also if this would
    be AWS itself and `on_aws` does not say that it is meant.
    """
    try:
        with configuring():
            aws = Aws(aws_settings(settings, environment), threads=1)
            found = places(settings, aws)[:2]
    except CannotConfigure as error:
        raise CannotProvision(f"the configuration of AWS cannot be used: {error}") from error
    try:
        for place in found:
            tell(place.name, f"{place.address} ({place.chosen_by})")
        there = [place.name for place in found if place.address.startswith("AWS")]
        if there and not on_aws:
            raise CannotProvision(
                f"{' and '.join(there)} would be AWS itself, where `pulumi up` makes bucket and table; set "
                "AWS_ENDPOINT_URL for a stand-in, or say --on-aws if this is what you want"
            )
        with making():
            _wait_until_up(aws, wait, pause)
            _make(settings, aws, tell)
    except (CannotBeMended, CannotMake) as error:
        raise CannotProvision(str(error)) from error
    finally:
        aws.close()


def _make(settings: Settings, aws: Aws, tell: Tell) -> None:
    s3, dynamodb = aws.s3(connections=1), aws.dynamodb(connections=1)
    try:
        bucket, origins = aws.settings.bucket, settings.cors_origins
        s3_provision.create_bucket(s3, bucket, region=settings.region, origins=origins, tell=tell)
        dynamodb_provision.create_table(dynamodb, aws.settings.table, tell)
    finally:
        s3.close()
        dynamodb.close()


def _wait_until_up(aws: Aws, wait: float, pause: Callable[[float], object]) -> None:
    """Ask both endpoints until they answer. Raises `CannotProvision` after `wait` seconds."""
    s3, dynamodb = aws.s3(connections=1), aws.dynamodb(connections=1)
    until = SystemClock().monotonic() + wait
    try:
        for name, ask in (
            (f"S3 at {aws.s3_address}", lambda: s3.head_bucket(Bucket=aws.settings.bucket)),
            (f"DynamoDB at {aws.dynamodb_address}", lambda: dynamodb.describe_table(TableName=aws.settings.table)),
        ):
            while (trouble := why_not_up(ask)) is not None:
                if SystemClock().monotonic() >= until:
                    waited = f", after {wait:g} s of waiting (--wait)" if wait else "; --wait SECONDS waits for it"
                    raise CannotProvision(f"{name} does not answer: {trouble}{waited}")
                pause(PAUSE)
    finally:
        s3.close()
        dynamodb.close()
