"""setup.cfg, as setuptools reads it."""

import pytest

from envctl.errors import ManifestError
from tests.unit.readers.imports import read, required, said, sections

CONFIG = """
[metadata]
name = demo
version = attr: demo.__version__
description = 100%% sure %(nothing)s

[options]
python-requires = >=3.9
setup_requires = setuptools_scm
install_requires =
    numpy>=1.20
    # a comment
    scipy ; python_version < "3.12"  # why

tests_require = nose

[options.extras_require]
Docs = sphinx; furo
test =
    pytest

[flake8]
max-line-length = 100
"""


def test_lists_extras_and_python() -> None:
    found = read("setup.cfg", CONFIG)
    assert required(found) == [
        "numpy>=1.20",
        'scipy ; python_version < "3.12"',
    ]
    assert sections(found) == {
        "extra docs": ["sphinx", "furo"],
        "extra test": ["pytest"],
    }
    assert (found.name, found.requires_python) == ("demo", ">=3.9")
    assert found.requirements[1].comment == "why"
    for key in ("setup_requires", "tests_require"):
        assert f"setup.cfg: options.{key}" in said(found)


def test_files_whose_lines_count() -> None:
    text = "[options]\ninstall_requires = file: requirements.txt, sub/more.txt\n"
    found = read("setup.cfg", text, requirements__txt="six\n", sub_of_more__txt="attrs  # x\n")
    assert required(found) == ["six", "attrs"]
    lost = said(read("setup.cfg", "[options]\ninstall_requires = file: gone.txt, ../up.txt\n"))
    assert "`gone.txt` is not read: there is no such file" in lost
    assert "`../up.txt` is not read: it lies outside the project" in lost


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a = 1\n", "setup.cfg:1"),
        ("[a]\n[a]\n", "setup.cfg:2"),
        ("[a]\nx = 1\nx = 2\n", "setup.cfg:3"),
        ("[a]\nno value\n", "setup.cfg:2"),
        ("[options]\ninstall_requires = =>1\n", "setup.cfg: options.install_requires"),
        ("[options.extras_require]\na = =>1\n", "setup.cfg: options.extras_require.a"),
    ],
)
def test_what_setuptools_refuses_is_an_error_with_its_place(text: str, where: str) -> None:
    with pytest.raises(ManifestError) as info:
        read("setup.cfg", text)
    assert info.value.where == where
