"""Packages that have no wheel: locked builds, kept wheels, missing compilers."""

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.index.wheels import Wheel, sdist
from tests.integration.sources import builds, program, serve, source
from tests.integration.world import MINOR, World

NVCC = """\
#!/bin/sh
case "$*" in
  *--version*) echo "Cuda compilation tools, release {version}, V{version}.77" ;;
  *) echo "$* arch=$TORCH_CUDA_ARCH_LIST jobs=$MAX_JOBS flags=$CFLAGS" >> "$HOME/nvcc.log"; : > "$4" ;;
esac
"""
PROGRAMS = ("cc", "gcc", "as", "ld", "sh", "env")


@pytest.fixture
def world(world: World, tmp_path: Path) -> World:
    """Give the project a home and a cache of its own: what others built must not count."""
    home = tmp_path / "home"
    home.mkdir()
    world.environ = {**world.environ, "XDG_CACHE_HOME": str(tmp_path / "own-cache")}
    world.index.add(Wheel("zz-made-backend", "1.0"), Wheel("zz-made-backend", "1.1"))
    return world


def asks(world: World, *names: str, settings: str = "") -> None:
    listed = ", ".join(f'"{name}"' for name in names)
    world.edit("pyproject.toml", '"zz-made-app<2",', f"{listed},")
    if settings:
        world.edit("pyproject.toml", "[tool.envctl.env]", f"{settings}\n[tool.envctl.env]")


def own(world: World) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(world.read("pylock.toml"))["tool"]["envctl"]
    return found


def answer(world: World, module: str) -> str:
    code = f"import {module}; print({module}.answer())"
    return world.run([str(world.python), "-c", code]).stdout.strip()


def kept(world: World) -> list[Path]:
    return list(Path(world.environ["XDG_CACHE_HOME"]).glob("envctl/wheels/*/*.whl"))


def elsewhere(world: World, tmp_path: Path, name: str = "other") -> World:
    """Give the same project in a fresh clone."""
    root = tmp_path / name
    root.mkdir()
    for file in ("pyproject.toml", "pylock.toml"):
        shutil.copy(world.root / file, root / file)
    return World(root=root, index=world.index, environ=world.environ)


