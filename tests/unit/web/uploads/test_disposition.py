from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.web.uploads.disposition import filename_in


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, None),
        ("attachment", None),
        ('attachment; filename="song.wav"', "song.wav"),
        ("attachment; filename=song.wav", "song.wav"),
        ('filename="song.wav"', "song.wav"),
        ('ATTACHMENT; FileName = "a;b.wav" ', "a;b.wav"),
        (r'attachment; filename="a \"b\".wav"', 'a "b".wav'),
        ("attachment; filename*=UTF-8''%C3%9Cbung.wav", "Übung.wav"),
        ("attachment; filename*=utf-8'de'%C3%9Cbung.wav; filename=\"Uebung.wav\"", "Übung.wav"),
        ("attachment; filename*=ISO-8859-1''%DCbung.wav", "Übung.wav"),
        ("attachment; filename*=koi8-r''%C1; filename=a.wav", "a.wav"),
        ("attachment; filename*=UTF-8''%FF; filename=a.wav", "a.wav"),
        ('attachment; filename="Übung.wav"'.encode().decode("latin-1"), "Übung.wav"),
        ('attachment; filename="Übung.wav"', "Übung.wav"),
        ("attachment; filename=", ""),
        ("", None),
    ],
)
def test_every_known_spelling_of_a_file_name_is_understood(header: str | None, name: str | None) -> None:
    """Every spelling of a file name that clients are known to send is understood; the encoded one is preferred."""
    assert filename_in(header) == name


@given(st.text(st.characters(codec="utf-8")))
def test_any_name_survives_the_encoding_of_rfc_8187(name: str) -> None:
    """Any name survives the encoding of RFC 8187."""
    assert filename_in(f"attachment; filename*=UTF-8''{quote(name, safe='')}") == name


@given(st.text(st.characters(max_codepoint=255)))
def test_no_content_disposition_makes_the_parser_fail(header: str | None) -> None:
    """No header makes it fall over."""
    filename_in(header)
