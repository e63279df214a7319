"""True Audio, WavPack, Flash video, AMR: rows of blocks, each with its own length, of which the last must be whole."""

import struct

from service.core.media.containers.layout import Ends, Layout, within_budget
from service.core.media.tracks import Track

_TTA_HEADER = 22
_NOT_WHOLE = "its last block is not whole"
_FLV_CODECS = {
    0: "pcm", 1: "adpcm_swf", 2: "mp3", 3: "pcm", 4: "nellymoser", 5: "nellymoser", 6: "nellymoser", 7: "pcm_alaw",
    8: "pcm_mulaw", 10: "aac", 11: "speex", 14: "mp3",
}  # fmt: skip
_FLV_KINDS = (8, 9, 18)  # sound, picture, data
_FLV_FIRST = 13  # bytes in front of the first tag


@within_budget("tta")
def tta(ends: Ends) -> Layout:
    """True Audio: a table of the lengths of all frames is in front of them."""
    if len(ends.head) < _TTA_HEADER:
        return Layout("tta")
    channels, _, rate, samples = struct.unpack_from("<HHII", ends.head, 6)
    length = max(1, rate * 256 // 245)
    count = -(-samples // length)
    table = ends.take(_TTA_HEADER, _TTA_HEADER + 4 * count)
    cut_off = None
    if len(table) == 4 * count:
        end = _TTA_HEADER + 4 * count + 4 + sum(struct.unpack(f"<{count}I", table))
        cut_off = ends.missing(end, "its sound")
    return Layout("tta", cut_off=cut_off, tracks=(Track(number=1, codec="tta", rate=rate, channels=channels),))


@within_budget("wv")
def wavpack(ends: Ends) -> Layout:
    """WavPack: blocks that may be larger than what is seen of the end."""
    at = ends.tail.rfind(b"wvpk")
    size = int.from_bytes(ends.tail[at + 4 : at + 8], "little") + 8 if 0 <= at <= len(ends.tail) - 8 else 0
    whole = bool(size) and at + size <= len(ends.tail)
    return Layout("wv", suspect=None if whole else _NOT_WHOLE, tracks=(Track(number=1, codec="wavpack"),))


@within_budget("flv")
def flv(ends: Ends) -> Layout:
    """Flash video: behind each tag its length is repeated."""
    at, head, codec = _FLV_FIRST, ends.head, None
    while codec is None and len(head) > at + 11:
        ends.budget.step()
        if head[at] & 31 == _FLV_KINDS[0]:
            codec = _FLV_CODECS.get(head[at + 11] >> 4)
            break
        at += 15 + int.from_bytes(head[at + 1 : at + 4], "big")
    last = int.from_bytes(ends.tail[-4:], "big")
    begin = len(ends.tail) - 4 - last
    whole = begin < 0 < last < 1 << 24  # too long to be seen
    if 0 <= begin < len(ends.tail) - 4:
        tag = ends.tail[begin : begin + 4]
        whole = tag[0] & 31 in _FLV_KINDS and int.from_bytes(tag[1:], "big") == last - 11
    tracks = (Track(number=1, codec=codec),) if codec else ()
    return Layout("flv", suspect=None if whole else _NOT_WHOLE, tracks=tracks)


def amr(ends: Ends) -> Layout:
    """AMR, narrow or wide: frames with nothing between them."""
    wide = ends.head[5:9] == b"-WB\n"
    return Layout(
        "amr", tracks=(Track(number=1, codec="amr_wb" if wide else "amr_nb", rate=16000 if wide else 8000, channels=1),)
    )
