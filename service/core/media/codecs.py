"""
The codecs of sound: which decoder of ffmpeg decodes each, and why the others are left out.

Names are ffmpeg's own (`ffmpeg -codecs`). A codec that is in neither table is not known to the pinned ffmpeg, or is no
sound; it is refused like those that are left out. To allow another codec, move its row and add a sample to the tests.
"""

from collections.abc import Iterable, Mapping

# codec → its decoders; the first is the one that is asked for by name where ffmpeg would choose another.
DECODERS: Mapping[str, tuple[str, ...]] = {
    # MPEG, Dolby, DTS
    "mp1": ("mp1float", "mp1"),
    "mp2": ("mp2float", "mp2"),
    "mp3": ("mp3float", "mp3"),
    "mp3adu": ("mp3adufloat", "mp3adu"),
    "mp3on4": ("mp3on4float", "mp3on4"),
    "aac": ("aac",),
    "aac_latm": ("aac_latm",),
    "ac3": ("ac3",),
    "eac3": ("eac3",),
    "truehd": ("truehd",),
    "mlp": ("mlp",),
    "dts": ("dca",),
    # speech. ffmpeg's own AMR decoders drop the silence between words (SID frames) and count it as damage.
    "amr_nb": ("libopencore_amrnb", "amrnb"),
    "amr_wb": ("libopencore_amrwb", "amrwb"),
    "speex": ("speex",),
    "gsm": ("gsm",),
    "gsm_ms": ("gsm_ms",),
    "ilbc": ("ilbc",),
    "qcelp": ("qcelp",),
    "g723_1": ("g723_1",),
    "truespeech": ("truespeech",),
    "nellymoser": ("nellymoser",),
    # open and lossless
    "vorbis": ("vorbis",),
    "opus": ("opus",),
    "flac": ("flac",),
    "alac": ("alac",),
    "tta": ("tta",),
    "wavpack": ("wavpack",),
    # Windows Media
    "wmav1": ("wmav1",),
    "wmav2": ("wmav2",),
    "wmapro": ("wmapro",),
    "wmalossless": ("wmalossless",),
    "wmavoice": ("wmavoice",),
    # differences between samples
    "adpcm_ms": ("adpcm_ms",),
    "adpcm_ima_wav": ("adpcm_ima_wav",),
    "adpcm_ima_qt": ("adpcm_ima_qt",),
    "adpcm_yamaha": ("adpcm_yamaha",),
    "adpcm_swf": ("adpcm_swf",),
    "adpcm_g722": ("g722",),
    "adpcm_g726": ("g726",),
    "adpcm_g726le": ("g726le",),
    "adpcm_ct": ("adpcm_ct",),
    "mace3": ("mace3",),
    "mace6": ("mace6",),
    # PCM in all its forms
    **{
        name: (name,)
        for name in (
            *("pcm_u8", "pcm_s8", "pcm_s8_planar", "pcm_s16le", "pcm_s16be", "pcm_s16le_planar", "pcm_s16be_planar"),
            *("pcm_u16le", "pcm_u16be", "pcm_s24le", "pcm_s24be", "pcm_s24le_planar", "pcm_u24le", "pcm_u24be"),
            *("pcm_s32le", "pcm_s32be", "pcm_s32le_planar", "pcm_u32le", "pcm_u32be", "pcm_s64le", "pcm_s64be"),
            *("pcm_f16le", "pcm_f24le", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"),
            *("pcm_alaw", "pcm_mulaw", "pcm_dvd", "pcm_bluray", "s302m"),
        )
    },
}

COVER_DECODERS = ("mjpeg", "png")

_GUESSED = "its decoder was reconstructed from programs, reads tables out of the file, and had memory faults"
_RARE = "next to no file has it, so that nothing would show whether its decoder is sound"
_GAME = "of games, in files of their own that are not accepted"
_RAW = "never in a file that says what it is"

# codec → why it is not decoded, although ffmpeg could
LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(("qdm2", "qdmc", "cook", "sipr", "ralf", "ra_144", "ra_288", "imc", "iac"), _GUESSED),
    **dict.fromkeys(
        ("atrac1", "atrac3", "atrac3al", "atrac3p", "atrac3pal", "atrac9", "twinvq", "metasound"), _GUESSED
    ),
    **dict.fromkeys(
        ("avc", "mp4als", "dolby_e", "wavarc", "shorten", "ape", "musepack7", "musepack8", "tak"), _GUESSED
    ),
    **dict.fromkeys(("xma1", "xma2", "evrc", "g728", "g729", "dvaudio", "misc4", "msnsiren", "siren", "ftr"), _RARE),
    **dict.fromkeys(("osq", "bonk", "dst", "hca", "ahx", "qoa", "rka", "apac", "dss_sp", "acelp.kelvin"), _RARE),
    **dict.fromkeys(("pcm_lxf", "pcm_vidc", "pcm_sga", "pcm_f24le_planar", "8svx_exp", "8svx_fib", "hcom"), _RARE),
    **dict.fromkeys(("dsd_lsbf", "dsd_msbf", "dsd_lsbf_planar", "dsd_msbf_planar", "dfpwm", "adpcm_ima_oki"), _RARE),
    **dict.fromkeys(("adpcm_adx", "adpcm_xa", "adpcm_thp", "adpcm_vima", "roq_dpcm", "interplay_dpcm"), _GAME),
    **dict.fromkeys(("binkaudio_dct", "binkaudio_rdft", "smackaudio", "vmdaudio", "bmv_audio", "paf_audio"), _GAME),
    **dict.fromkeys(("aptx", "aptx_hd", "sbc", "comfortnoise", "anull"), _RAW),
}

