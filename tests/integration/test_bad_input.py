"""What users get wrong in their files: one clear message, the right exit code, and every file as it was."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.integration.trouble import call, project, put_back, refusal
from tests.integration.world import MINOR, World

Spoil = Callable[[World], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("bad")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def swap(old: str, new: str) -> Spoil:
    """Return a mistake in the manifest."""
    return lambda world: world.edit("pyproject.toml", old, new)


def conflict(name: str) -> Spoil:
    """Return a merge that nobody has finished."""

    def spoil(world: World) -> None:
        first, *rest = world.read(name).splitlines(keepends=True)
        lines = [first, "<<<<<<< HEAD\n", "a = 1\n", "=======\n", "a = 2\n", ">>>>>>> main\n"]
        world.write(name, "".join([*lines, *rest]))

    return spoil


def latin(world: World) -> None:
    (world.root / "pyproject.toml").write_bytes(b"# le caf\xe9\n[project]\n")


def folder(world: World) -> None:
    (world.root / "pyproject.toml").unlink()
    (world.root / "pyproject.toml").mkdir()


@dataclass(frozen=True)
class Mistake:
    """How a manifest is spoilt and the words that the message must hold."""

    spoil: Spoil
    words: tuple[str, ...]


PYTHON = f'python = "{MINOR}"'
ENV = 'PYTHONHASHSEED = "0"'
WHERE = "  where: pyproject.toml: "

MANIFESTS = {
    "broken TOML": Mistake(
        swap("[tool.envctl]", "[tool.envctl"),
        ("not TOML: expected ']' at the end of a table declaration", "where: pyproject.toml:15:13"),
    ),
    "broken TOML in the last line": Mistake(
        swap('CUDA_VISIBLE_DEVICES = "2"\n', 'CUDA_VISIBLE_DEVICES = "2'),
        ("not TOML: ", "where: pyproject.toml:27"),
    ),
    "merge conflict": Mistake(
        conflict("pyproject.toml"),
        ("merge conflict at line 2", "where: pyproject.toml:2", "delete the marker lines"),
    ),
    "not UTF-8": Mistake(latin, ("not UTF-8: byte 0xe9 in line 1", "pyproject.toml:1", "iconv")),
    "a requirement": Mistake(
        swap('"zz-made-app<2"', '"zz made app<2"'),
        ("`zz made app<2` is not a requirement", f"{WHERE}project.dependencies[0]", "PEP 508"),
    ),
    "a requirement of an extra": Mistake(
        swap('["zz-made-plot"]', '["zz-made-plot", "=="]'),
        ("`==` is not a requirement", f"{WHERE}project.optional-dependencies.plot[1]"),
    ),
    "a requirement of a group": Mistake(
        swap('["zz-made-test"]', '["zz-made-test>>1"]'), (f"{WHERE}dependency-groups.dev",)
    ),
    "groups in a circle": Mistake(
        swap('["zz-made-test"]', '[{include-group = "dev"}]'),
        ("yclic", f"{WHERE}dependency-groups.dev"),
    ),
    "an unknown key": Mistake(
        swap("resolver =", "resolvr ="),
        ("unknown key `resolvr`", f"{WHERE}tool.envctl.resolvr", "did you mean `resolver`?"),
    ),
    "an unknown key that is near none": Mistake(
        swap("resolver =", "zzz ="), ("unknown key `zzz`", "known keys: build, constraints, ")
    ),
    "an unknown key of a table": Mistake(
        swap('name = "team"', 'name = "team"\nurll = "x"'),
        ("unknown key `urll`", f"{WHERE}tool.envctl.index[0].urll", "did you mean `url`?"),
    ),
    "an unknown resolver": Mistake(
        swap('"uv"', '"pip-tool"'),
        ("`pip-tool` is not known", f"{WHERE}tool.envctl.resolver", "did you mean `pip-tools`?"),
    ),
    "an unknown platform": Mistake(
        swap("linux-x86_64", "linux-x86"), (f"{WHERE}tool.envctl.platforms[0]", "linux-x86_64")
    ),
    "a number for a string": Mistake(
        swap(PYTHON, f"python = {MINOR}"),
        ("expected a string, found a float", f"{WHERE}tool.envctl.python"),
    ),
    "not a Python version": Mistake(
        swap(PYTHON, 'python = ">=3.11"'),
        ("`>=3.11` is not a Python version", f"{WHERE}tool.envctl.python", "a minor version"),
    ),
    "a group that does not exist": Mistake(
        swap('groups = ["dev"]', 'groups = ["dve"]'),
        ("no dependency group `dve`", f"{WHERE}tool.envctl.groups", "dev"),
    ),
    "dynamic dependencies": Mistake(
        swap("dependencies = [\n", 'dynamic = ["dependencies"]\nx = [\n'),
        ("left to the build backend", f"{WHERE}project.dynamic", "project.dependencies"),
    ),
    "a newer envctl is required": Mistake(
        swap(PYTHON, f'{PYTHON}\nrequired-version = ">=99"'),
        ("asks for envctl >=99, this is 0.", f"{WHERE}tool.envctl.required-version"),
    ),
    "not a specifier": Mistake(
        swap(PYTHON, f'{PYTHON}\nrequired-version = "new"'),
        ("`new` is not a version specifier", f"{WHERE}tool.envctl.required-version"),
    ),
    "a profile's unknown key": Mistake(
        swap("[tool.envctl.env]", '[tool.envctl.profiles.cpu]\ntorhc = "cpu"\n[tool.envctl.env]'),
        (
            "unknown key `torhc`",
            "did you mean `torch`?",
            f"{WHERE}tool.envctl.profiles.cpu.torhc",
        ),
    ),
    "no such build of torch": Mistake(
        swap("[tool.envctl.env]", '[tool.envctl.profiles.a]\ntorch = "gpu"\n[tool.envctl.env]'),
        ("`gpu` is not a build of torch", f"{WHERE}tool.envctl.profiles.a.torch"),
    ),
    "a profile's name": Mistake(
        swap("[tool.envctl.env]", '[tool.envctl.profiles."a.b"]\ntorch = "cpu"\n[tool.envctl.env]'),
        ("`a.b` cannot name a profile", f"{WHERE}tool.envctl.profiles.a.b"),
    ),
    "a profile's group that is not there": Mistake(
        swap("[tool.envctl.env]", '[tool.envctl.profiles.a]\ngroups = ["no"]\n[tool.envctl.env]'),
        ("there is no dependency group `no`", f"{WHERE}tool.envctl.profiles.a.groups"),
    ),
    "credentials in an index": Mistake(
        swap("http://", "http://ana:hunter2@"),
        ("user name or password", f"{WHERE}tool.envctl.index[0].url", "keyring"),
    ),
    "a token in a requirement": Mistake(
        swap('"zz-made-app<2"', '"a @ git+https://hunter2@host.example/a.git"'),
        ("user name or password", f"{WHERE}project.dependencies[0]", "keyring"),
    ),
    "two indexes of one name": Mistake(
        swap("[tool.envctl.env]", '[[tool.envctl.index]]\nname="team"\nurl="x"\n[tool.envctl.env]'),
        ("two indexes are named `team`", f"{WHERE}tool.envctl.index[1].name"),
    ),
    "two indexes whose logins share a variable": Mistake(
        swap("[tool.envctl.env]", '[[tool.envctl.index]]\nname="TEAM"\nurl="x"\n[tool.envctl.env]'),
        ("two indexes are named `TEAM`: `team` shares", f"{WHERE}tool.envctl.index[1].name"),
    ),
    "a token in the query of an index": Mistake(
        swap('/simple"', '/simple?token=hunter2"'),
        ("no `?` and no `#`", f"{WHERE}tool.envctl.index[0].url", "keyring"),
    ),
    "a token in the fragment of an index": Mistake(
        swap('/simple"', '/simple#hunter2"'), ("no `?`", f"{WHERE}tool.envctl.index[0].url")
    ),
    "two floors of one machine": Mistake(
        swap('["linux-x86_64"]', '["linux-x86_64", "linux-x86_64-glibc2.28"]'),
        ("`linux-x86_64` is listed twice", f"{WHERE}tool.envctl.platforms[1]", "lower floor"),
    ),
    "a profile that looks like an option": Mistake(
        swap("[tool.envctl.env]", "[tool.envctl.profiles.--help]\n[tool.envctl.env]"),
        ("`--help` cannot name a profile", f"{WHERE}tool.envctl.profiles.--help"),
    ),
    "escape sequences": Mistake(
        swap('"zz-made-app<2"', '"\\u001b[2J\\u0007app<2"'),
        ("`\\x1b[2J\\x07app<2` is not a requirement", f"{WHERE}project.dependencies[0]"),
    ),
    "a secret": Mistake(
        swap(ENV, f'{ENV}\nHF_TOKEN = "hunter2"'),
        ("`HF_TOKEN` is a secret", f"{WHERE}tool.envctl.env.HF_TOKEN", ".envctl/local.toml"),
    ),
    "a secret by its looks": Mistake(
        swap(ENV, f'{ENV}\nacme_db_password = "hunter2"'),
        ("`acme_db_password` is a secret", f"{WHERE}tool.envctl.env.acme_db_password"),
    ),
    "a variable that is none": Mistake(
        swap(ENV, '"A;B" = "x"'), ("`A;B` is not a name for a variable", "tool.envctl.env.A;B")
    ),
    "a variable that activation owns": Mistake(
        swap(ENV, 'PATH = "/bin"'), ("`PATH` cannot be declared", f"{WHERE}tool.envctl.env.PATH")
    ),
    "a variable that is a number": Mistake(
        swap(ENV, "PYTHONHASHSEED = 0"),
        ("expected a string, found an integer", f"{WHERE}tool.envctl.env.PYTHONHASHSEED", '"0"'),
    ),
    "a NUL byte": Mistake(
        swap(ENV, 'A = "x\\u0000y"'), ("cannot hold a NUL byte", f"{WHERE}tool.envctl.env.A")
    ),
    "no GPU at all": Mistake(
        swap("[tool.envctl.env]", "[tool.envctl.gpu]\ncount = 0\n[tool.envctl.env]"),
        ("at least 1, found 0", f"{WHERE}tool.envctl.gpu.count"),
    ),
    "a folder": Mistake(folder, ("is a directory", "pyproject.toml", "move")),
}
READERS = ("lock", "sync", "verify", "dockerize", "activate", "run -- true")


@pytest.mark.parametrize("mistake", MANIFESTS)
def test_a_manifest(world: World, mistake: str) -> None:
    MANIFESTS[mistake].spoil(world)
    refusal(call(world, "lock"), 3, *MANIFESTS[mistake].words)
    said = call(world, "lock", "--json")
    assert said.code == 3
    assert said.envelope()["ok"] is False
    assert "hunter2" not in said.out + said.err


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("mistake", ["broken TOML", "merge conflict", "an unknown key", "a secret"])
def test_every_command_reads_it_alike(world: World, mistake: str, command: str) -> None:
    MANIFESTS[mistake].spoil(world)
    refusal(call(world, *command.split()), 3, *MANIFESTS[mistake].words)


@pytest.mark.parametrize(
    "mistake", ["broken TOML", "merge conflict", "an unknown key", "not UTF-8"]
)
def test_init_too(world: World, mistake: str) -> None:
    MANIFESTS[mistake].spoil(world)
    refusal(call(world, "init"), 3, MANIFESTS[mistake].words[0])


# The lock


def edit_lock(pattern: str, new: str) -> Spoil:
    def spoil(world: World) -> None:
        text, count = re.subn(pattern, new, world.read("pylock.toml"), count=1)
        assert count == 1
        world.write("pylock.toml", text)

    return spoil


def no_lock(world: World) -> None:
    (world.root / "pylock.toml").unlink()


def binary(world: World) -> None:
    (world.root / "pylock.toml").write_bytes(b"\x00\xff\xfe lock")


BROKEN = {
    "missing": Mistake(no_lock, ("there is no pylock.toml", "run `envctl lock`")),
    "broken TOML": Mistake(
        edit_lock(r"\[\[packages\]\]", "[[packages"), ("not TOML: ", "pylock.toml:", "envctl lock")
    ),
    "merge conflict": Mistake(
        conflict("pylock.toml"), ("merge conflict at line 2", "where: pylock.toml:2", "envctl lock")
    ),
    "not PEP 751": Mistake(
        edit_lock('lock-version = "1.0"\n', ""),
        ("not a valid PEP 751 lock", "lock-version", "where: pylock.toml", "envctl lock"),
    ),
    "a marker that is none": Mistake(
        edit_lock(r"marker = .*plot.*", 'marker = "plot of extras"'),
        ("not a valid PEP 751 lock", "packages[", "marker", "envctl lock"),
    ),
    "a version without its files": Mistake(
        edit_lock('version = "1.1"', 'version = "1.0"'),
        ("not a valid PEP 751 lock", "zz_made_lib-1.1-py3-none-any.whl", "packages[1].wheels[0]"),
    ),
    "a table of ours": Mistake(
        edit_lock(r"inputs = \[", "inputs = [1,"),
        ("expected a string, found an integer", "pylock.toml: tool.envctl.inputs[0]"),
    ),
}
NEWER = {
    "schema 99": Mistake(
        edit_lock("schema = 1", "schema = 99"),
        ("newer envctl (schema 99; this one knows 1)", "where: pylock.toml", "update envctl"),
    ),
    "lock-version 2.0": Mistake(
        edit_lock('lock-version = "1.0"', 'lock-version = "2.0"'),
        ("newer envctl", "2.0", "where: pylock.toml", "update envctl"),
    ),
}
EDITED = {
    "a hash": Mistake(
        edit_lock('sha256 = "[0-9a-f]{8}', 'sha256 = "01234567'), ("edited by hand: `zz-made-app`",)
    ),
    "an index": Mistake(
        edit_lock('index = "http.*', 'index = "http://elsewhere.example/simple"'),
        ("edited by hand: `zz-made-app`",),
    ),
    "a package taken out": Mistake(
        edit_lock(r'\[\[packages\]\]\nname = "zz-made-test"(\n.+)+\n', ""),
        ("edited by hand: `zz-made-test`",),
    ),
    "a package put in": Mistake(
        edit_lock(
            r"\[\[packages\]\]",
            '[[packages]]\nname = "zz-made-new"\nversion = "1"\n'
            'wheels = [{url = "http://x/zz_made_new-1-py3-none-any.whl", '
            f'hashes = {{sha256 = "{"0" * 64}"}}}}]\n\n[[packages]]',
        ),
        ("edited by hand: `zz-made-new`",),
    ),
}


@pytest.mark.parametrize("command", ["sync", "sync --check", "dockerize", "dockerize --check"])
@pytest.mark.parametrize("mistake", BROKEN)
def test_a_lock_that_cannot_be_used(world: World, mistake: str, command: str) -> None:
    BROKEN[mistake].spoil(world)
    refusal(call(world, *command.split()), 3, *BROKEN[mistake].words)


@pytest.mark.parametrize("mistake", [*BROKEN, *EDITED])
def test_verify_says_so_and_lock_mends_it(world: World, mistake: str) -> None:
    before = tomllib.loads(world.read("pylock.toml"))
    (BROKEN | EDITED)[mistake].spoil(world)
    said = call(world, "verify", "--only", "lock")
    assert said.code == 1
    assert "mend it with: envctl lock" in said.out
    assert call(world, "lock").code == 0
    after = tomllib.loads(world.read("pylock.toml"))
    if mistake == "a version without its files":  # the versions of a broken lock are kept
        assert [p["version"] for p in after["packages"] if p["name"] == "zz-made-lib"] == ["1.0"]
    else:
        assert after == before
    assert call(world, "verify", "--only", "lock").code == 0


def test_a_binary_lock(world: World) -> None:
    binary(world)
    words = ("not UTF-8: byte 0xff in line 1", "pylock.toml:1")
    for command in ("sync", "verify", "dockerize"):
        refusal(call(world, command), 3, *words)


@pytest.mark.parametrize("command", ["lock", "lock --upgrade", "sync", "verify", "dockerize"])
@pytest.mark.parametrize("mistake", NEWER)
def test_a_lock_from_a_newer_envctl_is_left_alone(world: World, mistake: str, command: str) -> None:
    NEWER[mistake].spoil(world)
    refusal(call(world, *command.split()), 3, *NEWER[mistake].words)


@pytest.mark.parametrize("command", ["sync", "dockerize"])
@pytest.mark.parametrize("mistake", EDITED)
def test_an_edited_lock_is_not_installed(world: World, mistake: str, command: str) -> None:
    EDITED[mistake].spoil(world)
    words = (*EDITED[mistake].words, "where: pylock.toml", "run `envctl lock`")
    refusal(call(world, command), 3, *words)


# The command line


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("sync --group nope", 2, ("no group `nope`", "--group", "there are: dev")),
        ("sync --extra nope", 2, ("no extra `nope`", "--extra", "there are: plot")),
        ("verify --only locks", 2, ("no layer `locks`", "--only", "did you mean `lock`?")),
        ("run --env 1X=2 -- true", 2, ("`1X` is not a name for a variable", "--env")),
        ("run -- zz-no-such-program", 4, ("`zz-no-such-program` was not found",)),
        ("activate --shell elvish", 2, ("does not know the shell `elvish`", "bash")),
        ("record --save ../x", 3, ("../x",)),
        ("lokc", 2, ("no command `lokc`", "did you mean `envctl lock`?")),
        ("lock --upgrde", 2, ("--upgrde", "--upgrade")),
        ("-C nowhere lock", 2, ("nowhere",)),
        ("sync --group", 2, ("--group",)),
        ("lock --upgrade zz-made-ap", 2, ("`zz-made-ap` to upgrade", "mean `zz-made-app`?")),
        ("lock -P nothing-like-it", 2, ("`nothing-like-it` to upgrade", "pylock.toml")),
        ("lock zz-made-app", 2, ("`envctl lock --upgrade zz-made-app`",)),
        ("run", 2, ("there is no command to run",)),
    ],
)
def test_a_command_line(world: World, arguments: str, code: int, words: tuple[str, ...]) -> None:
    said = call(world, *arguments.split())
    assert said.code == code, said
    assert said.out == ""
    for word in words:
        assert word.lower() in said.err.lower(), said.err


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ("init --json", 3, "manifest"),
        ("lock --json", 3, "manifest"),
        ("lock --check --json", 3, "manifest"),
        ("sync --json", 3, "manifest"),
        ("verify --json", 3, "manifest"),
        ("dockerize --json", 3, "manifest"),
        ("dockerize --check --json", 3, "manifest"),
        ("record --save ../x --json", 3, "record"),
        ("verify --json --only locks", 2, "usage"),
        ("sync --json --nope", 2, "usage"),
        ("-C nowhere lock --json", 2, "usage"),
        ("lokc --json", 2, "usage"),
    ],
)
def test_json_is_one_envelope(world: World, arguments: str, code: int, error: str) -> None:
    MANIFESTS["an unknown key"].spoil(world)
    said = call(world, *arguments.split())
    assert said.code == code, said
    found = said.envelope()
    assert found["schema"] == 1
    assert found["ok"] is False
    assert found["result"] is None
    assert found["error"]["code"] == error
    assert found["error"]["message"]
    if code == 3:
        assert found["error"]["where"]
        assert found["error"]["hint"]


def test_json_of_the_command_is_not_ours(world: World) -> None:
    said = call(world, "run", "zz-no-such-program", "--json")
    refusal(said, 4, "`zz-no-such-program` was not found")


@pytest.mark.parametrize("command", ["lock", "sync", "verify", "dockerize", "activate", "run -- x"])
def test_a_folder_that_is_no_project(world: World, command: str) -> None:
    empty = world.root.parent / "ëmpty folder"
    empty.mkdir(exist_ok=True)
    said = call(world, *command.split(), root=empty)
    refusal(said, 3, "this folder is not a project", "ëmpty folder", "envctl init", "-C DIR")


# This person's own file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[env\n", ("not TOML", ".envctl/local.toml:1:5")),
        ("<<<<<<< a\n=======\n>>>>>>> b\n", ("merge conflict at line 1", ".envctl/local.toml:1")),
        ("[evn]\nA='1'\n", ("unknown key `evn`", ".envctl/local.toml: evn", "did you mean `env`?")),
        ("[env]\nA=1\n", ("expected a string", ".envctl/local.toml: env.A", '"1"')),
        ("[env]\nPATH='1'\n", ("`PATH` cannot be declared", ".envctl/local.toml: env.PATH")),
    ],
)
@pytest.mark.parametrize("command", ["sync", "activate", "run -- true"])
def test_local_toml(world: World, text: str, words: tuple[str, ...], command: str) -> None:
    world.write(".envctl/local.toml", text)
    refusal(call(world, *command.split()), 3, *words)


def test_a_secret_reaches_the_command_and_no_file(world: World) -> None:
    secret = "hunter2-hunter2"
    world.write(".envctl/local.toml", f'[env]\nHF_TOKEN = "{secret}"\n')
    env = {"ACME_API_KEY": f"{secret}-of-the-caller"}
    for command in (
        *("lock --upgrade", "sync", "sync --repair", "verify", "record --save here", "dockerize"),
        *("activate", "run -- true", "init", "verify --json", "sync --json"),
    ):
        said = call(world, *command.split(), env=env)
        assert said.code in (0, 1), said
        assert (secret in said.out + said.err) is (command == "activate"), command
    assert call(world, "run", "--", "printenv", "HF_TOKEN").out == f"{secret}\n"
    for path in world.root.rglob("*"):
        if path.is_file() and path.name != "local.toml":
            assert secret.encode() not in path.read_bytes(), path


# Values that are meant to break out

HOSTILE = {
    "NEWLINES": "a\n\nb\r\nc\n",
    "QUOTES": "'\"`$(touch HACKED)`touch HACKED`\\",
    "MARKERS": "\n# >>> envctl >>>\n# <<< envctl <<<\n",
    "STATEMENT": "; touch HACKED #",
    "UNICODE": "é\u2028ü\u202e\U0001f600",
    "CONTROL": "\x1b[31m\x07\x1f\x7f",
    "EMPTY": "",
    "LONG": "x" * 100_000,
}


def test_hostile_values_arrive_as_they_are(world: World) -> None:
    def spelled(text: str) -> str:
        return '"' + "".join(rf"\U{ord(c):08x}" for c in text) + '"'

    lines = "".join(f"{name} = {spelled(value)}\n" for name, value in HOSTILE.items())
    world.edit("pyproject.toml", f"{ENV}\n", f"{ENV}\n{lines}")
    assert call(world, "lock").code == 0
    assert (
        tomllib.loads(world.read("pylock.toml"))["tool"]["envctl"]["env"].items() >= HOSTILE.items()
    )
    assert call(world, "sync").code == 0
    show = "import os,json,sys; print(json.dumps({n: os.environ.get(n) for n in sys.argv[1:]}))"
    world.write("show.py", show)
    python = f"PYTHONUTF8=1 python show.py {' '.join(HOSTILE)}"
    again = call(world, "run", "--", "sh", "-c", python)
    assert again.envelope() == HOSTILE
    for shell in ("bash", "zsh", "sh"):
        activate = call(world, "activate", "--shell", shell)
        assert activate.code == 0
        world.write("enter.sh", activate.out)
        for start in (". ./enter.sh", ". .venv/bin/activate"):
            done = world.run([shell, "-c", f"{start}; {python}"])
            assert done.stdout.startswith("{"), done

            assert json.loads(done.stdout) == HOSTILE, (shell, start)
    assert not list(world.root.rglob("HACKED"))
    assert call(world, "verify", "--only", "lock,environment").code == 0
    refusal(call(world, "dockerize"), 3, "line end", "tool.envctl.env.")


def test_an_init_that_fails_leaves_an_empty_folder_no_project(world: World) -> None:
    fresh = world.root.parent / "fresh"
    fresh.mkdir()
    (fresh / "requirements.txt").write_text("-r gone.txt\n")
    refusal(call(world, "-C", str(fresh), "init"), 3, "gone.txt")
    assert [path.name for path in fresh.iterdir()] == ["requirements.txt"]
