"""How an environment comes to be another one than its lock, and a shell another one than the project's."""

import inspect
import shutil
import sys
from pathlib import Path

from tests.index import backend
from tests.index.wheels import Wheel
from tests.integration.provoking import Case, Near
from tests.integration.provoking.locks import stale
from tests.integration.sources import LOG
from tests.integration.test_own import BUILD, MAKING
from tests.integration.world import World


def elsewhere(world: World) -> None:
    world.edit("pyproject.toml", '"linux-x86_64"', '"macos-arm64"')
    world.envctl("lock")


def no_environment(world: World) -> None:
    (world.root / ".venv").unlink()


def foreign(world: World) -> None:
    (world.root / ".venv").unlink()
    (world.root / ".venv").mkdir()


def unfinished(world: World) -> None:
    (world.root / ".venv" / "envctl.json").unlink()


def interpreter_gone(world: World) -> None:
    python = world.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")


def taken_apart(world: World) -> None:
    (world.root / ".venv" / "pyvenv.cfg").unlink()


def other_files(world: World) -> None:
    """Let the index replace a wheel by another of the same version, as private indexes do."""
    world.index.add(Wheel("zz-made-moved", "1.0"))
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-moved"')
    world.envctl("lock")
    world.envctl("sync")
    world.index.remove("zz-made-moved", "1.0")
    world.index.add(Wheel("zz-made-moved", "1.0", files={"zz_made_moved/__init__.py": "x = 1\n"}))
    (world.root / "pylock.toml").unlink()
    world.envctl("lock", env={"UV_CACHE_DIR": str(world.root / "fresh")})


def python_version(world: World) -> None:
    stamp = world.root / ".venv" / "envctl.json"
    major, minor, micro = sys.version_info[:3]
    text = stamp.read_text().replace(f'"{major}.{minor}.{micro}"', f'"{major}.{minor}.99"')
    stamp.write_text(text)


def package_gone(world: World) -> None:
    shutil.rmtree(world.site / "zz_made_lib-1.1.dist-info")
    shutil.rmtree(world.site / "zz_made_lib")


def package_extra(world: World) -> None:
    (world.site / "zz_stray-1.dist-info").mkdir()


def package_version(world: World) -> None:
    stale(world)
    world.envctl("lock")


def file_modified(world: World) -> None:
    path = world.site / "zz_made_lib" / "__init__.py"
    path.write_text(path.read_text() + "# debugging\n")


def file_missing(world: World) -> None:
    (world.site / "zz_made_lib" / "__init__.py").unlink()


def file_added(world: World) -> None:
    (world.site / "zz_made_lib" / "hack.py").write_text("x = 1\n")


def record_rewritten(world: World) -> None:
    """Change a file and make its package's RECORD forget its hash."""
    file_modified(world)
    path = world.site / "zz_made_lib-1.1.dist-info" / "RECORD"
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(row for row in rows if not row.startswith("zz_made_lib/__init__.py")))


def script_rewritten(world: World) -> None:
    path = world.root / ".venv" / "bin" / "activate"
    path.write_text(path.read_text().replace("PYTHONHASHSEED", "PYTHONHASHSEEDS"))


def project_changed(world: World) -> None:
    """Install the project itself, then give it another version."""
    Path(world.environ["HOME"]).mkdir(exist_ok=True)
    world.index.add(Wheel("zz-made-backend", "1.0"))
    world.write("in_tree/making.py", MAKING.format(log=LOG))
    world.write("in_tree/packing.py", inspect.getsource(backend))
    world.write("src/demo/__init__.py", "")
    world.edit("pyproject.toml", "[project.optional", f"{BUILD}[project.optional")
    world.envctl("lock")
    world.envctl("sync")
    world.edit("pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')


def unmanaged(world: World) -> None:
    """Leave `.venv` to another tool, which has put nothing there yet."""
    world.edit("pyproject.toml", "[tool.envctl]\n", "[tool.envctl]\nmanaged = false\n")
    (world.root / ".venv").unlink()


def unmanaged_venv(world: World) -> None:
    """Leave `.venv` to another tool, with packages and files that are not the lock's, too many, and too few."""
    real = (world.root / ".venv").resolve()
    unmanaged(world)
    shutil.copytree(real, world.root / ".venv", symlinks=True)
    (world.root / ".venv" / "envctl.json").unlink()
    shutil.rmtree(world.site / "zz_made_test-3.0.dist-info")
    (world.site / "zz_made_lib-1.1.dist-info").rename(world.site / "zz_made_lib-1.0.dist-info")
    metadata = world.site / "zz_made_lib-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.1", "Version: 1.0"))
    package_extra(world)
    (world.site / "zz_made_app" / "__init__.py").unlink()
    file_modified(world)


def unset(world: Near) -> None:
    world.environ = {**world.environ, "VIRTUAL_ENV": str((world.root / ".venv").resolve())}


def differs(world: Near) -> None:
    world.environ = {**world.environ, "PYTHONHASHSEED": "7"}


def undeclared(world: Near) -> None:
    world.environ = {**world.environ, "NVIDIA_TF32_OVERRIDE": "1"}


CASES = (
    Case(code="platform-unserved", layer="environment", way="advice", provoke=elsewhere),
    Case(code="environment-missing", layer="environment", way="fix", provoke=no_environment),
    Case(code="environment-missing", layer="environment", way="advice", provoke=unmanaged),
    Case(code="environment-foreign", layer="environment", way="fix", provoke=foreign),
    Case(code="environment-unfinished", layer="environment", way="fix", provoke=unfinished),
    Case(code="environment-unfinished", layer="environment", way="fix", provoke=interpreter_gone),
    Case(code="environment-unfinished", layer="environment", way="fix", provoke=taken_apart),
    Case(code="environment-stale", layer="environment", way="fix", provoke=other_files),
    Case(code="python-version", layer="environment", way="fix", provoke=python_version),
    Case(code="package-missing", layer="environment", way="fix", provoke=package_gone),
    Case(code="package-missing", layer="environment", way="advice", provoke=unmanaged_venv),
    Case(code="package-extra", layer="environment", way="fix", provoke=package_extra),
    Case(code="package-extra", layer="environment", way="advice", provoke=unmanaged_venv),
    Case(code="package-version", layer="environment", way="fix", provoke=package_version),
    Case(code="package-version", layer="environment", way="advice", provoke=unmanaged_venv),
    Case(code="project-stale", layer="environment", way="fix", provoke=project_changed),
    Case(code="activation-stale", layer="environment", way="fix", provoke=script_rewritten),
    Case(code="file-modified", layer="environment", way="fix", provoke=file_modified),
    Case(code="file-modified", layer="environment", way="advice", provoke=unmanaged_venv),
    Case(code="file-missing", layer="environment", way="fix", provoke=file_missing),
    Case(code="file-missing", layer="environment", way="advice", provoke=unmanaged_venv),
    Case(code="file-added", layer="environment", way="fix", provoke=file_added),
    Case(code="record-modified", layer="environment", way="fix", provoke=record_rewritten),
    Case(code="variable-unset", layer="variables", way="advice", provoke=unset),
    Case(code="variable-differs", layer="variables", way="advice", provoke=differs),
    Case(code="variable-undeclared", layer="variables", way="advice", provoke=undeclared),
)
