"""What an sdist's files tell, without running any of it."""

import pytest

from envctl.errors import ManifestError
from envctl.readers.source_tree import SourceTree


@pytest.mark.parametrize(
    ("members", "texts", "expected"),
    [
        (["setup.py", "pkg/__init__.py"], {}, ()),
        (["src/a.c"], {}, ("c",)),
        (["pkg/_a.pyx"], {}, ("c",)),
        (["csrc/a.CPP", "csrc/b.cu"], {}, ("c++", "nvcc")),
        (["rust/Cargo.toml"], {}, ("rust",)),
        (["tests/a.c", "docs/b.cu", "examples/x/Cargo.toml"], {}, ()),
        (["pkg/tests_of.c"], {}, ("c",)),
        (
            ["setup.py"],
            {"setup.py": "from torch.utils.cpp_extension import BuildExtension, CUDAExtension"},
            ("c++", "nvcc"),
        ),
        (["setup.py"], {"setup.py": "import torch.utils.cpp_extension as e"}, ("c++",)),
        (
            ["pyproject.toml"],
            {"pyproject.toml": '[build-system]\nrequires = ["maturin>=1"]\n'},
            ("rust",),
        ),
    ],
)
def test_needs(members: list[str], texts: dict[str, str], expected: tuple[str, ...]) -> None:
    tree = SourceTree(members=tuple(members), texts=texts)
    assert tree.needs(tree.build_system("x")) == expected


def test_the_build_system_is_that_of_its_pyproject() -> None:
    text = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    found = SourceTree(members=(), texts={"pyproject.toml": text}).build_system("x")
    assert (found.requires, found.backend) == (("hatchling",), "hatchling.build")
    assert SourceTree(members=("setup.py",)).build_system("x").requires[0].startswith("setuptools")


def test_a_broken_pyproject_is_said_with_its_place() -> None:
    tree = SourceTree(members=(), texts={"pyproject.toml": "[build-system"})
    with pytest.raises(ManifestError) as caught:
        tree.build_system("zz==1: pyproject.toml")
    assert "zz==1" in (caught.value.where or "")
