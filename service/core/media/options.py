"""
The options of a conversion: to add an option, add a field to `Options`, its check to `_CHECKS`, its fit to `_fit`.

`arguments` translates it for ffmpeg, `formats` says which formats have it. Nothing is clamped in silence. A
value that the format does not have, or that does not go with another, is an InvalidOption that names what would do.
What the client leaves open follows the source; only where a bitrate cannot be had at the source's own rate or channel
count, the nearest that carries it is taken (`Carrier`): 320 kbit/s MP3 from an 8 kHz recording is resampled to 32 kHz.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial

from service.core.errors import InvalidOption, UnknownFormat
from service.core.media.formats import OUTPUT_FORMATS, OutputFormat
from service.core.media.option_values import (
    advice,
    damage,
    flag,
    listed,
    number,
    quoted,
    seconds,
    track,
    whole_number,
)

MAX_GIVEN = 20  # options of which all mistakes are told; nobody who means it sends more
_USUAL_RATES = (44100, 48000)
_STEREO = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a client set. None: left open. Rates in Hz, bitrate in kbit/s, times in seconds."""

    bitrate_kbps: int | None = None
    quality: float | int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    bit_depth: int | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    loudness: bool = False
    keep_tags: bool = True
    keep_cover: bool = True
    track: int | str | None = None  # a number, from 1, or a language
    on_damage: str = "fail"

    def to_dict(self) -> dict[str, bool | float | int | str]:
        """Return only what differs from the defaults: the shape of the API and of the job record."""
        return {
            item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) != item.default
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "Options":
        """Read back what to_dict() wrote. Types and names are checked (InvalidOption), the fit to a format is not."""
        given = [(name, value) for name, value in values.items() if value is not None]
        _all_of([partial(_check, name, value) for name, value in given[:MAX_GIVEN]])
        return cls(**{name: _check(name, value) for name, value in given})  # type: ignore[arg-type]  # as each field takes

    @property
    def trimmed(self) -> bool:
        """Whether only a part of the source is wanted."""
        return self.start_seconds is not None or self.end_seconds is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to make: a key of OUTPUT_FORMATS and options that were checked against it."""

    format: str
    options: Options = Options()

    @property
    def output_format(self) -> OutputFormat:
        """The entry in OUTPUT_FORMATS."""
        return OUTPUT_FORMATS[self.format]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """The rates (Hz) and channel counts that carry what was asked for. None: whatever the source has."""

    sample_rates: tuple[int, ...] | None = None
    channels: tuple[int, ...] | None = None


def parse_target(format: object, options: Mapping[str, object] | None = None) -> Target:
    """
    Return the target that a request asks for, checked.

    Raises `UnknownFormat` or `InvalidOption`; both name what is allowed, in words and in `extra["allowed"]`. Where
    several options are wrong, `extra["errors"]` has each, and the rest is of the first.
    """
    name = format.strip().lower().removeprefix(".") if isinstance(format, str) else ""
    if name not in OUTPUT_FORMATS:
        known = tuple(OUTPUT_FORMATS)
        raise UnknownFormat(f"There is no output format {quoted(format)}.{advice(name, known)}", allowed=list(known))
    if options is not None and not isinstance(options, Mapping):
        raise InvalidOption("'options' is an object of names and values.")
    target = Target(format=name, options=Options.from_dict(options or {}))
    _fit(target.output_format, target.options)
    return target


def carrier(output: OutputFormat, options: Options) -> Carrier:
    """
    Return the rates and channel counts at which the wanted bitrate exists. Raises `InvalidOption` if there are none.

    Where both are open, the usual stereo at 44.1 or 48 kHz is left alone if it carries the bitrate.
    """
    if options.bitrate_kbps is None:
        return Carrier()
    if not output.bands:
        raise InvalidOption(f"{output.name} has no bitrate: it is lossless.", option="bitrate_kbps")
    carrying = {
        (rate, channels)
        for band in output.bands
        if options.bitrate_kbps in band.bitrates
        for rate in band.rates
        for channels in band.channels
        if options.sample_rate in (None, rate) and options.channels in (None, channels)
    }
    if not carrying:
        raise _no_such_bitrate(output, options)
    rates_of = {count: {rate for rate, channels in carrying if channels == count} for count in output.channels}
    rates, counts = _together(output, rates_of, free=options.sample_rate is None and options.channels is None)
    return Carrier(sample_rates=_unless_all(rates, output.sample_rates), channels=_unless_all(counts, output.channels))


# ── one option ───────────────────────────────────────────────────────────────────────────────────────────────────

_CHECKS = {
    "bitrate_kbps": whole_number,
    "quality": number,
    "sample_rate": whole_number,
    "channels": whole_number,
    "bit_depth": whole_number,
    "start_seconds": seconds,
    "end_seconds": seconds,
    "loudness": flag,
    "keep_tags": flag,
    "keep_cover": flag,
    "track": track,
    "on_damage": damage,
}


def _check(name: str, value: object) -> bool | float | int | str:
    return _CHECKS[_known(name)](name, value)


def _known(name: str) -> str:
    if name not in _CHECKS:
        problem = f"There is no option {quoted(name)}.{advice(name, tuple(_CHECKS))}"
        raise InvalidOption(problem, option=name[:40], allowed=list(_CHECKS))
    return name


# ── all of them together, with the format ────────────────────────────────────────────────────────────────────────


def _fit(output: OutputFormat, options: Options) -> None:
    _all_of(
        [
            partial(_one_of, output, "sample_rate", options.sample_rate, output.sample_rates),
            partial(_one_of, output, "channels", options.channels, output.channels),
            partial(_one_of, output, "bit_depth", options.bit_depth, tuple(sorted(output.bit_depths))),
            partial(_quality_fits, output, options),
            partial(_times_fit, options),
        ]
    )
    carrier(output, options)


def _quality_fits(output: OutputFormat, options: Options) -> None:
    if options.quality is None:
        return
    if output.quality is None:
        having = [name for name, other in OUTPUT_FORMATS.items() if other.quality is not None]
        raise InvalidOption(f"{output.name} has no quality scale; these have: {', '.join(having)}.", option="quality")
    low, high = output.quality
    if not low <= options.quality <= high:
        raise InvalidOption(
            f"quality of {output.name} is from {low:g} to {high:g} ({output.best_quality:g} is best).",
            option="quality",
            allowed={"min": low, "max": high},
        )
    if options.bitrate_kbps is not None:
        raise InvalidOption("Set bitrate_kbps or quality, not both.", option="quality")


def _times_fit(options: Options) -> None:
    if options.end_seconds == 0:
        raise InvalidOption("end_seconds must be above 0.", option="end_seconds")
    if options.end_seconds is not None and options.end_seconds <= (options.start_seconds or 0):
        raise InvalidOption("end_seconds must be later than start_seconds.", option="end_seconds")


def _all_of(checks: Sequence[Callable[[], object]]) -> None:
    """Make every check, and raise one `InvalidOption` for all that fail."""
    wrong: list[InvalidOption] = []
    for check in checks:
        try:
            check()
        except InvalidOption as error:
            wrong.append(error)
    if wrong:
        errors = [
            {"field": f"options.{error.extra['option']}", "in": "body", "message": error.detail} for error in wrong
        ]
        raise InvalidOption(" ".join(error.detail for error in wrong), **wrong[0].extra, errors=errors)


def _one_of(output: OutputFormat, name: str, value: int | None, allowed: tuple[int, ...]) -> None:
    if value is None or value in allowed:
        return
    if not allowed:
        raise InvalidOption(f"{output.name} has no {name}.", option=name, allowed=[])
    raise InvalidOption(f"{name} of {output.name} is one of {listed(allowed)}.", option=name, allowed=list(allowed))


def _no_such_bitrate(output: OutputFormat, options: Options) -> InvalidOption:
    allowed = sorted(
        {
            value
            for band in output.bands
            if options.sample_rate is None or options.sample_rate in band.rates
            if options.channels is None or options.channels in band.channels
            for value in band.bitrates
        }
    )
    place = (f" at {options.sample_rate} Hz" if options.sample_rate else "") + (
        f" with {options.channels} channel{'s' if options.channels != 1 else ''}" if options.channels else ""
    )
    if not allowed:
        return InvalidOption(f"{output.name}{place} has no bitrate to choose; leave it out.", option="bitrate_kbps")
    ends = {"min": allowed[0], "max": allowed[-1]}
    if len(allowed) > allowed[-1] - allowed[0]:
        return InvalidOption(
            f"bitrate_kbps of {output.name}{place} is from {allowed[0]} to {allowed[-1]}.",
            option="bitrate_kbps", allowed=ends,
        )  # fmt: skip
    return InvalidOption(
        f"bitrate_kbps of {output.name}{place} is one of {listed(allowed)}.", option="bitrate_kbps", allowed=allowed
    )


def _together(output: OutputFormat, rates_of: Mapping[int, set[int]], *, free: bool) -> tuple[set[int], set[int]]:
    """Choose rates and channel counts of which every pair carries the bitrate; `free`: the client fixed neither."""
    possible = {count for count, rates in rates_of.items() if rates}
    usual = set(_USUAL_RATES).intersection(output.sample_rates)
    unmoved = {count for count in possible if rates_of[count] >= usual}
    choices = [unmoved if _STEREO in unmoved else possible - {6}, {_STEREO}, {1}] if free else [possible]
    for counts in (*choices, *({count} for count in possible)):
        rates = set.intersection(*(rates_of[count] for count in counts)) if counts else set()
        if rates:
            return rates, counts
    raise AssertionError("unreachable: every possible count has rates")


def _unless_all(some: Iterable[int], every: tuple[int, ...]) -> tuple[int, ...] | None:
    chosen = tuple(sorted(some))
    return None if chosen == tuple(sorted(every)) else chosen
