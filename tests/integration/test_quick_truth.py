"""Whatever happens to a note of `verify` and to what it rests on: it costs time, never truth.

Each example spoils the project, the machine, the shell and the note. Where the fast path answers all the same, the
whole program must say the same without any note; it runs in this process, so that there can be many examples.
"""

import fcntl
import itertools
import os
import shutil
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from envctl import __version__, quick
from envctl.adapters.probes.host import surroundings
from envctl.cli import cli
from envctl.disk import inputs, machine
from tests import driver, machines
from tests.integration.trouble import environment, project
from tests.integration.world import World

LINES = {
    "verify --only lock,image,fleet": "verify-fleet,image,lock",
    "verify --only lock,image,fleet --json": "verify-fleet,image,lock.json",
    "verify --only environment": "verify-environment",
    "verify": f"verify-{quick.EVERY_LAYER}",
    "verify --json": f"verify-{quick.EVERY_LAYER}.json",
}
REFUSED = (OSError, ValueError, LookupError, ImportError)
"""What `quick.answer` takes for "ask the whole program"."""
HOST = {
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12"\nID="debian"\nVERSION_ID="12"\n',
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "proc/bus/pci/devices": "0000\t80860d57\t0\n",
    "proc/self/cgroup": "0::/user.slice/session-1.scope\n",
    "proc/1/cgroup": "0::/init.scope\n",
    "proc/self/mountinfo": "30 23 0:26 / / rw - ext4 /dev/vda rw\n",
    "etc/hosts": "127.0.0.1 localhost\n",
}
PROJECT = (
    *("pyproject.toml", "pylock.toml", "Dockerfile", ".dockerignore"),
    *(".envctl/machines/h100.toml", ".envctl/machines/here.toml", ".envctl/image/contract.json"),
    *(".envctl/local.toml", ".envctl/machines/new.toml"),
)
SITE = ".venv/lib/python{}.{}/site-packages".format(*sys.version_info[:2])
INSTALLED = (
    *(".venv/envctl.json", ".venv/envctl.files", ".venv/pyvenv.cfg", ".venv/bin/activate"),
    *(f"{SITE}/zz_made_lib/__init__.py", f"{SITE}/zz_made_lib-1.1.dist-info/RECORD"),
    *(f"{SITE}/zz_made_lib/mine.py", ".venv/bin/mine", f"{SITE}/zz_stray-1.dist-info/METADATA"),
)
MACHINE = (
    *HOST,
    *("proc/driver/nvidia/version", "sys/module/nvidia/version", "usr/lib64/libnvidia-ml.so.1"),
    *("usr/bin/nvidia-smi", "etc/ld.so.cache", ".dockerenv", "run/.containerenv"),
    *("sys/bus/pci/devices/0000:01:00.0/vendor", "opt/rocm/.info/version"),
    "sys/class/kfd/kfd/topology/nodes/1/properties",
)
TEXTS = (
    *("", "x", "# nothing\n", "[tool.envctl.verify]\nstrict = true\n", "ID=windows\n"),
    *("libnvidia-ml.so.1", "0::/slurm/uid_1/job_7\n", "1::/docker/abc\n", machines.text("t4")),
    *('[env]\nPYTHONHASHSEED = "7"\n', 'env-file = "my.env"\n', 'profile = "x"\n'),
    *("# Kubernetes-managed hosts file.\n", "gfx_target_version 90010\n", "0x10de\n"),
)
VARIABLES = (
    *("PYTHONHASHSEED", "CUDA_VISIBLE_DEVICES", "XLA_FLAGS", "OMP_NUM_THREADS", "HF_TOKEN"),
    *("HF_HOME", "LD_LIBRARY_PATH", "SLURM_JOB_ID", "KUBERNETES_SERVICE_HOST", "VIRTUAL_ENV"),
    *("APPTAINER_CONTAINER", "ENVCTL_PROFILE", "LANG", "USER", "MY_PASSWORD"),
)
VALUES = ("", "0", "2", "/home/ada/x", "https://ada:hunter2@index.example/", "cpu")