class TestLock:
    def test_build_requirements_are_locked_with_every_file(self, world: World) -> None:
        serve(world, source("zz-made-ext", build_requires=["zz-made-backend<2"]))
        asks(world, "zz-made-ext")
        done = world.envctl("lock")
        assert "`zz-made-ext` 1.0 has no wheel for linux-x86_64" in done.stderr
        table = own(world)
        assert table["builds"]["zz-made-ext==1.0"] == {
            "requires": ["zz-made-backend==1.1"],
            "needs": ["c"],
        }
        packages = table["build-packages"]
        assert list(packages) == ["zz-made-backend==1.1"]
        assert packages["zz-made-backend==1.1"]["index"] == world.index.url
        (file,) = packages["zz-made-backend==1.1"]["files"]
        assert file.startswith("zz_made_backend-1.1-py3-none-any.whl sha256:")
        names = {p["name"] for p in tomllib.loads(world.read("pylock.toml"))["packages"]}
        assert "zz-made-backend" not in names
        assert builds(world) == []

    def test_nothing_of_it_is_run_to_lock_it(self, world: World) -> None:
        serve(world, source("zz-made-ext", before="raise SystemExit('I was run')"))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        assert own(world)["builds"]["zz-made-ext==1.0"]["needs"] == ["c"]

    def test_a_newer_build_requirement_is_taken_on_request_only(self, world: World) -> None:
        serve(world, source("zz-made-ext", build_requires=["zz-made-backend"]))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        before = world.read("pylock.toml")
        world.index.add(Wheel("zz-made-backend", "1.2"))
        fresh = {"UV_CACHE_DIR": str(world.root.parent / "fresh")}
        world.envctl("lock", env=fresh)
        assert world.read("pylock.toml") == before
        world.edit("pyproject.toml", '"zz-made-ext",', '"zz-made-ext", "zz-made-lib",')
        world.envctl("lock", env=fresh)
        assert "zz-made-backend==1.1" in own(world)["build-packages"]
        world.envctl("lock", "--upgrade", "zz-made-backend", env=fresh)
        assert list(own(world)["build-packages"]) == ["zz-made-backend==1.2"]

    def test_settings_count(self, world: World) -> None:
        serve(world, source("zz-made-ext", build_requires=["zz-made-backend"]))
        asks(
            world,
            "zz-made-ext",
            settings='[tool.envctl.build.zz-made-ext]\nrequires = ["zz-made-lib==1.0"]\n'
            'needs = []\nenv = { ZZ = "1" }\n',
        )
        world.envctl("lock")
        assert own(world)["builds"]["zz-made-ext==1.0"] == {
            "requires": ["zz-made-backend==1.1", "zz-made-lib==1.0"],
            "env": {"ZZ": "1"},
        }
        world.edit("pyproject.toml", 'ZZ = "1"', 'ZZ = "2"')
        assert "lock-stale" in world.codes("--only", "lock")

    def test_a_setting_for_no_package_is_said(self, world: World) -> None:
        asks(world, "zz-made-app<2", settings="[tool.envctl.build.zz-made-none]\nneeds = []\n")
        assert "zz-made-none" in world.envctl("lock").stderr

    def test_a_build_requirement_that_is_a_source_is_locked_as_well(self, world: World) -> None:
        serve(
            world,
            source("zz-made-ext", build_requires=["zz-made-gen"], before="import zz_made_gen"),
            source("zz-made-gen", build_requires=["zz-made-backend"]),
        )
        asks(world, "zz-made-ext")
        world.envctl("lock")
        assert set(own(world)["builds"]) == {"zz-made-ext==1.0", "zz-made-gen==1.0"}
        world.envctl("sync")
        assert builds(world) == ["zz-made-gen", "zz-made-ext"]
        assert world.installed() == ["zz_made_ext-1.0", "zz_made_test-3.0"]

    def test_dependencies_that_only_a_build_could_tell_may_be_stated(self, world: World) -> None:
        name, _ = sdist(Wheel("zz-made-old", "1.0"))
        folder = world.root.parent / "sdists"
        folder.mkdir()
        (folder / name).write_bytes(
            sdist(Wheel("zz-made-old", "1.0", requires=["zz-made-lib"]), static_metadata=False)[1]
        )
        world.index.serve_folder(folder)
        asks(
            world,
            "zz-made-old",
            settings='[tool.envctl.build.zz-made-old]\ndependencies = ["zz-made-plot"]\n',
        )
        world.envctl("lock")
        names = {p["name"] for p in tomllib.loads(world.read("pylock.toml"))["packages"]}
        assert "zz-made-plot" in names

    def test_what_a_resolver_must_build_to_know_it_is_told_to_it(self, world: World) -> None:
        made = source(
            "zz-made-old",
            requires=["zz-made-plot"],
            before="import zz_made_lib",
            static=False,
        )
        serve(world, made)
        asks(world, "zz-made-old")
        done = world.envctl("lock", code=3)
        assert "[tool.envctl.build.zz-made-old]" in done.stderr
        remedy = '[tool.envctl.build.zz-made-old]\nrequires = ["zz-made-lib"]\n\n[tool.envctl.env]'
        world.edit("pyproject.toml", "[tool.envctl.env]", remedy)
        world.envctl("lock")
        names = {p["name"] for p in tomllib.loads(world.read("pylock.toml"))["packages"]}
        assert "zz-made-plot" in names

    def test_a_merge_that_lost_a_build_requirement_is_noticed_and_mended(
        self, world: World
    ) -> None:
        serve(world, source("zz-made-ext", build_requires=["zz-made-backend"]))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        whole = world.read("pylock.toml")
        world.write("pylock.toml", whole.partition("[tool.envctl.build-packages")[0])
        assert "lock-incomplete" in world.codes("--only", "lock")
        world.envctl("lock")
        assert world.read("pylock.toml") == whole

    @pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
    def test_both_resolvers(self, world: World, resolver: str) -> None:
        world.write("pyproject.toml", world.manifest(resolver))
        serve(world, source("zz-made-ext", build_requires=["zz-made-backend"]))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        assert "zz-made-backend==1.1" in own(world)["build-packages"]
        world.envctl("sync")
        assert answer(world, "zz_made_ext") == "42"


