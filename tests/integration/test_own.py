"""The project itself: installed editable by `envctl sync`, as a step of its own."""

import inspect
import json
import shutil
from pathlib import Path

import pytest

from tests.index import backend
from tests.index.wheels import Wheel
from tests.integration.sources import LOG, builds
from tests.integration.world import World

# A backend in the project's own tree: PEP 660, standard library only.
MAKING = """\
import os, tomllib
from pathlib import Path
import zz_made_backend
from packing import pack


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    with open(os.path.join(os.environ["HOME"], "{log}"), "a") as log:
        log.write("project\\n")
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    stem = "{{}}-{{}}".format(project["name"], project["version"])
    info = stem + ".dist-info"
    scripts = "".join("{{}} = {{}}\\n".format(*pair) for pair in project.get("scripts", {{}}).items())
    entries = {{
        "demo.pth": (str(Path("src").resolve()) + "\\n").encode(),
        info + "/METADATA": "Metadata-Version: 2.1\\nName: {{}}\\nVersion: {{}}\\n".format(
            project["name"], project["version"]
        ).encode(),
        info + "/WHEEL": b"Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "/entry_points.txt": ("[console_scripts]\\n" + scripts).encode(),
    }}
    name = stem + "-py3-none-any.whl"
    Path(wheel_directory, name).write_bytes(pack(entries, info))
    return name
"""

BUILD = """\
[build-system]
requires = ["zz-made-backend<2"]
build-backend = "making"
backend-path = ["in_tree"]

[project.scripts]
demo-run = "demo:main"

"""


@pytest.fixture
def world(world: World, tmp_path: Path) -> World:
    (tmp_path / "home").mkdir()
    world.environ = {**world.environ, "XDG_CACHE_HOME": str(tmp_path / "own-cache")}
    world.index.add(Wheel("zz-made-backend", "1.0"))
    world.write("in_tree/making.py", MAKING.format(log=LOG))
    world.write("in_tree/packing.py", inspect.getsource(backend))
    world.write("src/demo/__init__.py", "def main():\n    print('it runs')\n")
    text = world.read("pyproject.toml")
    world.write("pyproject.toml", text.replace("[project.optional", f"{BUILD}[project.optional"))
    return world


def test_it_is_installed_editable_with_its_scripts(world: World) -> None:
    world.envctl("lock")
    assert 'requires = [\n    "zz-made-backend==1.0",\n]' in world.read("pylock.toml")
    world.envctl("sync")
    assert world.run([str(world.root / ".venv/bin/demo-run")]).stdout == "it runs\n"
    world.write("src/demo/__init__.py", "def main():\n    print('edited')\n")
    assert world.run([str(world.root / ".venv/bin/demo-run")]).stdout == "edited\n"
    info = world.site / "demo-0.1.0.dist-info"
    assert json.loads((info / "direct_url.json").read_text()) == {
        "url": world.root.as_uri(),
        "dir_info": {"editable": True},
    }
    assert not (info / "uv_cache.json").exists()
    assert "zz_made_backend-1.0" not in world.installed()
    assert world.codes("--only", "lock,environment") == []


def test_a_second_sync_does_nothing(world: World) -> None:
    world.envctl("lock")
    world.envctl("sync")
    before = (world.root / ".venv").readlink()
    for _ in range(2):
        assert "in sync: 3 packages" in world.envctl("sync").stderr
    world.envctl("sync", "--check")
    assert (world.root / ".venv").readlink() == before
    assert builds(world) == ["project"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "0.1.0"', 'version = "0.2.0"'),
        ('demo-run = "demo:main"', 'demo-walk = "demo:main"'),
    ],
)
def test_changed_metadata_installs_it_anew(world: World, old: str, new: str) -> None:
    world.envctl("lock")
    world.envctl("sync")
    world.edit("pyproject.toml", old, new)
    assert world.codes("--only", "lock,environment") == ["project-stale"]
    done = world.envctl("sync")
    assert "the project's own metadata changed" in done.stderr
    assert world.codes("--only", "lock,environment") == []
    assert "in sync" in world.envctl("sync").stderr
    assert ("demo-0.2.0" in world.installed()) == ("0.2.0" in new)
    assert (world.root / ".venv/bin/demo-walk").exists() == ("walk" in new)
    assert (world.root / ".venv/bin/demo-run").exists() == ("walk" not in new)


def test_a_formatter_s_setting_does_not(world: World) -> None:
    world.envctl("lock")
    world.envctl("sync")
    world.write("pyproject.toml", world.read("pyproject.toml") + "\n[tool.ruff]\nline-length = 9\n")
    assert world.codes("--only", "lock,environment") == []
    assert "in sync" in world.envctl("sync").stderr
    assert builds(world) == ["project"]


