"""`envctl dockerize` with `build = "hermetic"`: the wheels beside the lists, from an index that wants a login."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import STOCK, World

FOLDER = ".envctl/image/wheels"
AUTH = ("someone", "pass word")


@pytest.fixture
def bundled(tmp_path: Path) -> Iterator[World]:
    """A locked project whose image is hermetic; the index has an installer (that nobody starts here)."""
    version = subprocess.run(
        [sys.executable, "-m", "uv", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    tags = ("py3-none-manylinux_2_17_x86_64", "py3-none-manylinux2014_x86_64")
    home = tmp_path / "home"
    home.mkdir()
    netrc = home / ".netrc"
    netrc.write_text(f'machine 127.0.0.1 login {AUTH[0]} password "{AUTH[1]}"\n')
    netrc.chmod(0o600)
    root = tmp_path / "pro ject"
    root.mkdir()
    environ = {"HOME": str(home), "NO_PROXY": "127.0.0.1", "UV_CACHE_DIR": str(tmp_path / "uv")}
    # No engine: the base image then stays unpinned, which is no matter here.
    environ["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    with LocalIndex(mode="json", auth=AUTH, max_age=0) as index:
        index.add(*STOCK, Wheel("uv", version, tags=tags))
        made = World(root=root, index=index, environ=environ)
        image = '[tool.envctl.image]\nbuild = "hermetic"\n\n[tool.envctl.env]'
        made.write("pyproject.toml", made.manifest().replace("[tool.envctl.env]", image))
        made.envctl("lock")
        yield made


def _wheels(world: World) -> list[str]:
    return sorted(path.name for path in (world.root / FOLDER).rglob("*.whl"))


def test_the_bundle_from_first_to_last(bundled: World) -> None:
    world = bundled
    first = world.envctl("dockerize")
    assert "fetched zz_made_app-1.0-py3-none-any.whl" in first.stderr
    assert [name.partition("-")[0] for name in _wheels(world)] == [
        "uv",
        "zz_made_app",
        "zz_made_lib",
    ]
    assert world.envctl("dockerize", "--check").returncode == 0
    written = b"".join(p.read_bytes() for p in world.root.rglob("*") if p.is_file())
    assert AUTH[1].encode() not in written
    # Anyone can check them, without envctl.
    for sums in (world.root / FOLDER).rglob("SHA256SUMS"):
        world.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=sums.parent)
    # Git sees the lists and not the wheels.
    world.run(["git", "init", "--quiet", "."])
    seen = world.run(["git", "ls-files", "--others", "--exclude-standard", FOLDER]).stdout
    assert "SHA256SUMS" in seen
    assert ".whl" not in seen
    # Once they are here, nothing is asked of anyone.
    world.index.close()
    before = world.snapshot("Dockerfile")
    assert json.loads(world.envctl("dockerize", "--json").stdout)["result"]["fetched"] == []
    lost = next((world.root / FOLDER).rglob("zz_made_lib*.whl"))
    lost.unlink()
    world.edit("pyproject.toml", 'PYTHONHASHSEED = "0"', 'PYTHONHASHSEED = "1"')
    failed = world.envctl("dockerize", code=3)
    assert "127.0.0.1" in failed.stderr
    assert world.snapshot("Dockerfile") == before  # nothing half done
    left = world.envctl("dockerize", "--no-fetch")
    assert "envctl dockerize" in left.stderr
    assert world.snapshot("Dockerfile") != before
    checked = world.envctl("dockerize", "--check", code=1)
    where = "`.envctl/image/wheels`"
    assert (
        f"1 of the 3 files that the build reads are not in {where}: {lost.name}" in checked.stdout
    )
    assert "bundle-missing" in world.codes("--only", "image", code=0)


def test_a_file_that_is_not_the_locked_one_is_refused(bundled: World) -> None:
    bundled.index.fault, bundled.index.fault_paths = "wrong-hash", "/files/"
    done = bundled.envctl("dockerize", code=3)
    assert "is not the file that the lock means" in done.stderr
    assert not (bundled.root / "Dockerfile").exists()
    assert _wheels(bundled) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sha256 = ", "md5 = ", "no hash that holds"),
        ("http://", "ftp://", "cannot reach"),
        ("/zz_made_lib", "/..%2F..%2Fzz_made_lib", "pylock.toml"),
    ],
)
def test_a_malicious_lock_is_refused(bundled: World, old: str, new: str, said: str) -> None:
    text = bundled.read("pylock.toml")
    lines = [
        line.replace(old, new) if "zz_made_lib" in line and "url" in line else line
        for line in text.splitlines(keepends=True)
    ]
    assert lines != text.splitlines(keepends=True)
    # As another tool would write it: an edit of envctl's own lock is noticed before anything else.
    bundled.write("pylock.toml", "".join(lines).partition("[tool.envctl")[0])
    done = bundled.envctl("dockerize", code=3)
    assert said in done.stderr
    assert not (bundled.root / ".envctl/image").exists()
    assert bundled.index.downloads == [] or not any(
        "zz_made_lib" in path for path in bundled.index.downloads
    )