class TestSync:
    def test_it_is_built_in_isolation_and_installed_as_a_wheel_of_the_index(
        self, world: World
    ) -> None:
        before = (
            "import zz_made_backend\n"
            "try:\n    import zz_made_app\nexcept ImportError:\n    pass\nelse:\n    raise SystemExit('seen')\n"
        )
        serve(world, source("zz-made-ext", build_requires=["zz-made-backend"], before=before))
        asks(world, "zz-made-ext", "zz-made-app<2")
        world.envctl("lock")
        plan = world.envctl("sync", "--dry-run")
        assert "  builds zz-made-ext==1.0 from source" in plan.stderr.splitlines()
        assert world.json("sync", "--check", code=1)["result"]["builds"] == ["zz-made-ext==1.0"]
        assert not (world.root / ".venv").exists()
        done = world.envctl("sync")
        assert "building zz-made-ext==1.0" in done.stderr
        assert world.json("sync", "--check")["result"]["builds"] == []
        assert answer(world, "zz_made_ext") == "42"
        info = world.site / "zz_made_ext-1.0.dist-info"
        assert {path.name for path in info.iterdir()} == {
            "INSTALLER",
            "METADATA",
            "RECORD",
            "REQUESTED",
            "WHEEL",
        }
        assert "zz_made_backend" not in " ".join(world.installed())
        assert world.codes("--only", "lock,environment") == []
        assert "in sync" in world.envctl("sync").stderr
        assert builds(world) == ["zz-made-ext"]

    def test_a_kept_wheel_is_used_again(self, world: World, tmp_path: Path) -> None:
        serve(world, source("zz-made-ext", build_requires=["zz-made-backend"]))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        world.envctl("sync")
        other = elsewhere(world, tmp_path)
        # No compiler either: nothing is built.
        other.envctl("sync", env={"PATH": str(tmp_path / "empty")})
        assert answer(other, "zz_made_ext") == "42"
        assert builds(world) == ["zz-made-ext"]
        assert len(kept(world)) == 1

    @pytest.mark.parametrize("change", ["source", "build requirement", "variable"])
    def test_what_a_wheel_depends_on_builds_it_anew(self, world: World, change: str) -> None:
        setting = '[tool.envctl.build.zz-made-ext]\nenv = { CFLAGS = "-O1", MAX_JOBS = "1" }\n'
        serve(world, source("zz-made-ext", build_requires=["zz-made-backend<1.2"]))
        asks(world, "zz-made-ext", settings=setting)
        world.envctl("lock")
        world.envctl("sync")
        fresh = {"UV_CACHE_DIR": str(world.root.parent / "fresh")}
        if change == "source":
            text = source("zz-made-ext", build_requires=["zz-made-backend<1.2"], answer=43)
            serve(world, text)
        elif change == "build requirement":
            world.edit("pyproject.toml", "env = {", 'requires = ["zz-made-backend==1.0"]\nenv = {')
        else:
            world.edit("pyproject.toml", '"-O1"', '"-O2"')
        world.envctl("lock", "--upgrade", env=fresh)
        world.envctl("sync", "--recreate", env=fresh)
        assert answer(world, "zz_made_ext") == ("43" if change == "source" else "42")
        assert builds(world) == ["zz-made-ext", "zz-made-ext"]

    def test_how_fast_it_may_build_does_not(self, world: World) -> None:
        setting = '[tool.envctl.build.zz-made-ext]\nenv = { MAX_JOBS = "1" }\n'
        serve(world, source("zz-made-ext"))
        asks(world, "zz-made-ext", settings=setting)
        world.envctl("lock")
        world.envctl("sync")
        world.edit("pyproject.toml", 'MAX_JOBS = "1"', 'MAX_JOBS = "9"')
        world.envctl("lock")
        world.envctl("sync", "--recreate")
        assert builds(world) == ["zz-made-ext"]

    def test_a_damaged_wheel_is_built_anew(self, world: World) -> None:
        serve(world, source("zz-made-ext"))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        world.envctl("sync")
        (wheel,) = kept(world)
        wheel.write_bytes(b"damaged")
        world.envctl("sync", "--recreate")
        assert answer(world, "zz_made_ext") == "42"
        assert builds(world) == ["zz-made-ext", "zz-made-ext"]

    def test_an_edited_file_of_it_is_found_and_repaired_without_a_build(self, world: World) -> None:
        serve(world, source("zz-made-ext"))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        world.envctl("sync")
        (module,) = world.site.glob("zz_made_ext*.so")
        module.write_bytes(b"edited")
        assert world.codes("--only", "environment") == ["file-modified"]
        world.envctl("sync", "--repair")
        assert answer(world, "zz_made_ext") == "42"
        assert world.codes("--only", "environment") == []
        assert builds(world) == ["zz-made-ext"]

    def test_only_what_is_declared_reaches_the_build(self, world: World) -> None:
        before = (
            "assert os.environ.get('ZZ_DECLARED') == 'yes', os.environ\n"
            "assert 'ZZ_STRAY' not in os.environ and 'CFLAGS' not in os.environ\n"
            "assert 'HF_TOKEN' not in os.environ and 'PYTHONHASHSEED' not in os.environ\n"
        )
        serve(world, source("zz-made-ext", before=before))
        setting = '[tool.envctl.build.zz-made-ext]\nenv = { ZZ_DECLARED = "yes" }\n'
        asks(world, "zz-made-ext", settings=setting)
        world.envctl("lock")
        stray = {"ZZ_STRAY": "1", "CFLAGS": "-g", "HF_TOKEN": "secret", "PYTHONHASHSEED": "0"}
        world.envctl("sync", env=stray)
        assert builds(world) == ["zz-made-ext"]

    def test_a_build_that_fails_leaves_the_old_environment(self, world: World) -> None:
        world.envctl("lock")
        world.envctl("sync")
        before = (world.root / ".venv").readlink()
        serve(world, source("zz-made-ext", sources={"bad.c": "#error no such luck\n"}))
        asks(world, "zz-made-ext", "zz-made-app<2")
        world.envctl("lock")
        done = world.envctl("sync", code=3)
        assert "`zz-made-ext==1.0` could not be built" in done.stderr
        log = Path(world.environ["XDG_CACHE_HOME"]) / "envctl" / "logs" / "zz-made-ext-1.0.log"
        assert str(log) in done.stderr
        assert "no such luck" in log.read_text()
        assert (world.root / ".venv").readlink() == before
        assert kept(world) == []

    def test_what_it_cannot_import_is_named_with_its_remedy(self, world: World) -> None:
        serve(world, source("zz-made-ext", before="import zz_made_lib"))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        done = world.envctl("sync", code=3)
        assert "could not import `zz_made_lib`" in done.stderr
        assert "[tool.envctl.build.zz-made-ext]" in done.stderr
        remedy = '[tool.envctl.build.zz-made-ext]\nrequires = ["zz-made-lib"]\n\n[tool.envctl.env]'
        world.edit("pyproject.toml", "[tool.envctl.env]", remedy)
        world.envctl("lock")
        world.envctl("sync")
        assert answer(world, "zz_made_ext") == "42"

    def test_what_a_backend_asks_for_when_it_runs_must_be_locked(self, world: World) -> None:
        before = (
            "def get_requires_for_build_wheel(settings=None):\n    return ['zz-made-lib>=1.1']\n"
        )
        serve(world, source("zz-made-ext", before=before))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        done = world.envctl("sync", code=3)
        assert "asks for `zz-made-lib>=1.1`" in done.stderr
        assert "tool.envctl.build.zz-made-ext.requires" in done.stderr

    @pytest.mark.parametrize("wrong", ["version", "tag", "gone"])
    def test_another_wheel_than_the_locked_one_is_refused(self, world: World, wrong: str) -> None:
        name, content = source("zz-made-ext", sources={})
        replaced = {
            "version": (b"zz_made_ext-1.0-py3", b"zz_made_ext-9.0-py3"),
            "tag": (b"py3-none-any", b"py2-none-any"),
            "gone": (b"Path(wheel_directory, found).write_bytes", b"len"),
        }[wrong]
        serve(world, (name, _in_tar(content, *replaced)))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        done = world.envctl("sync", code=3)
        said = {"version": "made zz-made-ext 9.0", "tag": "does not take", "gone": "not there"}
        assert said[wrong] in done.stderr
        assert kept(world) == []

    def test_a_lock_of_another_tool_is_installed_as_before(self, world: World) -> None:
        """It says nothing of builds: uv builds, with what it finds that day."""
        serve(world, source("zz-made-ext"))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        text = world.read("pylock.toml").partition("[tool.envctl]")[0]
        world.write("pylock.toml", text.replace('created-by = "envctl"', 'created-by = "other"'))
        done = world.envctl("sync", "--no-default-groups")
        assert "does not say how to build zz-made-ext==1.0" in done.stderr
        assert answer(world, "zz_made_ext") == "42"
        assert not (world.site / "zz_made_ext-1.0.dist-info" / "uv_cache.json").exists()
        assert kept(world) == []


