"""Trees of arbitrary lengths: what it costs to look at one is bounded by its bytes alone."""

import struct

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.work import TOP
from tests.unit.core.media.test_budget import (
    COPIED_PER_BYTE,
    LINES_BESIDE,
    LINES_PER_BYTE,
    far,
    far_element,
    id3_tag,
    m4a,
    matroska,
    unbounded,
    work,
)
from tests.unit.core.media.test_sniff import ID3V1, MP3_FRAME, box, ebml, page

TAGS = (0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x1549A966, 0x1941A469, 0x61A7)
LIE = st.none() | st.sampled_from([0, 1, 2, 7, 8, 9, 16, 100, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
COPIES = st.integers(1, 40)


@st.composite
def boxes(draw: st.DrawFn, depth: int = 4) -> bytes:
    """Boxes in boxes, some of which say another length than they have, repeated."""
    kind = draw(
        st.sampled_from([b"trak", b"mdia", b"minf", b"stbl", b"tref", b"tkhd", b"hdlr", b"stco", b"co64", b"mvhd"])
    )
    body = b"".join(draw(st.lists(boxes(depth - 1), max_size=3))) if depth else draw(st.binary(max_size=20))
    lie = draw(LIE)
    return struct.pack(">I4s", 8 + len(body) if lie is None else lie, kind) + body * draw(
        COPIES if depth == 2 else st.just(1)
    )


@st.composite
def elements(draw: st.DrawFn, depth: int = 4) -> bytes:
    """Elements in elements, some of which say another length than they have, repeated."""
    number = draw(
        st.sampled_from([0x1654AE6B, 0x114D9B74, 0xAE, 0x83, 0x4DBB, 0x53AB, 0x53AC, 0x1A45DFA3, 0x4282, 0xEC, *TAGS])
    )
    body = b"".join(draw(st.lists(elements(depth - 1), max_size=3))) if depth else draw(st.binary(max_size=20))
    lie = draw(LIE)
    size = (len(body) if lie is None else lie) | 1 << 56
    name = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return name + size.to_bytes(8, "big") + body * draw(COPIES if depth == 2 else st.just(1))


@st.composite
def chunks(draw: st.DrawFn) -> bytes:
    """RIFF, AIFF, CAF or Wave64, with chunks of lengths that are right, nought or far too large."""
    start, layout = draw(
        st.sampled_from(
            [
                (b"RIFF\0\0\0\0WAVE", "<4sI"),
                (b"FORM\0\0\0\0AIFF", ">4sI"),
                (b"caff\0\x01\0\0desc" + struct.pack(">q", 32) + bytes(8) + b"lpcm" + bytes(20), ">4sq"),
                (bytes.fromhex("726966662e91cf11a5d628db04c10000") + bytes(24), "<4s12xQ"),
            ]
        )
    )
    rows = []
    for kind, body, lie in draw(
        st.lists(
            st.tuples(
                st.sampled_from([b"JUNK", b"fmt ", b"COMM", b"ds64", b"LIST", b"free", b"info"]),
                st.binary(max_size=30),
                LIE,
            ),
            max_size=8,
        )
    ):
        rows.append(struct.pack(layout, kind, (len(body) if lie is None else lie)) + body)
    return start + b"".join(rows) * draw(COPIES)


@st.composite
def ogg_pages(draw: st.DrawFn) -> bytes:
    """Pages with lacing tables that are right or not, and rubbish between them."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.booleans(), st.binary(max_size=12), st.binary(max_size=60)), max_size=8
        )
    )
    pages = [
        b"OggS\0" + struct.pack("<BqIIIB", 2 * first, 7, serial, 0, 0, len(lacing)) + lacing + body
        for serial, first, lacing, body in rows
    ]
    return page(1, 0, b"OpusHead\1\2" + bytes(9), first=True) + b"".join(pages) * draw(COPIES)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Tags in front with frames of any length, frames of MPEG or ADTS that may break off, tags behind."""
    texts = draw(
        st.lists(
            st.tuples(st.sampled_from([b"TIT2", b"APIC", b"TPE1"]), st.integers(0, 40), st.binary(max_size=20)),
            max_size=5,
        )
    )
    tag = id3_tag(b"".join(kind + struct.pack(">IH", size, 0) + text for kind, size, text in texts) * draw(COPIES))
    frame = draw(
        st.sampled_from([MP3_FRAME, MP3_FRAME[:30], b"\xff\xf1\x50\x80\x02\x1f\xfc", b"\xff\xfb\x14", b"\xff\xff"])
    )
    behind = draw(st.sampled_from([b"", ID3V1, b"APETAGEX" + bytes(24)]))
    return tag * draw(st.integers(0, 20)) + bytes(draw(st.integers(0, 50))) + frame * draw(COPIES) + behind


FILES = st.one_of(
    st.lists(boxes(), max_size=4).map(lambda some: m4a(*some)),
    boxes().map(lambda some: m4a(some * 30)),
    st.lists(elements(), max_size=4).map(lambda some: matroska(b"".join(some))),
    elements().map(lambda some: matroska(some * 30)),
    elements().map(lambda some: ebml(0x1A45DFA3, some * 30) + ebml(0x18538067)),
    chunks(),
    ogg_pages(),
    frames(),
)


@given(FILES, st.integers(0, 2))
@example(m4a(box(b"trak", far(b"mdia")) * 400), 0)
@example(matroska(ebml(0x1654AE6B, far_element(0xAE)) * 400), 0)
def test_steps_are_bounded_by_bytes(data: bytes, behind: int) -> None:
    """Whatever tree of lengths a file is, the steps and lines of a look are a multiple of its bytes at most."""
    data = (data + box(b"free") * 9 * behind)[:18_000]
    budget = unbounded()

    lines, copied = work(data, budget)

    assert budget.steps <= 2 * len(data) + 10
    assert lines <= LINES_PER_BYTE * len(data) + LINES_BESIDE < TOP
    assert copied <= COPIED_PER_BYTE * len(data) + LINES_BESIDE