Mutation = tuple[str, int, int, bytes, bool]
"""A file's manner of change, where, how far, with what, and whether size and time are made to hide it."""
mutations: st.SearchStrategy[Mutation] = st.tuples(
    st.sampled_from(("edit", "same bytes", "gone", "folder", "touch", "text", "hard link")),
    st.integers(0, 4000),
    st.integers(0, 40),
    st.one_of(st.binary(max_size=40), st.sampled_from([each.encode() for each in TEXTS])),
    st.booleans(),
)
notes: st.SearchStrategy[Mutation | None] = st.one_of(st.none(), st.none(), mutations)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a project in order, on a recorded machine without a GPU, with a note of each command line."""
    with project(tmp_path_factory.mktemp("truth")) as world, pytest.MonkeyPatch.context() as patch:
        root = driver.tree(world.root.parent / "machine", HOST)
        world.environ = {**world.environ, "ENVCTL_SYSROOT": str(root), "PATH": "/usr/bin:/bin"}
        world.write(".envctl/machines/h100.toml", machines.text("h100"))
        world.write("my.env", "PYTHONHASHSEED=7\n")
        enter(world, patch)
        for words in ("dockerize", "record --save here", *LINES):
            code, said = whole(words)
            assert code == 0, said
        yield world


@pytest.fixture(autouse=True)
def _within(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(made, monkeypatch)


def enter(world: World, patch: pytest.MonkeyPatch) -> None:
    """Be in the project, with its variables and no others."""
    variables = environment(world)
    for name in os.environ.keys() - variables.keys():
        patch.delenv(name)
    for name, value in variables.items():
        patch.setenv(name, value)
    patch.chdir(world.root)


def whole(words: str) -> tuple[int, str]:
    """Return the exit code and stdout of the whole program, in this process."""
    done = CliRunner().invoke(cli, words.split(), prog_name="envctl")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


def answer(words: str) -> str | None:
    """Return what the fast path says, with exit code 0; ``None``: it asks the whole program."""
    with suppress(*REFUSED):
        return quick._read(quick._verify_note(words.split()[1:]))
    return None


def truthful(words: str) -> bool:
    """Whether the fast path answers; then the whole program must say the same where there are no notes."""
    said = answer(words)
    if said is None:
        return False
    kept = Path(quick.CACHE).rename(".envctl/kept")
    try:
        assert (0, said) == whole(words)
    finally:
        shutil.rmtree(quick.CACHE, ignore_errors=True)
        kept.rename(quick.CACHE)
    return True


_numbers = itertools.count()


@contextmanager
def changed(path: Path, mutation: Mutation) -> Iterator[None]:
    """Change a file, and put the very file back: its times and its inode are looked at."""
    spare = Path.cwd().parent / f"spare{next(_numbers)}"
    there = path.is_file()
    if there:
        path.rename(spare)
    missing = [each for each in path.parents if not each.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        spoil(path, spare if there else None, mutation)
        yield
    finally:
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        if there:
            spare.rename(path)
        for each in missing:
            each.rmdir()


def spoil(path: Path, original: Path | None, mutation: Mutation) -> None:
    """Make what is to be in the place of a file."""
    manner, at, far, more, hidden = mutation
    if manner == "gone":
        return
    if manner == "folder":
        path.mkdir()
        return
    if manner == "hard link" and original:
        path.hardlink_to(original)
        return
    text = original.read_bytes() if original else b""
    at = min(at, len(text))
    edits = {
        "edit": text[:at] + more + text[at + (len(more) if hidden else far) :],
        "text": text + more,
    }
    path.write_bytes(edits.get(manner, text))
    if original and (hidden or manner == "same bytes"):
        before = original.stat()
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextmanager
def shell(values: dict[str, str | None]) -> Iterator[None]:
    """Set or unset variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        yield


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    words=st.sampled_from(tuple(LINES)),
    note=notes,
    files=st.dictionaries(st.sampled_from(PROJECT + INSTALLED), mutations, max_size=2),
    signs=st.dictionaries(st.sampled_from(MACHINE), mutations, max_size=1),
    values=st.dictionaries(
        st.sampled_from(VARIABLES), st.one_of(st.none(), st.sampled_from(VALUES)), max_size=2
    ),
)
def test_the_answer_is_the_whole_programs(
    made: World,
    words: str,
    note: Mutation | None,
    files: dict[str, Mutation],
    signs: dict[str, Mutation],
    values: dict[str, str | None],
) -> None:
    assert answer(words) is not None, "the project is not as it was before"
    with ExitStack() as spoilt:
        for name, mutation in files.items():
            spoilt.enter_context(changed(made.root / name, mutation))
        for name, mutation in signs.items():
            root = Path(made.environ["ENVCTL_SYSROOT"])
            spoilt.enter_context(changed(root / name, mutation))
        if note:
            spoilt.enter_context(changed(made.root / quick.CACHE / LINES[words], note))
        spoilt.enter_context(shell(values))
        event("answered quickly" if truthful(words) else "asked again")