class TestWithoutIsolation:
    SETTINGS = (
        "[tool.envctl.build.zz-made-flash]\nisolation = false\n"
        'env = { TORCH_CUDA_ARCH_LIST = "9.0", MAX_JOBS = "4" }\n'
    )

    @pytest.fixture
    def flash(self, world: World, tmp_path: Path) -> World:
        world.index.add(
            Wheel("zz-made-torch", "2.8.0+cu126", tags=("cp311-cp311-linux_x86_64",))
            if MINOR == "3.11"
            else Wheel("zz-made-torch", "2.8.0+cu126"),
            Wheel("zz-made-torch", "2.9.0+cu126"),
        )
        serve(
            world,
            source(
                "zz-made-flash",
                requires=["zz-made-torch"],
                build_requires=["zz-made-backend"],
                sources={"kernel.cu": "__global__ void k() {}\n"},
                before="import zz_made_torch, zz_made_backend\n"
                "assert zz_made_torch.__version__ == '2.8.0+cu126'\n",
            ),
        )
        asks(world, "zz-made-flash", "zz-made-torch<2.9", settings=self.SETTINGS)
        program(tmp_path / "cuda" / "bin", "nvcc", NVCC.format(version="12.6"))
        world.environ = {**world.environ, "CUDA_HOME": str(tmp_path / "cuda")}
        world.environ |= {"PATH": f"{tmp_path / 'cuda' / 'bin'}:{os.environ['PATH']}"}
        return world

    def test_it_is_built_against_the_locked_torch_with_nvcc(self, flash: World) -> None:
        flash.envctl("lock")
        build = own(flash)["builds"]["zz-made-flash==1.0"]
        assert build["isolation"] is False
        assert build["needs"] == ["nvcc"]
        flash.envctl("sync")
        said = (Path(flash.environ["HOME"]) / "nvcc.log").read_text()
        assert said == "-c kernel.cu -o kernel.cu.o arch=9.0 jobs=4 flags=\n"
        assert flash.codes("--only", "lock,environment") == []

    def test_another_torch_builds_it_anew_and_another_leaf_does_not(self, flash: World) -> None:
        flash.envctl("lock")
        flash.envctl("sync")
        flash.edit(
            "pyproject.toml", '"zz-made-torch<2.9",', '"zz-made-torch<2.9", "zz-made-lib<1.1",'
        )
        flash.envctl("lock")
        flash.envctl("sync")
        assert builds(flash) == ["zz-made-flash"]
        flash.edit("pyproject.toml", '"zz-made-torch<2.9"', '"zz-made-torch"')
        flash.envctl("lock", "--upgrade")
        done = flash.envctl("sync", code=3)  # this source refuses that torch: so it was tried
        assert "`zz-made-flash==1.0` could not be built" in done.stderr

    def test_what_it_needs_is_taken_from_the_lock(self, flash: World) -> None:
        flash.edit(
            "pyproject.toml",
            "isolation = false\n",
            'isolation = false\nrequires = ["zz-made-torch"]\n',
        )
        flash.envctl("lock")
        table = own(flash)
        requires = table["builds"]["zz-made-flash==1.0"]["requires"]
        assert requires == ["zz-made-backend==1.1", "zz-made-torch==2.8.0+cu126"]
        assert list(table["build-packages"]) == ["zz-made-backend==1.1"]
        flash.envctl("sync")
        assert builds(flash) == ["zz-made-flash"]

    def test_a_requirement_that_the_lock_does_not_meet_is_an_error(self, flash: World) -> None:
        flash.edit(
            "pyproject.toml",
            "isolation = false\n",
            'isolation = false\nrequires = ["zz-made-torch>=2.9"]\n',
        )
        done = flash.envctl("lock", code=3)
        assert "needs `zz-made-torch>=2.9` to be built" in done.stderr
        assert "2.8.0+cu126" in done.stderr

    @pytest.mark.parametrize("version", [None, "13.0"])
    def test_a_missing_or_wrong_nvcc_is_said_before_anything_is_built(
        self, flash: World, tmp_path: Path, version: str | None
    ) -> None:
        flash.envctl("lock")
        nvcc = tmp_path / "cuda" / "bin" / "nvcc"
        nvcc.unlink()
        if version:
            program(nvcc.parent, "nvcc", NVCC.format(version=version))
        found = [each for each in flash.findings("--only", "machine") if "nvcc" in each["code"]]
        assert [each["code"] for each in found] == ["nvcc-missing"]
        assert found[0]["subject"] == "zz-made-flash==1.0"
        done = flash.envctl("sync", code=3)
        assert "zz-made-flash==1.0" in done.stderr
        assert "nvcc" in done.stderr
        assert "cuda-toolkit-12-6" in done.stderr
        assert builds(flash) == []
        assert not (flash.root / ".venv").exists()


