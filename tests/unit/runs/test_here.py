"""The machine and the commit by files alone: never otherwise than the probes and git say it."""

import os
import subprocess
from pathlib import Path

import pytest

from envctl.adapters.probes import gpu, host
from envctl.adapters.process import run
from envctl.domain.record import machine_id
from envctl.runs import here

RELEASES = {
    "quoted": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n',
    "bare": "NAME=Alpine\nPRETTY_NAME=Alpine\n",
    "a name only": 'NAME="Rocky Linux"\nPRETTY_NAME=""\n',
    "nothing": "ID=x\n",
    "escaped": 'PRETTY_NAME="A \\"B\\" \\$C \'D\'"\n',
    "in single quotes": "PRETTY_NAME='A  B'\n",
    "half quoted": 'PRETTY_NAME="A\n',
    "comments": '# PRETTY_NAME="x"\n\n PRETTY_NAME = x\nPRETTY_NAME=A # B\n',
    "twice": "PRETTY_NAME=A\nPRETTY_NAME=B=C\n",
    "one quote": 'PRETTY_NAME="\n',
    "blanks": "PRETTY_NAME=  A   B  \nNAME\n",
    "bytes": 'PRETTY_NAME="caf\udce9"\n',
    "empty": "\n",
}


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(text))
    return root


@pytest.mark.parametrize("text", RELEASES.values(), ids=RELEASES)
def test_the_system_is_named_as_the_record_names_it(tmp_path: Path, text: str) -> None:
    tree(
        tmp_path,
        {
            "etc/os-release": text,
            "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
            "proc/sys/kernel/osrelease": "6.1.0-test\n",
            "proc/sys/kernel/arch": "riscv64\n",
        },
    )
    found = here.machine(str(tmp_path), "")
    record = host.probe(run=run, sysroot=tmp_path)
    if text.strip():  # without a file the record asks Python
        assert found["os"] == record["os"].name
    else:
        assert found["os"] is None
    for key in ("kernel", "architecture"):
        assert found[key] == record[key]
    assert found["id"] == record["machine_id"]
    assert found["libc"] in (record["libc"], None)


@pytest.mark.parametrize("text", [None, "", "uninitialized\n", "\0\n"])
def test_a_machine_without_an_id(tmp_path: Path, text: str | None) -> None:
    tree(tmp_path, {} if text is None else {"etc/machine-id": text})
    assert here.machine(str(tmp_path), "x=lab")["id"] is None
    tree(tmp_path, {"var/lib/dbus/machine-id": "abc\n"})
    expected = None if text == "uninitialized\n" else machine_id("abc")
    assert here.machine(str(tmp_path), "")["id"] == expected


def test_a_recorded_machine_has_its_name(tmp_path: Path) -> None:
    tree(tmp_path, {"etc/machine-id": "abc\n"})
    own = machine_id("abc")
    assert here.machine(str(tmp_path), f"0000=other {own}=lab-h100")["name"] == "lab-h100"
    assert here.machine(str(tmp_path), "0000=other")["name"] is None


V100 = "Model: \t\t Tesla V100-SXM2-32GB\nGPU UUID: \t GPU-aaaa\nBus Location: \t 0000:3b:00.0\n"
SLEEPS = "Model: \t\t Unknown\nGPU UUID: \t GPU-????????-????-????-????-????????????\n"
FOLDER = "proc/driver/nvidia/gpus"


def test_nvidias_gpus_are_those_of_the_probe(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "sys/module/nvidia/version": "535.104.05\n",
            f"{FOLDER}/0000:AF:00.0/information": SLEEPS,
            f"{FOLDER}/0000:3b:00.0/information": V100,
            f"{FOLDER}/0000:d8:00.0/power": "",
        },
    )
    found = here.gpus(str(tmp_path))
    record = gpu.probe(run=run, sysroot=tmp_path)
    assert found
    assert [(each["name"], each["uuid"], each["pci_bus_id"]) for each in found] == [
        (each.name, each.uuid, each.pci_bus_id) for each in record["gpus"]
    ]
    assert here.first(f"{tmp_path}/sys/module/nvidia/version") == record["driver"]


def test_no_gpu_is_an_answer_where_there_can_be_no_other(tmp_path: Path) -> None:
    assert here.gpus(str(tmp_path)) == []
    tree(tmp_path, {"sys/bus/pci/drivers/i915/module": "", "sys/bus/pci/drivers/i915/bind": ""})
    assert here.gpus(str(tmp_path)) == []


@pytest.mark.parametrize(
    "name",
    [
        "dev/kfd",
        "dev/nvidiactl",
        "dev/nvidia0",
        "sys/bus/pci/drivers/i915/0000:00:02.0",
        "sys/bus/pci/drivers/amdgpu/0000:03:00.0",
    ],
)
def test_where_there_may_be_others_it_is_not_known(tmp_path: Path, name: str) -> None:
    tree(tmp_path, {name: ""})
    assert here.gpus(str(tmp_path)) is None
    tree(tmp_path, {f"{FOLDER}/0000:3b:00.0/information": V100})
    assert [each["uuid"] for each in here.gpus(str(tmp_path)) or ()] == ["GPU-aaaa"]


