"""What every `service.ports.sniffer.Sniffer` promises."""

import pytest

from service.core.errors import EmptyUpload, UnsupportedMedia
from service.ports.sniffer import Sniffer


class SnifferContract:
    """Needs the fixture `sniffer`."""

    async def test_bytes_are_recognised(self, sniffer: Sniffer) -> None:
        """The bytes alone decide what an upload is."""
        assert (await sniffer.identify("a", b"#!AMR\n", b"#!AMR\n", 6)).container == "amr"

    async def test_what_is_no_audio_is_refused(self, sniffer: Sniffer) -> None:
        """A refusal arrives at the caller as it is, also from another thread, and spoils nothing for the next."""
        with pytest.raises(UnsupportedMedia):
            await sniffer.identify("a", b"%PDF-1.7", b"%PDF-1.7", 8)
        with pytest.raises(EmptyUpload):
            await sniffer.identify("a", b"", b"", 0)

        assert (await sniffer.identify("a", b"wvpk", b"wvpk", 4)).container == "wv"
