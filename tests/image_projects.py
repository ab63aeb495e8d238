"""Projects with a lock, without resolver, index or network: what the image tests start from."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from packaging.pylock import Pylock

from envctl.domain.build.locked import from_tables
from envctl.domain.image import Image, describe
from envctl.domain.lock import Lock, assemble
from envctl.domain.manifest import Manifest
from envctl.domain.manifest.reading import parse_manifest
from envctl.domain.resolution import Resolution

INDEX = "https://index.example/simple"
UV_PIN = f"uv==0.13.8 --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}"
DIGEST = "sha256:" + "d" * 64
PATHS = ("train.py", "README.md", "vision/__init__.py", "tests/__init__.py", "data/big.bin")

CPU = """
[project]
name = "churn"
dependencies = ["numpy", "pandas"]

[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]

[tool.envctl.env]
PYTHONHASHSEED = "0"

[tool.envctl.image]
command = ["python", "train.py"]
"""

GPU = """
[project]
name = "vision"
dependencies = ["torch", "numpy"]

[dependency-groups]
dev = ["pytest"]

[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64", "linux-aarch64", "macos-arm64"]

[[tool.envctl.index]]
name = "company"
url = "https://index.example/simple"

[tool.envctl.env]
CUDA_VISIBLE_DEVICES = "2"
NCCL_SOCKET_IFNAME = "eth0"
HF_TOKEN = "never"

[tool.envctl.gpu]
required = true
count = 2

[tool.envctl.image]
for = "docker"
system-packages = ["libgl1", "libgomp1=12.2.0-14"]
command = ["python", "-m", "vision"]
source = ["src"]
"""

HERMETIC = GPU.replace('for = "docker"', 'build = "hermetic"').replace(
    'system-packages = ["libgl1", "libgomp1=12.2.0-14"]\n', ""
)


def wheel(name: str, version: str, tags: str) -> dict[str, Any]:
    filename = f"{name.replace('-', '_')}-{version}-{tags}.whl"
    return {
        "name": filename,
        "url": f"https://index.example/files/{filename.replace('+', '%2B')}",
        "hashes": {"sha256": hashlib.sha256(filename.encode()).hexdigest()},
    }


def package(name: str, version: str, *tags: str, marker: str | None = None) -> dict[str, Any]:
    wheels = [wheel(name, version, tag) for tag in tags or ("py3-none-any",)]
    table = {"name": name, "version": version, "index": INDEX, "wheels": wheels}
    return {**table, "marker": marker} if marker else table


NUMPY = package(
    "numpy",
    "2.4.6",
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp311-cp311-manylinux_2_28_aarch64",
    "cp311-cp311-macosx_14_0_arm64",
)
CPU_PACKAGES = (NUMPY, package("pandas", "3.1.1", "cp311-cp311-manylinux_2_28_x86_64"))
GPU_PACKAGES = (
    NUMPY,
    package(
        "nvidia-cuda-runtime-cu12",
        "12.6.77",
        "py3-none-manylinux_2_17_x86_64",
        marker="platform_machine == 'x86_64' and sys_platform == 'linux'",
    ),
    package("pytest", "9.0.0", marker="'dev' in dependency_groups"),
    package(
        "torch",
        "2.10.0+cu126",
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux_2_28_aarch64",
        "cp311-none-macosx_11_0_arm64",
    ),
)


# Compiled against the locked torch with nvcc; another in C, with a build requirement that is itself only a source.
KERNELS = """
[project]
name = "Kernels_of.Ours"
version = "1.0"
dependencies = ["torch", "flash-attn", "made-c"]

[build-system]
requires = ["made-backend"]
build-backend = "made_backend"

[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64", "linux-aarch64"]

[[tool.envctl.index]]
name = "company"
url = "https://index.example/simple"

[tool.envctl.image]
project = "package"
command = ["kernels"]
ports = [8000, 9090]
healthcheck = ["python", "-m", "kernels.alive", "--quiet"]
stop-signal = "SIGINT"
"""


def sdist(name: str, version: str) -> dict[str, Any]:
    filename = f"{name.replace('-', '_')}-{version}.tar.gz"
    return {
        "name": filename,
        "url": f"https://index.example/files/{filename}",
        "hashes": {"sha256": hashlib.sha256(filename.encode()).hexdigest()},
    }


def source(name: str, version: str, *tags: str) -> dict[str, Any]:
    """A package with a source, and wheels for these tags only."""
    wheels = {"wheels": [wheel(name, version, tag) for tag in tags]} if tags else {}
    return {
        "name": name,
        "version": version,
        "index": INDEX,
        "sdist": sdist(name, version),
        **wheels,
    }


KERNELS_PACKAGES = (
    source("flash-attn", "2.8.3"),
    source("made-c", "1.0+x.1", "cp311-cp311-manylinux_2_28_x86_64"),
    NUMPY,
    package(
        "torch",
        "2.10.0+cu126",
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux_2_28_aarch64",
    ),
)
KERNELS_BUILDS: dict[str, Any] = {
    "builds": {
        ".": {"requires": ["made-backend==4.0"]},
        "flash-attn==2.8.3": {
            "requires": ["made-backend==4.0", "made-ninja==1.12", "torch==2.10.0+cu126"],
            "isolation": False,
            "needs": ["nvcc"],
            "env": {"MAX_JOBS": "4", "NVCC_PREPEND_FLAGS": "-D'X=\"$HOME\"'"},
        },
        "made-c==1.0+x.1": {"requires": ["made-backend==4.0"], "needs": ["c"]},
        "made-ninja==1.12": {"requires": ["made-backend==4.0"]},
    },
    "build-packages": {
        "made-backend==4.0": {
            "index": INDEX,
            "files": [
                f"made_backend-4.0-py3-none-any.whl sha256:{'e' * 64} {INDEX}/made_backend-4.0-py3-none-any.whl"
            ],
        },
        "made-ninja==1.12": {
            "index": INDEX,
            "files": [f"made_ninja-1.12.tar.gz sha256:{'f' * 64} {INDEX}/made_ninja-1.12.tar.gz"],
        },
    },
}


def manifest(text: str) -> Manifest:
    return parse_manifest(tomllib.loads(text))


def lock(project: Manifest, *packages: Mapping[str, Any]) -> Lock:
    tables = {"lock-version": "1.0", "created-by": "envctl", "packages": list(packages)}
    return assemble(
        Resolution(
            packages=tuple(Pylock.from_dict(tables).packages),
            edges={},
            environments=(),
            requires_python=None,
            made_by="uv 0.13.8",
        ),
        project,
        {},
    )


def image(
    text: str,
    *packages: Mapping[str, Any],
    paths: tuple[str, ...] = PATHS,
    builds: Mapping[str, Any] | None = None,
) -> Image:
    project = manifest(text)
    made = lock(project, *packages)
    if builds is not None:
        made = replace(made, builds=from_tables(dict(builds)))
    return describe(project, made, python="3.11", paths=paths)


def bumped(packages: tuple[dict[str, Any], ...], name: str, version: str) -> list[dict[str, Any]]:
    """The same packages with one of them at another version."""
    found = []
    for old in packages:
        tags = [wheel["name"].removesuffix(".whl").split("-", 2)[2] for wheel in old["wheels"]]
        new = package(name, version, *tags, marker=old.get("marker"))
        found.append(new if old["name"] == name else old)
    return found


TREE = ("src/", "src/kernels/", "README.md", "LICENSE", "setup.cfg", "data/", "notes.txt")
# The project alone is built, with nothing compiled: in the final image's own base.
PACKAGE = CPU.replace(
    "[tool.envctl]\n", '[build-system]\nrequires = ["made-backend"]\n\n[tool.envctl]\n', 1
).replace("command =", 'project = "package"\nports = [8080]\ncommand =')
PACKAGE_BUILDS: dict[str, Any] = {
    "builds": {".": KERNELS_BUILDS["builds"]["."]},
    "build-packages": {"made-backend==4.0": KERNELS_BUILDS["build-packages"]["made-backend==4.0"]},
}


def kernels(settings: str = "", **builds: Any) -> Image:
    """A project in a package, on a source that nvcc compiles, on one that has a wheel for one platform only."""
    text = KERNELS.replace("project =", f"{settings}\nproject =")
    told = {**KERNELS_BUILDS, **builds}
    return image(text, *KERNELS_PACKAGES, builds=told, paths=TREE)


def packaged() -> Image:
    """A project that is installed as a package, with nothing to compile."""
    return image(PACKAGE, *CPU_PACKAGES, builds=PACKAGE_BUILDS)
