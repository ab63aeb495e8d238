"""The house stands as its plan says, and nothing that a person must be told of is left out of the docs."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import get_args

import click
import pytest
from packaging.requirements import Requirement
from uv import find_uv_bin

from envctl import errors
from envctl.adapters.engines import ENGINES
from envctl.adapters.probes import PROBES
from envctl.cli import COMMANDS, cli
from envctl.domain.manifest import ResolverName
from envctl.domain.verdict import VerdictCode
from envctl.emitters.exports import COMPANIONS, DOORS, EXPORTS
from envctl.usecases.doctoring import FAMILIES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FINDINGS = DOCS / "reference" / "findings.md"

# A command whose verb has another's file.
VERBS = {"shell": "activate"}


def pages() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*/*.md"))


def defined_terms(page: Path) -> list[str]:
    """Return the terms of a page's definition lists."""
    return re.findall(r"^`([a-z-]+)`\n: ", page.read_text(encoding="utf-8"), re.MULTILINE)


def git_files() -> list[Path]:
    """Return the files that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_the_import_contracts_are_kept() -> None:
    check = "from importlinter.cli import lint_imports_command as check; check()"
    done = subprocess.run(
        [sys.executable, "-c", check, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
class TestCommand:
    def test_it_imports_and_says_how_it_is_used(self, name: str) -> None:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert (command.epilog or "").startswith("Example: ")

    def test_it_has_a_use_case(self, name: str) -> None:
        import_module(f"envctl.usecases.{VERBS.get(name, name)}")

    def test_it_is_mentioned_in_the_docs(self, name: str) -> None:
        assert re.search(rf"envctl {name}\b", pages())


def test_every_error_has_a_code_of_its_own_and_is_documented() -> None:
    classes = [
        each
        for each in vars(errors).values()
        if isinstance(each, type)
        and issubclass(each, errors.EnvctlError)
        and each is not errors.EnvctlError
    ]
    own = [each for each in classes if "code" in vars(each)]
    assert all(each.code != errors.EnvctlError.code for each in classes)
    codes = [each.code for each in own]
    assert len(set(codes)) == len(codes)
    text = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    documented = re.findall(r"^`([a-z-]+)` \((\d)\)\n: ", text, re.MULTILINE)
    assert sorted(documented) == sorted((each.code, str(each.exit_code)) for each in own)


def test_every_finding_is_documented_and_every_documented_finding_exists() -> None:
    codes = {code for code in get_args(VerdictCode) if code != "ok"}
    for module in (ROOT / "envctl" / "checks").rglob("*.py"):
        texts = (
            node.value
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        codes |= {text for text in texts if re.fullmatch(r"[a-z]+(-[a-z]+)+", text)}
    documented = defined_terms(FINDINGS)
    assert len(set(documented)) == len(documented)
    assert set(documented) == codes


def modules(table: Mapping[str, object]) -> set[str]:
    """Return the last part of the name of each module in a table."""
    return {str(vars(module)["__name__"]).rpartition(".")[2] for module in table.values()}


TABLES: Mapping[str, tuple[set[str], set[str]]] = {
    "adapters/engines": ({name.rpartition(".")[2] for name in ENGINES.values()}, set()),
    "adapters/probes": (modules(PROBES), set()),
    "emitters/exports": (
        modules({**EXPORTS, **DOORS, **COMPANIONS}),
        {"ci"},  # writes two files and has a command of its own
    ),
    "usecases/doctoring": (
        {each.__module__.rpartition(".")[2] for each in FAMILIES.values()} - {"doctoring"},
        {"subject"},  # what each family is given
    ),
}
"""By a family's folder, the modules that its table names, and those that belong to none."""


@pytest.mark.parametrize("folder", TABLES)
def test_a_familys_table_names_each_of_its_modules(folder: str) -> None:
    named, others = TABLES[folder]
    found = {path.name.removesuffix(".py") for path in (ROOT / "envctl" / folder).iterdir()}
    assert found - {"__init__", "__pycache__"} == named | others


def test_every_resolver_is_accepted_documented_and_tested() -> None:
    assert set(ENGINES) == set(get_args(ResolverName))
    page = (DOCS / "reference" / "manifest.md").read_text(encoding="utf-8")
    said = page.partition("\n`resolver`\n: ")[2].partition("\n\n")[0]
    assert {name for name in ENGINES if f'`"{name}"`' not in said} == set()
    own = {name for name in ENGINES if name != "uv"}  # with which all else is tested
    tests = {path.stem for path in (ROOT / "tests" / "integration").glob("test_engine_*.py")}
    assert {f"test_engine_{name.replace('-', '')}" for name in own} <= tests


def test_every_export_is_documented() -> None:
    text = pages()
    names = [*EXPORTS, *DOORS, *COMPANIONS]
    assert [name for name in names if not re.search(rf"`?envctl export {name}\b", text)] == []


def test_every_family_of_doctor_is_documented() -> None:
    page = (DOCS / "how-to" / "doctor.md").read_text(encoding="utf-8")
    assert [name for name in FAMILIES if not re.search(rf"^\|.*`{name}`", page, re.MULTILINE)] == []


def test_every_dependency_has_its_reason() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = pyproject["dependency-groups"].values()
    texts = [*pyproject["project"]["dependencies"], *(text for group in groups for text in group)]
    page = (DOCS / "explanation" / "dependencies.md").read_text(encoding="utf-8")
    terms = {
        name
        for line in re.findall(r"^`.*`\n: ", page, re.MULTILINE)
        for name in line.split("`")[1::2]
    }
    assert {Requirement(text).name for text in texts} <= terms


def test_no_file_names_the_host_of_a_public_registry() -> None:
    hosts = "|".join(("py" + "pi", "python" + "hosted", "npm" + "js", "deb" + "ian"))
    address = re.compile(rf"https?://[a-z.-]*({hosts})\.")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in git_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if address.search(line)
    ]
    assert found == []


def test_nothing_tells_anyone_to_install_somebody_elses_program() -> None:
    told = re.compile(r"(pip|pipx|uv tool|uv pip|uv add) install (-\S+ )*envctl(?![\w./-])")
    files = [path for path in git_files() if not path.is_relative_to(ROOT / "tests")]
    assert [path for path in files if told.search(path.read_text(errors="replace"))] == []


@pytest.mark.index
def test_the_wheel_holds_every_file_of_the_package(
    tmp_path: Path, machine_environ: Mapping[str, str]
) -> None:
    build = ["build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(ROOT)]
    subprocess.run([find_uv_bin(), *build], check=True, env=dict(machine_environ))
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("envctl/")}
    package = ROOT / "envctl"
    wanted = {str(path.relative_to(ROOT)) for path in git_files() if path.is_relative_to(package)}
    assert held == wanted