@pytest.mark.parametrize("words", LINES)
def test_what_changes_nothing_is_still_answered_quickly(made: World, words: str) -> None:
    """The property above would hold as well for a fast path that never answers."""
    nothing: dict[str, str | None] = {"LANG": "C", "MY_PASSWORD": "hunter2", "TERM": "dumb"}
    same = ("same bytes", 0, 0, b"", False)
    with shell(nothing), ExitStack() as spoilt:
        for name in ("pyproject.toml", "pylock.toml", "Dockerfile", ".venv/envctl.files"):
            spoilt.enter_context(changed(made.root / name, same))
        assert truthful(words)


HIDDEN: Mutation = ("edit", 90, 0, b"~~~", True)
APPEARS: Mutation = ("text", 0, 0, b"0f0e0d0c0b0a0908\n", False)


@pytest.mark.parametrize("name", [".venv/envctl.files", "pylock.toml", "Dockerfile"])
def test_an_edit_behind_size_and_time_is_asked_again(made: World, name: str) -> None:
    path = made.root / name
    before = path.stat()
    with changed(path, HIDDEN):
        after = path.stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        assert answer("verify") is None
    assert truthful("verify")


@pytest.mark.parametrize(
    "name",
    [
        *("proc/driver/nvidia/version", "usr/lib64/libnvidia-ml.so.1", "usr/bin/nvidia-smi"),
        *("proc/bus/pci/devices", "etc/machine-id", ".dockerenv", "etc/os-release"),
    ],
)
def test_a_machine_that_changes_is_asked_again(made: World, name: str) -> None:
    with changed(Path(made.environ["ENVCTL_SYSROOT"]) / name, APPEARS):
        assert answer("verify") is None
        assert answer("verify --only environment") is not None
    assert truthful("verify")


NVRM = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri May 31 09:35:42 UTC 2024\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [("proc/driver/nvidia/version", NVRM), ("proc/self/cgroup", "0::/slurm/uid_1/job_7\n")],
)
def test_a_driver_and_a_job_are_asked_each_time(made: World, name: str, text: str) -> None:
    path = Path(made.environ["ENVCTL_SYSROOT"]) / name
    with changed(path, ("text", 0, 0, text.encode(), False)):
        assert whole("verify")[0] == 0
        assert answer("verify") is None
    assert answer("verify") is not None


@pytest.mark.parametrize("name", ["XLA_FLAGS", "OMP_NUM_THREADS", "VIRTUAL_ENV", "SLURM_JOB_ID"])
def test_a_variable_that_counts_is_asked_again(made: World, name: str) -> None:
    with shell({name: "1"}):
        assert answer("verify") is None
        assert answer("verify --only lock,image,fleet") is not None


def test_no_note_tells_of_a_secret(made: World) -> None:
    """Neither a value nor a digest of one, by which a short password could be found out."""
    note, texts = made.root / quick.CACHE / LINES["verify"], []
    for secret in ("hunter2", "hunter3"):
        with shell({"HF_TOKEN": secret, "MY_PASSWORD": secret}):
            assert whole("verify")[0] == 0
            assert truthful("verify")
            texts.append(note.read_bytes())
    assert texts[0] == texts[1]
    assert whole("verify")[0] == 0
    assert note.read_bytes() != texts[0], "whether HF_TOKEN is set counts"


@pytest.mark.parametrize("line", ["[env]\nHF_TOKEN = 'x'\n", "env-file = 'my.env'\n"])
def test_what_an_env_file_changes_leaves_no_note(made: World, line: str) -> None:
    note = made.root / quick.CACHE / LINES["verify"]
    note.unlink()
    with changed(made.root / ".envctl/local.toml", ("text", 0, 0, line.encode(), False)):
        whole("verify")
        assert note.exists() is ("HF_TOKEN" in line)
    whole("verify")
    assert truthful("verify")


