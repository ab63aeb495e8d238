"""What the README and the docs tell people to type exists, and the set-up is the two commands that it names."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pytest

from envctl.cli import COMMANDS, cli
from envctl.errors import EnvctlError

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
NOXFILE = ROOT / "noxfile.py"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*/*.md"))]


def typed(text: str) -> list[str]:
    """Return the commands of a page's console blocks, continued lines joined."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def calls() -> Iterator[tuple[str, list[str]]]:
    """Yield every call of envctl that a page, a hook or a configuration shows."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        entries = re.findall(r"^\s+entry: (envctl .*)$", text, re.MULTILINE)
        for line in (*typed(text), *entries):
            found = re.search(r"(?:^|\$\()envctl ([^)\"&|]*)", line)
            if found and "<Tab>" not in line:  # a word that is not finished
                yield f"{page.relative_to(ROOT)}: {line}", shlex.split(found[1])
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    for entry in re.findall(r"^  entry: (.*)$", hooks, re.MULTILINE):
        yield f"hook: {entry}", shlex.split(entry)[1:]


CALLS = dict(calls())


def parse(argv: list[str]) -> None:
    """Read a command line as envctl does, without running anything; raises what Click or the command raises."""
    command: click.Command = cli
    name: str | None = "envctl"
    with ExitStack() as contexts:
        context, rest = None, list(argv)
        while True:
            context = command.make_context(name, rest, parent=context)
            contexts.enter_context(context)
            rest = [*context._protected_args, *context.args]
            if not isinstance(command, click.Group) or not rest:
                return
            name, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command = found


@pytest.mark.parametrize("argv", CALLS.values(), ids=CALLS.keys())
def test_every_call_of_envctl_is_one_that_it_takes(argv: list[str]) -> None:
    parse(argv)


def spans() -> Iterator[tuple[str, list[str]]]:
    """Yield the calls that stand in the pages' sentences and tables."""
    for page in [*PAGES, ROOT / "docs" / "index.md"]:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"^(```|:::).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
        for span in re.findall(r"`((?:eval \"\$\()?envctl\s[^`]+)`", prose):
            line = " ".join(span.split())
            found = re.search(r"envctl ([^)|&\\]*)", line)
            if found and not found[1].startswith("preflight:"):  # how an image's lines begin
                words = shlex.split(found[1])
                ends = words.index(">") if ">" in words else None
                yield f"{page.relative_to(ROOT)}: {line}", words[:ends]


def test_every_call_in_a_sentence_names_commands_and_options_that_there_are() -> None:
    """A sentence may leave out an argument, or name it by a word in capitals."""
    wrong, every = [], dict(spans())
    for where, argv in every.items():
        try:
            parse(argv)
        except click.ClickException as error:
            said = error.format_message()
            stands_for_one = re.search("No such command '[A-Z]+'", said)
            if re.search("No such|unexpected", said) and not stands_for_one:
                wrong.append(f"{where}: {said}")
        except (EnvctlError, click.exceptions.Exit):
            continue
    assert len(every) > 150
    assert wrong == []


def test_the_readme_lists_every_command() -> None:
    listed = re.findall(r"^\| `envctl (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == list(COMMANDS)


def test_the_set_up_is_two_commands_that_noxfile_provides() -> None:
    text = README.read_text(encoding="utf-8")
    section = text.partition("## Two commands\n")[2].partition("\n## ")[0]
    assert typed(section) == ["python3 noxfile.py demo", "python3 noxfile.py tests"]
    functions = [
        node
        for node in ast.parse(NOXFILE.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    ]
    names = {node.name for node in functions}
    assert {"demo", "tests", "lint", "types", "imports", "docs", "docker", "benchmarks"} <= names
    assert all(ast.get_docstring(node) for node in functions)


def test_ci_calls_exactly_the_second() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line.strip() for line in script.splitlines() if "noxfile.py" in line.partition("#")[0]]
    assert len(lines) == 1
    assert re.match(r"python3 noxfile\.py tests( <| \||$)", lines[0])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def noxfile() -> dict[str, Any]:
    """Return the names of noxfile.py's first part: the one that works without nox."""
    names: dict[str, Any] = {"__file__": str(NOXFILE), "__name__": "noxfile"}
    source = NOXFILE.read_text(encoding="utf-8").partition('\nif __name__ == "__main__"')[0]
    exec(compile(source, str(NOXFILE), "exec"), names)
    return names


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"UV_DEFAULT_INDEX": "https://index.example/simple", "SSL_CERT_FILE": "/etc/ca.pem"}),
        (
            {"UV_DEFAULT_INDEX": "https://mine.example", "SSL_CERT_FILE": "/mine.pem"},
            {"UV_DEFAULT_INDEX": "https://mine.example", "SSL_CERT_FILE": "/mine.pem"},
        ),
    ],
)
def test_uv_is_told_the_way_to_the_index_that_pip_knows(
    before: dict[str, str], after: dict[str, str]
) -> None:
    told = "global.index-url='https://index.example/simple'\n:env:.cert='/etc/ca.pem'\nx.y='1'\n"
    assert noxfile()["transport"](told, dict(before)) == after


@pytest.mark.index
def test_noxfile_sets_itself_up_and_mends_what_was_killed_half_way(
    tmp_path: Path, machine_environ: Mapping[str, str]
) -> None:
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("noxfile.py", "pyproject.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())

    def listed() -> str:
        done = subprocess.run(
            [sys.executable, str(folder / "noxfile.py"), "--list"],
            cwd=tmp_path,
            env=dict(machine_environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "* tests" in done.stdout
        return done.stdout

    installing = "noxfile.py: installing"
    assert installing in listed()
    assert installing not in listed()
    (folder / ".nox" / "bootstrap" / "complete").unlink()
    (folder / ".nox" / "bootstrap" / "bin" / "python").unlink()
    assert installing in listed()


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    for name in ("noxfile.py", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    blocked = "import sys; sys.path_importer_cache.clear(); sys.modules['ensurepip'] = None"
    start = f"{blocked}; sys.argv = ['noxfile.py', 'tests']; import runpy; "
    start += "import importlib.util as u; f = u.find_spec; "
    start += "u.find_spec = lambda n, *a: None if n == 'ensurepip' else f(n, *a); "
    start += "runpy.run_path('noxfile.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", start], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "python3-venv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".nox" / "bootstrap").exists()


@pytest.mark.parametrize("line", ["nosuch", "verify --no-such-option", "image nosuch", "export -x"])
def test_click_says_what_these_tests_rely_on(line: str) -> None:
    """A call that does not exist is refused by the way in which the calls above are looked at."""
    with pytest.raises(click.UsageError, match="No such"):
        parse(line.split())
