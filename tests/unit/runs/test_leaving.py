"""The files of runs: one for each, held while the command lives, and the old ones removed."""

import fcntl
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envctl.runs import facts, leaving, pruning

NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}\.json")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _no_descriptors_left() -> Iterator[None]:
    """Close what stays open for a command that these tests never start."""
    before = names(Path("/proc/self/fd"))
    yield
    for number in sorted({*names(Path("/proc/self/fd"))} - {*before}):
        try:
            os.close(int(number))
        except OSError:
            continue


def about(root: Path) -> str:
    return facts.pack(root=str(root), kinds="", declared="", machines="", settled=' "lock": null')


def left(root: Path) -> list[str]:
    folder = root / leaving.FOLDER
    return names(folder) if folder.is_dir() else []


def test_the_file_is_whole_and_named(tmp_path: Path) -> None:
    env = {"A": "1"}
    path = leaving.leave(about(tmp_path), env, set())
    assert env == {"A": "1", "ENVCTL_RUN": path}
    assert Path(path).parent == tmp_path / ".envctl" / "runs"
    assert NAME.fullmatch(Path(path).name)
    found = json.loads(Path(path).read_text())
    assert found["id"] == Path(path).stem
    assert re.sub(r"[-:]", "", found["time"]) == found["id"][:16]


def test_who_may_read_it_is_the_umasks_affair(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        path = leaving.leave(about(tmp_path), {}, set())
    finally:
        os.umask(old)
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o640


@pytest.mark.parametrize("where", ["command", "caller"])
def test_set_and_empty_it_asks_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    env = {"ENVCTL_RUN": ""} if where == "command" else {}
    if where == "caller":
        monkeypatch.setenv("ENVCTL_RUN", "")
    before = dict(env)
    assert leaving.leave(about(tmp_path), env, set()) == ""
    assert (env, left(tmp_path)) == (before, [])


def test_an_outer_runs_file_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    env = {"ENVCTL_RUN": "/outer.json"}
    assert leaving.leave(about(tmp_path), env, set()) == env["ENVCTL_RUN"] != "/outer.json"
    (tmp_path / "file").write_text("")
    env = {"ENVCTL_RUN": "/outer.json"}
    assert leaving.leave(about(tmp_path / "file"), env, set()) == ""
    assert env == {}


@pytest.mark.parametrize("made", ["file", "dangling", "loop"])
def test_something_else_in_the_folders_place(tmp_path: Path, made: str) -> None:
    (tmp_path / ".envctl").mkdir()
    place = tmp_path / ".envctl" / "runs"
    if made == "file":
        place.write_text("mine")
    else:
        place.symlink_to("runs" if made == "loop" else "nowhere")
    env: dict[str, str] = {}
    assert leaving.leave(about(tmp_path), env, set()) == ""
    assert env == {}
    assert place.is_symlink() or place.read_text() == "mine"


def test_a_disk_that_fills_up_leaves_no_half_file(tmp_path: Path) -> None:
    """A limit on a file's size stands for the disk: `write` takes the first bytes, and refuses the rest."""
    code = (
        "import resource, signal, sys\n"
        "from envctl.runs import facts, leaving\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "env = {'ENVCTL_RUN': 'x'}\n"
        "known = facts.pack(root=sys.argv[1], kinds='', declared='', machines='', settled=' \"lock\": null')\n"
        "print([leaving.leave(known, env, set()), env])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['', {}]\n"
    assert left(tmp_path) == []


def test_what_could_not_be_started_is_forgotten(tmp_path: Path) -> None:
    path = leaving.leave(about(tmp_path), {}, set())
    leaving.forget(path)
    leaving.forget(path)
    leaving.forget("")
    assert left(tmp_path) == []


# Pruning


def fill(folder: Path, count: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    written = [f"20260101T{number:06}Z-00000000.json" for number in range(count)]
    for name in written:
        (folder / name).write_text("{}")
    return written


def test_the_newest_are_kept(tmp_path: Path) -> None:
    made = fill(tmp_path, pruning.KEPT + 7)
    pruning.prune(str(tmp_path))
    assert names(tmp_path) == made[7:]
    pruning.prune(str(tmp_path))
    assert names(tmp_path) == made[7:]


def test_that_of_a_command_that_lives_is_kept(tmp_path: Path) -> None:
    made = fill(tmp_path, pruning.KEPT + 3)
    with (tmp_path / made[1]).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        pruning.prune(str(tmp_path))
        assert names(tmp_path) == [made[1], *made[3:]]
    pruning.prune(str(tmp_path))
    assert names(tmp_path) == made[3:]


FOREIGN = (
    *("notes.json", "20250101T000000Z-00000000.json.bak", "20250101T000000Z-0000000.json"),
    *("20250101X000000Z-00000000.json", "2025010\u0661T000000Z-00000000.json", ".gitignore"),
    "best-run-20250101T000000Z.json",
)


def test_nothing_else_is_touched(tmp_path: Path) -> None:
    made = fill(tmp_path, pruning.KEPT + 2)
    for name in FOREIGN:
        (tmp_path / name).write_text("mine")
    (tmp_path / "20250101T000000Z-00000001.json").mkdir()
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "20250101T000000Z-00000002.json").symlink_to(target)
    pruning.prune(str(tmp_path))
    # A folder and a link have such names too: they stay, and so do the newest.
    assert target.read_text() == "mine"
    assert {*names(tmp_path)} == {
        *made[2:],
        *FOREIGN,
        "target",
        "20250101T000000Z-00000001.json",
        "20250101T000000Z-00000002.json",
    }


def test_it_is_done_now_and_then(tmp_path: Path) -> None:
    folder = tmp_path / leaving.FOLDER
    fill(folder, pruning.KEPT + 50)
    for _ in range(400):  # the chance that none of them looks is 3 in a million
        leaving.forget(leaving.leave(about(tmp_path), {}, set()))
        if len(names(folder)) <= pruning.KEPT:
            break
    assert len(names(folder)) <= pruning.KEPT
