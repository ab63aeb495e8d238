"""Can this machine build what the lock has only as source?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from envctl.domain.build import Need
from envctl.domain.finding import Finding
from envctl.domain.finding.codes import Code
from envctl.domain.gpu.facts import numbers
from envctl.domain.platforms import Platform
from envctl.domain.workshop.toolchain import Toolchain

_COMPILED: tuple[Need, ...] = ("c", "c++", "nvcc")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lack:
    """One thing that a build needs and this machine does not have, with what would mend it."""

    code: Code
    what: str
    advice: str
    expected: str | None = None
    actual: str | None = None


def check(
    wanted: Iterable[tuple[str, Iterable[Need]]],
    there: Toolchain,
    *,
    platform: Platform,
    python: str,
    cuda: str | None,
) -> Iterator[Finding]:
    """Yield what is missing for each source (``name==version``) that has to be built, with its needs.

    ``python`` is the environment's minor; ``cuda`` the contract's.
    """
    for source, needs in wanted:
        for lack in _lacks(set(needs), there, cuda, python, platform):
            yield Finding(
                code=lack.code,
                layer="machine",
                severity="error",
                subject=source,
                message=f"to build {_said(source)}, this machine ({platform.name}) needs {lack.what}",
                expected=lack.expected,
                actual=lack.actual,
                advice=lack.advice,
            )


def _said(source: str) -> str:
    return f"`{source}`" if "==" in source else source


def _lacks(
    wanted: set[Need], there: Toolchain, cuda: str | None, python: str, platform: Platform
) -> Iterator[_Lack]:
    if "nvcc" in wanted:
        wanted.add("c++")  # nvcc compiles the host's part with it
        yield from _nvcc(there, cuda)
    if "c" in wanted and there.c is None:
        yield _compiler("a C compiler", "gcc libc6-dev", platform)
    if "c++" in wanted and there.cxx is None:
        yield _compiler("a C++ compiler", "g++", platform)
    if "rust" in wanted and there.rust is None:
        yield _Lack(
            code="compiler-missing",
            what="Rust (cargo and rustc)",
            advice="install it with rustup, or on Debian and Ubuntu: `apt-get install cargo`",
        )
    if wanted.intersection(_COMPILED) and not there.headers:
        yield _Lack(
            code="python-headers-missing",
            what=f"the headers of Python {python} (Python.h)",
            advice=f"on Debian and Ubuntu: `apt-get install python{python}-dev`; "
            "or use an interpreter that brings them (uv's or pyenv's)",
        )


def _compiler(what: str, packages: str, platform: Platform) -> _Lack:
    advice = f"on Debian and Ubuntu: `apt-get install {packages}`; or name one in $CC and $CXX"
    if platform.os == "macos":
        advice = "run `xcode-select --install`"
    return _Lack(code="compiler-missing", what=what, advice=advice)


def _nvcc(there: Toolchain, cuda: str | None) -> Iterator[_Lack]:
    """Compare nvcc's major version with that of the CUDA that torch was made with.

    ``torch.utils.cpp_extension`` refuses another major; a differing minor works, by CUDA's own compatibility.
    """
    series = f"CUDA {cuda}" if cuda else "CUDA"
    toolkit = ""
    if cuda and "." in cuda:
        name = cuda.replace(".", "-")
        toolkit = f" (in NVIDIA's package repository: `cuda-toolkit-{name}`)"
    advice = f"install the toolkit of {series}{toolkit}, or name its folder in $CUDA_HOME"
    if there.nvcc is None:
        what = f"nvcc, the compiler of {series}"
        yield _Lack(code="nvcc-missing", what=what, advice=advice)
    elif cuda and there.nvcc_version and numbers(there.nvcc_version)[:1] != numbers(cuda)[:1]:
        yield _Lack(
            code="nvcc-missing",
            what=f"nvcc of {series}; {there.nvcc} is of CUDA {there.nvcc_version}",
            advice=advice,
            expected=cuda,
            actual=there.nvcc_version,
        )
