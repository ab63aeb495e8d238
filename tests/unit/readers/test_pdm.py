"""What a PDM project says outside `[project]`."""

import pytest

from envctl.errors import ManifestError
from tests.unit.readers.imports import read, said, sections

PROJECT = """
[project]
name = "demo"
dependencies = ["flask"]

[dependency-groups]
lint = ["ruff"]

[tool.pdm]
distribution = true
plugins = ["x"]

[tool.pdm.dev-dependencies]
Test_It = ["pytest>=8", "-e file:///${PROJECT_ROOT}/sub#egg=sub", "-e git+https://git.example/lib.git#egg=lib"]

[tool.pdm.resolution]
respect-source-order = true
[tool.pdm.resolution.overrides]
six = "1.16"

[tool.pdm.scripts]
serve = "flask run"

[[tool.pdm.source]]
name = "pypi"
url = "https://ann:s3cret@mirror.example/simple"
verify_ssl = false

[[tool.pdm.source]]
name = "acme"
url = "https://acme.example/simple"
include_packages = ["acme-*", "Tool_Kit"]

[[tool.pdm.source]]
name = "wheels"
url = "https://files.example/"
type = "find_links"
"""


def test_development_groups_and_sources() -> None:
    found = read("pyproject.toml", PROJECT)
    assert sections(found) == {
        "group test-it": ["pytest>=8", "lib @ git+https://git.example/lib.git"]
    }
    assert found.groups == ("test-it", "lint")
    assert [(i.name, i.url, i.packages, i.default) for i in found.indexes] == [
        ("pypi", "https://mirror.example/simple", (), True),
        ("acme", "https://acme.example/simple", ("acme-*", "tool-kit"), False),
    ]


def test_what_is_not_carried_over_is_said() -> None:
    notes = said(read("pyproject.toml", PROJECT))
    root = "pyproject.toml: tool.pdm"
    for line in (
        f"{root}.dev-dependencies.Test_It[1] `-e file:///${{PROJECT_ROOT}}/sub#egg=sub`: a path",
        f"{root}.dev-dependencies.Test_It[2] `lib` will not be editable",
        f"{root}.plugins",
        f"{root}.scripts",
        f"{root}.resolution.overrides",
        f"{root}.source[0] the user name or password",
        f"{root}.source[0].verify_ssl",
        f"{root}.source[2] a lock names indexes only",
    ):
        assert line in notes
    assert "s3cret" not in notes
    assert "respect-source-order" not in notes


def test_a_broken_requirement_is_an_error_with_its_key() -> None:
    with pytest.raises(ManifestError) as info:
        read("pyproject.toml", "[tool.pdm.dev-dependencies]\na = ['b', '=>1']\n")
    assert info.value.where == "pyproject.toml: tool.pdm.dev-dependencies.a[1]"
