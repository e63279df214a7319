import os
from pathlib import Path

from reprise.command.memory import OLD, Memory, forget_old


def test_what_no_run_has_touched_for_a_month_is_forgotten(tmp_path: Path) -> None:
    """What an interrupted command kept, and no other took up, does not stay for ever."""
    old, new = Memory.of(tmp_path, "old"), Memory.of(tmp_path, "new")
    for memory in (old, new):
        memory.keep(job_id="j")
    os.utime(old.path, (1000, 1000))
    os.utime(new.path, (2000, 2000))

    forget_old(tmp_path, 1500 + OLD)

    assert (old.read(), new.read()) == ({}, {"job_id": "j"})