class TestCompilers:
    @pytest.fixture
    def bare(self, world: World, tmp_path: Path) -> Mapping[str, str]:
        """Lock a C extension; give a PATH without any compiler."""
        serve(world, source("zz-made-ext"))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        (tmp_path / "bin").mkdir()
        return {"PATH": str(tmp_path / "bin")}

    def test_a_missing_compiler_is_said_before_anything_is_built(
        self, world: World, bare: Mapping[str, str]
    ) -> None:
        done = world.envctl("sync", code=3, env=bare)
        assert "to build `zz-made-ext==1.0`" in done.stderr
        assert "a C compiler" in done.stderr
        assert "apt-get install gcc" in done.stderr
        assert "needs = []" in done.stderr
        assert builds(world) == []
        report = world.envctl("verify", "--only", "machine", "--json", code=1, env=bare)
        assert "compiler-missing" in report.stdout

    def test_it_is_no_finding_where_nothing_must_be_built(
        self, world: World, bare: Mapping[str, str], tmp_path: Path
    ) -> None:
        world.envctl("sync")
        report = world.envctl("verify", "--only", "machine", "--json", code=None, env=bare)
        assert "compiler-missing" not in report.stdout
        # In another project its wheel is there already.
        other = elsewhere(world, tmp_path)
        report = other.envctl("verify", "--only", "machine", "--json", code=None, env=bare)
        assert "compiler-missing" not in report.stdout

    def test_the_compiler_of_cc_is_used(self, world: World, bare: Mapping[str, str]) -> None:
        compiler = shutil.which("cc")
        assert compiler is not None
        folder = Path(bare["PATH"])
        for name in PROGRAMS:
            if found := shutil.which(name):
                (folder / name).symlink_to(found)
        (folder / "cc").unlink()
        (folder / "gcc").unlink(missing_ok=True)
        program(
            folder, "my-cc", f'#!/bin/sh\necho used > "$HOME/my-cc.log"\nexec {compiler} "$@"\n'
        )
        world.envctl("sync", env={**bare, "CC": "nothing"}, code=3)
        world.envctl("sync", env={**bare, "CC": "my-cc"})
        assert (Path(world.environ["HOME"]) / "my-cc.log").exists()