def test_notes_of_others(made: World) -> None:
    """Another project's, another machine's, another envctl's, or another installation of it."""
    home = made.root / quick.CACHE
    note = home / LINES["verify --only lock,image,fleet"]
    text = note.read_text(encoding="utf-8")
    copy = made.root.parent / "another"
    shutil.copytree(made.root, copy, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(copy)
        assert whole("verify --only lock,image,fleet")[0] == 0
        foreign = (copy / note.relative_to(made.root)).read_text(encoding="utf-8")
        assert answer("verify --only lock,image,fleet") is not None
    older = text.replace(f"envctl {__version__} ", "envctl 0.0.9 ", 1)
    python = ".".join(map(str, sys.version_info[:3]))
    minor = text.replace(f" {python} ", " 3.10.1 ", 1)
    for other in (foreign, older, minor):
        assert other != text
        note.write_text(other, encoding="utf-8")
        assert answer("verify --only lock,image,fleet") is None
    note.write_text(text, encoding="utf-8")
    assert truthful("verify --only lock,image,fleet")


def test_a_new_installation_of_the_same_version_asks_again(made: World, tmp_path: Path) -> None:
    """A clone is installed anew under the version that it had: its rules may be others."""
    shutil.copytree(Path(quick.__file__).parent, tmp_path / "envctl")
    code = "import sys; from envctl import quick; quick.answer(['envctl', *sys.argv[1:]]); sys.exit(99)"
    argv = [sys.executable, "-c", code, "verify", "--only", "lock,image,fleet"]
    for path, expected in ((Path(quick.__file__).parents[1], 0), (tmp_path, 99)):
        env = {**os.environ, "PYTHONPATH": str(path)}
        done = subprocess.run(argv, cwd=made.root, env=env, capture_output=True, check=False)
        assert done.returncode == expected, done.stderr


@pytest.mark.parametrize(
    ("columns", "more", "quickly"),
    [
        (100, {}, True),
        (60, {}, False),
        (100, {"NO_COLOR": "1"}, False),
    ],
)
def test_a_terminal_shows_the_same(
    made: World, columns: int, more: dict[str, str], *, quickly: bool
) -> None:
    """Colours and broken lines included."""
    env = {**os.environ, "TERM": "xterm", "XLA_FLAGS": "a warning", **more}
    fast = (
        "import sys; from envctl import quick; quick.answer(['envctl', *sys.argv[1:]]); sys.exit(9)"
    )
    full = "from envctl.cli import cli; cli(prog_name='envctl')"
    code, shown = on_terminal(full, columns, env)
    assert (code, b"\x1b[33mwarning" in shown) == (0, not more)
    assert on_terminal(fast, columns, env) == ((0, shown) if quickly else (9, b""))
    whole("verify")


def on_terminal(code: str, columns: int, env: dict[str, str]) -> tuple[int, bytes]:
    """Return exit code and output of `verify`, called by this Python code with a terminal of that width."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    argv = [sys.executable, "-c", code, "verify"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=slave, env=env, check=False)
    os.set_blocking(master, False)
    said = b""
    with suppress(BlockingIOError):
        said = os.read(master, 1 << 16)
    os.close(slave)
    os.close(master)
    return done.returncode, said


def test_a_clock_that_is_set_back() -> None:
    """Support that has ended would count as if it had not; a note holds from the day on which it was written."""
    today = datetime.now(tz=UTC).date()
    days = {number: (today + timedelta(days=number)).isoformat() for number in (-2, 2)}
    assert [inputs.look("since", days[number]) for number in (-2, 2)] == ["yes", "no"]
    assert [inputs.look("until", days[number]) for number in (-2, 2)] == ["no", "yes"]


def test_the_notes_that_rest_on_support_name_both_days(made: World) -> None:
    for words, name in LINES.items():
        text = (made.root / quick.CACHE / name).read_text(encoding="utf-8")
        both = "\nsince yes " in text and "\nuntil yes " in text
        assert both is ("environment" not in words)


def test_a_note_that_is_replaced_while_it_is_read(made: World) -> None:
    """Another envctl swaps it in, an editor writes into it: each read has the right text, or none."""
    words = "verify --only lock,image,fleet"
    note = made.root / quick.CACHE / LINES[words]
    sound = note.read_bytes()
    right = sound.partition(b"\n\n")[2].decode()
    texts = (sound, b"", sound[: len(sound) // 2], sound.replace(b"ok", b"no"), sound)
    finished = threading.Event()

    def swap() -> None:
        for number in itertools.count():
            if finished.is_set():
                return
            other = note.with_name("other")
            other.write_bytes(texts[number % len(texts)])
            other.replace(note)
            with note.open("r+b") as file:
                file.write(texts[(number + 1) % len(texts)][:200])

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        said = [answer(words) for _ in range(400)]
    finally:
        finished.set()
        thread.join()
        note.write_bytes(sound)
    assert set(said) <= {None, right}
    assert None in said
    assert truthful(words)


def test_a_note_that_may_not_be_read(made: World) -> None:
    words, root = "verify --only lock,image,fleet", os.geteuid() == 0
    note = made.root / quick.CACHE / LINES[words]
    note.chmod(0)
    try:
        if root:  # whom no mode binds
            os.seteuid(65534)
        assert answer(words) is None
    finally:
        if root:
            os.seteuid(0)
        note.chmod(0o644)
    assert truthful(words)


def test_a_schedulers_job_is_known_by_a_word_of_its_group() -> None:
    """The fast path asks the whole program there; it knows no more than these words."""
    for _, group in surroundings._JOB_GROUPS:
        assert any(word in group.pattern for word in machine.JOBS)
