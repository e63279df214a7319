"""What all conversions of this process share, and how one is told to stop."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.adapters.aws.clients import Aws
from service.adapters.ffmpeg.config import FfmpegConfig
from service.adapters.ffmpeg.scratch import Scratch
from service.adapters.s3.completion import Completer
from service.ports.time import Clock

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class StoppedOnRequest(Exception):
    """The conversion is not wanted any more."""


@dataclass(frozen=True, slots=True)
class ConversionContext:
    """What all conversions share."""

    aws: Aws
    s3: "S3Client"
    completer: Completer
    config: FfmpegConfig
    clock: Clock
    scratch: Scratch
