"""`envctl diff` of images that the engine has: every file of them is read, and nothing of them is run."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image_archive import File, Saved, Tree, parents
from tests.integration.conftest import world
from tests.integration.world import MINOR, World
from tests.system import engine

__all__ = ["world"]
pytestmark = pytest.mark.docker
SITE = f"opt/venv/lib/python{MINOR}/site-packages"


def made(packages: dict[str, str], *, env: tuple[str, ...] = (), text: bytes = b"x = 1\n") -> Saved:
    """Return an image whose environment holds these packages, each of one file."""
    tree: Tree = {"opt/venv/pyvenv.cfg": File(b"home = /usr/bin\n")}
    for name, version in packages.items():
        info = f"{SITE}/{name}-{version}.dist-info"
        tree[f"{SITE}/{name}/__init__.py"] = File(text)
        tree[f"{info}/METADATA"] = File(f"Name: {name}\nVersion: {version}\n\n".encode())
        tree[f"{info}/INSTALLER"] = File(str(len(env)).encode())
        rows = (f"{name}/__init__.py", f"{name}-{version}.dist-info/METADATA")
        tree[f"{info}/RECORD"] = File("".join(f"{row},,\n" for row in rows).encode())
    config = {"User": "10001:0", "Env": ["PATH=/bin", *env], "Labels": {"io.envctl.python": MINOR}}
    return Saved(layers=[{**parents([*tree]), **tree}], config=config)


@pytest.fixture
def load(docker_engine: engine.Engine, image_tag: str) -> Iterator[object]:
    """Give a function that puts an image into the engine and returns its name."""
    tags: list[str] = []

    def put(saved: Saved) -> str:
        done = subprocess.run(
            ["docker", "load", "--quiet"], input=saved.bytes(), capture_output=True, check=True
        )
        identity = done.stdout.decode().rpartition(" ")[2].strip()
        tags.append(f"{image_tag}:{len(tags)}")
        subprocess.run(["docker", "tag", identity, tags[-1]], check=True)
        return tags[-1]

    yield put
    for tag in tags:
        engine.remove_image(tag)


def test_images_with_each_other_with_a_lock_and_with_the_environment(
    load: "object", world: World, tmp_path: Path
) -> None:
    assert callable(load)
    world.envctl("lock")
    world.envctl("sync")
    env = ("PYTHONHASHSEED=0",)
    held = {"zz_made_app": "1.0", "zz_made_lib": "1.1"}
    first = load(made(held, env=env))
    other = load(made({**held, "zz_made_app": "2.0"}, env=env))
    edited = load(made(held, env=(*env, "HF_TOKEN=hunter2"), text=b"x = 2\n"))

    def found(a: str, b: str) -> list[tuple[str, str]]:
        result = world.json("diff", a, b, code=None)["result"]
        assert "hunter2" not in str(result)
        return [(each["group"], each["subject"]) for each in result["differences"]]

    assert found(first, first) == []
    assert found(first, other) == [("packages", "zz-made-app")]
    assert found(first, edited) == [
        *(("files", f"zz-made-{name}: 1 file") for name in ("app", "lib")),
        ("variables", "HF_TOKEN"),
    ]
    assert found("pylock.toml", first) == []  # the group that `.venv` has is in no image
    assert found(other, "pylock.toml") == [("packages", "zz-made-app")]
    assert [each for each in found(".venv", first) if each[0] == "packages"] == [
        ("packages", "zz-made-test")
    ]