ADVICE = "is not supported"

# What people call those that they may meet.
_TITLES = {
    "qdm2": "QDesign Music 2", "qdmc": "QDesign Music", "cook": "RealAudio (Cook)", "sipr": "RealAudio (SIPR)",
    "ralf": "RealAudio Lossless", "ra_144": "RealAudio 1.0", "ra_288": "RealAudio 2.0", "atrac3": "ATRAC3",
    "atrac3p": "ATRAC3plus", "mp4als": "MPEG-4 ALS", "evrc": "EVRC", "g729": "G.729", "dvaudio": "DV audio",
    "metasound": "Voxware MetaSound", "imc": "Intel Music Coder", "avc": "On2 AVC", "xma2": "Xbox Media Audio",
    "musepack7": "Musepack", "musepack8": "Musepack", "ape": "Monkey's Audio", "ac4": "Dolby AC-4",
    "adpcm_ima_oki": "Dialogic ADPCM",
}  # fmt: skip


def decoders() -> tuple[str, ...]:
    """Return every decoder that ffmpeg may use, those of covers included."""
    return (*(name for names in DECODERS.values() for name in names), *COVER_DECODERS)


def title(codec: str) -> str:
    """Return what to call a codec in a sentence."""
    return _TITLES.get(codec, codec)


def unsupported(codecs: Iterable[str | None]) -> str | None:
    """Return the sentence that refuses sound of these codecs; None unless all are known, and none can be decoded."""
    known = list(codecs)
    if not known or any(codec in (None, DECODED_AS_PCM) or codec in DECODERS for codec in known):
        return None
    return sentence(str(known[0]))


def sentence(codec: str) -> str:
    """Return what a client is told of a codec that is not decoded."""
    return f"The sound is {title(codec)}, which {ADVICE}."


# ── what the files call them ─────────────────────────────────────────────────────────────────────────────────────

