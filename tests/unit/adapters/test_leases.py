"""Locks that the kernel keeps, among processes that are really there."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from envctl.adapters.leases import folder, looking, queue
from envctl.adapters.leases.folder import place
from envctl.adapters.leases.shared import SharedLeases
from envctl.domain.devices.lease import Chosen, Lease, Refused
from envctl.errors import LeaseError
from envctl.ports import Decide

A, B, C = "GPU-aaaa", "GPU-bbbb", "MIG-GPU-cccc/1/0"


def wants(*devices: str) -> Decide:
    """Return who takes just these, if nobody holds or awaits one."""

    def decide(held: Mapping[str, Lease], ahead: frozenset[str] | None) -> Chosen | Refused:
        gone = [uuid for uuid in devices if uuid in held or ahead is None or uuid in ahead]
        if not gone:
            return Chosen(devices=devices)
        reasons = tuple((held[uuid].problem if uuid in held else None) or uuid for uuid in gone)
        return Refused(free=0, most=len(devices), reasons=reasons, never=False)

    return decide


# One process of another program: it does one thing, says so, and holds on until its stdin ends.
OTHER = """
import sys, os, subprocess
from pathlib import Path
from envctl.adapters.leases.shared import SharedLeases
from tests.unit.adapters.test_leases import wants
leases = SharedLeases(Path(sys.argv[2]))
devices = sys.argv[3].split(",")
if sys.argv[1] == "take":
    print(type(leases.take(wants(*devices), "/opt/bin/train --token=abc".split()[0])).__name__, flush=True)
    sys.stdin.read()
elif sys.argv[1] == "child":  # as Python starts others: with none of its files
    leases.take(wants(*devices), "x")
    look = "import sys; from pathlib import Path; from envctl.adapters.leases.shared import SharedLeases; "
    look += "print(','.join(sorted(SharedLeases(Path(sys.argv[1])).inherited())), flush=True)"
    subprocess.run([sys.executable, "-c", look, sys.argv[2]], close_fds=True)
elif sys.argv[1] == "wait":
    wanted = int(os.environ.get("WANTED", len(devices)))
    with leases.line(wanted, frozenset(devices), "wait") as turn:
        print("in", flush=True)
        turn.wait(frozenset(devices), wanted)
        print("turn", flush=True)
        sys.stdin.read()
"""


class Other:
    def __init__(self, verb: str, path: Path, *devices: str, wanted: int | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, verb, str(path), ",".join(devices)],
            env={**os.environ, "WANTED": str(wanted or len(devices))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hears(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def ends(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def dies(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.ends()


@pytest.fixture
def others() -> Iterator[list[Other]]:
    started: list[Other] = []
    yield started
    for each in started:
        if each.process.returncode is None:
            each.dies()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leases"


def opened(path: Path) -> list[int]:
    """Return this process's descriptors of the folder and its files."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(each.readlink()).startswith(str(path)):
                found.append(int(each.name))
    return found


def close_all(path: Path) -> None:
    for number in opened(path):
        os.close(number)


@pytest.fixture(autouse=True)
def given_back(path: Path) -> Iterator[None]:
    """Close what a test has taken: the descriptors are the lease."""
    yield
    close_all(path)


