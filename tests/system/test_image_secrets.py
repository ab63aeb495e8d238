"""What a build is told in confidence: searched byte for byte in image, description, history, cache keys and logs."""

import base64
import io
import os
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import World
from tests.system import engine

pytestmark = [pytest.mark.docker, pytest.mark.index]

USER, PASSWORD = "zz-made-user", "login-mark-51c0a"
MARKS = (
    b"ca-mark-5f1c9",
    PASSWORD.encode(),
    base64.b64encode(f"{USER}:{PASSWORD}".encode()),  # as a request carries it
    b"token-mark-77ab1",  # in the file that the person's own settings name
    b"file-mark-0b2d4",  # in files of the source that hold secrets
)
MANIFEST = """
[project]
name = "demo"
dependencies = ["zz-made-app"]

[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]

[[tool.envctl.index]]
name = "team"
url = "{index}"

[tool.envctl.image]
source = ["src"]
command = ["python", "-c", "import zz_made_app; print('on')"]
"""


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, python_base: engine.BaseImage
) -> Iterator[World]:
    """A project whose index wants a login; it is in a netrc alone."""
    uv, root = tmp_path_factory.mktemp("uv"), tmp_path_factory.mktemp("secrets")
    version = subprocess.run(
        [sys.executable, "-m", "uv", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={uv}"]
    subprocess.run([*argv, "--only-binary=:all:", f"uv=={version}"], check=True)
    netrc = root / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    netrc.chmod(0o600)
    with LocalIndex(mode="json", max_age=0, auth=(USER, PASSWORD)) as index:
        index.serve_folder(uv)
        # A name of its own each time: secrets are no part of a step's identity, and a step that was once
        # taken from the engine's cache would not use them.
        index.add(Wheel("zz-made-app", f"1.0+{os.getpid()}"))
        made = World(root=root / "project", index=index, environ={"NETRC": str(netrc)})
        made.write("pyproject.toml", MANIFEST.format(index=index.url))
        for name in ("src/.env", "src/.netrc", "src/sub/.env.local", "id_rsa", ".env"):
            made.write(name, "file-mark-0b2d4\n")
        made.write("src/main.py", "")
        made.write("own.env", "HF_TOKEN=token-mark-77ab1\n")
        made.write(".envctl/local.toml", 'env-file = "own.env"\n')
        made.envctl("lock")
        made.envctl("dockerize")
        yield made


def _build(world: World, tag: str) -> subprocess.CompletedProcess[bytes]:
    """Build as the file's own comment says, with all that a build prints."""
    ca = world.root.parent / "ca.pem"
    bundle = engine.ca_bundle()
    ca.write_bytes((bundle.read_bytes() if bundle else b"") + b"\n# ca-mark-5f1c9\n")
    secrets = [f"--secret=id=ca,src={ca}", f"--secret=id=netrc,src={world.environ['NETRC']}"]
    how = ["--progress=plain", "--network=host", f"--tag={tag}"]
    return subprocess.run(
        [engine.docker_cli(), "build", *how, *secrets, str(world.root)],
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def _found(content: bytes) -> list[bytes]:
    return [mark for mark in MARKS if mark in content]


def test_no_secret_is_left_anywhere(world: World, image_tag: str, tmp_path: Path) -> None:
    world.index.forget_requests()
    done = _build(world, image_tag)
    assert done.returncode == 0, done.stdout.decode()
    asked = [path for _, path in world.index.requests if path.endswith(".whl")]
    assert asked, "the build fetched nothing, so that it proves nothing"
    assert _found(done.stdout) == []
    for said in (("inspect",), ("history", "--no-trunc"), ("image", "inspect")):
        assert _found(engine.docker(*said, image_tag).encode()) == []
    archive = tmp_path / "image.tar"
    engine.docker("save", f"--output={archive}", image_tag)
    seen = 0
    with tarfile.open(archive) as saved:
        for member in saved:
            inner = saved.extractfile(member)
            content = inner.read() if inner else b""
            assert _found(content) == [], member.name
            seen += _inside(content) if member.name.endswith("layer.tar") else 0
    assert seen > 1000
    run = engine.run(image_tag, env={"HF_TOKEN": "x"})
    assert run.stdout == "on\n"


def _inside(layer: bytes) -> int:
    """Look into each file of a layer, compressed ones too; returns how many there were."""
    count = 0
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        for member in files:
            file = files.extractfile(member) if member.isfile() else None
            content = file.read() if file else b""
            count += 1
            with suppress(zlib.error):
                content += zlib.decompress(content, wbits=47)
            assert _found(content) == [], member.name
    return count


def test_nor_in_the_log_of_a_build_that_fails(world: World, image_tag: str) -> None:
    """The login is used, the file is another one than the list says, and everything is printed."""
    name = ".envctl/image/pylock.light.toml"
    text = world.read(name)
    digest = text.partition('sha256 = "')[2][:64]
    world.write(name, text.replace(digest, "0" * 64))
    try:
        done = _build(world, image_tag)
    finally:
        world.write(name, text)
    assert done.returncode != 0
    assert b"Hash mismatch" in done.stdout
    assert _found(done.stdout) == []


def test_nor_in_what_is_committed(world: World) -> None:
    names = [world.root / name for name in ("Dockerfile", ".dockerignore", "pylock.toml")]
    for path in (*names, *(world.root / ".envctl/image").rglob("*")):
        if path.is_file():
            assert _found(path.read_bytes()) == [], path
