"""
The output formats: to add an output format, add a row to `_ALL`; API, OpenAPI and `/v1/formats` follow from it.

A format is one muxer and one encoder. An option that a format does not list does not exist for it, and the values
that it does list are those that the encoder really honours: encoders round, clamp or ignore what they cannot do
(LAME writes 64 kbit/s when asked for 320 at 8 kHz), we refuse it, so that a client gets what it asked for or hears
why not. Which pairs of bitrate, rate and channels go together is a table of `bands`; tests run the edges of every
band through the real encoder.

What a client leaves open stays open: it follows the source, or is what ffmpeg does by itself. So a job without
options gives the very bytes of `ffmpeg -i IN OUT`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

_EVERY_RATE = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 176400, 192000)
_STEREO = (1, 2)
_SURROUND = (1, 2, 6)
_LOSSLESS = (1, 2, 6, 8)


@dataclass(frozen=True, slots=True)
class Band:
    """Bitrates (kbit/s) that the encoder honours at each of these rates (Hz) with each of these channel counts."""

    rates: tuple[int, ...]
    channels: tuple[int, ...]
    bitrates: Sequence[int]

    def describe(self) -> dict[str, object]:
        """Return what goes together, as plain JSON values."""
        every = list(self.bitrates)
        ends = {"min": every[0], "max": every[-1]}
        bitrates = ends if isinstance(self.bitrates, range) else {"allowed": every}
        return {"sample_rates": list(self.rates), "channels": list(self.channels), "bitrate_kbps": bitrates}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """One thing that a client can ask for. Rates in Hz, bitrates in kbit/s."""

    name: str
    title: str
    extension: str  # without the dot
    content_type: str
    muxer: str
    encoder: str
    sample_rates: tuple[int, ...]
    channels: tuple[int, ...]
    bands: tuple[Band, ...] = ()  # empty: there is no bitrate to choose
    quality: tuple[float, float] | None = None  # the ends of the encoder's scale
    best_quality: float | None = None  # which of the two ends sounds better
    bit_depths: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # bits → ffmpeg arguments
    keeps_tags: bool = True  # the container has room for them
    keeps_cover: bool = False
    # What the encoder or the container fails on instead of converting; a source that has something else is converted.
    layouts: tuple[str, ...] = ()
    rates_must_be_listed: bool = False
    highest_rate: int = 1 << 31  # Hz: above, the encoder does not start
    muxer_arguments: tuple[str, ...] = ()

    def describe(self) -> dict[str, object]:
        """Return what a client should know, as plain JSON values: the entry in `GET /v1/formats`."""
        options: dict[str, object] = {}
        if self.bands:
            every = sorted({value for band in self.bands for value in band.bitrates})
            options["bitrate_kbps"] = {"min": every[0], "max": every[-1]}
            if not any(isinstance(band.bitrates, range) for band in self.bands):
                options["bitrate_kbps"] = {"allowed": every}
        if self.quality is not None:
            options["quality"] = {"min": self.quality[0], "max": self.quality[1], "best": self.best_quality}
        options["sample_rate"] = {"allowed": list(self.sample_rates)}
        options["channels"] = {"allowed": list(self.channels)}
        if self.bit_depths:
            options["bit_depth"] = {"allowed": sorted(self.bit_depths)}
        return {
            "format": self.name,
            "title": self.title,
            "extension": self.extension,
            "content_type": self.content_type,
            "keeps_tags": self.keeps_tags,
            "keeps_cover": self.keeps_cover,
            "options": options,
            "bands": [band.describe() for band in self.bands],
        }


# ── which bitrates go with which rates and channels ──────────────────────────────────────────────────────────────

_MP3 = (
    Band((32000, 44100, 48000), _STEREO, (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)),  # MPEG-1
    Band((16000, 22050, 24000), _STEREO, (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)),  # MPEG-2
    Band((8000, 11025, 12000), _STEREO, (8, 16, 24, 32, 40, 48, 56, 64)),  # MPEG-2.5
)

_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)

# A frame of AAC (1024 samples) holds at most 6144 bits per channel; ffmpeg clamps what is above.
_AAC = tuple(
    Band((rate,), (channels,), range(8 * channels, 6 * rate * channels // 1000 + 1))
    for rate in _AAC_RATES
    for channels in _SURROUND
)

_VORBIS = (
    # libvorbis refuses to start outside of these; the tables are what it was seen to accept.
    Band((8000,), (1,), range(8, 41)),
    Band((8000,), (2,), range(12, 81)),
    Band((11025,), (1,), range(12, 49)),
    Band((11025,), (2,), range(16, 97)),
    Band((16000,), (1,), range(16, 97)),
    Band((16000,), (2,), range(24, 193)),
    Band((22050, 24000), (1,), range(16, 81)),
    Band((22050, 24000), (2,), range(32, 161)),
    Band((32000,), (1,), range(32, 161)),
    Band((32000,), (2,), range(40, 321)),
    Band((44100, 48000), (1,), range(32, 241)),
    Band((44100, 48000), (2,), range(48, 481)),
    Band((44100, 48000), (6,), range(96, 641)),
)

_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_OPUS = (  # a packet is at most 1275 bytes: 510 kbit/s in 20 ms frames; libopus stops at 256 a channel
    Band(_OPUS_RATES, (1,), range(6, 257)),
    Band(_OPUS_RATES, (2,), range(6, 511)),
    Band(_OPUS_RATES, (6,), range(32, 1025)),
)
_OPUS_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # those of mapping family 1, RFC 7845

_WMA_RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000)
_WMA = (Band((22050, 32000, 44100, 48000), _STEREO, range(24, 321)),)

_AC3_STEPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES = (32000, 44100, 48000)
_AC3 = (
    Band(_AC3_RATES, _STEREO, _AC3_STEPS),
    Band(_AC3_RATES, (6,), _AC3_STEPS[4:]),  # with less than 64 kbit/s there is no room for six channels
)

# ── the formats ──────────────────────────────────────────────────────────────────────────────────────────────────

# Ogg and Matroska number their streams at random; two runs would differ. bitexact numbers them from 0.
_NO_RANDOM_NUMBERS = ("-fflags", "+bitexact")

_ALL = (
    OutputFormat(
        name="mp3", title="MP3", extension="mp3", content_type="audio/mpeg", muxer="mp3", encoder="libmp3lame",
        sample_rates=(8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000), channels=_STEREO,
        bands=_MP3, quality=(0, 9), best_quality=0, keeps_cover=True,
    ),
    OutputFormat(
        name="wav", title="WAV (PCM)", extension="wav", content_type="audio/wav", muxer="wav", encoder="pcm_s16le",
        sample_rates=_EVERY_RATE, channels=_LOSSLESS,
        bit_depths={
            8: ("-c:a", "pcm_u8"), 16: ("-c:a", "pcm_s16le"), 24: ("-c:a", "pcm_s24le"), 32: ("-c:a", "pcm_s32le"),
        },
    ),
    OutputFormat(
        name="flac", title="FLAC", extension="flac", content_type="audio/flac", muxer="flac", encoder="flac",
        sample_rates=_EVERY_RATE, channels=_LOSSLESS, keeps_cover=True,
        bit_depths={16: ("-sample_fmt", "s16"), 24: ("-sample_fmt", "s32", "-bits_per_raw_sample", "24")},
    ),
    OutputFormat(
        name="ogg", title="Ogg Vorbis", extension="ogg", content_type="audio/ogg", muxer="ogg", encoder="libvorbis",
        sample_rates=(8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000), channels=_SURROUND,
        bands=_VORBIS, quality=(-1, 10), best_quality=10, muxer_arguments=_NO_RANDOM_NUMBERS, highest_rate=200_000,
    ),
    OutputFormat(
        name="opus", title="Ogg Opus", extension="opus", content_type="audio/ogg", muxer="opus", encoder="libopus",
        sample_rates=_OPUS_RATES, channels=_SURROUND, bands=_OPUS, layouts=_OPUS_LAYOUTS,
        muxer_arguments=_NO_RANDOM_NUMBERS,
    ),
    OutputFormat(
        name="m4a", title="M4A (AAC)", extension="m4a", content_type="audio/mp4", muxer="ipod", encoder="aac",
        sample_rates=_AAC_RATES, channels=_SURROUND, bands=_AAC, keeps_cover=True,
    ),
    OutputFormat(
        name="alac", title="M4A (Apple Lossless)", extension="m4a", content_type="audio/mp4", muxer="ipod",
        encoder="alac", sample_rates=_EVERY_RATE, channels=_LOSSLESS, keeps_cover=True,
        bit_depths={16: ("-sample_fmt", "s16p"), 24: ("-sample_fmt", "s32p", "-bits_per_raw_sample", "24")},
    ),
    OutputFormat(
        name="aac", title="AAC (ADTS)", extension="aac", content_type="audio/aac", muxer="adts", encoder="aac",
        sample_rates=_AAC_RATES, channels=_SURROUND, bands=_AAC, keeps_tags=False,
        layouts=("mono", "stereo", "3.0", "4.0", "5.0", "5.1"),
    ),
    OutputFormat(
        name="aiff", title="AIFF (PCM)", extension="aiff", content_type="audio/aiff", muxer="aiff", encoder="pcm_s16be",
        sample_rates=_EVERY_RATE, channels=_LOSSLESS, keeps_cover=True,
        bit_depths={
            8: ("-c:a", "pcm_s8"), 16: ("-c:a", "pcm_s16be"), 24: ("-c:a", "pcm_s24be"), 32: ("-c:a", "pcm_s32be"),
        },
        muxer_arguments=("-write_id3v2", "1"),  # the only place in an AIFF for a picture and for most tags
    ),
    OutputFormat(
        name="wma", title="Windows Media Audio", extension="wma", content_type="audio/x-ms-wma", muxer="asf",
        encoder="wmav2", sample_rates=_WMA_RATES, channels=_STEREO, bands=_WMA, layouts=("mono", "stereo"),
        rates_must_be_listed=True,
    ),
    OutputFormat(
        name="webm", title="WebM (Opus)", extension="webm", content_type="audio/webm", muxer="webm", encoder="libopus",
        sample_rates=_OPUS_RATES, channels=_SURROUND, bands=_OPUS, layouts=_OPUS_LAYOUTS,
        muxer_arguments=_NO_RANDOM_NUMBERS,
    ),
    OutputFormat(
        name="ac3", title="Dolby Digital (AC-3)", extension="ac3", content_type="audio/ac3", muxer="ac3", encoder="ac3",
        sample_rates=_AC3_RATES, channels=_SURROUND, bands=_AC3, keeps_tags=False,
    ),
)  # fmt: skip

OUTPUT_FORMATS: Mapping[str, OutputFormat] = MappingProxyType({format.name: format for format in _ALL})
