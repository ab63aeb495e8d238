"""A malicious lock, from the file to what a build would read: refused, or harmless because the hash decides.

The locks are as another tool could write them, without envctl's own table: an edit of one of ours is noticed as such
before anything else is looked at.
"""

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from envctl.adapters.project import ProjectFiles
from envctl.errors import EnvctlError
from envctl.usecases import dockerize, load
from tests import image_projects as projects
from tests.integration.world import World

Table = dict[str, Any]
Edit = Callable[[Table], None]
FLAVOURS = {
    "buildkit": projects.CPU,
    "hermetic": projects.CPU.replace("command =", 'build = "hermetic"\ncommand ='),
}
UV_WHEEL = "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
OWN = "pandas-3.1.1-cp311-cp311-manylinux_2_28_x86_64.whl"
GOOD = f"https://index.example/files/{OWN}"


def _wheel(**changes: object) -> Edit:
    def edit(package: Table) -> None:
        package["wheels"][0].update(changes)

    return edit


def _package(**changes: object) -> Edit:
    return lambda package: package.update(changes)


REFUSED: dict[str, Edit] = {
    # file names
    "up": _wheel(name=f"../../{OWN}"),
    "absolute": _wheel(name=f"/tmp/{OWN}"),
    "backslashes": _wheel(name=f"..\\..\\{OWN}"),
    "line end": _wheel(name=f"{OWN}\nRUN id"),
    "nul": _wheel(name=OWN.replace(".whl", "\0.whl")),
    "another package": _wheel(name=OWN.replace("pandas", "evil")),
    "another version": _wheel(name=OWN.replace("3.1.1", "9.9")),
    "no tags": _wheel(name="pandas.whl"),
    "quoted": _wheel(name=OWN.replace(".whl", '".whl')),
    "up in the address": _wheel(name=None, url=f"https://index.example/..%2f..%2f{OWN}"),
    # addresses
    "file": _wheel(url=f"file:///srv/{OWN}"),
    "ftp": _wheel(url=f"ftp://index.example/{OWN}"),
    "ssh": _wheel(url=f"ssh://index.example/{OWN}"),
    "git": _wheel(url=f"git+https://index.example/{OWN}"),
    "script": _wheel(url=f"javascript:alert/{OWN}"),
    "data": _wheel(url=f"data:,/{OWN}"),
    "none": _wheel(url=None),
    "a shell's": _wheel(url=f"{GOOD}?x='$(id)`"),
    "login": _wheel(url=GOOD.replace("index", "me:secret-mark@index")),
    "a path": _wheel(url=None, path=f"/srv/{OWN}"),
    "a path up": _wheel(url=None, path=f"../{OWN}"),
    "a line end in it": _wheel(url=f"https://index.example/\nRUN id\n/{OWN}"),
    # hashes
    "md5": _wheel(hashes={"md5": "d" * 32}),
    "sha1": _wheel(hashes={"sha1": "d" * 40}),
    "no hash": _wheel(hashes={}),
    "half a hash": _wheel(hashes={"sha256": "d" * 32}),
    "no hex": _wheel(hashes={"sha256": "z" * 64}),
    "more than a hash": _wheel(hashes={"sha256": "d" * 64 + " --hash=sha256:" + "e" * 64}),
    "unknown": _wheel(hashes={"crc32": "d" * 8}),
    # the rest
    "name": _package(name="pandas\nRUN id"),
    "name up": _package(name="../pandas"),
    "version": _package(version="3.1.1; rm -rf /"),
    "marker": _package(marker="__import__('os')"),
}


def _remade(
    root: Path, flavour: str, edit: Edit | None
) -> tuple[ProjectFiles, dockerize.DockerPlan]:
    """Write a foreign lock, read it as `dockerize` does, and return what would be written."""
    text = FLAVOURS[flavour]
    project = ProjectFiles(root)
    manifest = projects.manifest(text)
    packages = copy.deepcopy([*projects.CPU_PACKAGES])
    table = {"lock-version": "1.0", "created-by": "another tool", "packages": packages}
    if edit is not None:
        package = next(each for each in packages if each["name"] == "pandas")
        edit(package)
        for wheel in package["wheels"]:
            for key in [key for key, value in wheel.items() if value is None]:
                del wheel[key]
    project.write({"pylock.toml": tomli_w.dumps(table), "pyproject.toml": text})
    lock = load.required_lock(project, "pylock.toml")
    return project, dockerize.plan(
        project,
        manifest,
        lock,
        registry=lambda _reference: projects.DIGEST,
        uv_pin=lambda: projects.UV_PIN,
        uv_files=lambda: {UV_WHEEL: "a" * 64},
        paths=projects.PATHS,
    )


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_malicious_lock_is_refused(tmp_path: Path, flavour: str, name: str) -> None:
    with pytest.raises(EnvctlError) as caught:
        _remade(tmp_path, flavour, REFUSED[name])
    assert (caught.value.where or "").startswith("pylock.toml")
    assert "secret-mark" not in f"{caught.value.message} {caught.value.hint}"
    assert not (tmp_path / "Dockerfile").exists()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_lock_without_malice_is_taken(tmp_path: Path, flavour: str) -> None:
    """Otherwise the test above could pass by refusing everything."""
    _, plan = _remade(tmp_path, flavour, None)
    listed = tomllib.loads(plan.files[".envctl/image/pylock.light.toml"])
    assert [each["name"] for each in listed["packages"]] == ["numpy", "pandas"]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    "url",
    [
        f"https://elsewhere.example/{OWN}",
        f"https://index.example/a/../../{OWN}",
        f"https://index.example/{OWN}#sha256=" + "0" * 64,
        f"https://index.example/{OWN}?x=1",
    ],
)
def test_wherever_a_file_lies_its_hash_decides(tmp_path: Path, flavour: str, url: str) -> None:
    _, plan = _remade(tmp_path, flavour, _wheel(url=url))
    listed = tomllib.loads(plan.files[".envctl/image/pylock.light.toml"])
    (entry,) = (each for each in listed["packages"] if each["name"] == "pandas")
    (wheel,) = entry["wheels"]
    assert set(wheel["hashes"]) == {"sha256"}
    assert wheel["hashes"]["sha256"] == projects.CPU_PACKAGES[1]["wheels"][0]["hashes"]["sha256"]
    if flavour == "hermetic":
        path = Path(wheel["path"])
        assert not path.is_absolute()
        assert ".." not in path.parts


def test_an_edited_lock_of_ours_is_said_to_be_one(world: World) -> None:
    world.envctl("lock")
    digest = tomllib.loads(world.read("pylock.toml"))["packages"][0]["wheels"][0]["hashes"][
        "sha256"
    ]
    world.edit("pylock.toml", digest, "0" * 64)
    done = world.envctl("dockerize", code=3)
    assert "the lock was edited by hand" in done.stderr
    assert not (world.root / "Dockerfile").exists()
