"""From each other tool: `init --from`, then a lock that keeps the versions of that tool's own lock."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World

STOCK = (
    *(Wheel("zz-made-core", version) for version in ("1.0", "1.1", "2.0")),
    *(Wheel("zz-made-web", v, requires=("zz-made-core",)) for v in ("1.0", "1.5", "2.0")),
    *(Wheel("zz-made-tool", version) for version in ("0.3.1", "0.3.9", "0.4.0")),
)
KEPT = {"zz-made-core": "1.1", "zz-made-web": "1.5", "zz-made-tool": "0.3.1"}


@pytest.fixture
def moving(world: World) -> World:
    """Give an empty folder beside an index that has three packages in several versions."""
    world.index.add(*STOCK)
    (world.root / "pyproject.toml").unlink()
    return world


def lock_of(world: World) -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads(world.read("pylock.toml"))["packages"]
    return packages


def locked(world: World) -> dict[str, str]:
    return {package["name"]: package["version"] for package in lock_of(world)}


def manifest(world: World) -> dict[str, Any]:
    return tomllib.loads(world.read("pyproject.toml"))


def moved(world: World, source: str) -> str:
    """Import a file twice, lock, and return what the first import said."""
    said = world.envctl("init", "--from", source).stderr
    before = world.snapshot("pyproject.toml", source)
    again = world.envctl("init", "--from", source)
    assert "wrote" not in again.stderr
    assert world.snapshot("pyproject.toml", source) == before
    world.envctl("lock")
    world.envctl("lock", "--check")
    return said


def test_requirements_with_pip_tools(moving: World) -> None:
    moving.write("requirements/base.in", f"-i {moving.index.url}\nzz-made-web>=1  # the site\n")
    moving.write("requirements/dev.in", "-r base.in\nzz-made-tool\n")
    pins = "".join(f"{name}=={version}\n" for name, version in KEPT.items())
    moving.write("requirements.txt", pins)
    said = moving.envctl("init", "--from", "requirements/base.in").stderr
    moving.envctl("init", "--from", "requirements/dev.in", "--group", "dev")
    data = manifest(moving)
    assert data["project"]["dependencies"] == ["zz-made-web>=1"]
    assert data["dependency-groups"] == {"dev": ["zz-made-web>=1", "zz-made-tool"]}
    assert "# the site" in moving.read("pyproject.toml")
    assert "requirements.txt" not in said or "not read" not in said
    moving.envctl("lock")
    assert locked(moving) == KEPT


UV = """
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = ["zz-made-web"]

[tool.uv]
dev-dependencies = ["zz-made-tool"]

[[tool.uv.index]]
url = "{index}"
default = true
"""


def test_uv(moving: World) -> None:
    moving.write("pyproject.toml", UV.format(index=moving.index.url))
    packages = "".join(
        f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n'
        f'source = {{ registry = "{moving.index.url}" }}\n'
        for name, version in KEPT.items()
    )
    moving.write("uv.lock", f'version = 1\nrequires-python = ">=3.9"\n{packages}')
    said = moved(moving, "pyproject.toml")
    assert manifest(moving)["dependency-groups"] == {"dev": ["zz-made-tool"]}
    assert "uv.lock: the first `envctl lock` keeps its versions" in said
    assert locked(moving) == KEPT


POETRY = """
[tool.poetry]
name = "demo"
version = "0.1.0"
packages = []

[tool.poetry.dependencies]
python = "^3.9"
# the site
zz-made-web = "^1.0"

[tool.poetry.group.dev.dependencies]
zz-made-tool = "^0.3.1"

[[tool.poetry.source]]
name = "team"
url = "{index}"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"

