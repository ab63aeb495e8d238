"""`envctl image verify` on images that the real engine built: one as it should be, and layers put on top of it.

What an image can do to deceive is in tests/integration/test_image_hostile_contents.py, without an engine.
"""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import World
from tests.shared_object import shared_object
from tests.system import engine

pytestmark = pytest.mark.docker

MANIFEST = """
[project]
name = "demo"
version = "0.1.0"
dependencies = ["zz-made-app", "nvidia-zz-made"]

[dependency-groups]
dev = ["zz-made-test"]

[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]
groups = ["dev"]

[[tool.envctl.index]]
name = "team"
url = "{index}"

[tool.envctl.env]
PYTHONHASHSEED = "0"

[tool.envctl.image]
source = ["src"]
command = ["python", "-m", "app"]
"""


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, python_base: engine.BaseImage
) -> Iterator[World]:
    """A locked and synced project; one of its packages needs libraries that the base image has not."""
    root, folder = tmp_path_factory.mktemp("proved"), tmp_path_factory.mktemp("uv")
    version = subprocess.run(
        [sys.executable, "-m", "uv", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={folder}"]
    subprocess.run([*argv, "--only-binary=:all:", f"uv=={version}"], check=True)
    native = shared_object(folder, "native.so", needs=("libGL.so.1", "libstdc++.so.6"))
    with LocalIndex(mode="json", max_age=0) as index:
        index.serve_folder(folder)
        index.add(
            Wheel(
                "zz-made-app",
                "1.0",
                files={"zz_made_app/__init__.py": "", "zz_made_app/native.so": native},
                entry_points={"zz-app": "zz_made_app:main"},
            ),
            Wheel("zz-made-test", "3.0"),
            Wheel("nvidia-zz-made", "12.6"),
        )
        made = World(root=root, index=index, environ={"UV_CACHE_DIR": str(folder / "cache")})
        made.write("pyproject.toml", MANIFEST.format(index=index.url))
        made.write("src/app/__main__.py", "print('ran')\n")
        made.envctl("lock")
        made.envctl("sync")
        made.envctl("dockerize")
        assert python_base.pinned in made.read("Dockerfile")
        yield made


@pytest.fixture(scope="module")
def image(world: World) -> Iterator[str]:
    """Built and proved at once: the same findings as when it is asked for later."""
    tag = f"envctl-test-{uuid.uuid4().hex[:12]}"
    report = world.json("image", "build", "--tag", tag, "--network", "host", "--verify")
    assert [each["code"] for each in report["result"]["proof"]["findings"]] == ["library-missing"]
    yield tag
    engine.remove_image(tag)


def test_an_image_as_it_should_be(world: World, image: str) -> None:
    report = world.json("image", "verify", image, "--strict", code=1)
    assert report["result"]["local"] is True
    found = [
        (each["code"], each["subject"], each["expected"]) for each in report["result"]["findings"]
    ]
    assert found == [("library-missing", "libGL.so.1", "libgl1")]
    (finding,) = report["result"]["findings"]
    assert "zz_made_app/native.so of `zz-made-app` needs libGL.so.1" in finding["message"]
    assert '"libgl1"' in finding["advice"]
    assert "bookworm" in finding["advice"]


def test_layers_on_top_of_it(world: World, image: str, tmp_path: Path, image_tag: str) -> None:
    """What a real engine makes of it: whiteouts, links, modes, history."""
    site = "/opt/venv/lib/python3.11/site-packages"
    (tmp_path / "Dockerfile").write_text(
        f"FROM {image}\n"
        "USER 0\n"
        "ARG API_TOKEN=abcdefghij\n"
        "RUN printf 'machine index.example login me password x\\n' > /root/.netrc\n"
        "RUN rm /root/.netrc\n"
        f"RUN echo '# more' >> {site}/nvidia_zz_made/__init__.py"
        f" && rm {site}/zz_made_app/__init__.py && touch {site}/sitecustomize.py"
        f" && ln -s /etc/passwd {site}/zz_made_app/data"
        " && cp /usr/bin/id /usr/local/bin/id2 && chmod 4755 /usr/local/bin/id2"
        " && echo 'import os' > /usr/lib/python3.11/usercustomize.py\n"
        "ENV LD_PRELOAD=/app/x.so PATH=/tmp/bin:$PATH\n"
        'ENTRYPOINT ["python"]\n'
    )
    engine.build(tmp_path, tag=image_tag)
    found = _found(world.json("image", "verify", image_tag, code=1))
    where = "lib/python3.11/site-packages"
    assert found >= {
        ("image-differs", f"{where}/nvidia_zz_made/__init__.py"),
        ("image-differs", f"{where}/zz_made_app/__init__.py"),
        ("image-differs", f"{where}/sitecustomize.py"),
        ("image-differs", f"{where}/zz_made_app/data"),
        ("image-setuid", "/usr/local/bin/id2"),
        ("image-shadowed", "/usr/lib/python3.11/usercustomize.py"),
        ("image-shadowed", "LD_PRELOAD"),
        ("image-shadowed", "PATH"),
        ("image-differs", "ENTRYPOINT"),
        ("image-differs", "USER"),
        ("image-secret", "/root/.netrc"),
    }
    assert any(code == "image-secret" and subject.startswith("history") for code, subject in found)


def test_without_its_environment_uv_s_cache_will_do(
    world: World, image: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(world.root, copy, ignore=shutil.ignore_patterns(".venv", "envs"))
    other = World(root=copy, index=world.index, environ=world.environ)
    report = other.json("image", "verify", image, code=0)
    assert "of 2 compared with their wheels" in report["result"]["said"]
    nothing = World(
        root=copy, index=world.index, environ={"UV_CACHE_DIR": str(tmp_path / "empty cache")}
    )
    report = nothing.json("image", "verify", image, code=0)
    assert ("image-unproved", "packages") in _found(report)


def test_another_lock(world: World, image: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(world.root, copy, ignore=shutil.ignore_patterns(".venv", "envs"))
    other = World(root=copy, index=world.index, environ=world.environ)
    other.index.add(Wheel("zz-made-more", "1.0"))
    other.edit("pyproject.toml", '"nvidia-zz-made"]', '"zz-made-more"]')
    other.envctl("lock")
    found = _found(other.json("image", "verify", image, code=1))
    assert ("image-differs", "zz-made-more") in found
    assert ("image-differs", "nvidia-zz-made") in found
    assert ("image-differs", "io.envctl.slice.linux-x86_64") in found


def test_a_remote_image_by_its_registry(world: World, image: str) -> None:
    """Nothing is pulled: the engine does not have it afterwards."""
    remote = f"{engine.REGISTRY_NAME}/envctl-test/proved:{uuid.uuid4().hex[:8]}"
    engine.docker("tag", image, remote)
    try:
        engine.docker("push", "--quiet", remote)
    finally:
        engine.remove_image(remote)
    report = world.json("image", "verify", remote, code=0)
    assert report["result"]["local"] is False
    assert report["result"]["identity"].startswith("sha256:")
    assert _found(report) == set()
    world.edit("pyproject.toml", 'PYTHONHASHSEED = "0"', 'PYTHONHASHSEED = "1"')
    try:
        world.envctl("lock")
        found = _found(world.json("image", "verify", remote, code=1))
    finally:
        world.edit("pyproject.toml", 'PYTHONHASHSEED = "1"', 'PYTHONHASHSEED = "0"')
        world.envctl("lock")
    assert found == {("image-differs", "PYTHONHASHSEED")}
    gone = world.json("image", "verify", f"{remote}-gone", code=3)
    assert gone["error"]["code"] == "image"


def _found(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["code"], each["subject"]) for each in report["result"]["findings"]}
