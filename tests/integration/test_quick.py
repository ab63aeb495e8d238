"""The fast path (`envctl.quick`) never answers differently than the whole program: it costs time, never truth."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envctl import __version__, quick
from tests import machines
from tests.integration.trouble import call, environment, project, put_back
from tests.integration.world import World

QUICK = (sys.executable, "-m", "envctl")
FULL = (sys.executable, "-c", "from envctl.cli import cli; cli(prog_name='envctl')")
ONLY_QUICK = (
    sys.executable,
    "-c",
    "import sys; from envctl import quick; quick.answer(['envctl', *sys.argv[1:]]); sys.exit(99)",
)
"""The fast path alone: 99 when it hands the command on."""
HANDED_ON = 99
RUN = re.compile(rb"(?<=/\.envctl/runs/)[0-9TZ]{16}-[0-9a-f]{8}(?=\.json)")
"""What is another one for each command: the name of its description."""
RECORDS = ".envctl/machines"
MACHINES = ("h100", "no-gpu")
SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
Spoil = Callable[[World], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a project with two environments and an image, and notes of every command that leaves one."""
    with project(tmp_path_factory.mktemp("quick")) as world:
        for name in MACHINES:
            world.write(f"{RECORDS}/{name}.toml", machines.text(name))
        (
            world.root / RECORDS / "spare"
        ).mkdir()  # with `.toml` it would be a record that cannot be read
        copy = world.root.parent / "copy"
        shutil.rmtree(copy)
        for command in (
            *("lock", "dockerize", "sync --no-default-groups", "sync", "run -- true"),
            *(f"verify --only {only}" for only in ("lock", "image", "lock,image", "environment")),
            "verify --only lock,image,fleet",
            *("verify --only environment --full", "verify"),
        ):
            assert call(world, *command.split()).code == 0, command
        shutil.copytree(world.root, copy, symlinks=True)
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def start(
    program: tuple[str, ...],
    world: World,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> tuple[int, bytes, bytes]:
    """Start one of the three programs; return its code, stdout (each run's file by one name) and stderr."""
    done = subprocess.run(
        [*program, *arguments],
        cwd=world.root,
        env=environment(world) if env is None else env,
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, RUN.sub(b"ID", done.stdout), done.stderr


def answered(world: World, *arguments: str, env: Mapping[str, str] | None = None) -> bool:
    """Whether the fast path answers itself."""
    return start(ONLY_QUICK, world, *arguments, env=env)[0] != HANDED_ON


def both(
    world: World,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> tuple[int, bytes, bytes]:
    """Ask with the fast path and without; assert that they agree on everything, and return it."""
    here = start(QUICK, world, *arguments, env=env, stdin=stdin)
    whole = start(FULL, world, *arguments, env=env, stdin=stdin)
    assert here == whole, arguments
    return whole


# Command lines, where all is in order

LINES = {
    "verify --only lock": True,
    "verify --only image": True,
    "verify --only lock,image": True,
    "verify --only image,lock": True,
    "verify --only lock,image,fleet": True,
    "verify --only fleet,lock,image --json": True,
    "verify --only fleet": False,
    "verify --only lock,image --json": True,
    "verify --json --only lock": True,
    "verify --json --only lock --json": True,
    "verify --only lock --only image": False,
    "verify --only lock --only lock": False,
    "verify --only lock,lock": False,
    "verify --only=lock": False,
    "verify --only LOCK": False,
    "verify --only locks": False,
    "verify --only ../sync": False,
    "verify --only lock.json": False,
    "verify --only": False,
    "verify --only lock --strict": False,
    "verify --skip environment,variables,machine": False,
    "verify --only lock,environment": False,
    "verify --only environment": True,
    "verify --only environment --json": True,
    "verify --only environment --full": True,
    "verify --full --json --only environment": True,
    "verify": True,
    "verify --json": True,
    "verify --full": False,
    "verify --fix": False,
    "verify --skip image": False,
    "verify --only lock --full": False,
    "verify --only environment --full --strict": False,
    "verify --only lock --help": False,
    "sync": True,
    "lock": True,
    "lock --json": False,
    "lock --check": False,
    "lock --upgrade": False,
    "sync --check": False,
    "sync --json": False,
    "-C . sync": False,
    "run -- printenv CUDA_VISIBLE_DEVICES": True,
    "run -- printenv -0": True,
    "run printenv CUDA_VISIBLE_DEVICES": True,
    "run printenv -- A": True,
    "run --env A=1 -- printenv A": True,
    "run --env A=1 --env A=2 printenv A": True,
    "run --env CUDA_VISIBLE_DEVICES=7 printenv CUDA_VISIBLE_DEVICES": True,
    "run --env PYTHONHOME= -- printenv PYTHONHOME": True,
    "run --env PATH= -- true": False,
    "run --env=A=1 -- printenv A": False,
    "run --env A -- printenv A": False,
    "run --env 1=1 -- printenv A": False,
    "run --env": False,
    "run --env A=1": False,
    "run --env A=1 --": False,
    "run --env A=1 --isolated -- printenv A": False,
    "run --isolated -- printenv A": False,
    "run --explain": False,
    "run --explain -- true": False,
    "run -x": False,
    "run -": False,
    "run -- zz-no-such-program": False,
    "run -- --help": False,
    "run -- -- true": False,
    "run --": False,
    "run": False,
    "runs": False,
}


@pytest.mark.parametrize("line", LINES)
def test_a_command_line(world: World, line: str) -> None:
    assert answered(world, *line.split()) is LINES[line]
    both(world, *line.split())


def test_empty_arguments(world: World) -> None:
    for line in (["verify", "--only", ""], ["run", "--", ""], ["run", "--", "printenv", ""], [""]):
        both(world, *line)


# States


def edit(name: str, old: str, new: str) -> Spoil:
    return lambda world: world.edit(name, old, new)


def add(name: str, text: str) -> Spoil:
    def spoil(world: World) -> None:
        path = world.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)

    return spoil


def remove(name: str) -> Spoil:
    return lambda world: (world.root / name).unlink()


def relink(world: World) -> None:
    """Point .venv at the other environment, as a sync to another slice would."""
    link = world.root / ".venv"
    now = link.readlink()
    every = (world.root / now).parent.iterdir()
    [other] = [path for path in every if path.is_dir() and path.name != now.name]
    link.unlink()
    link.symlink_to(now.with_name(other.name))


def unlinked(world: World) -> None:
    (world.root / ".venv").unlink()
    (world.root / ".venv").mkdir()


def package_gone(world: World) -> None:
    shutil.rmtree(world.site / "zz_made_lib-1.1.dist-info")


def package_added(world: World) -> None:
    (world.site / "zz_stray-1.dist-info").mkdir()


def rename_machine(world: World) -> None:
    (world.root / RECORDS / "no-gpu.toml").rename(world.root / RECORDS / "attic.toml")


def folder_for_machine(world: World) -> None:
    (world.root / RECORDS / "no-gpu.toml").unlink()
    (world.root / RECORDS / "no-gpu.toml").mkdir()


def machine_for_folder(world: World) -> None:
    (world.root / RECORDS / "spare").rmdir()
    world.write(f"{RECORDS}/spare.toml", machines.text("b200"))


def notes(change: Callable[[bytes], bytes]) -> Spoil:
    """Return what changes the bytes of every note."""

    def spoil(world: World) -> None:
        for path in (world.root / quick.CACHE).iterdir():
            path.write_bytes(change(path.read_bytes()))

    return spoil


def swapped(world: World) -> None:
    """Give each note the text of another."""
    paths = sorted((world.root / quick.CACHE).iterdir())
    texts = [path.read_bytes() for path in paths]
    for path, text in zip(paths, [*texts[1:], texts[0]], strict=True):
        path.write_bytes(text)


def note_folders(world: World) -> None:
    for path in (world.root / quick.CACHE).iterdir():
        path.unlink()
        path.mkdir()


def moonstruck(world: World) -> None:
    """Seal the notes anew such that they rest on something unknown: a later envctl's, say."""
    for path in (world.root / quick.CACHE).iterdir():
        body = path.read_text(encoding="utf-8").partition("\n\n")[2]
        path.write_text(quick.seal(path.name, [("moon", "full", "tonight")], body))


ACTIVATE = ".venv/bin/activate"
STATES: dict[str, Spoil] = {
    "in order": lambda _: None,
    "lock edited": edit("pylock.toml", 'version = "1.1"', 'version = "1.2"'),
    "lock without a variable": edit("pylock.toml", 'PYTHONHASHSEED = "0"', ""),
    "lock gone": remove("pylock.toml"),
    "lock broken": add("pylock.toml", "<<<<<<< HEAD\n"),
    "manifest asks for more": edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"'),
    "manifest sets more": edit("pyproject.toml", "[tool.envctl.env]", "[tool.envctl.env]\nA = '1'"),
    "manifest sets a secret": add("pyproject.toml", 'HF_TOKEN = "x"\n'),
    "manifest broken": add("pyproject.toml", "[[[\n"),
    "manifest wants a newer envctl": edit(
        "pyproject.toml", "[tool.envctl]", '[tool.envctl]\nrequired-version = ">99"'
    ),
    "manifest has a comment more": add("pyproject.toml", "# nothing\n"),
    "manifest has a build system": add("pyproject.toml", "[build-system]\nrequires = []\n"),
    "a machine more": add(f"{RECORDS}/t4.toml", machines.text("t4")),
    "a machine less": remove(f"{RECORDS}/no-gpu.toml"),
    "a machine renamed": rename_machine,
    "a machine changed": edit(f"{RECORDS}/h100.toml", '"x86_64"', '"aarch64"'),
    "a machine merged": add(f"{RECORDS}/h100.toml", "<<<<<<< HEAD\n"),
    "a folder in place of a machine": folder_for_machine,
    "a machine in place of a folder": machine_for_folder,
    "something that is no machine": add(f"{RECORDS}/README.md", "what we have\n"),
    "no machines": lambda world: shutil.rmtree(world.root / RECORDS),
    "local.toml appears": add(".envctl/local.toml", '[env]\nMINE = "1"\n'),
    "local.toml overrides": add(".envctl/local.toml", '[env]\nCUDA_VISIBLE_DEVICES = "7"\n'),
    "local.toml has a secret": add(".envctl/local.toml", '[env]\nHF_TOKEN = "hunter2"\n'),
    "local.toml broken": add(".envctl/local.toml", "[env\n"),
    "Dockerfile edited above": edit("Dockerfile", "# ", "# mine\n# "),
    "Dockerfile edited inside": edit("Dockerfile", "FROM ", "FROM x"),
    "Dockerfile gone": remove("Dockerfile"),
    "image list gone": remove(".envctl/image/contract.json"),
    "dockerignore edited": edit(".dockerignore", "*", "**"),
    "another environment": relink,
    "no environment": remove(".venv"),
    "a folder for an environment": unlinked,
    "stamp gone": remove(".venv/envctl.json"),
    "stamp edited": edit(".venv/envctl.json", '"zz-made-lib": "1.1"', '"zz-made-lib": "1.0"'),
    "stamp of another Python": edit(".venv/envctl.json", '"python": "3', '"python": "4'),
    "package gone": package_gone,
    "package added": package_added,
    "activation edited": edit(ACTIVATE, "PYTHONHASHSEED", "PYTHONHASHSEEDS"),
    "activation gone": remove(ACTIVATE),
    "notes gone": lambda world: shutil.rmtree(world.root / quick.CACHE),
    "notes empty": notes(lambda _: b""),
    "notes cut": notes(lambda text: text[: len(text) // 2]),
    "notes cut before their answer": notes(lambda text: text.partition(b"\n\n")[0] + b"\n\n"),
    "notes binary": notes(lambda text: bytes(255 - byte for byte in text)),
    "notes with another answer": notes(lambda text: text.replace(b"ok", b"no")),
    "notes with other line ends": notes(lambda text: text.replace(b"\n", b"\r\n")),
    "notes of another version": notes(
        lambda text: text.replace(f"envctl {__version__}".encode(), b"envctl 9.9.9")
    ),
    "notes that rest on something unknown": moonstruck,
    "notes swapped": swapped,
    "notes are folders": note_folders,
}
ASKED = (
    *("verify --only lock,image,fleet", "verify --only lock,image,fleet --json"),
    "verify --only environment",
    *("lock", "sync", "run -- env -0"),
)
WRITES = ("lock", "sync")


@pytest.mark.parametrize("state", STATES)
def test_a_state(world: World, state: str) -> None:
    """Each program finds the same spoilt project, notes included."""
    STATES[state](world)
    spoilt = world.root.parent / "spoilt"
    shutil.copytree(world.root, spoilt, symlinks=True)
    try:
        for line in ASKED:
            said = []
            for program in (QUICK, FULL):
                said.append(start(program, world, *line.split()))
                if line in WRITES or program is FULL:
                    shutil.rmtree(world.root)
                    shutil.copytree(spoilt, world.root, symlinks=True)
            assert said[0] == said[1], line
    finally:
        shutil.rmtree(spoilt)


LIB = ".venv/lib/python{}.{}/site-packages/zz_made_lib".format(*sys.version_info[:2])


def bytes_alone(world: World) -> None:
    """Edit a file such that its size and time say nothing."""
    path = world.root / LIB / "__init__.py"
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def other_link(world: World) -> None:
    path = world.root / ".venv" / "bin" / "python3"
    path.unlink()
    path.symlink_to("/bin/sh")


def torn_snapshot(world: World) -> None:
    path = world.root / ".venv" / "envctl.files"
    path.write_bytes(path.read_bytes()[:-9])


def stamp_touched(world: World) -> None:
    """As `sync` does with the environment that it leaves."""
    os.utime(world.root / ".venv" / "envctl.json")


BY_SIZE_AND_TIME, BY_BYTES = "verify --only environment", "verify --only environment --full"
FILES: dict[str, tuple[Spoil, set[str]]] = {
    "nothing": (lambda _: None, {BY_SIZE_AND_TIME, BY_BYTES}),
    "an edit": (add(f"{LIB}/__init__.py", "# mine\n"), set()),
    "an edit that hides": (bytes_alone, {BY_SIZE_AND_TIME}),
    "a touch": (lambda world: (world.root / LIB / "__init__.py").touch(), {BY_BYTES}),
    "a file gone": (remove(f"{LIB}/__init__.py"), set()),
    "a file more": (add(f"{LIB}/mine.py", ""), set()),
    "a program more": (add(".venv/bin/mine", ""), set()),
    "a file at the top": (add(".venv/mine", ""), set()),
    "a RECORD edited": (add(f"{LIB}-1.1.dist-info/RECORD", "mine.py,,\n"), set()),
    "a RECORD gone": (remove(f"{LIB}-1.1.dist-info/RECORD"), set()),
    "another link": (other_link, set()),
    "a package more, empty": (package_added, set()),
    "an empty folder": (
        lambda world: (world.root / LIB / "mine").mkdir(),
        {BY_SIZE_AND_TIME, BY_BYTES},
    ),
    "byte-compiled": (
        add(f"{LIB}/__pycache__/mine.pyc", ""),
        {BY_SIZE_AND_TIME, BY_BYTES},
    ),
    "no snapshot": (remove(".venv/envctl.files"), set()),
    "a torn snapshot": (torn_snapshot, set()),
    "the stamp touched": (stamp_touched, {BY_SIZE_AND_TIME, BY_BYTES}),
    "an interpreter that is gone": (remove(".venv/bin/python"), set()),
}
"""What happened to the environment, and which commands the fast path still answers itself."""


@pytest.mark.parametrize("state", FILES)
def test_a_state_of_the_files(world: World, state: str) -> None:
    spoil, quickly = FILES[state]
    spoil(world)
    for line in (BY_SIZE_AND_TIME, BY_BYTES):
        assert answered(world, *line.split()) is (line in quickly), line
        both(world, *line.split())


def test_a_change_while_verify_looks_leaves_no_note(made: World) -> None:
    """Whatever moment the edit falls into, the answer that stays is not for a file that nobody saw."""
    for number in range(8):
        put_back(made)
        for note in (made.root / quick.CACHE).glob("verify-environment*"):
            note.unlink()
        process = subprocess.Popen(
            [*FULL, *BY_SIZE_AND_TIME.split()],
            cwd=made.root,
            env=environment(made),
            stdout=subprocess.DEVNULL,
        )
        time.sleep(0.04 * number)
        add(f"{LIB}/__init__.py", "# mine\n")(made)
        process.wait(60)
        assert not answered(made, *BY_SIZE_AND_TIME.split())
        assert both(made, *BY_SIZE_AND_TIME.split())[0] == 1


def test_a_copy_of_the_project_is_not_the_project(world: World, tmp_path: Path) -> None:
    """Its notes name the first project's environment, which is still there."""
    copied = World(root=tmp_path / "copy", index=world.index, environ=world.environ)
    shutil.copytree(world.root, copied.root, symlinks=True)
    for line in ASKED:
        assert answered(world, *line.split())
        assert not answered(copied, *line.split())
    _, out, _ = both(copied, "run", "--", "printenv", "VIRTUAL_ENV")
    assert Path(os.fsdecode(out).strip()).is_relative_to(copied.root)


def test_from_another_folder_of_the_project(world: World) -> None:
    inner = World(root=world.root / "src", index=world.index, environ=world.environ)
    inner.root.mkdir()
    for line in ASKED:
        assert not answered(inner, *line.split())
        both(inner, *line.split())
    for line in ASKED:
        assert answered(world, *line.split())


def test_a_change_while_the_answer_is_found_leaves_no_note(world: World) -> None:
    """The manifest changes while `sync` works: its note would hold for a manifest that it never saw."""
    world.edit("pyproject.toml", 'dev = ["zz-made-test"]', "dev = []")
    assert call(world, "lock").code == 0
    (world.root / quick.CACHE / "sync").unlink()
    world.index.fault, world.index.delay = "slow", 0.7
    shutil.rmtree(world.root / ".envctl" / "envs")
    world.index.forget_requests()
    process = subprocess.Popen(
        [*QUICK, "sync"],
        cwd=world.root,
        env=environment(world) | {"UV_CACHE_DIR": str(world.root.parent / f"c{time.time_ns()}")},
        stderr=subprocess.DEVNULL,
    )
    while not world.index.requests and process.poll() is None:
        time.sleep(0.01)
    world.edit("pyproject.toml", 'groups = ["dev"]', "groups = []")
    assert process.wait(60) == 0
    assert not answered(world, "sync")


# What `run` starts


def surroundings(world: World) -> dict[str, dict[str, str]]:
    plain = environment(world)
    programs = f"{os.path.realpath(world.root / '.venv')}/bin"
    return {
        "plain": plain,
        "devices chosen": plain | {"CUDA_VISIBLE_DEVICES": "5"},
        "no device chosen": plain | {"CUDA_VISIBLE_DEVICES": ""},
        "a seed": plain | {"PYTHONHASHSEED": "7"},
        "Slurm": plain | {"SLURM_JOB_ID": "1", "CUDA_VISIBLE_DEVICES": "5"},
        "Slurm without devices": plain | {"SLURM_JOB_ID": "1"},
        "Kubernetes": plain | {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
        "no PATH": {name: value for name, value in plain.items() if name != "PATH"},
        "an empty PATH": plain | {"PATH": ""},
        "a PATH with gaps": plain | {"PATH": f":/usr/bin::{programs}:/bin:"},
        "activated": plain | {"PATH": f"{programs}:/usr/bin:/bin", "VIRTUAL_ENV": programs[:-4]},
        "PYTHONHOME": plain | {"PYTHONHOME": sys.base_prefix},
        "pkg-config": plain | {"PKG_CONFIG_PATH": "/opt/lib/pkgconfig"},
        "another environment": plain | {"VIRTUAL_ENV": "/x", "VIRTUAL_ENV_PROMPT": "x"},
        "bytes": plain | {"LATIN": os.fsdecode(b"caf\xe9"), "LINES": "a\nb\n", "EMPTY": ""},
        "nothing": {},
    }


@pytest.mark.parametrize("name", surroundings(World(Path(), None)))  # type: ignore[arg-type]
def test_the_environment_of_a_command(world: World, name: str) -> None:
    env = surroundings(world)[name]
    hand_on = name in ("devices chosen", "no device chosen", "Slurm", "Kubernetes")
    assert answered(world, "run", "--", "true", env=env) is not (
        hand_on or name == "Slurm without devices"
    )
    arguments = ("a", "b c", "", "é\n", "--", "--only", "-c")
    code, out, err = both(world, "run", "--", "python", "-c", SHOW, *arguments, env=env)
    assert (code, err) == (0, b"")
    argv, found, folder = json.loads(out)
    assert argv == list(arguments)
    assert folder == str(world.root)
    assert found["VIRTUAL_ENV"] == os.path.realpath(world.root / ".venv")
    assert "PYTHONHOME" not in found
    devices = {"devices chosen": "5", "no device chosen": "", "Slurm": "5"}
    if name == "Slurm without devices":
        assert "CUDA_VISIBLE_DEVICES" not in found
    elif name != "Kubernetes":
        assert found["CUDA_VISIBLE_DEVICES"] == devices.get(name, "2")


ENV_FILES = {
    "A=1\nHF_TOKEN='x # y'\n# CUDA_VISIBLE_DEVICES=5\n": True,
    "PYTHONHASHSEED=7\nMINE=theirs\nCUDA_VISIBLE_DEVICES=5": True,
    "A=1\r\n\r\nA=2": True,
    "": True,
    "export A=1": False,
    "A=b c": False,
    'A="b\nc"': False,
    "A='it\\'s'": False,
    "PATH=/x": False,
    "UID=1": False,
    "A": False,
    "A=caf\udce9": False,
    None: False,
}


@pytest.mark.parametrize("text", ENV_FILES)
def test_an_env_file(world: World, text: str | None) -> None:
    """What is plain in it is read without python-dotenv, what is not by it; nothing of it is noted."""
    world.write(".envctl/local.toml", 'env-file = "my.env"\n[env]\nMINE = "mine"\n')
    path = world.write("my.env", "FIRST=1\n")
    both(world, "run", "--", "env", "-0")
    assert answered(world, "run", "--", "true")
    if text is None:
        path.unlink()
    else:
        path.write_bytes(os.fsencode(text))
    assert answered(world, "run", "--", "true") is ENV_FILES[text]
    both(world, "run", "--env", "B=1", "env", "-0")
    devices = environment(world) | {"CUDA_VISIBLE_DEVICES": "3"}
    both(world, "run", "--", "env", "-0", env=devices)
    job = devices | {"SLURM_JOB_ID": "7"}
    assert not answered(world, "run", "--", "true", env=job)
    both(world, "run", "--", "env", "-0", env=job)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -TERM $$", -signal.SIGTERM),
        ("kill -KILL $$", -signal.SIGKILL),
        ("kill -PIPE $$; exit 3", -signal.SIGPIPE),  # Python ignores it, a shell must not
        ("kill -XFSZ $$; exit 3", -signal.SIGXFSZ),
        ("kill -INT $$; exit 3", -signal.SIGINT),
        ("cat; echo done", 0),
        ("grep Sig[BI] /proc/self/status; ls /proc/self/fd | wc -l", 0),
        ("umask; ulimit -a; echo $0 $#", 0),
    ],
)
def test_how_a_command_ends(world: World, script: str, code: int) -> None:
    said = both(world, "run", "--", "sh", "-c", script, stdin=b"in\x00put")
    assert said[0] == code


def test_what_cannot_be_started(world: World) -> None:
    no_right = world.write("no-right", "#!/bin/sh\n")
    no_shebang = world.write("no-shebang", "echo hello\n")
    no_shebang.chmod(0o755)
    bad_shebang = world.write("bad-shebang", "#!/nowhere/sh\n")
    bad_shebang.chmod(0o755)
    (world.root / "folder").mkdir()
    for path in (no_right, no_shebang, bad_shebang, world.root / "folder", world.root / "nothing"):
        for name in (str(path), f"./{path.name}"):
            code, out, err = both(world, "run", "--", name)
            assert (code, out) == (4, b""), name
            assert err.startswith(b"error: `"), err
            assert b"next:" in err, err
    assert b"#!/bin/sh" in both(world, "run", "--", str(no_shebang))[2]


def test_a_relative_program_is_found_in_the_folder(world: World) -> None:
    path = world.write("tool", "#!/bin/sh\necho mine\n")
    path.chmod(0o755)
    assert both(world, "run", "--", "./tool")[1] == b"mine\n"
    env = environment(world)
    assert both(world, "run", "--", "tool", env=env)[0] == 4
    assert both(world, "run", "--", "tool", env=env | {"PATH": ":/bin"})[1] == b"mine\n"


@pytest.mark.parametrize("program", [QUICK, FULL], ids=["fast", "whole"])
def test_the_environment_is_held_while_the_command_lives(
    world: World, program: tuple[str, ...]
) -> None:
    """Without variables or a command line that tell of it, the lease alone keeps it from being cleaned away."""
    code = 'env -i sh -c \'echo up; read x; ls "$1"\' sh "$VIRTUAL_ENV/bin/python"'
    process = subprocess.Popen(
        [*program, "run", "--", "sh", "-c", f"cd /; exec {code}"],
        cwd=world.root,
        env=environment(world),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    descriptors = {os.path.realpath(path) for path in Path(f"/proc/{process.pid}/fd").iterdir()}
    assert os.path.realpath(world.root / ".venv" / "envctl.json") in descriptors
    process.communicate(b"\n", timeout=300)
    assert process.returncode == 0


# Damage

NOTES = (
    *("sync", "run", "verify-lock", "verify-lock.json", "verify-image,lock"),
    *("verify-environment", "verify-environment.full.json"),
)


@pytest.fixture(scope="module")
def sound(made: World) -> dict[str, bytes]:
    put_back(made)
    return {name: (made.root / quick.CACHE / name).read_bytes() for name in NOTES}


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damage_costs_time_never_truth(
    made: World, sound: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    """Whatever a disk or an editor makes of a note, it is answered with the right text or not at all."""
    monkeypatch.chdir(made.root)
    name = data.draw(st.sampled_from(NOTES))
    text = sound[name]
    damaged = bytearray(text)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        until = data.draw(st.integers(at, min(at + 40, len(damaged))))
        damaged[at:until] = data.draw(st.one_of(st.binary(max_size=20), st.just(text[until:at])))
    path = made.root / quick.CACHE / name
    path.write_bytes(bytes(damaged))
    try:
        body = quick._read(name)
    except (OSError, ValueError, LookupError, ImportError):
        assert bytes(damaged) != text
    else:
        assert bytes(damaged) == text
        assert body.encode() == text.partition(b"\n\n")[2]
    finally:
        path.write_bytes(text)