[tool.envctl]
install-project = false
"""


def test_poetry(moving: World) -> None:
    moving.write("pyproject.toml", POETRY.format(index=moving.index.url))
    packages = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\noptional = false\nfiles = []\n\n'
        f'[package.source]\ntype = "legacy"\nurl = "{moving.index.url}"\nreference = "team"\n\n'
        for name, version in KEPT.items()
    )
    moving.write("poetry.lock", f'{packages}[metadata]\nlock-version = "2.1"\n')
    moved(moving, "pyproject.toml")
    data = manifest(moving)
    assert "project" not in data  # Poetry would build from it
    assert data["dependency-groups"] == {
        "runtime": ["zz-made-web>=1.0,<2.0"],
        "dev": ["zz-made-tool>=0.3.1,<0.4.0"],
    }
    assert data["tool"]["envctl"]["groups"] == ["runtime", "dev"]
    assert "# the site\nzz-made-web" in moving.read("pyproject.toml")
    assert locked(moving) == KEPT
    moving.envctl("sync")
    assert [name.rpartition("-")[0] for name in moving.installed()] == [
        "zz_made_core",
        "zz_made_tool",
        "zz_made_web",
    ]


def test_pipenv(moving: World) -> None:
    url = moving.index.url
    moving.write(
        "Pipfile",
        f'[[source]]\nname = "team"\nurl = "{url}"\nverify_ssl = true\n'
        f'[packages]\nzz-made-web = ">=1"\n[dev-packages]\nzz-made-tool = "*"\n'
        f'[requires]\npython_version = "{MINOR}"\n',
    )
    entries = {name: {"version": f"=={version}", "index": "team"} for name, version in KEPT.items()}
    sources = [{"name": "team", "url": url, "verify_ssl": True}]
    lock = {"_meta": {"sources": sources}, "default": entries, "develop": {}}
    moving.write("Pipfile.lock", json.dumps(lock))
    moved(moving, "Pipfile")
    data = manifest(moving)
    assert data["project"]["dependencies"] == ["zz-made-web>=1"]
    assert data["tool"]["envctl"]["python"] == MINOR
    assert data["tool"]["envctl"]["groups"] == ["dev"]
    assert locked(moving) == KEPT


PDM = """
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.9"
dependencies = ["zz-made-web>=1"]

[tool.pdm]
distribution = false

[tool.pdm.dev-dependencies]
test = ["zz-made-tool"]

[[tool.pdm.source]]
name = "pypi"
url = "{index}"
"""


def test_pdm(moving: World) -> None:
    moving.write("pyproject.toml", PDM.format(index=moving.index.url))
    packages = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\ngroups = ["default"]\nfiles = []\n\n'
        for name, version in KEPT.items()
    )
    moving.write("pdm.lock", f'{packages}[metadata]\nlock_version = "4.5.0"\n')
    moved(moving, "pyproject.toml")
    assert manifest(moving)["dependency-groups"] == {"test": ["zz-made-tool"]}
    assert locked(moving) == KEPT


def test_a_package_with_an_index_of_its_own_keeps_its_version(moving: World) -> None:
    with LocalIndex() as tools:
        tools.add(Wheel("zz-made-own", "1.0"), Wheel("zz-made-own", "2.0"))
        moving.write(
            "pyproject.toml",
            f'{PDM.format(index=moving.index.url)}\n[[tool.pdm.source]]\nname = "tools"\n'
            f'url = "{tools.url}"\ninclude_packages = ["zz-made-own"]\n',
        )
        moving.edit("pyproject.toml", '"zz-made-tool"]', '"zz-made-own"]')
        moving.write("pdm.lock", '[[package]]\nname = "zz-made-own"\nversion = "1.0"\n')
        moved(moving, "pyproject.toml")
        assert locked(moving)["zz-made-own"] == "1.0"
        (own,) = (each for each in lock_of(moving) if each["name"] == "zz-made-own")
        assert own["index"] == tools.url


def test_conda(moving: World) -> None:
    moving.write(
        "environment.yml",
        f"name: lab\nchannels: [conda-forge]\ndependencies:\n  - python={MINOR}\n  - pip\n"
        "  - zz-made-core=1.1\n  - cudatoolkit=11.8\n  - pip:\n"
        f"    - --index-url {moving.index.url}\n    - zz-made-web==1.5  # the site\n"
        "    - zz-made-tool<0.4\n"
        "variables:\n  PYTHONHASHSEED: 0\n  API_TOKEN: s3cret\n",
    )
    moving.write("requirements.txt", "zz-made-core==1.1\nzz-made-tool==0.3.1\n")
    said = moved(moving, "environment.yml")
    data = manifest(moving)
    assert data["project"]["name"] == "lab"
    assert data["project"]["dependencies"] == ["zz-made-web==1.5", "zz-made-tool<0.4"]
    assert data["tool"]["envctl"]["env"] == {"PYTHONHASHSEED": "0"}
    assert "`zz-made-core=1.1`: not mapped" in said
    assert "`cudatoolkit=11.8`: CUDA comes with the wheels" in said
    assert "zz-made-core=1.1" in moving.read("pyproject.toml")  # in sight, as a comment
    assert "s3cret" not in said + moving.read("pyproject.toml")
    assert locked(moving) == KEPT


SETUP = """\
import os
from setuptools import find_packages, setup

