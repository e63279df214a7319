"""
The command line of ffmpeg, from a Source and a Target: typed fields only, never a string that a client sent.

Why `fd:` and not `pipe:0`. Both read file descriptor 0. But `pipe:` answers the question for the size
of the input with an error, which the MP3 demuxer takes for a huge number: it then calls every file with a LAME
header "concatenated", forgets how many frames there are, and leaves the encoder's padding at the end of the output.
`fd:` answers "unknown", and the output is that of a local file, byte for byte.

What ffmpeg may do. The demuxer is pinned and is the only one allowed; `fd` (or `file`) is the only protocol, so a
playlist that got this far can open nothing; only the decoders of accepted audio may run, plus the two picture
decoders that covers need. A video track whose decoder is not allowed is ignored, its audio is converted.
"""

from service.core.media.codecs import DECODED_AS_PCM, DECODERS, decoders
from service.core.media.formats import OutputFormat
from service.core.media.inputs import Source
from service.core.media.options import Carrier, Options, Target, carrier
from service.core.media.tracks import Track

STREAM_URL = "fd:"  # the input_url of the streaming path: file descriptor 0
_STDIN = (STREAM_URL, "pipe:0", "-")  # other names for the same, which become STREAM_URL

MAX_STREAMS = 64  # films and recordings of broadcasts have dozens; what all of them may take is the sandbox's to bound
MAX_ALLOCATION = 64 * 1024 * 1024  # bytes in one piece: an index of 18 hours of AAC, and any cover
MAX_DECODE_ERRORS = 0.1  # share of frames; above, ffmpeg exits with an error instead of 0
USUAL_DECODE_ERRORS = 0.666667  # what ffmpeg allows by itself
ANY_DECODE_ERRORS = 1.0
INPUT, OUTPUT = "INPUT", "OUTPUT"  # in place of the files' names, where a client reads the arguments

# Attached pictures (disp), only if their size could be read (u; a broken picture must not break the music), none is
# fine too (?). A real video track is no attached picture. ffmpeg understands the "?" behind "u" only with the colon
# between them.
_COVERS = "0:v:disp:attached_pic:u:?"

_LOUDNESS = "loudnorm=I=-16:TP=-1.5:LRA=11"  # one pass; EBU R128 at the level of podcasts and music services
_RATE_AFTER_LOUDNESS = 48000  # loudnorm works at 192 kHz, which has no use in the output


def command(
    ffmpeg: str, source: Source, target: Target, input_url: str, output_url: str, track: Track | None = None
) -> tuple[str, ...]:
    """
    Return the whole argv.

    `input_url` is STREAM_URL (the bytes come on stdin; `pipe:0` is taken for it) or, for the local path, a file's
    path; `needs_seeking` of the source is the rule, but any source may be read from a local file. `output_url` is
    a seekable file's path. `track` is the one to convert, the first unless told.
    """
    streaming = input_url in _STDIN
    return (
        ffmpeg,
        *("-nostdin", "-nostats", "-y", "-loglevel", "info"),
        *("-progress", "pipe:2", "-stats_period", "0.1"),
        *_essential(source, target, STREAM_URL if streaming else input_url, track, local=not streaming),
        output_url,
    )


def reproduction(source: Source, target: Target, track: Track | None = None) -> tuple[str, ...]:
    """Return the arguments by which plain ffmpeg writes the same bytes, with `INPUT` and `OUTPUT` for the files."""
    return (*_essential(source, target, INPUT, track, local=True), OUTPUT)


def look(ffmpeg: str, source: Source, input_url: str) -> tuple[str, ...]:
    """Return the argv that only says what the input holds, and which track of sound ffmpeg chooses by itself."""
    streaming = input_url in _STDIN
    return (
        *(ffmpeg, "-nostdin", "-hide_banner", "-max_alloc", str(MAX_ALLOCATION)),
        *input_arguments(source, local=not streaming),
        *("-i", STREAM_URL if streaming else input_url),
        *("-vn", "-sn", "-dn", "-t", "0", "-f", "null", "-"),
    )


def _essential(source: Source, target: Target, url: str, track: Track | None, *, local: bool) -> tuple[str, ...]:
    # Of plain samples the last one can be broken, and in half a second that is more than a tenth of the packets.
    plain = bool(source.tracks) and all((item.codec or "").startswith(DECODED_AS_PCM) for item in source.tracks)
    errors = USUAL_DECODE_ERRORS if source.junk or plain else MAX_DECODE_ERRORS
    if target.options.on_damage == "convert":
        errors = ANY_DECODE_ERRORS
    return (
        *("-max_alloc", str(MAX_ALLOCATION), "-max_error_rate", str(errors)),
        *input_arguments(source, local=local, track=track),
        *("-i", url),
        *output_arguments(target, source, track),
    )


