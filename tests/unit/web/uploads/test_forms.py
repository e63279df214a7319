import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import ClientError, InvalidRequest, UploadIncomplete
from service.web.uploads.forms import MAX_FIELD_BYTES, open_file

BOUNDARY = "----b0undary"


def field(name: str, content: bytes, filename: str | None = None, extra: str = "") -> bytes:
    """One part of a form."""
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}{extra}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


async def read(*pieces: bytes, boundary: str = BOUNDARY) -> tuple[str | None, bytes]:
    """The name and the bytes of the file in a form that arrives in these pieces."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    file = await open_file(body(), boundary)
    return file.filename, b"".join([chunk async for chunk in file.chunks])


@given(
    st.binary(max_size=300)
    | st.sampled_from([b"\r\n--" + BOUNDARY.encode()[:-1], b"\r\n--\r\n", b"\r" * 50, b"\r\n" * 30]),
    st.lists(st.integers(0, 700), max_size=20),
)
async def test_a_form_reads_the_same_however_it_is_cut(content: bytes, cuts: list[int]) -> None:
    """However the network cuts the form into pieces, the file's bytes and name come out the same."""
    form = field("note", b"hello") + field("file", content, "Übung.wav") + field("after", b"x") + END
    borders = sorted({0, len(form), *(cut for cut in cuts if cut < len(form))})
    pieces = [form[a:b] for a, b in itertools.pairwise(borders)]
    assert await read(*pieces) == ("Übung.wav", content)


async def test_a_form_can_arrive_byte_by_byte() -> None:
    """Even single bytes are enough."""
    form = field("file", wav_like := b"RIFF\r\n--" * 20, "a.wav") + END
    assert await read(*(form[at : at + 1] for at in range(len(form)))) == ("a.wav", wav_like)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a %22b%22.wav", 'a "b".wav'),
        (r"a \"b\".wav", 'a "b".wav'),
        ("", None),
        ("../../etc/passwd", "../../etc/passwd"),
    ],
)
async def test_file_names_of_forms_come_out_as_browsers_mean_them(written: str, name: str) -> None:
    """Names come out as browsers and curl mean them; making them harmless is not the parser's business."""
    assert (await read(field("file", b"x", written) + END))[0] == name


async def test_a_file_name_in_rfc_8187_encoding_is_preferred() -> None:
    """A client that encodes the name by RFC 8187 is understood, with or without the plain one."""
    extra = "; filename*=UTF-8''%C3%9C.wav"
    assert (await read(field("file", b"x", extra=extra) + END))[0] == "Ü.wav"
    assert (await read(field("file", b"x", "U.wav", extra=extra) + END))[0] == "Ü.wav"


@pytest.mark.parametrize(
    ("form", "filename"),
    [
        (field("file", b"RIFF") + END, None),
        (field("note", b"x") + field("file", b"RIFF") + field("after", b"y") + END, None),
        (field("file", b"RIFF", "") + END, None),
        (field("audio", b"RIFF", "a.wav") + END, "a.wav"),
        (field("cover", b"", "") + field("file", b"RIFF", "a.wav") + END, "a.wav"),
        (field("file", b"RIFF", "a.wav") + field("cover", b"", "") + field("file", b"", "") + END, "a.wav"),
        (field("file", b"", "") + field("audio", b"RIFF", "a.wav") + END, "a.wav"),
    ],
)
async def test_file_of_a_form_is_found_by_its_field_or_its_name(form: bytes, filename: str | None) -> None:
    """The part named `file` is the file, with or without a file name, and an input without a choice is none."""
    assert await read(form) == (filename, b"RIFF")
    assert await read(*(form[at : at + 1] for at in range(len(form)))) == (filename, b"RIFF")


@pytest.mark.parametrize(
    ("form", "detail", "wrong"),
    [
        (field("title", b"x") + field("who", b"y") + END, "it has 'title', 'who'", "file"),
        (field("file", b"", "") + END, "The field 'file' of the form is empty: no file was chosen.", "file"),
        (field("a", b"1", "a.wav") + field("b", b"2", "b.wav") + END, "more than one file, 'a' and 'b'", "b"),
    ],
)
async def test_refusal_of_a_form_names_the_field(form: bytes, detail: str, wrong: str) -> None:
    """A refused form says which field is meant, in words and in `errors`."""
    with pytest.raises(InvalidRequest) as caught:
        await read(form)

    assert detail in caught.value.detail
    assert [entry["field"] for entry in caught.value.extra["errors"]] == [wrong]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (field("a", b"no file here") + END, InvalidRequest),
        (field("a", b"1", "a.wav") + field("b", b"2", "b.wav") + END, InvalidRequest),
        (field("file", b"") + END, InvalidRequest),
        (field("file", b"", "") + END, InvalidRequest),
        (field("file", b"1") + field("file", b"2") + END, InvalidRequest),
        (field("a", b"1", "a.wav") + field("file", b"2") + END, InvalidRequest),
        (field("a", b"x" * (MAX_FIELD_BYTES + 1)) + END, InvalidRequest),
        (field("a", b"1", "a.wav") + field("b", b"x" * (MAX_FIELD_BYTES + 1)) + END, InvalidRequest),
        (field("a", b"1", "a.wav"), UploadIncomplete),
        (field("a", b"1", "a.wav")[:20], UploadIncomplete),
        (b"", UploadIncomplete),
        (b"this is no form at all, but it is long enough to be one" * 3, UploadIncomplete),
        (b"--" + BOUNDARY.encode() + b"\r\nbroken header\r\n\r\n", ClientError),
        (b"--" + BOUNDARY.encode() + b"\r\nContent-Type: a/b\r\n\r\n", ClientError),
        (b"".join(field(str(n), b"") for n in range(40)) + END, ClientError),
        (field("a", b"", extra="x" * 10_000) + END, ClientError),
    ],
)
async def test_broken_forms(form: bytes, error: type[Exception]) -> None:
    """A form without a file, with two, with too much around it, or cut off is refused while it is being read."""
    with pytest.raises(error):
        await read(form)


@given(st.binary(max_size=200))
async def test_junk_instead_of_a_form_is_refused_with_our_error(junk: bytes) -> None:
    """Junk is refused with an error of ours, never with another."""
    with pytest.raises(ClientError):
        await read(b"--" + BOUNDARY.encode() + b"\r\n" + junk)
