"""A Pipfile: each package is carried over, or there is a note."""

import pytest

from envctl.errors import ManifestError
from tests.unit.readers.imports import read, required, said, sections

PIPFILE = """
[[source]]
url = "https://index.example/simple/"
verify_ssl = true
name = "main"

[[source]]
url = "https://$USER:${TOKEN}@acme.example/simple"
verify_ssl = false
name = "acme"

[[source]]
url = "https://idle.example/simple"
name = "idle"

[packages]
requests = {extras = ["socks"], version = ">=2.31"}
acme-tool = {version = "==1.0", index = "acme"}
flask = "*"
bare = "1.2"
win = {version = "*", sys_platform = "== 'win32'", python_version = "< '3.12'"}
marked = {version = "~=1.0", markers = "os_name == 'nt' or os_name == 'java'", sys_platform = "!= 'x'"}
lib = {git = "https://git.example/lib.git", ref = "v2", editable = true, extras = ["a"]}
file = {file = "https://files.example/file-1.0.zip"}
here = {path = ".", editable = true}
other = {path = "../other"}
odd = "newest"
strange = {version = "*", wat = true}

[dev-packages]
pytest = "~=8.0"

["Docs Pages"]
sphinx = "*"

[requires]
python_version = "3.11"

[scripts]
serve = "python -m demo"

[pipenv]
allow_prereleases = true
sort_pipfile = false
"""


def test_packages_become_pep_508_and_categories_groups() -> None:
    found = read("Pipfile", PIPFILE)
    assert required(found) == [
        "requests[socks]>=2.31",
        "acme-tool==1.0",
        "flask",
        "bare==1.2",
        "win ; sys_platform == 'win32' and python_version < '3.12'",
        "marked~=1.0 ; (os_name == 'nt' or os_name == 'java') and sys_platform != 'x'",
        "lib[a] @ git+https://git.example/lib.git@v2",
        "file @ https://files.example/file-1.0.zip",
        "odd",
        "strange",
    ]
    assert sections(found) == {"group dev": ["pytest~=8.0"], "group docs-pages": ["sphinx"]}
    assert found.python == "3.11"
    assert found.groups is None  # `pipenv install` leaves the development packages out


def test_the_first_source_is_the_default_one_and_another_has_its_packages_alone() -> None:
    found = read("Pipfile", PIPFILE)
    assert [(i.name, i.url, i.packages, i.default) for i in found.indexes] == [
        ("main", "https://index.example/simple", (), True),
        ("acme", "https://acme.example/simple", ("acme-tool",), False),
    ]


def test_what_is_not_carried_over_is_said() -> None:
    notes = said(read("Pipfile", PIPFILE))
    for line in (
        "Pipfile: packages.here the project itself is not one of its own dependencies",
        "Pipfile: packages.other `other` at `../other`: a path",
        "Pipfile: packages.odd `odd` is carried over without `newest`",
        "Pipfile: packages.strange.wat envctl has no word",
        "Pipfile: packages.lib `lib` will not be editable",
        "Pipfile: source[1].verify_ssl certificates are always checked",
        "Pipfile: source[1] the user name or password",
        "Pipfile: source[2] no package names the source `idle`",
        "Pipfile: pipenv.allow_prereleases",
        "Pipfile: scripts",
    ):
        assert line in notes
    assert "TOKEN" not in notes
    assert "sort_pipfile" not in notes


@pytest.mark.parametrize(
    ("requires", "python", "allowed"),
    [
        ('python_full_version = "3.11.4"', "3.11.4", None),
        ('python_version = ">=3.9"', None, ">=3.9"),
        ('python_version = "3"', None, None),
        ("", None, None),
    ],
)
def test_the_python_that_is_required(
    requires: str, python: str | None, allowed: str | None
) -> None:
    found = read("Pipfile", f"[requires]\n{requires}\n")
    assert (found.python, found.requires_python) == (python, allowed)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[packages]\na = 1\n", "Pipfile: packages.a"),
        ("[packages]\na = {os_name = 'nt'}\n", "Pipfile: packages.a"),
        ("[packages]\n'a b' = '*'\n", "Pipfile: packages.a b"),
        ("packages = 1\n", "Pipfile: packages"),
        ("[[source]]\nname = 'a'\n", "Pipfile: source[0].url"),
        ("[packages\n", "Pipfile:1:10"),
    ],
)
def test_what_is_broken_is_an_error_with_its_key(text: str, where: str) -> None:
    with pytest.raises(ManifestError) as info:
        read("Pipfile", text)
    assert info.value.where == where
