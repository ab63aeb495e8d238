"""Hostile input to the readers of `pyproject.toml` and `pylock.toml`: a record, or an error with its place."""

import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envctl.domain.lock.state import edited, incomplete
from envctl.domain.lock.table import lock_table
from envctl.domain.manifest import Manifest
from envctl.domain.profile import variants
from envctl.emitters import pylock
from envctl.errors import EnvctlError, LockError, ManifestError
from envctl.readers.merge_conflict import salvaged_pins
from envctl.usecases import load

LOCK = """\
lock-version = "1.0"
requires-python = "==3.11.*"
environments = ["sys_platform == 'linux'"]
extras = ["viz"]
dependency-groups = ["dev"]
created-by = "envctl"

[[packages]]
name = "a"
version = "1.0"
marker = "'viz' in extras"
index = "https://index.example/simple"
wheels = [
    {name = "a-1.0-py3-none-any.whl", url = "https://index.example/a-1.0-py3-none-any.whl", hashes = {sha256 = "00"}},
]

[tool.envctl]
schema = 1
made-by = "uv 0"
inputs = ["requires a"]
only = ["extra viz"]

[tool.envctl.digests]
"a==1.0" = "sha256:00"

[tool.envctl.requires]
"a==1.0" = ["b ; sys_platform == 'linux'"]

[tool.envctl.contract]
accelerator = "cpu"

[tool.envctl.env]
A = "1"

[tool.envctl.builds."a==1.0"]
requires = ["b==1"]
"""
MANIFEST = """\
[project]
name = "demo"
requires-python = ">=3.10"
dependencies = ["a>=1", "demo[viz]"]
dynamic = []
[project.optional-dependencies]
viz = ["b; sys_platform == 'linux'"]
[dependency-groups]
dev = ["c", {include-group = "more"}]
more = ["d"]
[build-system]
requires = ["hatchling"]
[tool.envctl]
required-version = ">=0"
python = "3.11"
resolver = "uv"
platforms = ["linux-x86_64-glibc2.28"]
groups = ["dev"]
constraints = ["a<3"]
exclude-newer = 2026-11-01
install-project = true
[[tool.envctl.index]]
name = "own"
url = "https://index.example/simple"
packages = ["acme-*"]
[tool.envctl.env]
A = "1"
[tool.envctl.gpu]
required = true
count = 1
[tool.envctl.build.flash-attn]
isolation = false
requires = ["ninja"]
[tool.envctl.profiles.cu126]
torch = "cu126"
dependencies = ["e"]
index = [{name = "pytorch-cu126", url = "https://t.example"}]
[tool.envctl.image]
for = "docker"
command = ["python"]
"""

scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(max_size=30),
    st.dates(),
    st.datetimes(),
    st.sampled_from(
        [
            "",
            "a",
            "1.0",
            "==",
            "a @ git+https://x",
            "a; b",
            "'x' in extras",
            "linux-x86_64",
            "\x00",
            "../x",
            "é" * 9,
        ]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def paths(data: object, so_far: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [so_far]
    if isinstance(data, Mapping):
        found += [path for key, each in data.items() for path in paths(each, (*so_far, key))]
    elif isinstance(data, list):
        found += [path for n, each in enumerate(data) for path in paths(each, (*so_far, n))]
    return found


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> str:
    """Draw a valid file with some of its values replaced, removed or joined by others."""
    data: dict[str, Any] = tomllib.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([each for each in paths(data) if each]))
        parent: Any = data
        for step in path[:-1]:
            parent = parent[step]
        kind = draw(st.sampled_from(["replace", "remove", "add"]))
        if kind == "replace":
            parent[path[-1]] = draw(values)
        elif kind == "remove":
            del parent[path[-1]]
        elif isinstance(parent, list):
            parent.append(draw(values))
        else:
            parent[draw(st.text(max_size=10))] = draw(values)
    return tomli_w.dumps(data)


def said(error: EnvctlError) -> tuple[bool, bool, bool]:
    return bool(error.message), bool(error.where), bool(error.hint)


@settings(deadline=None, max_examples=300)
@given(spoilt(MANIFEST))
def test_a_manifest_is_read_or_refused_with_its_key(text: str) -> None:
    problem = None
    try:
        found = load.parsed(text)
        assert isinstance(found, Manifest)
        assert all(each.lock_name for each in variants(found))
    except ManifestError as error:
        problem = error
    assert problem is None or said(problem)[:2] == (True, True)


@settings(deadline=None, max_examples=300)
@given(spoilt(LOCK))
def test_a_lock_is_read_or_refused_with_its_place(text: str) -> None:
    salvaged_pins(text)
    problem, found = None, None
    try:
        found = load.lock_from(text)
    except LockError as error:
        problem = error
    assert problem is None or all(said(problem))
    if found is None or not found.ours:
        return
    edited(found)
    incomplete(found)
    # What was read can be written, and is then read as the same.
    again = load.lock_from(pylock.emit(lock_table(found)))
    assert again.pylock.packages == found.pylock.packages
    assert (again.inputs, again.only) == (found.inputs, found.only)


@settings(deadline=None, max_examples=300)
@given(st.text())
@example("<<<<<<< a\n=======\n>>>>>>> b\n")
@example("\ufeff[project]")
@example("a = 1\n" * 3)
def test_any_text_at_all(text: str) -> None:
    salvaged_pins(text)
    problems = []
    for read in (load.parsed, load.lock_from):
        try:
            read(text)
        except EnvctlError as error:
            problems.append(error)
    assert all(said(problem)[:2] == (True, True) for problem in problems)