open("touched", "w").close()
HERE = os.path.dirname(__file__)

setup(
    name="demo",
    packages=find_packages(),
    python_requires=">=3.9",
    install_requires=open(os.path.join(HERE, "requirements.txt")).read().splitlines(),
    extras_require={"tools": ["zz-made-tool"]},
)
"""


def test_setup_py_and_the_file_that_it_reads(moving: World) -> None:
    moving.write("setup.py", SETUP)
    moving.write("requirements.txt", f"--index-url {moving.index.url}\nzz-made-web==1.5\n")
    moved(moving, "setup.py")
    data = manifest(moving)
    assert not (moving.root / "touched").exists()
    assert "project" not in data  # setuptools would build from it
    assert data["dependency-groups"] == {"runtime": ["zz-made-web==1.5"], "tools": ["zz-made-tool"]}
    assert data["tool"]["envctl"]["groups"] == ["runtime"]
    assert locked(moving)["zz-made-web"] == "1.5"


def test_setup_cfg(moving: World) -> None:
    moving.write(
        "setup.cfg",
        "[metadata]\nname = demo\n[options]\ninstall_requires =\n    zz-made-web<2\n"
        "[options.extras_require]\nruntime = zz-made-tool\n",
    )
    moving.write("pip.txt", f"-i {moving.index.url}\n")
    moving.envctl("init", "--from", "pip.txt")
    said = moved(moving, "setup.cfg")
    data = manifest(moving)
    assert data["dependency-groups"] == {
        "runtime": ["zz-made-web<2"],
        "extra-runtime": ["zz-made-tool"],
    }
    assert "the extra `runtime` becomes the group `extra-runtime`" in said
    assert locked(moving) == {"zz-made-web": "1.5", "zz-made-core": "2.0", "zz-made-tool": "0.4.0"}


def test_a_broken_lock_of_another_tool_is_only_noted(moving: World) -> None:
    moving.write("requirements.in", f"-i {moving.index.url}\nzz-made-web\n")
    moving.write("poetry.lock", "<<<<<<< ours\n")
    moving.envctl("init", "--from", "requirements.in")
    said = moving.envctl("lock").stderr
    assert "poetry.lock" in said
    assert "its versions are not kept" in said
    assert locked(moving)["zz-made-web"] == "2.0"


def test_versions_are_not_kept_where_the_lock_is_there_already_or_an_upgrade_is_wanted(
    moving: World,
) -> None:
    moving.write("requirements.in", f"-i {moving.index.url}\nzz-made-web\n")
    moving.envctl("init", "--from", "requirements.in")
    moving.envctl("lock")
    newest = locked(moving)
    moving.write("requirements.txt", "zz-made-web==1.0\n")
    moving.envctl("lock")
    assert locked(moving) == newest
    (moving.root / "pylock.toml").unlink()
    moving.envctl("lock", "--upgrade")
    assert locked(moving) == newest
    assert Version(newest["zz-made-web"]) == Version("2.0")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--from", "gone.txt"), 3, "there is no file `gone.txt`"),
        (("--from", "uv.lock"), 3, "a lock does not say what its project asks for"),
        (("--from", "train.py"), 3, "not a file that envctl can make a manifest from"),
        (("--from", "x\n[evil]\n"), 2, "that is no name of a file"),
        (("--group", "dev"), 2, "`--group` says where an import goes"),
        (("--from", "x.txt", "--group", "a b"), 2, "`a b` cannot name a group"),
    ],
)
def test_what_cannot_be_imported_leaves_no_trace(
    moving: World, arguments: tuple[str, ...], code: int, message: str
) -> None:
    for name in ("uv.lock", "train.py", "x.txt"):
        moving.write(name, "")
    before = sorted(path.name for path in moving.root.iterdir())
    assert message in moving.envctl("init", *arguments, code=code).stderr
    assert sorted(path.name for path in moving.root.iterdir()) == before


def test_a_file_is_named_from_the_folder_of_the_project(moving: World, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "reqs.txt"
    other.parent.mkdir()
    other.write_text("zz-made-web\n-e .\n")
    moving.envctl("-C", str(moving.root), "init", "--from", str(other), cwd=tmp_path)
    text = moving.read("pyproject.toml")
    assert "zz-made-web" in text
    assert "../elsewhere/reqs.txt" in text
    assert str(tmp_path) not in text


def test_a_project_whose_dependencies_are_its_builds_takes_them_as_a_group(moving: World) -> None:
    moving.write(
        "pyproject.toml",
        '[project]\nname = "demo"\nversion = "1"\ndynamic = ["dependencies"]\n'
        "[tool.envctl]\ninstall-project = false\n",
    )
    moving.write("requirements.txt", f"-i {moving.index.url}\nzz-made-web==1.5\n")
    moved(moving, "requirements.txt")
    data = manifest(moving)
    assert "dependencies" not in data["project"]
    assert data["dependency-groups"] == {"runtime": ["zz-made-web==1.5"]}
    assert locked(moving)["zz-made-web"] == "1.5"


def test_what_is_there_stays_and_what_differs_is_said(moving: World) -> None:
    old = (
        '[project]\nname = "demo"\nversion = "1"\ndependencies = [\n    "ZZ.made-Web>=1",  # mine\n]\n'
        '[dependency-groups]\nDev_Tools = ["zz-made-core"]\n'
        '[tool.envctl]\npython = "3.10"\nplatforms = ["linux-x86_64"]\ngroups = []\n'
        'constraints = ["zz-made-core<9"]\n'
        f'[[tool.envctl.index]]\nname = "team"\nurl = "{moving.index.url}"\n'
        '[tool.envctl.env]\nPYTHONHASHSEED = "1"\n# the end\n'
    )
    moving.write("pyproject.toml", old)
    moving.write(
        "environment.yml",
        "dependencies:\n- python=3.11\n- pip:\n  - zz-made-web==1.5\n  - zz-made-tool\n"
        "  - --extra-index-url https://other.example/simple\n  - -c limits.txt\n"
        "variables: {PYTHONHASHSEED: 0, OMP_NUM_THREADS: 4}\n",
    )
    moving.write("limits.txt", "zz_made_core <9\nzz-made-tool<1\n")
    said = moved(moving, "environment.yml")
    data = manifest(moving)
    assert data["project"]["dependencies"] == ["ZZ.made-Web>=1", "zz-made-tool"]
    assert data["tool"]["envctl"]["constraints"] == ["zz-made-core<9", "zz-made-tool<1"]
    assert data["tool"]["envctl"]["env"] == {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "4"}
    assert data["tool"]["envctl"]["python"] == "3.10"
    assert len(data["tool"]["envctl"]["index"]) == 1
    text = moving.read("pyproject.toml")
    assert "# mine" in text
    assert "# the end" in text
    for line in (
        "`zz-made-web==1.5` left out: pyproject.toml has `ZZ.made-Web>=1` already",
        "tool.envctl.python: stays as it is: the file asks for 3.11",
        "tool.envctl.env.PYTHONHASHSEED: stays as it is",
        "`https://other.example/simple` left out",
    ):
        assert line in said