# The 16-bit tag of WAVEFORMATEX: WAV, W64, AVI, Windows Media, Matroska's A_MS/ACM.
RIFF_TAGS: Mapping[int, str] = {
    0x0001: "pcm", 0x0002: "adpcm_ms", 0x0003: "pcm", 0x0006: "pcm_alaw", 0x0007: "pcm_mulaw", 0x000A: "wmavoice",
    0x0010: "adpcm_ima_oki", 0x0011: "adpcm_ima_wav", 0x0017: "adpcm_ima_oki", 0x0020: "adpcm_yamaha",
    0x0022: "truespeech", 0x0031: "gsm_ms", 0x0032: "gsm_ms", 0x0042: "g723_1", 0x0045: "adpcm_g726",
    0x0050: "mp2", 0x0055: "mp3", 0x0064: "adpcm_g726", 0x0075: "metasound", 0x0083: "g729", 0x0111: "g723_1",
    0x0160: "wmav1", 0x0161: "wmav2", 0x0162: "wmapro", 0x0163: "wmalossless", 0x0165: "xma1", 0x0166: "xma2",
    0x0200: "adpcm_ct", 0x0270: "atrac3", 0x0401: "imc", 0x0402: "iac", 0x0500: "avc", 0x1500: "gsm_ms",
    0x2000: "ac3", 0x2001: "dts", 0x028F: "adpcm_g722", 0xA106: "aac", 0x00FF: "aac", 0x706D: "aac",
    0xA109: "speex", 0xF1AC: "flac", 0x704F: "opus",
}  # fmt: skip

# Four characters: MOV and MP4 (stsd), AIFF-C (COMM), CAF (desc).
FOURCCS: Mapping[bytes, str] = {
    b"mp4a": "aac", b".mp3": "mp3", b"ms\0\x55": "mp3", b"alac": "alac", b"samr": "amr_nb", b"sawb": "amr_wb",
    b"ac-3": "ac3", b"sac3": "ac3", b"ec-3": "eac3", b"mlpa": "truehd", b"dtsc": "dts", b"dtsh": "dts",
    b"dtsl": "dts", b"Opus": "opus", b"fLaC": "flac", b"spex": "speex", b"ulaw": "pcm_mulaw", b"ULAW": "pcm_mulaw",
    b"alaw": "pcm_alaw", b"ALAW": "pcm_alaw", b"sowt": "pcm", b"twos": "pcm", b"raw ": "pcm", b"NONE": "pcm",
    b"lpcm": "pcm", b"in24": "pcm", b"in32": "pcm", b"fl32": "pcm", b"fl64": "pcm", b"FL32": "pcm", b"FL64": "pcm",
    b"ipcm": "pcm", b"fpcm": "pcm", b"ima4": "adpcm_ima_qt", b"MAC3": "mace3", b"MAC6": "mace6", b"GSM ": "gsm",
    b"agsm": "gsm", b"G722": "adpcm_g722", b"G726": "adpcm_g726", b"Qclp": "qcelp", b"sqcp": "qcelp",
    b"QDM2": "qdm2", b"QDMC": "qdmc", b"sevc": "evrc", b"ilbc": "ilbc", b"ac-4": "ac4", b"dvca": "dvaudio",
    b"vdva": "dvaudio", b"nmos": "nellymoser",
}  # fmt: skip

# CodecID of Matroska, without what follows the last slash where that is a profile.
MATROSKA_IDS: Mapping[bytes, str] = {
    b"A_AAC": "aac", b"A_AC3": "ac3", b"A_ALAC": "alac", b"A_DTS": "dts", b"A_EAC3": "eac3", b"A_FLAC": "flac",
    b"A_MLP": "mlp", b"A_MPEG/L1": "mp1", b"A_MPEG/L2": "mp2", b"A_MPEG/L3": "mp3", b"A_OPUS": "opus",
    b"A_PCM/INT/LIT": "pcm", b"A_PCM/INT/BIG": "pcm", b"A_PCM/FLOAT/IEEE": "pcm", b"A_TRUEHD": "truehd",
    b"A_TTA1": "tta", b"A_VORBIS": "vorbis", b"A_WAVPACK4": "wavpack", b"A_REAL/COOK": "cook",
    b"A_REAL/14_4": "ra_144", b"A_REAL/28_8": "ra_288", b"A_REAL/SIPR": "sipr", b"A_REAL/ATRC": "atrac3",
    b"A_QUICKTIME/QDM2": "qdm2", b"A_QUICKTIME/QDMC": "qdmc", b"A_ATRAC/AT1": "atrac1",
}  # fmt: skip

DECODED_AS_PCM = "pcm"  # PCM of one kind or another; all of them are decoded
