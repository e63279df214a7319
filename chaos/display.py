"""What a run shows while it goes on: one line that changes on a terminal, a line now and then elsewhere."""

from rich.console import Console
from rich.status import Status

PLAIN_EVERY = 15.0  # seconds


class Display:
    """Shows how far it is; everything else is printed above it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status: Status | None = None
        self._last = -PLAIN_EVERY

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, text: str, now: float) -> None:
        """Show how far it is at `now` seconds."""
        if self.console.is_terminal:
            if self._status is None:
                self._status = self.console.status(text)
                self._status.start()
            self._status.update(text)
        elif now - self._last >= PLAIN_EVERY or now < self._last:
            self._last = now
            self.say(f"  {text}")

    def clear(self) -> None:
        """Take the changing line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        self._last = -PLAIN_EVERY
