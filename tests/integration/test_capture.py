"""``init --from-environment`` on real environments: what becomes of them, and what is said not to be proved."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import pytest
from uv import find_uv_bin

from envctl.adapters.catalogue import IndexCatalogue
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel, write
from tests.integration.world import MINOR, World

MANIFEST = """\
[project]
name = "demo"
version = "0.1.0"
dependencies = [{dependencies}]

[tool.envctl]
platforms = ["linux-x86_64"]

[[tool.envctl.index]]
name = "team"
url = "{index}"
"""


def bare(world: World, *dependencies: str) -> None:
    """Leave nothing in the manifest but the index: made-up names are asked of no other."""
    listed = ", ".join(json.dumps(each) for each in dependencies)
    world.write("pyproject.toml", MANIFEST.format(index=world.index.url, dependencies=listed))


def venv(world: World, name: str = "live", *, pip: bool = False) -> Path:
    """Make an environment as its users do: by ``python -m venv``, or by uv."""
    path = world.root.parent / name
    if pip:
        world.run([sys.executable, "-m", "venv", str(path)])
    else:
        world.run([find_uv_bin(), "venv", "--no-config", "--python", sys.executable, str(path)])
    return path


def install(
    world: World, path: Path, *arguments: str, pip: bool = False, index: LocalIndex | None = None
) -> None:
    """Install into it from the local index alone, or from another one."""
    python = str(path / "bin" / "python")
    fixed = ["--index-url", (index or world.index).url]
    if pip:
        no_config = {"PIP_CONFIG_FILE": os.devnull}
        world.run([python, "-m", "pip", "install", *fixed, *arguments], env=no_config)
    else:
        install_ = [find_uv_bin(), "pip", "install", "--no-config", "--python", python]
        world.run([*install_, *fixed, *arguments])


def site(path: Path) -> Path:
    return path / "lib" / f"python{MINOR}" / "site-packages"


def capture(world: World, path: Path, *more: str, code: int = 0) -> dict[str, Any]:
    report = world.json("init", "--from-environment", str(path), *more, code=code)
    found: dict[str, Any] = report["result"]
    assert report["ok"] is (code == 0)
    return found


def doubts(result: dict[str, Any]) -> dict[str, list[str]]:
    """Return what stands against each package that is not proved."""
    return {
        each["name"]: [doubt["code"] for doubt in each["doubts"]]
        for each in result["environment"]["packages"]
        if not each["proved"]
    }


def proved(result: dict[str, Any]) -> list[str]:
    return [each["name"] for each in result["environment"]["packages"] if each["proved"]]


def said(result: dict[str, Any]) -> str:
    return "\n".join(f"{note['where']}: {note['message']}" for note in result["notes"])


def dependencies(world: World) -> list[str]:
    found: list[str] = tomllib.loads(world.read("pyproject.toml"))["project"]["dependencies"]
    return found


def locked(world: World) -> dict[str, str]:
    packages = tomllib.loads(world.read("pylock.toml"))["packages"]
    return {each["name"]: each.get("version", "") for each in packages}


@pytest.mark.parametrize("pip", [True, False], ids=["pip", "uv"])
def test_an_environment_becomes_its_roots_and_its_exact_versions(world: World, pip: bool) -> None:
    bare(world)
    world.index.add(Wheel("zz-made-top", "1.0", requires=("zz-made-app<2", "zz-made-plot")))
    path = venv(world, pip=pip)
    install(world, path, "zz-made-top", "zz-made-lib<1.1", pip=pip)
    world.index.add(Wheel("zz-made-top", "1.1", requires=("zz-made-app",)))
    result = capture(world, path)
    # pip marks what it was asked for; uv marks everything, so that only what nobody needs is a root.
    more = ["zz-made-lib>=1.0"] if pip else []
    assert dependencies(world) == [*more, "zz-made-top>=1.0"]
    assert locked(world) == {
        "zz-made-app": "1.0",
        "zz-made-lib": "1.0",
        "zz-made-plot": "0.5",
        "zz-made-top": "1.0",
    }
    assert proved(result) == ["zz-made-app", "zz-made-lib", "zz-made-plot", "zz-made-top"]
    assert doubts(result) == {}
    assert ("left out (`pip`" in said(result)) is pip
    assert result["locked"]
    assert result["next"] == ["envctl sync"]
    # Newer versions are there, and nothing moves: the lock answers the manifest.
    before = world.read("pylock.toml")
    assert world.json("lock")["result"]["resolved"] is False
    assert world.read("pylock.toml") == before
    assert world.findings("--only", "lock") == []
    world.envctl("sync")
    assert world.installed() == [
        "zz_made_app-1.0",
        "zz_made_lib-1.0",
        "zz_made_plot-0.5",
        "zz_made_top-1.0",
    ]


def test_it_says_the_same_in_text_and_does_nothing_the_second_time(world: World) -> None:
    bare(world)
    path = venv(world)
    install(world, path, "zz-made-app<2")
    (site(path) / "zz_made_lib" / "__init__.py").write_text("changed = True\n")
    first = world.envctl("init", "--from-environment", str(path))
    assert "proved: 1 of 2 packages" in first.stderr
    assert (
        "  zz-made-lib 1.1: 1 file differs from RECORD (zz_made_lib/__init__.py)\n" in first.stderr
    )
    assert "  wrote pylock.toml\n" in first.stderr
    assert str(world.root.parent) not in world.read("pyproject.toml") + world.read("pylock.toml")
    before = world.snapshot("pyproject.toml", "pylock.toml")
    second = world.envctl("init", "--from-environment", str(path / "bin" / "python"))
    assert world.snapshot("pyproject.toml", "pylock.toml") == before
    assert "proved: 1 of 2 packages" in second.stderr
    assert "wrote" not in second.stderr


def test_files_that_are_not_as_installed(world: World) -> None:
    bare(world)
    path = venv(world)
    install(world, path, "zz-made-app<2", "zz-made-test")
    info = site(path) / "zz_made_test-3.0.dist-info"
    (site(path) / "zz_made_lib" / "__init__.py").unlink()
    (info / "RECORD").unlink()
    (site(path) / "zz_made_app" / "extra.py").write_text("")
    (site(path) / "here.pth").write_text("/srv/elsewhere\n")
    (site(path) / "~made_old-1.0.dist-info").mkdir()
    result = capture(world, path)
    assert doubts(result) == {"zz-made-lib": ["files-differ"], "zz-made-test": ["no-record"]}
    assert "`here.pth` may lead to other folders" in said(result)
    assert "files belong to no package" in said(result)
    assert "`zz_made_app`" in said(result)
    assert "`~made_old-1.0.dist-info` is what an interrupted installation left" in said(result)


def test_a_build_of_ones_own_is_told_from_the_index_s_wheel(world: World, tmp_path: Path) -> None:
    files = {"zz_made_own/__init__.py": "a = 1\n", "zz_made_own/more.py": "b = 1\n"}
    theirs = Wheel("zz-made-own", "1.0", files=files)
    ours = Wheel("zz-made-own", "1.0", files=files | {"zz_made_own/more.py": "b = 2\n"})
    world.index.add(theirs)
    bare(world)
    path = venv(world)
    with LocalIndex() as other:
        other.add(ours)
        install(world, path, "zz-made-own", index=other)
    result = capture(world, path)
    assert doubts(result) == {"zz-made-own": ["other-build"]}
    (package,) = result["environment"]["packages"]
    assert "1 of its 4 files" in package["doubts"][0]["message"]
    assert "zz_made_own/more.py" in package["doubts"][0]["message"]


def test_a_stranger_s_package_of_that_name_and_version_is_not_locked(world: World) -> None:
    world.index.add(Wheel("zz-made-secret", "1.0", files={"zz_made_secret.py": "import evil\n"}))
    bare(world)
    path = venv(world)
    private = Wheel("zz-made-secret", "1.0", requires=("zz-made-lib",))
    with LocalIndex() as other:
        other.add(private)
        install(world, path, "zz-made-lib")
        install(world, path, "zz-made-secret", "--no-deps", index=other)
    result = capture(world, path)
    assert locked(world) == {"zz-made-lib": "1.1"}
    assert dependencies(world) == ["zz-made-lib>=1.1"]
    assert doubts(result) == {"zz-made-secret": ["not-on-index", "not-locked"]}
    assert "(it has another project of that name)" in said(result)
    text = world.read("pyproject.toml")
    assert "# not carried over: zz-made-secret 1.0: not on the index" in text


def test_what_no_index_has_is_left_out_until_its_index_is_named(world: World) -> None:
    bare(world)
    path = venv(world)
    world.index.add(Wheel("zz-made-front", "1.0", requires=("zz-made-private",)))
    world.index.add(Wheel("zz-made-private", "99.0"))
    with LocalIndex() as other:
        other.add(Wheel("zz-made-private", "0.3", requires=("zz-made-lib<1.1",)))
        before = world.snapshot("pylock.toml")
        install(world, path, "zz-made-lib==1.0")
        install(world, path, "--no-deps", "zz-made-private", index=other)
        install(world, path, "--no-deps", "zz-made-front")
        result = capture(world, path, code=1)
        assert world.snapshot("pylock.toml") == before
        (why,) = result["blocked"]
        assert "`zz-made-front` needs `zz-made-private` 0.3" in why
        assert "(it has other versions of that name)" in why
        assert result["locked"] is False
        assert "zz-made-front>=1.0" in dependencies(world)
        # Whoever goes on with `envctl lock` does not get the stranger's package either.
        failed = world.envctl("lock", code=3)
        assert "zz-made-private==0.3" in failed.stderr
        assert capture(world, path, code=1)["blocked"] == result["blocked"]
        # With its index, the same command does it.
        text = world.read("pyproject.toml")
        private = 'name = "private"\nurl = "{}"\npackages = ["zz-made-private"]\n'
        added = f"\n[[tool.envctl.index]]\n{private.format(other.url)}"
        world.write("pyproject.toml", text + added)
        result = capture(world, path)
        assert locked(world) == {
            "zz-made-front": "1.0",
            "zz-made-lib": "1.0",
            "zz-made-private": "0.3",
        }
        assert doubts(result) == {}


def test_a_stranger_s_package_that_another_needs_is_barred(world: World) -> None:
    world.index.add(Wheel("zz-made-secret", "1.0", files={"zz_made_secret.py": "import evil\n"}))
    world.index.add(Wheel("zz-made-front", "1.0", requires=("zz-made-secret",)))
    bare(world)
    path = venv(world)
    with LocalIndex() as other:
        other.add(Wheel("zz-made-secret", "1.0", requires_python=">=3"))
        install(world, path, "--no-deps", "zz-made-front")
        install(world, path, "zz-made-secret", index=other)
    for _ in range(2):  # the bar that the first run leaves is not taken for somebody's wish
        result = capture(world, path, code=1)
        (why,) = result["blocked"]
        assert "`zz-made-front` needs `zz-made-secret` 1.0" in why
        failed = world.envctl("lock", code=3)
        assert "zz-made-secret" in failed.stderr
        assert not (world.root / "pylock.toml").exists()


def test_a_constraint_of_somebody_s_own_allows_the_index_s_package(world: World) -> None:
    world.index.add(Wheel("zz-made-front", "1.0", requires=("zz-made-fork",)))
    world.index.add(Wheel("zz-made-fork", "1.9"), Wheel("zz-made-fork", "2.0"))
    bare(world)
    world.edit("pyproject.toml", "[tool.envctl]", '[tool.envctl]\nconstraints = ["zz-made-fork<2"]')
    path = venv(world)
    wheel = write(Wheel("zz-made-fork", "2.1.dev3"), world.root.parent / "dist")
    install(world, path, str(wheel))
    install(world, path, "--no-deps", "zz-made-front")
    result = capture(world, path)
    assert locked(world) == {"zz-made-fork": "1.9", "zz-made-front": "1.0"}
    assert dependencies(world) == ["zz-made-front>=1.0"]
    assert "other-version" in doubts(result)["zz-made-fork"]


def test_a_name_that_the_manifest_asks_for_is_taken_from_the_index(world: World) -> None:
    bare(world, "zz-made-fork")
    world.index.add(Wheel("zz-made-fork", "2.0"))
    path = venv(world)
    wheel = write(Wheel("zz-made-fork", "2.1.dev3"), world.root.parent / "dist")
    install(world, path, str(wheel))
    result = capture(world, path)
    assert locked(world) == {"zz-made-fork": "2.0"}
    codes = doubts(result)["zz-made-fork"]
    assert "other-version" in codes
    assert dependencies(world) == ["zz-made-fork"]


def test_a_local_version_is_locked_as_the_public_one(world: World) -> None:
    bare(world)
    world.index.add(Wheel("zz-made-patched", "1.4"), Wheel("zz-made-patched", "1.5"))
    path = venv(world)
    with LocalIndex() as other:
        other.add(Wheel("zz-made-patched", "1.4+ours.2"))
        install(world, path, "zz-made-patched", index=other)
    result = capture(world, path)
    assert locked(world) == {"zz-made-patched": "1.4"}
    assert dependencies(world) == ["zz-made-patched>=1.4"]
    assert doubts(result) == {"zz-made-patched": ["local-build"]}


def test_an_environment_that_contradicts_itself(world: World) -> None:
    bare(world)
    world.index.add(Wheel("zz-made-strict", "1.0", requires=("zz-made-lib<1.1",)))
    path = venv(world)
    install(world, path, "zz-made-app<2", "zz-made-lib==1.1")
    install(world, path, "--no-deps", "zz-made-strict")
    result = capture(world, path)
    assert locked(world) == {"zz-made-app": "1.0", "zz-made-lib": "1.0", "zz-made-strict": "1.0"}
    assert doubts(result) == {"zz-made-lib": ["other-version"]}
    assert "`zz-made-strict` asks for `zz-made-lib<1.1`, 1.1 is installed" in said(result)
    assert "not all installed versions can be had together" in said(result)


def test_what_the_environment_lacks_is_said(world: World) -> None:
    bare(world)
    path = venv(world)
    install(world, path, "--no-deps", "zz-made-app<2")
    result = capture(world, path)
    assert result["environment"]["added"] == {"zz-made-lib": "1.1"}


def test_extras_are_concluded_from_what_is_there(world: World) -> None:
    web = {"fast": ("zz-made-lib",), "all": ("zz-made-lib", "zz-made-missing")}
    world.index.add(Wheel("zz-made-web", "1.0", extras=web))
    bare(world)
    path = venv(world, pip=True)
    install(world, path, "zz-made-web[fast]", pip=True)
    result = capture(world, path)
    assert dependencies(world) == ["zz-made-web[fast]>=1.0"]
    assert "`zz-made-web[fast]`: that extra was concluded" in said(result)
    assert locked(world) == {"zz-made-lib": "1.1", "zz-made-web": "1.0"}


def test_a_pre_release_that_only_others_need_stays(world: World) -> None:
    world.index.add(Wheel("zz-made-base", "1.0"), Wheel("zz-made-base", "2.0rc1"))
    world.index.add(Wheel("zz-made-top", "1.0", requires=("zz-made-base",)))
    bare(world)
    path = venv(world)
    install(world, path, "zz-made-top", "zz-made-base==2.0rc1")
    capture(world, path)
    assert locked(world)["zz-made-base"] == "2.0rc1"
    constraints = tomllib.loads(world.read("pyproject.toml"))["tool"]["envctl"]["constraints"]
    assert constraints == ["zz-made-base>=2.0rc1"]
    world.edit("pyproject.toml", '"zz-made-top>=1.0"', '"zz-made-top>=1.0", "zz-made-test"')
    world.envctl("lock")
    assert locked(world)["zz-made-base"] == "2.0rc1"


PACKAGE = """\
[project]
name = "{name}"
version = "0.7"
dependencies = ["zz-made-lib<1.1"]

