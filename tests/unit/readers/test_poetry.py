"""A Poetry project: each of its dependencies is carried over, or there is a note."""

import pytest

from envctl.errors import ManifestError
from tests.unit.readers.imports import read, required, said, sections

PROJECT = """
[tool.poetry]
name = "demo"
version = "0.1.0"
authors = ["Ann <ann@team.example>"]

[tool.poetry.dependencies]
python = "^3.9"
requests = {version = "^2.31", extras = ["socks"]}
numpy = [
    {version = "<=1.24", python = "<3.9"},
    {version = "^1.26", python = ">=3.9", markers = "sys_platform == 'linux' or os_name == 'nt'"},
]
torch = {version = "^2.1", source = "torch-cpu"}
matplotlib = {version = "~3.8", optional = true}
unused = {version = "*", optional = true}
lib = {git = "git@git.example:org/lib.git", tag = "v1", subdirectory = "py", develop = true}
plain = {git = "https://ann:s3cret@git.example/plain.git", branch = "main"}
wheel = {url = "https://files.example/wheel-1.0-py3-none-any.whl"}
local = {path = "../local", develop = true}
colorama = {version = "*", platform = "win32"}
early = {version = "^1.0", allow-prereleases = true}
odd = "latest"

[tool.poetry.extras]
plot = ["matplotlib", "gone"]
Web_UI = ["requests"]

[tool.poetry.dev-dependencies]
black = "23.1"

[tool.poetry.group.dev.dependencies]
pytest = "^8.0"

[tool.poetry.group.docs]
optional = true
include-groups = ["lint"]
[tool.poetry.group.docs.dependencies]
sphinx = "*"

[tool.poetry.group.lint.dependencies]
ruff = ">=0.4,<0.5"

[[tool.poetry.source]]
name = "torch-cpu"
url = "https://download.example/whl/cpu"
priority = "explicit"

[[tool.poetry.source]]
name = "nobody"
url = "https://nobody.example/simple"
priority = "explicit"
"""


def test_dependencies_become_pep_508() -> None:
    found = read("pyproject.toml", PROJECT)
    assert required(found) == [
        "requests[socks]>=2.31,<3.0",
        "numpy<=1.24 ; python_version < '3.9'",
        "numpy>=1.26,<2.0 ; (sys_platform == 'linux' or os_name == 'nt') and python_version >= '3.9'",
        "torch>=2.1,<3.0",
        "lib @ git+ssh://git@git.example/org/lib.git@v1#subdirectory=py",
        "plain @ git+https://git.example/plain.git@main",
        "wheel @ https://files.example/wheel-1.0-py3-none-any.whl",
        "colorama ; sys_platform == 'win32'",
        "early>=1.0,<2.0",
        "odd",
    ]
    assert found.requires_python == ">=3.9,<4.0"
    assert found.name == "demo"


def test_groups_and_extras_are_told_apart_and_optional_ones_are_not_installed_by_default() -> None:
    found = read("pyproject.toml", PROJECT)
    assert sections(found) == {
        "extra plot": ["matplotlib>=3.8,<3.9"],
        "extra web-ui": [],  # what it names is a dependency anyway
        "group dev": ["black==23.1", "pytest>=8.0,<9.0"],
        "group docs": ["sphinx", "ruff>=0.4,<0.5"],
        "group lint": ["ruff>=0.4,<0.5"],
    }
    assert found.groups == ("dev", "lint")


def test_what_is_not_carried_over_is_said() -> None:
    notes = said(read("pyproject.toml", PROJECT))
    root = "pyproject.toml: tool.poetry"
    for line in (
        f"{root}.dependencies.local `local` at `../local`: a path means something",
        f"{root}.dependencies.lib `lib` will not be editable",
        f"{root}.dependencies.plain the user name or password",
        f"{root}.dependencies.unused `unused` is optional, and in no extra",
        f"{root}.dependencies.early.allow-prereleases",
        f"{root}.dependencies.odd `odd` is carried over without its version `latest`",
        f"{root}.extras.plot `gone` is no dependency",
        f"{root}.source[1] no package is taken from `nobody`",
    ):
        assert line in notes
    assert "s3cret" not in notes


def test_sources_become_indexes() -> None:
    found = read("pyproject.toml", PROJECT)
    assert [(i.name, i.url, i.packages, i.default) for i in found.indexes] == [
        ("torch-cpu", "https://download.example/whl/cpu", ("torch",), False)
    ]


@pytest.mark.parametrize(
    ("first", "default", "extra"),
    [
        ("", True, False),
        ('priority = "primary"', True, False),
        ('priority = "default"', True, False),
        ("default = true", True, False),
        ('priority = "supplemental"', False, True),
        ('priority = "secondary"', False, True),
        ("secondary = true", False, True),
    ],
)
def test_a_primary_source_takes_the_default_indexs_place(
    first: str, default: bool, extra: bool
) -> None:
    text = f'[[tool.poetry.source]]\nname = "a"\nurl = "https://ann:pw@a.example/simple"\n{first}\n'
    found = read("pyproject.toml", text)
    (index,) = found.indexes
    assert (index.default, not index.default and not index.packages) == (default, extra)
    assert index.url == "https://a.example/simple"


def test_beside_the_default_index_by_name_a_primary_source_is_one_more() -> None:
    source = "[[tool.poetry.source]]\nname = "
    text = f'{source}"PyPI"\npriority = "primary"\n{source}"a"\nurl = "https://a.example/simple"\n'
    (index,) = read("pyproject.toml", text).indexes
    assert not index.default


def test_a_dependency_of_a_source_that_nobody_declares_is_said() -> None:
    text = '[tool.poetry.dependencies]\na = {version = "*", source = "x"}\n'
    assert "there is no index `x`, which `a` shall come from" in said(read("pyproject.toml", text))


def test_groups_of_the_standard_are_installed_by_default_as_poetry_does() -> None:
    text = (
        "[dependency-groups]\ntest = []\nslow = []\n"
        "[tool.poetry.group.slow]\noptional = true\n[tool.poetry]\nname = 'x'\n"
    )
    assert read("pyproject.toml", text).groups == ("test",)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[tool.poetry.dependencies]\na = 1\n", "pyproject.toml: tool.poetry.dependencies.a"),
        ("[tool.poetry.dependencies]\na = [[1]]\n", "tool.poetry.dependencies.a[0]"),
        ("[tool.poetry.dependencies]\n'a b' = '*'\n", "tool.poetry.dependencies.a b"),
        ("[tool.poetry.dependencies]\na = {markers = 'x y'}\n", "tool.poetry.dependencies.a"),
        ("[tool.poetry]\ngroup = 1\n", "pyproject.toml: tool.poetry.group"),
        ("[[tool.poetry.source]]\nurl = 'https://a.example'\n", "tool.poetry.source[0].name"),
    ],
)
def test_what_poetry_refuses_is_an_error_with_its_key(text: str, where: str) -> None:
    with pytest.raises(ManifestError) as info:
        read("pyproject.toml", text)
    assert (info.value.where or "").endswith(where)
    assert (info.value.where or "").count("pyproject.toml") == 1


def test_groups_that_include_each_other_end() -> None:
    text = (
        "[tool.poetry.group.a]\ninclude-groups = ['b']\n[tool.poetry.group.a.dependencies]\nx = '*'\n"
        "[tool.poetry.group.b]\ninclude-groups = ['a']\n[tool.poetry.group.b.dependencies]\ny = '*'\n"
    )
    found = sections(read("pyproject.toml", text))
    assert found == {"group a": ["x", "y"], "group b": ["y", "x"]}