class TestTake:
    def test_tells_who_holds_it_and_no_argument(self, path: Path, others: list[Other]) -> None:
        others.append(Other("take", path, A, C))
        assert others[0].hears() == "Chosen"
        held = SharedLeases(path).held()
        assert sorted(held) == [A, C]
        lease = held[C]
        assert (lease.pid, lease.command, lease.left) == (others[0].process.pid, "train", False)
        assert lease.user == folder.owner(os.getuid())
        assert (lease.since or "").endswith("Z")

    @pytest.mark.parametrize("how", ["ends", "dies"])
    def test_ends_with_its_process(self, path: Path, others: list[Other], how: str) -> None:
        others.append(Other("take", path, A))
        assert others[0].hears() == "Chosen"
        assert isinstance(SharedLeases(path).take(wants(A), "x"), Refused)
        getattr(others[0], how)()
        assert SharedLeases(path).held() == {}
        assert isinstance(SharedLeases(path).take(wants(A), "x"), Chosen)

    def test_all_or_nothing(self, path: Path) -> None:
        leases = SharedLeases(path)
        assert isinstance(leases.take(wants(B), "x"), Chosen)

        def blind(held: Mapping[str, Lease], ahead: frozenset[str] | None) -> Chosen | Refused:
            blind.calls += 1  # type: ignore[attr-defined]
            reasons = tuple(sorted(held))
            if blind.calls == 1:  # type: ignore[attr-defined]
                return Chosen(devices=(A, B, C))
            return Refused(free=0, most=0, reasons=reasons, never=False)

        blind.calls = 0  # type: ignore[attr-defined]
        assert SharedLeases(path).take(blind, "x") == Refused(
            free=0, most=0, reasons=(B,), never=False
        )

    def test_a_look_makes_and_disturbs_nothing(self, path: Path) -> None:
        assert (SharedLeases(path).held(), SharedLeases(path).waiting()) == ({}, ())
        assert not path.exists()

    def test_what_a_process_was_started_with(self, path: Path) -> None:
        leases = SharedLeases(path)
        leases.take(wants(A, C), "x")
        assert leases.inherited() == {A, C}
        assert SharedLeases(path).inherited() == {A, C}  # by descriptor, not by memory

    def test_a_child_without_its_files_lives_within_the_lease_too(
        self, path: Path, others: list[Other]
    ) -> None:
        others.append(Other("child", path, A, C))
        assert others[0].hears() == ",".join(sorted((A, C)))
        SharedLeases(path).take(wants(B), "x")
        others.append(Other("child", path, A))
        assert others[1].hears() == ",".join(sorted((A, B)))  # this process is the parent of both

    def test_of_a_parent_whose_files_are_not_to_be_seen_its_word_counts(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As under `sudo`."""
        SharedLeases(path).take(wants(A), "x")

        def refused(pid: int) -> set[tuple[int, int]]:
            raise PermissionError(13, "Permission denied", f"/proc/{pid}/fd")

        monkeypatch.setattr(looking, "_opened", refused)
        assert SharedLeases(path).inherited() == {A}
        file = path / f"{A}.lock"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"started": "1"}))
        assert SharedLeases(path).inherited() == frozenset()

    def test_whoever_removes_a_file_breaks_no_lease(self, path: Path, others: list[Other]) -> None:
        """Who made a lock's file may remove it, in a sticky folder too; then two would hold one device."""
        others.append(Other("take", path, A))
        assert others[0].hears() == "Chosen"
        (path / f"{A}.lock").unlink()
        assert isinstance(SharedLeases(path).take(wants(A), "x"), Refused)
        assert isinstance(SharedLeases(path).take(wants(B), "x"), Chosen)
        others[0].dies()
        assert isinstance(SharedLeases(path).take(wants(A), "x"), Chosen)

    def test_few_open_files_are_enough(self, path: Path) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (60, before[1]))
        try:
            assert isinstance(SharedLeases(path).take(wants(A), "x"), Chosen)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        inherited = [number for number in opened(path) if os.get_inheritable(number)]
        assert len(inherited) == 2
        assert all(number > 2 for number in inherited)

    def test_a_full_disk_costs_the_word_and_not_the_lease(
        self, path: Path, others: list[Other], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        others.append(Other("take", path, A))
        assert others[0].hears() == "Chosen"
        others[0].dies()

        def full(file: int, text: bytes, at: int) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "pwrite", full)
        assert isinstance(SharedLeases(path).take(wants(A), "x"), Chosen)
        assert SharedLeases(path).held() == {A: Lease(uuid=A)}  # not the last holder
        with (
            pytest.raises(LeaseError, match="no space left on device") as caught,
            SharedLeases(path).line(1, frozenset({A}), "x"),
        ):
            pass
        assert (caught.value.where, SharedLeases(path).waiting()) == (f"{path}/queue", ())
        assert "make room in" in (caught.value.hint or "")

    def test_the_next_program_holds_it_alone(self, path: Path) -> None:
        """As after `exec`: a descriptor of the same open file, numbered out of the way, in a process of its own."""
        SharedLeases(path).take(wants(A), "x")
        inherited = [number for number in opened(path) if os.get_inheritable(number)]
        assert inherited
        assert all(number >= 64 for number in inherited)
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=inherited
        )
        close_all(path)
        assert list(SharedLeases(path).held()) == [A]
        child.communicate(b"\n", timeout=60)
        assert SharedLeases(path).held() == {}