def input_arguments(source: Source, *, local: bool | None = None, track: Track | None = None) -> tuple[str, ...]:
    """Return what stands before `-i`. `local` (read a file, not stdin) is what the source needs unless told."""
    if local is None:
        local = source.needs_seeking
    return (
        *(("-protocol_whitelist", "file") if local else ("-protocol_whitelist", "fd", "-fd", "0")),
        *("-format_whitelist", source.demuxer, "-codec_whitelist", ",".join(decoders())),
        *decoder(source, track),
        *("-max_streams", str(MAX_STREAMS), "-f", source.demuxer),
    )


def decoder(source: Source, track: Track | None = None) -> tuple[str, ...]:
    """Return what names the decoder (in front of `-i`) where ffmpeg would take another one by itself."""
    track = track or next(iter(source.tracks), None)
    names = DECODERS.get(track.codec or "", ()) if track else ()
    if track is None or not names or not names[0].startswith("lib"):
        return ()
    return f"-c:a:{track.number - 1}", names[0]


def output_arguments(target: Target, source: Source | None = None, track: Track | None = None) -> tuple[str, ...]:
    """Return what stands between the input and the output's path. Without `source`, no tags are moved for its sake."""
    output, options = target.output_format, target.options
    wanted = carrier(output, options)
    if track is None and source is not None and source.tracks:
        track = source.tracks[0]
    number = track.number - 1 if track else 0
    return (
        *("-map", f"0:a:{number}"),
        *_cover(output, options),
        *_tags(options, source, number),
        *("-c:a", output.encoder),
        *(output.bit_depths[options.bit_depth] if options.bit_depth is not None else ()),
        *_filters(output, options, wanted, track),
        *(("-b:a", f"{options.bitrate_kbps}k") if options.bitrate_kbps is not None else ()),
        *(("-q:a", f"{options.quality:g}") if options.quality is not None else ()),
        *_rate(output, options, wanted),
        *(("-ac", str(options.channels)) if options.channels is not None else ()),
        *output.muxer_arguments,
        *("-f", output.muxer),
    )


def _cover(output: OutputFormat, options: Options) -> tuple[str, ...]:
    if output.keeps_cover and options.keep_cover:
        return "-map", _COVERS, "-c:v", "copy"
    return ()


def _tags(options: Options, source: Source | None, number: int) -> tuple[str, ...]:
    if not options.keep_tags:
        return "-map_metadata", "-1", "-map_metadata:s:a", "-1", "-map_chapters", "-1"
    # Ogg has its tags on the stream, most others on the file; ffmpeg by itself copies each only to its like, and
    # loses them.
    in_ogg = source is not None and source.demuxer == "ogg"
    moved = ("-map_metadata", "0", "-map_metadata", f"0:s:a:{number}") if in_ogg else ()
    # Chapters keep the times of the whole piece: after a trim they would point elsewhere.
    return moved + (("-map_chapters", "-1") if options.trimmed else ())


def _filters(output: OutputFormat, options: Options, wanted: Carrier, track: Track | None) -> tuple[str, ...]:
    chain = []
    if options.trimmed:
        # Not -ss/-to before -i (a pipe cannot seek), nor behind it (they drop the cover, whose time is 0).
        start = f"start={options.start_seconds:.6f}" if options.start_seconds is not None else ""
        end = f"end={options.end_seconds:.6f}" if options.end_seconds is not None else ""
        chain += [f"atrim={':'.join(filter(None, (start, end)))}", "asetpts=PTS-STARTPTS"]
    if options.loudness:
        chain.append(_LOUDNESS)
    chain += _nearest(output, options, wanted, track)
    return ("-af", ",".join(chain)) if chain else ()


def _nearest(output: OutputFormat, options: Options, wanted: Carrier, track: Track | None) -> list[str]:
    """Let through what the encoder takes, convert the rest to the nearest that it takes."""
    too_high = track is not None and (track.rate or 0) > output.highest_rate
    rates = wanted.sample_rates or (output.sample_rates if output.rates_must_be_listed or too_high else ())
    layouts = output.layouts
    if wanted.channels:
        layouts = tuple({1: "mono", 2: "stereo", 6: "5.1"}[count] for count in wanted.channels)
    parts = []
    if rates and options.sample_rate is None and not options.loudness:
        parts.append(f"sample_rates={'|'.join(map(str, rates))}")
    if layouts and options.channels is None:
        parts.append(f"channel_layouts={'|'.join(layouts)}")
    return [f"aformat={':'.join(parts)}"] if parts else []


def _rate(output: OutputFormat, options: Options, wanted: Carrier) -> tuple[str, ...]:
    if options.sample_rate is not None:
        return "-ar", str(options.sample_rate)
    if options.loudness:
        possible = wanted.sample_rates or output.sample_rates
        return "-ar", str(max(rate for rate in possible if rate <= _RATE_AFTER_LOUDNESS))
    return ()
