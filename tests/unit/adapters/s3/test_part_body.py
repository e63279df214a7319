import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.s3.part_body import Buffers, PartBody

CONTENT = bytes(range(256)) * 4


@given(steps=st.lists(st.tuples(st.sampled_from(["read", "seek", "end", "on"]), st.integers(0, 2000)), max_size=20))
def test_part_body_behaves_like_a_file(steps: list[tuple[str, int]]) -> None:
    """However it is read and rewound, it gives what a file with these bytes gives."""
    body, file = PartBody(memoryview(CONTENT)), io.BytesIO(CONTENT)
    for what, number in steps:
        if what == "read":
            assert body.read(number) == file.read(number)
        elif what == "end":
            assert body.seek(0, io.SEEK_END) == file.seek(0, io.SEEK_END)
        elif what == "on":
            assert body.seek(number, io.SEEK_CUR) == file.seek(number, io.SEEK_CUR)
        else:
            assert body.seek(number) == file.seek(number)
        assert body.tell() == file.tell()
    assert len(body) == len(CONTENT)


def test_part_buffers_are_bounded() -> None:
    """Who wants one more than there are waits until one is given back, and then gets that very one."""
    buffers = Buffers(1, 4096)
    got = threading.Event()

    def second() -> None:
        with buffers.borrow() as view:
            assert bytes(view[:5]) == b"first"
            got.set()

    with buffers.borrow() as view:
        view[:5] = b"first"
        waiting = threading.Thread(target=second)
        waiting.start()
        assert not got.is_set()
    waiting.join(10)
    assert got.is_set()
    buffers.close()


def test_part_buffer_is_returned_after_an_error() -> None:
    """An upload that fails does not take its buffer along."""
    buffers = Buffers(1, 4096)
    for _ in range(3):
        with pytest.raises(RuntimeError), buffers.borrow():
            raise RuntimeError
    buffers.close()