[build-system]
requires = []
build-backend = "backend"
backend-path = ["build"]
"""
BACKEND = """\
import base64, hashlib, os, zipfile

NAME = "{name}"
STEM = NAME.replace("-", "_")


def build_wheel(folder, config_settings=None, metadata_directory=None, pth=False):
    info = f"{{STEM}}-0.7.dist-info"
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    metadata = f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: 0.7\\nRequires-Dist: zz-made-lib<1.1\\n"
    files = {{
        f"{{info}}/METADATA": metadata,
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        (f"__editable__.{{STEM}}.pth" if pth else f"{{STEM}}.py"): here if pth else "",
    }}
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{{path}},sha256={{digest}},{{len(text)}}")
    files[f"{{info}}/RECORD"] = "\\n".join([*rows, f"{{info}}/RECORD,,", ""])
    name = f"{{STEM}}-0.7-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name


def build_editable(folder, config_settings=None, metadata_directory=None):
    return build_wheel(folder, pth=True)
"""


def package(folder: Path, name: str) -> Path:
    """Make the source of a package that builds without a network."""
    (folder / "build").mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(PACKAGE.format(name=name))
    (folder / "build" / "backend.py").write_text(BACKEND.format(name=name))
    return folder


@pytest.mark.parametrize("pip", [True, False], ids=["pip", "uv"])
def test_editable_packages_and_folders(world: World, tmp_path: Path, pip: bool) -> None:
    bare(world)
    path = venv(world, pip=pip)
    edited = package(tmp_path / "edited one", "zz-made-edited")
    built = package(tmp_path / "built", "zz-made-built")
    install(world, path, "-e", str(edited), str(built), pip=pip)
    result = capture(world, path)
    found = doubts(result)
    assert found["zz-made-edited"] == ["editable", "not-locked"]
    assert found["zz-made-built"] == ["local-build", "not-locked"]
    assert dependencies(world) == ["zz-made-lib>=1.0"]
    assert locked(world) == {"zz-made-lib": "1.0"}
    assert f"installed editable from {edited}" in said(result)


def test_the_project_itself_is_no_dependency_of_its_own(world: World) -> None:
    package(world.root, "demo")
    index = f'[[tool.envctl.index]]\nname = "team"\nurl = "{world.index.url}"\n'
    world.write("pyproject.toml", world.read("pyproject.toml") + index)
    path = venv(world, pip=True)
    install(world, path, "-e", str(world.root), "zz-made-test", pip=True)
    result = capture(world, path)
    assert dependencies(world) == ["zz-made-lib<1.1", "zz-made-test>=3.0"]
    assert locked(world) == {"zz-made-lib": "1.0", "zz-made-test": "3.0"}
    assert "`demo` is the project itself" in said(result)
    assert doubts(result) == {}


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Give the address of a git repository on this machine, and its commit."""
    work = package(tmp_path / "work", "zz-made-git")

    def git(*arguments: str) -> str:
        return subprocess.check_output(["git", *arguments], cwd=work, text=True).strip()

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("clone", "-q", "--bare", ".", "../served/thing.git")
    git("-C", "../served/thing.git", "update-server-info")
    handler = partial(_Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/thing.git", git("rev-parse", "HEAD")
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def test_a_git_package_keeps_its_commit(world: World, repository: tuple[str, str]) -> None:
    url, commit = repository
    bare(world)
    path = venv(world)
    install(world, path, f"zz-made-git @ git+{url}@main")
    result = capture(world, path)
    assert dependencies(world) == [f"zz-made-git @ git+{url}@{commit}"]
    assert locked(world)["zz-made-lib"] == "1.0"
    (entry,) = [
        each
        for each in tomllib.loads(world.read("pylock.toml"))["packages"]
        if each["name"] == "zz-made-git"
    ]
    assert entry["vcs"]["commit-id"] == commit
    assert doubts(result) == {"zz-made-git": ["direct-url"]}


def dist_info(
    folder: Path, name: str, version: str, *, requires: Sequence[str] = (), installer: str = ""
) -> None:
    """Write a metadata folder by hand, without a RECORD."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, "", "Text\n"]))
    if installer:
        (info / "INSTALLER").write_text(f"{installer}\n")


def conda_package(prefix: Path, name: str, version: str, *, asked: str = "", **more: Any) -> None:
    table = {"name": name, "version": version, "build": "0", "requested_spec": asked, **more}
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    (prefix / "conda-meta" / f"{name}-{version}-0.json").write_text(json.dumps(table))


def test_a_conda_environment(world: World, tmp_path: Path) -> None:
    bare(world)
    prefix = tmp_path / "conda env"
    folder = site(prefix)
    dist_info(folder, "zz-made-app", "1.0", requires=["zz-made-lib"], installer="conda")
    dist_info(folder, "zz-made-lib", "1.0", installer="conda")
    (folder / "zz_made_lib.py").write_text("changed")
    where = f"lib/python{MINOR}/site-packages"
    files = [f"{where}/zz_made_lib-1.0.dist-info/METADATA", f"{where}/zz_made_lib.py"]
    paths = {"paths": [{"_path": files[1], "sha256": "0" * 64}]}
    conda_package(prefix, "zz-made-lib", "1.0", files=files, paths_data=paths)
    app = [f"{where}/zz_made_app-1.0.dist-info/METADATA"]
    conda_package(prefix, "zz-made-app", "1.0", asked="zz-made-app=1", files=app)
    conda_package(prefix, "python", f"{MINOR}.4")
    conda_package(prefix, "openssl", "3.0.15")
    conda_package(prefix, "ffmpeg", "6.1", asked="ffmpeg")
    conda_package(prefix, "zz-made-unheard-of", "1.0", asked="zz-made-unheard-of")
    (prefix / "conda-meta" / "history").write_text("==> 2024 <==\n")
    result = capture(world, prefix)
    assert result["environment"]["python"] == f"{MINOR}.4"
    assert dependencies(world) == ["zz-made-app>=1.0"]
    assert locked(world) == {"zz-made-app": "1.0", "zz-made-lib": "1.0"}
    assert doubts(result) == {
        "zz-made-app": ["conda"],
        "zz-made-lib": ["conda", "files-differ"],
    }
    text = said(result)
    assert "`ffmpeg` 6.1, conda's: it is no Python package" in text
    assert "`zz-made-unheard-of` 1.0, conda's: not mapped" in text
    assert "left out (`openssl`)" in text


def test_eggs_and_develop_links(world: World, tmp_path: Path) -> None:
    bare(world)
    path = venv(world)
    folder = site(path)
    (folder / "zz_made_lib-1.0-py3.9.egg-info").write_text(
        "Metadata-Version: 1.1\nName: zz-made-lib\nVersion: 1.0\n"
    )
    egg = folder / "zz_made_app-1.0.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: zz-made-app\nVersion: 1.0\n")
    (egg / "requires.txt").write_text("zz-made-lib>=1\n\n[x]\nother\n")
    (egg / "top_level.txt").write_text("zz_made_app\n")
    source = tmp_path / "source"
    (source / "zz_made_dev.egg-info").mkdir(parents=True)
    (source / "zz_made_dev.egg-info" / "PKG-INFO").write_text("Name: zz-made-dev\nVersion: 3\n")
    (folder / "zz-made-dev.egg-link").write_text(f"{source}\n.")
    (folder / "easy-install.pth").write_text(f"{source}\n")
    result = capture(world, path)
    assert dependencies(world) == ["zz-made-app>=1.0"]
    assert locked(world) == {"zz-made-app": "1.0", "zz-made-lib": "1.0"}
    assert doubts(result) == {
        "zz-made-app": ["no-record"],
        "zz-made-dev": ["editable", "not-locked"],
        "zz-made-lib": ["no-record"],
    }


def test_broken_metadata_is_said_and_nothing_fails(world: World) -> None:
    bare(world)
    path = venv(world)
    install(world, path, "zz-made-app<2", "zz-made-test")
    folder = site(path)
    (folder / "zz_made_app-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe\0Name")
    (folder / "zz_made_lib-1.1.dist-info" / "METADATA").unlink()
    (folder / "zz_made_lib-1.0.dist-info").mkdir()
    (folder / "zz_made_test-3.0.dist-info" / "RECORD").write_text(
        "/dev/zero,sha256=AAAA,1\n../../../../../../etc/passwd,sha256=BBBB,2\n"
    )
    (folder / "no version at all.dist-info").mkdir()
    result = capture(world, path)
    found = doubts(result)
    assert found["zz-made-app"] == ["broken", "files-differ"]
    assert found["zz-made-lib"][0] == "broken"
    assert "broken" in found["zz-made-test"]
    assert "`no version at all.dist-info` has no name and version" in said(result)
    assert locked(world)["zz-made-app"] == "1.0"


def test_another_python_or_platform_is_refused(world: World) -> None:
    bare(world)
    path = venv(world)
    other = "3.9" if MINOR != "3.9" else "3.10"
    world.edit("pyproject.toml", "[tool.envctl]\n", f'[tool.envctl]\npython = "{other}"\n')
    before = world.snapshot("pyproject.toml", "pylock.toml")
    failed = world.envctl("init", "--from-environment", str(path), code=3)
    assert f"this project asks for {other}" in failed.stderr
    world.edit("pyproject.toml", f'python = "{other}"\n', "")
    world.edit("pyproject.toml", "linux-x86_64", "macos-arm64")
    failed = world.envctl("init", "--from-environment", str(path), code=3)
    assert "which this project does not lock for" in failed.stderr
    world.edit("pyproject.toml", "macos-arm64", "linux-x86_64")
    world.edit("pyproject.toml", "[[tool", "[tool.envctl.profiles.cpu]\n[[tool")
    failed = world.envctl("init", "--from-environment", str(path), code=3)
    assert "this project has profiles" in failed.stderr
    assert world.snapshot("pylock.toml") == {"pylock.toml": before["pylock.toml"]}


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["nowhere"], 3, "there is no Python environment here"),
        ([".", "--from", "requirements.txt"], 2, "are two imports"),
        ([" "], 2, "that is no name of an environment"),
        (["a\nb"], 2, "that is no name of an environment"),
    ],
)
def test_what_is_no_environment(world: World, arguments: list[str], code: int, text: str) -> None:
    bare(world)
    before = sorted(world.root.rglob("*"))
    failed = world.envctl("init", "--from-environment", *arguments, code=code)
    assert text in failed.stderr
    assert sorted(world.root.rglob("*")) == before


def test_an_index_that_is_down_leaves_everything_as_it_was(world: World) -> None:
    bare(world)
    path = venv(world)
    install(world, path, "zz-made-app<2")
    before = world.snapshot("pyproject.toml", "pylock.toml", ".gitignore")
    world.index.fault = "500"
    there = sorted(world.root.rglob("*"))
    failed = world.envctl("init", "--from-environment", str(path), code=3)
    assert "answered 500" in failed.stderr
    assert world.snapshot("pyproject.toml", "pylock.toml", ".gitignore") == before
    assert sorted(world.root.rglob("*")) == there


@pytest.fixture(params=[True, False], ids=["ranges", "whole files"])
def poor(request: pytest.FixtureRequest) -> Iterator[LocalIndex]:
    with LocalIndex(ranges=request.param) as index:
        yield index


def record_of(index: LocalIndex, wheel: Wheel) -> Mapping[str, str] | None:
    catalogue = IndexCatalogue({"NO_PROXY": "127.0.0.1", "PIP_TIMEOUT": "5"})
    (file,) = (catalogue._client.project(index.url, wheel.name) or ())[:1]
    return catalogue.records([file.url])[file.url]


def test_a_large_wheel_is_read_in_pieces(poor: LocalIndex) -> None:
    content: dict[str, str | bytes] = {
        f"zz_made_large/f{number}.bin": os.urandom(1 << 18) for number in range(4)
    }
    content |= {f"zz_made_large/many/{'x' * 80}{number}.py": "" for number in range(2000)}
    large = Wheel("zz-made-large", "1.0", files=content)
    poor.add(large)
    record = record_of(poor, large)
    assert record is not None
    assert len(record) == 2006
    for path in ("zz_made_large/f3.bin", f"zz_made_large/many/{'x' * 80}1999.py"):
        data = content[path]
        digest = hashlib.sha256(data if isinstance(data, bytes) else data.encode()).digest()
        assert record[path] == "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize("fault", ["truncate", "500", "404", "login-page", "down"])
def test_a_wheel_that_cannot_be_looked_into_is_no_failure(
    poor: LocalIndex, fault: Literal["truncate", "500", "404", "login-page", "down"]
) -> None:
    wheel = Wheel("zz-made-lib", "1.0")
    poor.add(wheel)
    assert record_of(poor, wheel) is not None
    poor.fault, poor.fault_paths = fault, "/files/"
    assert record_of(poor, wheel) is None
