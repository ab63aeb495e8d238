"""Which compilers there are: looked for on a PATH of the test's own."""

import sys
from pathlib import Path

import pytest

from envctl.adapters import toolchain
from envctl.adapters.process import run
from envctl.domain.resolution import Interpreter

NVCC = """\
#!/bin/sh
echo 'nvcc: NVIDIA (R) Cuda compiler driver'
echo 'Cuda compilation tools, release {version}, V{version}.77'
"""
PYTHON = Interpreter(path=sys.executable, version=".".join(map(str, sys.version_info[:3])))


def program(folder: Path, name: str, text: str = "#!/bin/sh\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_an_empty_path_has_nothing(tmp_path: Path) -> None:
    found = toolchain.look(run, {"PATH": str(tmp_path)}, PYTHON)
    if not Path("/usr/local/cuda/bin/nvcc").exists():
        assert found.nvcc is None
    assert (found.c, found.cxx, found.rust) == (None, None, None)


def test_compilers_are_found_in_the_usual_order(tmp_path: Path) -> None:
    for name in ("clang", "gcc", "g++", "cargo", "rustc"):
        program(tmp_path, name)
    found = toolchain.look(run, {"PATH": str(tmp_path)}, PYTHON)
    assert found.c == str(tmp_path / "gcc")
    assert found.cxx == str(tmp_path / "g++")
    assert found.rust == str(tmp_path / "rustc")


def test_a_named_compiler_counts_alone(tmp_path: Path) -> None:
    program(tmp_path, "gcc")
    program(tmp_path, "ccache")
    environ = {"PATH": str(tmp_path)}
    assert toolchain.look(run, environ | {"CC": "ccache gcc"}, PYTHON).c == str(tmp_path / "ccache")
    assert toolchain.look(run, environ | {"CC": "icx"}, PYTHON).c is None


def test_cargo_without_rustc_is_no_rust(tmp_path: Path) -> None:
    program(tmp_path, "cargo")
    assert toolchain.look(run, {"PATH": str(tmp_path)}, PYTHON).rust is None


@pytest.mark.parametrize("name", ["CUDA_HOME", "CUDA_PATH"])
def test_nvcc_is_that_of_cuda_home(tmp_path: Path, name: str) -> None:
    program(tmp_path / "cuda" / "bin", "nvcc", NVCC.format(version="12.6"))
    program(tmp_path / "path", "nvcc", NVCC.format(version="11.8"))
    environ = {"PATH": f"{tmp_path / 'path'}:/bin"}
    on_path = toolchain.look(run, environ, PYTHON)
    assert (on_path.nvcc, on_path.nvcc_version) == (str(tmp_path / "path" / "nvcc"), "11.8")
    there = toolchain.look(run, environ | {name: str(tmp_path / "cuda")}, PYTHON)
    assert (there.nvcc, there.nvcc_version) == (str(tmp_path / "cuda" / "bin" / "nvcc"), "12.6")
    assert toolchain.look(run, environ | {name: str(tmp_path / "none")}, PYTHON).nvcc is None


def test_an_nvcc_that_says_nothing_has_no_version(tmp_path: Path) -> None:
    program(tmp_path, "nvcc", "#!/bin/sh\nexit 1\n")
    found = toolchain.look(run, {"PATH": f"{tmp_path}:/bin"}, PYTHON)
    assert (found.nvcc, found.nvcc_version) == (str(tmp_path / "nvcc"), None)


def test_the_headers_are_the_interpreter_s_own(tmp_path: Path) -> None:
    there = program(tmp_path, "with", "#!/bin/sh\necho True\n")
    none = program(tmp_path, "without", "#!/bin/sh\necho False\n")
    for path, expected in ((there, True), (none, False)):
        interpreter = Interpreter(path=str(path), version="3.11.2")
        assert toolchain.look(run, {"PATH": ""}, interpreter).headers is expected
