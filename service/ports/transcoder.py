"""One conversion, from an object to an object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from service.core.jobs.progress import Reading
from service.core.media.inputs import Source
from service.core.media.options import Target
from service.ports.objects import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to convert, from where to where."""

    job_id: str
    attempt: int
    input_key: str
    input_etag: str
    input_size: int
    source: Source
    target: Target
    output_key: str
    content_type: str
    filename: str
    local: bool  # spool the input to disk first, because it has to be seekable


class Draft(Protocol):
    """A converted file whose parts are stored, and which is not visible yet."""

    @property
    def facts(self) -> Mapping[str, object]:
        """What is worth logging: path, size, seconds, exit code, pauses …"""

    async def publish(self) -> Stored:
        """
        Make the object exist under its key, complete. Safe to repeat.

        A cancellation is passed on at once, whatever is still under way.
        """

    async def discard(self) -> None:
        """
        Leave nothing behind. Never raises `StoreError`.

        Waits for a publication that was cancelled and is still under way, so that it has the last word.
        """


def always() -> bool:
    """Let a conversion that has no lease go on."""
    return True


class Transcoder(Protocol):
    """ffmpeg and everything around it."""

    async def convert(
        self, order: Order, report: Callable[[Reading], None], trusted: Callable[[], bool] = always
    ) -> Draft:
        """
        Run a conversion to its end.

        `report` is called on the event loop, about four times a second. ffmpeg is paused while `trusted` says False; it
        is called on any thread, often. Cancelling the task stops ffmpeg. What ends it short, a cancellation or an
        error, is passed on as soon as ffmpeg is gone: a lease, and a client, cannot wait for an object store that is
        slow to take back what it was given. That goes on meanwhile, see `wait_for_cleanup`.

        Raises `TranscodeFailed`, `ObjectGone`, `ObjectChanged`.
        """

    async def wait_for_cleanup(self, order: Order) -> None:
        """
        Wait until nothing is left of a conversion that ended without a draft, as long as that takes.

        Cancelling the task ends the waiting, not the clean-up. Never raises `StoreError`.
        """
