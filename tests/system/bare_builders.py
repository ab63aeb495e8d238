"""Podman and buildah, from Debian, with a storage of the tests' own: builders without an engine.

They find the base image where the engine finds it: at the local registry, as a mirror of docker.io. What they build is
read from its mounted file system, so that nothing needs to be started.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.system import engine

#: Beside the engine's own cache. Both programs understand one storage.
STORAGE = engine.CACHE / "containers"
PROVIDE = "apt-get install podman buildah (or run .ci/run), as root"
_REGISTRIES = f"""\
unqualified-search-registries = []
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "{engine.REGISTRY_NAME}"
insecure = true
"""


def call(program: str, *arguments: str, check: bool = True) -> str:
    """Run `podman` or `buildah`; return its standard output and standard error together."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/bin")
    if found is None:
        raise engine.EngineMissing(f"{program} is not installed", PROVIDE)
    if os.getuid() != 0:
        raise engine.EngineMissing(f"{program} is tried as root only", PROVIDE)
    argv = [found, *_places(), *arguments]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=600,
        check=False,
        env=_environment(),
    )
    if check and done.returncode != 0:
        raise engine.EngineCommandFailed(argv, done.returncode, done.stdout)
    return done.stdout


def mounted(tag: str) -> Path:
    """The root of an image's file system, for reading."""
    found: list[Mapping[str, str]] = json.loads(
        call("podman", "image", "mount", "--format=json", tag)
        and call("podman", "image", "mount", "--format=json")
    )
    for each in found:
        if any(tag in name for name in each.get("Repositories") or ()):
            return Path(each["mountpoint"])
    raise AssertionError(found)


def remove(tag: str) -> None:
    """Unmount and remove an image; one that is not there is fine."""
    call("podman", "image", "unmount", "--force", tag, check=False)
    call("podman", "image", "rm", "--force", tag, check=False)


def forget() -> None:
    """Give the storage back: each build keeps its steps and, for ``--mount=from``, a mount that it forgets."""
    call("podman", "image", "unmount", "--all", "--force", check=False)
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    for line in reversed(mounts):
        where = line.split()[1].encode().decode("unicode_escape")
        if where.startswith(f"{STORAGE}/"):
            subprocess.run(["umount", where], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(STORAGE, ignore_errors=True)


def environment() -> dict[str, str]:
    """What leads a program that starts them itself to the same storage and mirror."""
    settings = STORAGE / "storage.conf"
    places = f'runroot = "{STORAGE / "run"}"\ngraphroot = "{STORAGE / "root"}"\n'
    found = _environment()
    settings.write_text(f'[storage]\ndriver = "overlay"\n{places}')
    return {**found, "CONTAINERS_STORAGE_CONF": str(settings)}


def _places() -> list[str]:
    return [f"--root={STORAGE / 'root'}", f"--runroot={STORAGE / 'run'}"]


def _environment() -> dict[str, str]:
    STORAGE.mkdir(parents=True, exist_ok=True)
    registries = STORAGE / "registries.conf"
    registries.write_text(_REGISTRIES)
    return {**os.environ, "CONTAINERS_REGISTRIES_CONF": str(registries)}