# git


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo é"
    (root / "inner" / "deep").mkdir(parents=True)
    git(root, "init", "-q")
    tree(root, {"a": "1", "inner/deep/b": "2"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


def same(folder: Path) -> str:
    """Assert that files alone say what git says, and return it."""
    found = here.commit(str(folder))
    assert found == git(folder, "rev-parse", "HEAD")
    return found


def test_the_commit_of_a_folder_and_of_those_below(repository: Path) -> None:
    assert same(repository) == same(repository / "inner" / "deep")
    first = same(repository)
    git(repository, "commit", "-qm", "second", "--allow-empty")
    assert same(repository) != first


def test_a_packed_a_nested_and_a_detached_branch(repository: Path) -> None:
    git(repository, "checkout", "-qb", "team/é/x")
    git(repository, "branch", "team-other")
    same(repository)
    git(repository, "pack-refs", "--all")
    assert not (repository / ".git" / "refs" / "heads" / "team").exists()
    same(repository)
    git(repository, "commit", "-qm", "second", "--allow-empty")  # a loose one beside the packed
    same(repository)
    git(repository, "checkout", "-q", "--detach", "HEAD~1")
    same(repository)
    git(repository, "tag", "-a", "v1", "-m", "v1")  # a peeled line in packed-refs
    git(repository, "pack-refs", "--all")
    git(repository, "checkout", "-q", "main")
    same(repository)


def test_a_worktree_and_a_submodule(repository: Path, tmp_path: Path) -> None:
    tree_ = tmp_path / "worktree"
    git(repository, "worktree", "add", "-q", "-b", "side", str(tree_))
    git(tree_, "commit", "-qm", "in the worktree", "--allow-empty")
    assert same(tree_) != same(repository)
    git(repository, "pack-refs", "--all")
    assert same(tree_) != same(repository)
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "in")
    assert same(outer / "in") == same(repository)


def test_where_there_is_no_commit(tmp_path: Path) -> None:
    assert here.commit(str(tmp_path)) is None
    git(tmp_path, "init", "-q")
    assert here.commit(str(tmp_path)) is None


@pytest.mark.parametrize(
    "head",
    [
        "ref: refs/heads/.invalid\n",  # refs kept in another format
        "ref: ../../secret\n",
        "ref: refs/../../secret\n",
        "ref: /etc/passwd\n",
        "hunter2\n",
        f"{'a' * 41}\n",
        f"{'G' * 40}\n",
        "ref: \n",
        "\xff\n",
        "",
    ],
)
def test_a_head_that_is_none(tmp_path: Path, head: str) -> None:
    tree(tmp_path, {"p/.git/HEAD": head, "p/secret": "a" * 40, "secret": "b" * 40})
    assert here.commit(f"{tmp_path}/p") is None


@pytest.mark.parametrize("owner", ["stranger", "ours"])
def test_a_head_without_an_end_is_not_read_to_it(
    tmp_path: Path, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone may put one above a project in a shared folder: `ln -s /dev/zero /tmp/.git/HEAD`."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "p").mkdir()
    (tmp_path / ".git/HEAD").symlink_to("/dev/zero")
    if owner == "stranger":
        _foreign(tmp_path / ".git", monkeypatch)
    assert here.commit(f"{tmp_path}/p") is None
    (tmp_path / ".git/HEAD").unlink()
    with (tmp_path / ".git/HEAD").open("wb") as file:
        file.truncate(10**12)
    assert here.commit(f"{tmp_path}/p") is None


def test_a_strangers_repository_above_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, {".git/HEAD": "a" * 40, "p/x": ""})
    assert here.commit(f"{tmp_path}/p") == "a" * 40
    _foreign(tmp_path / ".git", monkeypatch)
    assert here.commit(f"{tmp_path}/p") is None
    _foreign(tmp_path / "p", monkeypatch)  # the project is theirs as well: so a teammate's checkout
    assert here.commit(f"{tmp_path}/p") == "a" * 40


def _foreign(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a path belong to another user, whether we are root or not: the kernel's answer is given here."""
    real = os.lstat

    def lstat(name: str) -> os.stat_result:
        found = real(name)
        theirs = os.stat_result((*found[:4], 4242, *found[5:]))
        return theirs if str(name) == str(path) else found

    monkeypatch.setattr(os, "lstat", lstat)


def test_a_long_list_of_packed_branches_is_read(tmp_path: Path) -> None:
    lines = "".join(f"{number:040x} refs/heads/b{number}\n" for number in range(3000))
    tree(tmp_path, {".git/HEAD": "ref: refs/heads/b2999\n", ".git/packed-refs": lines})
    assert here.commit(str(tmp_path)) == f"{2999:040x}"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".git")
    assert here.commit(str(tmp_path)) is None
