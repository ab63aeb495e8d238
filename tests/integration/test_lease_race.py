"""Many processes of two users who race for four devices: never two holders, nobody starves, all finish."""

import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration.sharing import GPUS, PATIENCE_S, Box, other_users, shared_box

RACERS = [1] * 24 + [2] * 10 + [3] * 4 + [4] * 2
# Whoever enters makes a file for each device that must not be there: the kernel's own check, and none of envctl's.
RACE = """
entered=$(date +%s%N)
for gpu in $(echo "$CUDA_VISIBLE_DEVICES" | tr , ' '); do
    (set -C; : > "$RACE/$gpu") 2>/dev/null || echo "two in $gpu"
done
sleep 0.$(( $$ % 5 + 2 ))
for gpu in $(echo "$CUDA_VISIBLE_DEVICES" | tr , ' '); do rm "$RACE/$gpu"; done
echo "in $CUDA_VISIBLE_DEVICES $entered $(id -u)"
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Box]:
    with shared_box() as box:
        yield box


@pytest.fixture
def box(made: Box) -> Iterator[Box]:
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def users() -> tuple[int, int]:
    return other_users()


def test_never_two_holders_and_all_finish(
    box: Box, users: tuple[int, int], machine_environ: Mapping[str, str]
) -> None:
    race = box.base / "race"
    race.mkdir(mode=0o777)
    race.chmod(0o777)
    wanted = random.Random(5).sample(RACERS, len(RACERS))
    began = time.time()
    started: dict[subprocess.Popen[str], tuple[int, float]] = {}
    for number, gpus in enumerate(wanted):
        words = ("run", "--gpus", str(gpus), "--wait", "--", "sh", "-c", RACE)
        each = box.start(*words, user=users[number % 2], RACE=str(race))
        started[each] = (gpus, time.time())
    # And some that get killed: holders, and those who wait.
    kills = [
        box.start("run", "--gpus", "1", "--wait", "--", "sleep", "600", user=users[number % 2])
        for number in range(8)
    ]
    most, killed = _watch(box, list(started), kills[::2], kills[1::2])
    waits: list[float] = []
    served: dict[int, int] = {}
    leased = Counter[str]()
    for each, (gpus, at) in started.items():
        out, err = each.communicate(timeout=PATIENCE_S)
        assert each.returncode == 0, err
        assert out.startswith("in GPU-"), out
        _, devices, entered, uid = out.split()
        assert len(set(devices.split(",")) & set(GPUS)) == gpus
        leased.update(devices.split(","))
        waits.append(int(entered) / 1e9 - at)
        served[int(uid)] = served.get(int(uid), 0) + 1
    assert served == dict.fromkeys(users, len(RACERS) // 2)
    assert list(race.iterdir()) == []
    assert (box.held(), box.waiting()) == ({}, ())
    assert killed == len(kills)
    figures = {
        "processes": len(wanted),
        "users": len(users),
        "devices": len(GPUS),
        "killed while they waited": len(kills[::2]),
        "killed while they held": len(kills[1::2]),
        "leases of each user": list(served.values()),
        "leases of each device": [leased[uuid] for uuid in GPUS],
        "seconds": round(time.time() - began, 1),
        "longest wait, seconds": round(max(waits), 1),
        "median wait, seconds": round(statistics.median(waits), 1),
        "most waiting at once": most,
        "cores": os.cpu_count(),
    }
    text = json.dumps(figures, indent=2) + "\n"
    print(text)
    if folder := machine_environ.get("ENVCTL_FIGURES"):
        (Path(folder) / "lease-race.json").write_text(text)


def _watch(
    box: Box,
    racers: "list[subprocess.Popen[str]]",
    waiters: "list[subprocess.Popen[str]]",
    holders: "list[subprocess.Popen[str]]",
) -> tuple[int, int]:
    """Kill the waiters while they wait and the holders when they hold; return the most who waited, and the killed."""
    most, killed = 0, 0
    left = {**{each.pid: each for each in waiters}, **{each.pid: each for each in holders}}
    late = {each.pid for each in holders}
    deadline = time.monotonic() + PATIENCE_S
    while left or any(each.poll() is None for each in racers):
        assert time.monotonic() < deadline, "somebody starves"
        waiting = {each.pid for each in box.waiting()}
        holding = {pid for pid in left if _command(pid) == "sleep"}
        most = max(most, len(waiting))
        for pid in (left.keys() & waiting - late) | (left.keys() & holding):
            left.pop(pid).send_signal(signal.SIGKILL)
            killed += 1
        time.sleep(0.02)
    return most, killed


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def test_of_another_user_is_named_and_cannot_be_removed(box: Box, users: tuple[int, int]) -> None:
    """Whoever comes first has made folder and files: the next user locks, writes and reads them all the same."""
    first, second = users
    shutil.rmtree(box.folder, ignore_errors=True)  # the race's
    held = box.holds("--gpus", "2", user=first)
    done = box.run("run", "--gpus", "4", "--", "true", code=3, user=second)
    assert f"leased to {first}: sh, pid {held.pid}" in done.stderr
    waiting = box.waits("--gpus", "4", "--", "sh", "-c", "read line", user=second)
    held.communicate()
    box.until(lambda: {each.pid for each in box.held().values()} == {waiting.pid})
    assert {each.user for each in box.held().values()} == {str(second)}
    files = {each.name: each.stat().st_uid for each in box.folder.iterdir()}
    assert files[f"{GPUS[0]}.lock"] == first
    removed = subprocess.run(
        ["rm", "-f", *(str(each) for each in box.folder.iterdir() if each.stat().st_uid == first)],
        user=second,
        group=second,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Operation not permitted" in removed.stderr
    assert {each.name for each in box.folder.iterdir()} == set(files)


def test_a_file_that_is_its_owners_alone_costs_its_device_only(
    box: Box, users: tuple[int, int]
) -> None:
    first, second = users
    box.run("run", "--gpus", "4", "--", "true", user=first)
    file = box.folder / f"{GPUS[0]}.lock"
    for mode in (0o600, 0o444):
        file.chmod(mode)
        os.chown(file, first, first)
        words = ("run", "--wait", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
        done = box.run(*words[:2], "--gpus", "3", *words[2:], user=second)
        assert done.stdout.strip() == ",".join(GPUS[1:])
        done = box.run(*words[:2], "--gpus", "4", *words[2:], code=3, user=second)
        assert f"GPU 1: its lock's file, which {first} made, cannot be opened" in done.stderr
    file.unlink()
