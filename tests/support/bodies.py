"""Bodies that a reader of JSON stumbles over."""

DEEP = 100_000
DIGITS = b"9" * 5000


def wanted(options: bytes) -> bytes:
    """A conversion with these options."""
    return b'{"upload_id": "uploaduploadupload", "format": "mp3", "options": ' + options + b"}"


BODIES: dict[str, bytes] = {
    "nested lists": b"[" * DEEP,
    "nested lists, closed": b"[" * 5000 + b"]" * 5000,
    "nested objects": b'{"options":' * 20_000,
    "deep in a field that takes anything": b'{"filename": "a", "metadata": {"a": ' + b"[" * 3000 + b"]" * 3000 + b"}}",
    "deep options": wanted(b'{"quality": ' + b"[" * 3000 + b"]" * 3000 + b"}"),
    "nearly too deep options": wanted(b'{"quality": ' + b"[" * 980 + b"]" * 980 + b"}"),
    "nearly too deep metadata": b'{"filename": "a", "metadata": {"size": ' + b"[" * 980 + b"]" * 980 + b"}}",
    "an endless number": DIGITS,
    "a huge quality": wanted(b'{"quality": ' + b"9" * 400 + b"}"),
    "a huge time": wanted(b'{"start_seconds": ' + b"9" * 4000 + b"}"),
    "a huge bit rate": wanted(b'{"bitrate_kbps": -' + DIGITS + b"}"),
    "a huge exponent": wanted(b'{"quality": 1e999999}'),
    "a huge size": b'{"filename": "a", "size": ' + b"9" * 400 + b"}",
    "a huge size in metadata": b'{"filename": "a", "metadata": {"size": ' + b"9" * 400 + b"}}",
    "a huge number of a part": b'{"parts": [{"PartNumber": ' + DIGITS + b', "ETag": "e"}]}',
    "no number": wanted(b'{"quality": NaN}'),
    "bytes that are no text": b"\xff\xfe\x00\x01" * 100,
    "no UTF-8 in a text": b'{"upload_id": "\xc3\x28\xa0", "format": "mp3"}',
    "no UTF-8 in a name": b'{"\xed\xa0\x80": 1}',
    "half a surrogate": b'{"upload_id": "\\ud800", "format": "\\udfff", "filename": "\\ud800"}',
    "half a surrogate as a file": b'{"filename": "\\ud800.wav"}',
    "a zero byte": b'{"filename": "\\u0000", "upload_id": "\\u0000", "format": "\\u0000"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"upload_id": "a"}'.encode("utf-16"),
    "cut off": b'{"upload_id": "upl',
    "two documents": b"{}{}",
    "no document": b" ",
    "a text": b'"upload_id"',
    "null": b"null",
    "a form": b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + b"x" * 100,
    "many names": b"{" + b",".join(b'"%d": 1' % number for number in range(20_000)) + b"}",
    "the same name many times": b'{"upload_id": "a"' + b', "upload_id": "a"' * 10_000 + b"}",
}