class TestTogether:
    def test_two_syncs_at_once_build_it_once(self, world: World, tmp_path: Path) -> None:
        serve(world, source("zz-made-ext", before="import time; time.sleep(1)"))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        both = [world, elsewhere(world, tmp_path)]
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "envctl", "sync"],
                cwd=each.root,
                env={**os.environ, **each.environ},
                stderr=subprocess.PIPE,
                text=True,
            )
            for each in both
        ]
        said = [process.communicate(timeout=120)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
        assert builds(world) == ["zz-made-ext"]
        assert [answer(each, "zz_made_ext") for each in both] == ["42", "42"]

    def test_killed_in_the_middle_of_a_build_the_next_one_builds(self, world: World) -> None:
        marker = Path(world.environ["HOME"]) / "building"
        before = (
            f"open({str(marker)!r}, 'w').close()\n"
            f"import time; time.sleep(0 if os.path.exists({str(marker)!r} + '.go') else 600)\n"
        )
        serve(world, source("zz-made-ext", before=before))
        asks(world, "zz-made-ext")
        world.envctl("lock")
        process = subprocess.Popen(
            [sys.executable, "-m", "envctl", "sync"],
            cwd=world.root,
            env={**os.environ, **world.environ},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not marker.exists():
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (world.root / ".venv").exists()
        assert kept(world) == []
        marker.with_suffix(".go").touch()
        world.envctl("sync")
        assert answer(world, "zz_made_ext") == "42"
        assert world.codes("--only", "lock,environment") == []


def _in_tar(content: bytes, old: bytes, new: bytes) -> bytes:
    """Replace bytes by as many in a packed sdist, checksums of its headers aside: they cover names only."""
    import gzip
    import io
    import tarfile

    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as before,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in before:
            file = before.extractfile(member)
            assert file is not None
            data = file.read().replace(old, new)
            member.size = len(data)
            after.addfile(member, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), mtime=0)