@pytest.mark.parametrize("file", ["setup.py", "setup.cfg"])
def test_other_files_that_a_backend_reads_count(world: World, file: str) -> None:
    world.envctl("lock")
    world.envctl("sync")
    world.envctl("sync")  # its note is there now
    world.write(file, "# metadata\n")
    assert "metadata changed" in world.envctl("sync").stderr


def test_what_somebody_uninstalled_comes_back(world: World) -> None:
    world.envctl("lock")
    world.envctl("sync")
    shutil.rmtree(world.site / "demo-0.1.0.dist-info")
    assert "project-stale" in world.codes("--only", "environment")
    assert "the project itself is not installed" in world.envctl("sync").stderr
    assert world.codes("--only", "environment") == []


def test_a_file_of_it_that_was_edited_is_found(world: World) -> None:
    world.envctl("lock")
    world.envctl("sync")
    (world.site / "demo.pth").write_text("/elsewhere\n")
    assert world.codes("--only", "environment") == ["file-modified"]
    world.envctl("sync", "--repair")
    assert world.codes("--only", "environment") == []


def test_without_the_project(world: World) -> None:
    world.envctl("lock")
    world.envctl("sync", "--no-project")
    assert not any(name.startswith("demo-") for name in world.installed())
    assert world.codes("--only", "environment") == []
    assert "the project itself is not installed" in world.envctl("sync").stderr
    done = world.envctl("sync", "--no-project")
    assert "the project itself is not to be installed" in done.stderr
    assert builds(world) == ["project"]  # the other environment is linked again
    world.envctl("sync")
    assert builds(world) == ["project"]


def test_a_project_that_is_not_to_be_installed(world: World) -> None:
    world.edit("pyproject.toml", "[tool.envctl]\n", "[tool.envctl]\ninstall-project = false\n")
    world.envctl("lock")
    assert "zz-made-backend" not in world.read("pylock.toml")
    world.envctl("sync")
    assert not any(name.startswith("demo-") for name in world.installed())
    assert builds(world) == []
    world.edit("pyproject.toml", "install-project = false\n", "")
    assert "lock-stale" in world.codes("--only", "lock")


def test_a_lock_from_before_leaves_it_out_and_says_so(world: World) -> None:
    world.edit("pyproject.toml", "[tool.envctl]\n", "[tool.envctl]\ninstall-project = false\n")
    world.envctl("lock")
    world.edit("pyproject.toml", "install-project = false\n", "")
    done = world.envctl("sync")
    assert "does not say how to build the project itself" in done.stderr
    assert "run `envctl lock`" in done.stderr


def test_a_build_that_fails_leaves_the_old_environment(world: World) -> None:
    world.envctl("lock")
    world.envctl("sync")
    before = (world.root / ".venv").readlink()
    world.edit("pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    # Of another length: Python takes a compiled file for the same where size and second are the same.
    world.edit("in_tree/making.py", "import zz_made_backend", "import zz_made_no_such_thing")
    done = world.envctl("sync", code=3)
    assert "the project itself" in done.stderr
    assert "could not import `zz_made_no_such_thing`" in done.stderr
    assert '[tool.envctl.build."."]' in done.stderr
    assert (world.root / ".venv").readlink() == before


def test_a_backend_that_knows_no_editable_installation(world: World) -> None:
    world.edit("in_tree/making.py", "def build_editable", "def build_something_else")
    world.envctl("lock")
    done = world.envctl("sync", code=3)
    assert "cannot install a project editable" in done.stderr
    assert "install-project = false" in done.stderr


def test_its_build_requirements_can_be_added_to(world: World) -> None:
    extra = '[tool.envctl.build."."]\nrequires = ["zz-made-lib"]\n\n[tool.envctl.env]'
    world.edit("pyproject.toml", "[tool.envctl.env]", extra)
    world.edit("in_tree/making.py", "import zz_made_backend", "import zz_made_backend, zz_made_lib")
    world.envctl("lock")
    world.envctl("sync")
    assert "demo-0.1.0" in world.installed()


def test_a_dependency_of_the_project_s_own_name_is_refused(world: World) -> None:
    world.index.add(Wheel("demo", "6.6.6"), Wheel("zz-made-loop", "1", requires=("demo",)))
    world.edit("pyproject.toml", '"zz-made-app<2",', '"zz-made-loop",')
    world.envctl("lock")
    done = world.envctl("sync", code=3)
    assert "package named `demo`" in done.stderr