class TestAWordIsInformationOnly:
    def put(self, path: Path, text: bytes) -> Lease:
        leases = SharedLeases(path)
        leases.take(wants(A), "x")
        (path / f"{A}.lock").write_bytes(text)
        return leases.held()[A]

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"\xff\xfe",
            b"[]",
            b"{",
            b'"text"',
            b"[" * 4000,
            b'{"pid": true, "user": 5, "since": [], "command": {}}',
            b'{"pid": -3, "user": ""}',
        ],
    )
    def test_nonsense_leaves_it_held_by_somebody(self, path: Path, text: bytes) -> None:
        assert self.put(path, text) == Lease(uuid=A)

    def test_a_word_without_a_lock_holds_nothing(self, path: Path) -> None:
        SharedLeases(path).take(wants(A), "x")
        close_all(path)
        assert json.loads((path / f"{A}.lock").read_text())["command"] == "x"
        assert SharedLeases(path).held() == {}

    def test_long_texts_are_cut(self, path: Path) -> None:
        lease = self.put(path, json.dumps({"user": "x" * 1000, "command": "y" * 1000}).encode())
        assert (lease.user, lease.command) == ("x" * 64, "y" * 64)

    def test_no_text_makes_lines_of_its_own(self, path: Path) -> None:
        word = {"user": "a\nerror: fake\n  next: curl", "command": "b\x1b[31m"}
        lease = self.put(path, json.dumps(word).encode())
        assert (lease.user, lease.command) == ("a\\nerror: fake\\n  next: curl", "b\\x1b[31m")

    def test_a_holder_that_proc_hides_is_not_said_to_have_ended(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`mount -o hidepid=2 /proc`: of another user's process only kill(2) tells that it is there."""
        answers: dict[int, type[OSError]] = {}

        def kill(pid: int, number: int) -> None:
            assert number == 0
            if pid in answers:
                raise answers[pid]

        monkeypatch.setattr(os, "kill", kill)
        leases = SharedLeases(path)
        leases.take(wants(A), "x")
        file, hidden = path / f"{A}.lock", 2**22 + 1
        file.write_text(json.dumps(json.loads(file.read_text()) | {"pid": hidden}))
        for answer, left in ((PermissionError, False), (ProcessLookupError, True)):
            answers[hidden] = answer
            assert leases.held()[A].left is left

    def test_a_process_that_has_ended_and_left_the_device_held(self, path: Path) -> None:
        leases = SharedLeases(path)
        leases.take(wants(A), "x")
        file = path / f"{A}.lock"
        word = json.loads(file.read_text())
        assert not leases.held()[A].left
        for other in ({"pid": 2**22 + 1}, {"started": "1"}):  # gone, and its number another's
            file.write_text(json.dumps(word | other))
            assert leases.held()[A].left
        file.write_text(json.dumps(word | {"pid": 2**22 + 1, "pids": 1}))
        assert not leases.held()[A].left  # of another container's processes nothing is known


class TestTheFolder:
    def test_is_everyones_whatever_the_umask(self, path: Path) -> None:
        before = os.umask(0o077)
        try:
            SharedLeases(path).take(wants(A), "x")
        finally:
            assert os.umask(before) == 0o077
        assert stat.S_IMODE(path.stat().st_mode) == 0o1777
        assert stat.S_IMODE((path / f"{A}.lock").stat().st_mode) == 0o666
        assert stat.S_IMODE((path / "queue").stat().st_mode) == 0o666

    @pytest.mark.parametrize(
        ("mode", "fits"), [(0o1777, True), (0o2770, True), (0o755, True), (0o777, False)]
    )
    def test_in_which_anyone_removes_anyones_files_is_refused(
        self, path: Path, mode: int, fits: bool
    ) -> None:
        path.mkdir()
        path.chmod(mode)
        if fits:
            assert isinstance(SharedLeases(path).take(wants(A), "x"), Chosen)
            return
        for use in (lambda: SharedLeases(path).take(wants(A), "x"), SharedLeases(path).held):
            with pytest.raises(LeaseError, match="anyone may remove anyone's files") as caught:
                use()
            assert f"chmod +t {path}" in (caught.value.hint or "")

    def test_that_is_a_link_is_not_followed(self, path: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(LeaseError, match="link or a file"):
            SharedLeases(path).take(wants(A), "x")
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_that_cannot_be_made(self, tmp_path: Path) -> None:
        with pytest.raises(LeaseError, match="no such file") as caught:
            SharedLeases(tmp_path / "no" / "leases").take(wants(A), "x")
        assert caught.value.where == str(tmp_path / "no" / "leases")
        (tmp_path / "file").touch()
        with pytest.raises(LeaseError):
            SharedLeases(tmp_path / "file").take(wants(A), "x")

    def test_no_file_is_opened_in_a_way_that_protected_regular_refuses(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`O_CREAT` on a file that is there, of another user, in a sticky folder: fs.protected_regular, as it is set
        on most machines (here it may not be), gives EACCES. `O_EXCL` never meets it."""
        real, made = os.open, []

        def kernel(name: str, flags: int, mode: int = 0o777, **more: int) -> int:
            if flags & os.O_CREAT:
                made.append(name)
                if not flags & os.O_EXCL:
                    raise PermissionError(13, "Permission denied", name)
            return real(name, flags, mode, **more)

        monkeypatch.setattr(os, "open", kernel)
        assert isinstance(SharedLeases(path).take(wants(A), "x"), Chosen)
        assert made == ["queue", f"{A}.lock"]
        assert isinstance(SharedLeases(path).take(wants(A), "x"), Refused)
        assert isinstance(SharedLeases(path).take(wants(B), "x"), Chosen)
        assert made == ["queue", f"{A}.lock", f"{B}.lock"]


class TestWhereItIs:
    def made(self, root: Path, **modes: int) -> Path:
        for name, mode in modes.items():
            base = root / name.replace("_", "/")
            base.mkdir(parents=True)
            base.chmod(mode)
        return root

    def test_run_lock_where_anyone_may_write(self, tmp_path: Path) -> None:
        root = self.made(tmp_path, run_lock=0o1777, tmp=0o1777)
        assert place(None, root) == root / "run/lock/envctl-gpu-leases"

    @pytest.mark.parametrize("mode", [0o755, 0o775, 0o777])
    def test_else_tmp_for_root_too(self, tmp_path: Path, mode: int) -> None:
        root = self.made(tmp_path, run_lock=mode, tmp=0o1777)
        assert place(None, root) == root / "tmp/envctl-gpu-leases"

    def test_run_lock_where_the_administrator_made_the_folder(self, tmp_path: Path) -> None:
        root = self.made(tmp_path, run_lock=0o755, tmp=0o1777)
        (root / "run/lock/envctl-gpu-leases").mkdir()
        assert place(None, root) == root / "run/lock/envctl-gpu-leases"

    def test_tmp_where_there_is_no_run_lock(self, tmp_path: Path) -> None:
        assert place("", tmp_path) == tmp_path / "tmp/envctl-gpu-leases"

    def test_named(self, tmp_path: Path) -> None:
        assert place("/srv/leases", tmp_path) == Path("/srv/leases")
        with pytest.raises(LeaseError, match="not an absolute path"):
            place("leases", tmp_path)


class TestAPlantedFile:
    """Whoever may write to the folder may put there what is no lock's file."""

    def plant(self, path: Path, tmp_path: Path, what: str, name: str) -> Path:
        path.mkdir()
        path.chmod(0o1777)
        victim = tmp_path / "victim"
        victim.write_text("dear")
        planted = path / name
        match what:
            case "link":
                planted.symlink_to(victim)
            case "dangling":
                planted.symlink_to(tmp_path / "new")
            case "second name":
                planted.hardlink_to(victim)
            case "pipe":
                os.mkfifo(planted)
            case _:
                planted.mkdir()
        return victim

    KINDS = ("link", "dangling", "second name", "pipe", "folder")

    @pytest.mark.parametrize("what", KINDS)
    def test_makes_its_device_unfit_and_no_other(
        self, path: Path, tmp_path: Path, what: str
    ) -> None:
        victim = self.plant(path, tmp_path, what, f"{A}.lock")
        leases = SharedLeases(path)
        choice = leases.take(wants(A, B), "x")
        assert isinstance(choice, Refused)
        (reason,) = choice.reasons
        assert reason.startswith("its lock's file, which ")
        assert leases.held()[A].problem == reason
        assert isinstance(leases.take(wants(B), "x"), Chosen)
        assert victim.read_text() == "dear"
        assert not (tmp_path / "new").exists()

    @pytest.mark.parametrize("what", KINDS)
    def test_in_the_queues_place_is_an_error(self, path: Path, tmp_path: Path, what: str) -> None:
        victim = self.plant(path, tmp_path, what, "queue")
        with pytest.raises(LeaseError, match="the leases cannot be used") as caught:
            SharedLeases(path).take(wants(A), "x")
        assert caught.value.where == f"{path}/queue"
        assert SharedLeases(path).waiting() == ()
        assert victim.read_text() == "dear"

    def test_that_only_its_owner_may_open_is_found_when_it_is_taken(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Root may open all; so the kernel's answer to others is given here."""
        path.mkdir()
        (path / f"{A}.lock").touch(mode=0o444)
        real = os.open

        def kernel(name: str, flags: int, mode: int = 0o777, **more: int) -> int:
            if name == f"{A}.lock" and flags & os.O_RDWR:
                raise PermissionError(13, "Permission denied", name)
            return real(name, flags, mode, **more)

        monkeypatch.setattr(os, "open", kernel)
        choice = SharedLeases(path).take(wants(A), "x")
        assert isinstance(choice, Refused)
        assert "cannot be opened: permission denied" in choice.reasons[0]

    def test_a_queue_with_a_long_and_senseless_content(self, path: Path) -> None:
        path.mkdir()
        with (path / "queue").open("wb") as file:
            file.write(b"{" * 100)
            file.truncate(10**12)
        assert isinstance(SharedLeases(path).take(wants(A), "x"), Chosen)


def asleep(path: Path, number: int) -> None:
    """Wait until so many sleep in the kernel for a part of the queue (proc_locks(5): those with an arrow)."""
    inode = f":{(path / 'queue').stat().st_ino} "
    for _ in range(2000):
        lines = Path("/proc/locks").read_text().splitlines()
        if sum("-> OFDLCK" in line and inode in line for line in lines) == number:
            return
        time.sleep(0.01)
    pytest.fail("they do not sleep")


class TestTheLine:
    def test_nobody_is_overtaken(self, path: Path, others: list[Other]) -> None:
        for devices in ((A, B), (B,), (A,)):
            others.append(Other("wait", path, *devices))
            assert others[-1].hears() == "in"
        first, second, third = others
        assert first.hears() == "turn"
        asleep(path, 2)
        leases = SharedLeases(path)
        assert [each.pid for each in leases.waiting()] == [each.process.pid for each in others]
        # Free, but who did not wait does not get it.
        assert leases.take(wants(A), "x") == Refused(free=0, most=1, reasons=(A,), never=False)
        assert isinstance(leases.take(wants(C), "x"), Chosen)
        first.ends()
        assert (second.hears(), third.hears()) == ("turn", "turn")  # they do not want the same
        second.ends()
        assert isinstance(leases.take(wants(B), "x"), Chosen)

    def test_those_who_want_other_devices_pass(self, path: Path, others: list[Other]) -> None:
        for devices in ((A,), (B,)):
            others.append(Other("wait", path, *devices))
            assert (others[-1].hears(), others[-1].hears()) == ("in", "turn")

    def test_who_can_have_another_does_not_sleep(self, path: Path, others: list[Other]) -> None:
        """One wants both of two; who wants one of three, of which he wants two, is not held up."""
        others.append(Other("wait", path, A, B))
        assert (others[0].hears(), others[0].hears()) == ("in", "turn")
        others.append(Other("wait", path, B, C, wanted=1))
        assert (others[1].hears(), others[1].hears()) == ("in", "turn")
        others.append(Other("wait", path, B, C, wanted=2))  # no way past both
        assert others[2].hears() == "in"
        asleep(path, 1)
        others[1].ends()
        others[0].ends()
        assert others[2].hears() == "turn"

    def test_a_line_that_is_never_empty_fills_no_disk(self, path: Path) -> None:
        """One comes before the other has gone, a thousand times."""
        leases = (SharedLeases(path), SharedLeases(path))
        before = leases[0].line(1, frozenset({A}), "0")
        before.__enter__()
        for number in range(1, 1001):
            after = leases[number % 2].line(1, frozenset({A}), str(number))
            after.__enter__()
            before.__exit__(None, None, None)
            before = after
        (waiter,) = SharedLeases(path).waiting()
        assert (waiter.command, waiter.devices) == ("1000", frozenset({A}))
        assert (path / "queue").stat().st_size <= 1024**2
        before.__exit__(None, None, None)
        with leases[0].line(1, frozenset({B}), "alone"):
            assert (path / "queue").stat().st_size == 4096

    def test_nobody_writes_over_the_word_of_one_who_still_waits(self, path: Path) -> None:
        """The first waits on while 300 come and go behind."""
        leases = (SharedLeases(path), SharedLeases(path))
        with SharedLeases(path).line(1, frozenset({A}), "first"):
            before = leases[0].line(1, frozenset({B}), "0")
            before.__enter__()
            for number in range(1, 301):
                after = leases[number % 2].line(1, frozenset({B}), str(number))
                after.__enter__()
                before.__exit__(None, None, None)
                before = after
            first, last = SharedLeases(path).waiting()
            assert (first.command, first.devices) == ("first", frozenset({A}))
            assert (last.command, last.devices) == ("300", frozenset({B}))
            before.__exit__(None, None, None)

    def test_who_dies_in_the_middle_leaves_no_gap_and_no_trace(
        self, path: Path, others: list[Other]
    ) -> None:
        for _ in range(4):
            others.append(Other("wait", path, A))
            assert others[-1].hears() == "in"
        first, second, third, fourth = others
        second.dies()
        fourth.dies()
        assert [each.pid for each in SharedLeases(path).waiting()] == [
            first.process.pid,
            third.process.pid,
        ]
        late = Other("wait", path, A)
        others.append(late)
        assert late.hears() == "in"
        assert first.hears() == "turn"
        first.dies()
        assert third.hears() == "turn"
        third.ends()
        assert late.hears() == "turn"
        late.ends()
        assert SharedLeases(path).waiting() == ()
        assert sorted(each.name for each in path.iterdir()) == ["queue"]

    def test_one_whose_word_is_spoilt_stands_for_all(self, path: Path, others: list[Other]) -> None:
        others.append(Other("wait", path, A))
        assert others[0].hears() == "in"
        (path / "queue").write_bytes(b"x" * 8192)
        (waiter,) = SharedLeases(path).waiting()
        assert waiter.devices is None
        assert isinstance(SharedLeases(path).take(wants(B), "x"), Refused)

    def test_too_many_devices_for_a_word_stand_for_all(
        self, path: Path, others: list[Other]
    ) -> None:
        others.append(Other("wait", path, *(f"MIG-{number:036}" for number in range(200))))
        assert others[0].hears() == "in"
        assert SharedLeases(path).waiting()[0].devices is None

    def test_a_door_that_stays_shut(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(queue, "_PATIENCE_S", 0.05)
        leases = SharedLeases(path)

        def slow(held: Mapping[str, Lease], ahead: frozenset[str] | None) -> Chosen | Refused:
            with pytest.raises(LeaseError, match="door") as caught:
                SharedLeases(path).take(wants(A), "x")
            assert f"fuser -v {path}/queue" in (caught.value.hint or "")
            return Refused(free=0, most=0, reasons=("seen",), never=True)

        choice = leases.take(slow, "x")
        assert isinstance(choice, Refused)
        assert choice.reasons == ("seen",)

    def test_heeds_ctrl_z_again_afterwards(self, path: Path) -> None:
        with SharedLeases(path).line(1, frozenset({A}), "x"):
            assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
