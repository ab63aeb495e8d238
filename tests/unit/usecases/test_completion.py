"""Names to complete to, from whole, broken and hostile files."""

import re
import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from envctl.usecases import completion
from tests.in_memory import InMemoryProject

ASSETS = Path(__file__).parents[2] / "assets" / "locks"
MANIFEST = """\
[project]
name = "demo"
dependencies = ["numpy<3", "Zz.Made[a] ; python_version > '3'"]
[project.optional-dependencies]
plot = ["matplotlib"]
[dependency-groups]
dev = ["pytest", {include-group = "docs"}]
docs = ["sphinx>=8"]
[tool.envctl]
platforms = ["linux-x86_64", "macos-arm64"]
[tool.envctl.profiles.cpu]
[tool.envctl.profiles.cu126]
dependencies = ["cupy-cuda12x"]
"""
LOCK = """\
lock-version = "1.0"
extras = ["plot", "old-extra"]
dependency-groups = ["dev", "old-group"]

[[packages]]
name = "numpy"

[[packages.wheels]]
name = "numpy-1.0-py3-none-any.whl"

[packages.tool]
name = "no-package"

[[ packages ]]
name = "spaced-header"

[[packages]]
version = "1"
name = "zz-made"
"""
# What bash, zsh and fish take as no part of a plain word, or give a meaning of their own.
_SAFE = re.compile(r"[A-Za-z0-9._-]+")


def project(**files: str) -> InMemoryProject:
    return InMemoryProject({name.replace("__", "."): text for name, text in files.items()})


@pytest.fixture
def demo() -> InMemoryProject:
    return project(pyproject__toml=MANIFEST, pylock__cpu__toml=LOCK)


def test_names_of_the_manifest_and_the_locks(demo: InMemoryProject) -> None:
    assert completion.profiles(demo) == ("cpu", "cu126")
    assert completion.groups(demo) == ("dev", "docs", "old-group")
    assert completion.extras(demo) == ("old-extra", "plot")
    assert completion.platforms(demo) == ("linux-x86_64", "macos-arm64")
    assert completion.packages(demo) == ("numpy", "zz-made")
    assert completion.packages(demo, profile="cpu") == ("numpy", "zz-made")
    assert completion.packages(demo, profile="cu126") == ()


def test_requirements_of_the_list_that_is_meant(demo: InMemoryProject) -> None:
    everywhere = ("Zz.Made", "cupy-cuda12x", "matplotlib", "numpy", "pytest", "sphinx")
    assert completion.requirements(demo) == everywhere
    assert completion.requirements(demo, group="dev") == ("pytest",)
    assert completion.requirements(demo, extra="plot") == ("matplotlib",)
    assert completion.requirements(demo, profile="cu126") == ("cupy-cuda12x",)
    assert completion.requirements(demo, group="nope") == ()


def test_machines_and_programs() -> None:
    found = InMemoryProject(
        {
            ".envctl/machines/lab-h100.toml": "",
            ".envctl/machines/notes.txt": "",
            ".venv/bin/python": "",
            ".venv/bin/a b": "",
        }
    )
    assert completion.machines(found) == ("lab-h100",)
    assert completion.programs(found) == ("python",)


@pytest.mark.parametrize("lock", sorted(ASSETS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_lock_that_another_tool_wrote(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    names = sorted({each["name"] for each in tomllib.loads(text)["packages"]})
    assert names
    assert list(completion.packages(project(pylock__toml=text))) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        "<<<<<<< HEAD\n[project]\n=======\n",
        "[dependency-groups]\ndev = [",
        "dependency-groups = 3\nproject = []\ntool = {envctl = 1}",
        'project = {dependencies = 3, optional-dependencies = []}\ntool = {envctl = {profiles = "x"}}',
        "[dependency-groups]\ndev = [3, {include-group = 1}, []]",
        "a = " + "[" * 5000,
    ],
)
def test_a_broken_file_has_no_names(text: str) -> None:
    broken = project(pyproject__toml=text, pylock__toml=text)
    for look in (completion.profiles, completion.extras, completion.platforms):
        assert look(broken) == ()
    assert completion.requirements(broken) == ()
    assert completion.packages(broken) == ()
    assert set(completion.groups(broken)) <= {"dev"}


names = st.text(max_size=8) | st.sampled_from(
    ["$(touch pwned)", "`id`", "a b", "a:b", "a,b", "a\nplain,b", "-x", "*", "'", "ok", "a.b_c-1"]
)


@given(st.lists(names))
def test_only_plain_words_are_offered(words: list[str]) -> None:
    """None that a shell would not take as it stands, and all that are names."""
    table = {
        "dependency-groups": {word: [] for word in words},
        "project": {"optional-dependencies": {word: [] for word in words}},
        "tool": {"envctl": {"profiles": {word: {} for word in words}, "platforms": words}},
    }
    made = project(pyproject__toml=tomli_w.dumps(table))
    expected = sorted(
        {each for each in words if _SAFE.fullmatch(each) and each.strip("._-") == each}
    )
    for look in (completion.groups, completion.extras, completion.profiles, completion.platforms):
        assert list(look(made)) == expected


@given(st.lists(st.tuples(names, st.lists(names))))
def test_packages_are_those_that_a_parser_finds(packages: list[tuple[str, list[str]]]) -> None:
    lock = {
        "lock-version": "1.0",
        "packages": [
            {"name": name, "version": "1", "wheels": [{"name": wheel} for wheel in wheels]}
            for name, wheels in packages
        ],
    }
    found = completion.packages(project(pylock__toml=tomli_w.dumps(lock)))
    plain = {name for name, _ in packages if _SAFE.fullmatch(name) and name.strip("._-") == name}
    assert set(found) == plain
