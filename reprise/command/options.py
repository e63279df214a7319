"""
Options of a conversion as flags.

The service is what knows them: what it offers is asked of it (`reprise formats`), and what it refuses is said in its
own words. The flags here are those of the current release; `--option NAME=VALUE` sends any other.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """An option of the API, and how it is given on the command line."""

    name: str
    kind: Callable[[str], object] | None  # None: a switch
    metavar: str
    about: str
    switch: bool = True  # what a switch sends

    @property
    def text(self) -> str:
        """How it is written: `--bitrate`, `--no-tags`."""
        if self.kind is None:
            return f"--{'' if self.switch else 'no-'}{self.name.removeprefix('keep_').replace('_', '-')}"
        return f"--{self.name.removesuffix('_kbps').removesuffix('_seconds').replace('_', '-')}"


def number_or_text(text: str) -> int | str:
    """Return a number if it is one."""
    return int(text) if text.isdecimal() else text


FLAGS = (
    Flag("bitrate_kbps", int, "KBPS", "bitrate, in kbit/s"),
    Flag("quality", float, "Q", "quality on the scale of the encoder, in place of a bitrate"),
    Flag("sample_rate", int, "HZ", "samples a second"),
    Flag("channels", int, "N", "1 (mono), 2 (stereo) …"),
    Flag("bit_depth", int, "BITS", "bits of a sample, for lossless formats"),
    Flag("start_seconds", float, "S", "begin here"),
    Flag("end_seconds", float, "S", "end here"),
    Flag("loudness", None, "", "bring it to the usual loudness (EBU R 128)"),
    Flag("keep_tags", None, "", "leave title, artist and other tags out", switch=False),
    Flag("keep_cover", None, "", "leave the cover out", switch=False),
    Flag("track", number_or_text, "TRACK", "which track of sound: its number, or its language (eng)"),
    Flag("on_damage", str, "WHAT", "fail (as usual) or convert a file that is not all there"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each option."""
    group = parser.add_argument_group("the sound", "What a format has is shown by: reprise formats")
    for flag in FLAGS:
        if flag.kind is None:
            group.add_argument(
                flag.text, dest=flag.name, action="store_const", const=flag.switch, default=None, help=flag.about
            )
        else:
            group.add_argument(flag.text, dest=flag.name, type=flag.kind, metavar=flag.metavar, help=flag.about)
    group.add_argument(
        "--option", action="append", default=[], type=pair, metavar="NAME=VALUE", help="any option of the API"
    )


def flag_of(option: str) -> str:
    """Return how an option of the API is given: by its flag, or with `--option` where it is newer than this command."""
    return next((flag.text for flag in FLAGS if flag.name == option), f"--option {option}=")


def chosen(given: argparse.Namespace) -> dict[str, object]:
    """Return the options that were given, as the API wants them."""
    named = {flag.name: getattr(given, flag.name) for flag in FLAGS if getattr(given, flag.name) is not None}
    return named | dict(given.option)


def pair(text: str) -> tuple[str, object]:
    """Return ``NAME=VALUE`` as a name and a JSON value. Raises what argparse makes a line of."""
    name, found, value = text.partition("=")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    if value in {"true", "false"}:
        return name, value == "true"
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
