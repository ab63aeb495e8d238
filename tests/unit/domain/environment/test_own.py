"""What makes the project itself be installed anew."""

import copy

import pytest

from envctl.domain.build.locked import LockedBuild
from envctl.domain.environment.own import own_digest

DATA = {
    "build-system": {"requires": ["hatchling"], "build-backend": "hatchling.build"},
    "project": {"name": "demo", "version": "1", "scripts": {"demo": "demo:main"}},
    "tool": {"hatch": {"build": {"sources": ["src"]}}, "envctl": {"python": "3.11"}},
}
TEXTS = {"setup.py": None, "setup.cfg": None}
PLAIN = own_digest(DATA, TEXTS, LockedBuild())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("project", "version"), "2"),
        (("project", "scripts", "other"), "demo:other"),
        (("build-system", "build-backend"), "flit_core.buildapi"),
        (("tool", "hatch", "build", "sources"), ["lib"]),
        (("tool", "setuptools_scm"), {}),
    ],
)
def test_what_a_backend_reads_counts(path: tuple[str, ...], value: object) -> None:
    assert own_digest(_with(path, value), TEXTS, LockedBuild()) != PLAIN


@pytest.mark.parametrize("tool", ["ruff", "mypy", "pytest", "envctl", "coverage"])
def test_what_none_reads_does_not(tool: str) -> None:
    assert own_digest(_with(("tool", tool), {"line-length": 9}), TEXTS, LockedBuild()) == PLAIN


def test_other_files_and_the_locked_build_count() -> None:
    assert own_digest(DATA, {**TEXTS, "setup.py": "x"}, LockedBuild()) != PLAIN
    assert own_digest(DATA, TEXTS, LockedBuild(requires=("hatchling==1",))) != PLAIN


def test_the_order_of_keys_does_not() -> None:
    turned = dict(reversed(DATA.items()))
    assert own_digest(turned, TEXTS, LockedBuild()) == PLAIN


def _with(path: tuple[str, ...], value: object) -> dict[str, object]:
    data: dict[str, object] = copy.deepcopy(DATA)
    table: dict[str, object] = data
    for key in path[:-1]:
        table = table[key]  # type: ignore[assignment]
    table[path[-1]] = value
    return data
