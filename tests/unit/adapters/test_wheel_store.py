"""Kept wheels: whole or not there."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from envctl.adapters.wheel_store import WheelStore

KEY = "a" * 64


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "zz-1-py3-none-any.whl"
    path.write_bytes(b"the wheel")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "wheels"


def test_what_is_kept_is_found_with_what_it_was_built_from(folder: Path, wheel: Path) -> None:
    store = WheelStore(folder)
    assert store.find(KEY) is None
    with store.locked(KEY):
        kept = store.keep(KEY, wheel, {"tag": "cp311"})
    assert store.find(KEY) == kept
    assert Path(kept.path).read_bytes() == b"the wheel"
    about = json.loads((folder / KEY / "built.json").read_text())
    assert about["inputs"] == {"tag": "cp311"}


@pytest.mark.parametrize("damage", ["wheel", "about", "gone", "schema"])
def test_a_damaged_one_counts_as_none_and_is_replaced(
    folder: Path, wheel: Path, damage: str
) -> None:
    store = WheelStore(folder)
    with store.locked(KEY):
        kept = store.keep(KEY, wheel, {})
    about = folder / KEY / "built.json"
    if damage == "wheel":
        Path(kept.path).write_bytes(b"other")
    elif damage == "about":
        about.write_text("{")
    elif damage == "gone":
        Path(kept.path).unlink()
    else:
        about.write_text(about.read_text().replace('"schema": 1', '"schema": 99'))
    assert store.find(KEY) is None
    with store.locked(KEY):
        store.keep(KEY, wheel, {})
    assert store.find(KEY) == kept
    assert [path.name for path in folder.iterdir() if path.is_dir()] == [KEY]


def test_a_name_in_the_notes_leads_nowhere_else(folder: Path, wheel: Path, tmp_path: Path) -> None:
    store = WheelStore(folder)
    with store.locked(KEY):
        store.keep(KEY, wheel, {})
    about = folder / KEY / "built.json"
    about.write_text(about.read_text().replace("zz-1", "../../zz-1"))
    found = store.find(KEY)
    assert found is not None
    assert Path(found.path).parent == folder / KEY


def test_one_at_a_time(folder: Path) -> None:
    store = WheelStore(folder)
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(30)
        with WheelStore(folder).locked(KEY):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with store.locked(KEY):
        inside.set()
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]


def test_killed_while_keeping_it_leaves_nothing_that_counts(folder: Path, wheel: Path) -> None:
    """The process dies after the copy was staged, before the rename."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from envctl.adapters.wheel_store import WheelStore\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store = WheelStore(Path(sys.argv[1]))\n"
        "with store.locked(sys.argv[3]): store.keep(sys.argv[3], Path(sys.argv[2]), {})\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(wheel), KEY], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(folder.glob(f".{KEY}-*"))
    store = WheelStore(folder)
    assert store.find(KEY) is None
    with store.locked(KEY):  # the dead process holds it no more
        store.keep(KEY, wheel, {})
    assert store.find(KEY) is not None
    assert [path.name for path in folder.iterdir() if path.is_dir()] == [KEY]
