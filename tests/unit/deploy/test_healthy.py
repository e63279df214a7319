from pathlib import Path

import pytest

from deploy import healthy

CATCHES_SIGTERM = "0000000000004002"


def a_proc(folder: Path, *, state: str = "S (sleeping)", caught: str = CATCHES_SIGTERM, child: str = "7 ") -> Path:
    """A /proc with an init that has one child."""
    for path, text in {
        "1/task/1/children": child,
        "7/status": f"Name:\tpython\nState:\t{state}\nSigCgt:\t{caught}\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_worker_past_its_start_is_well(tmp_path: Path) -> None:
    """A worker that asks for SIGTERM has found its backing services in order, and is well."""
    assert healthy.worker(a_proc(tmp_path)) is None


@pytest.mark.parametrize(
    ("differently", "said"),
    [
        ({"caught": "0000000000000002"}, "still starting"),
        ({"state": "T (stopped)"}, "does not run"),
        ({"state": "Z (zombie)"}, "does not run"),
        ({"child": ""}, "no process"),
    ],
    ids=["starting", "stopped", "dead", "gone"],
)
def test_worker_that_does_not_work_is_not_well(tmp_path: Path, differently: dict[str, str], said: str) -> None:
    """A worker that has not started yet, is stopped or is gone is not well, and it is said why."""
    assert said in (healthy.worker(a_proc(tmp_path, **differently)) or "")
