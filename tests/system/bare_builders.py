"""Podman and buildah, from Debian, each time with a storage of their own: builders without an engine.

They find the base image where the engine finds it: at the local registry, as a mirror of docker.io. What they build is
read from its mounted file system, so that nothing needs to be started.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.system import engine

PROVIDE = "apt-get install podman buildah (or run .ci/run), as root"
_REGISTRIES = f"""\
unqualified-search-registries = []
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "{engine.REGISTRY_NAME}"
insecure = true
"""


def _folder() -> Path:
    engine.CACHE.mkdir(parents=True, exist_ok=True)
    # Not in pytest's own folder: that may be a file system in memory, or one without overlays.
    return Path(tempfile.mkdtemp(prefix="containers-", dir=engine.CACHE))


@dataclass
class Builders:
    """Both programs over one storage, which nobody else uses: neither forgives a layer that somebody took away."""

    storage: Path = field(default_factory=_folder)

    def call(self, program: str, *arguments: str, check: bool = True) -> str:
        """Run `podman` or `buildah`; return its standard output and standard error together."""
        found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/bin")
        if found is None:
            raise engine.EngineMissing(f"{program} is not installed", PROVIDE)
        if os.getuid() != 0:
            raise engine.EngineMissing(f"{program} is tried as root only", PROVIDE)
        places = [f"--root={self.storage / 'root'}", f"--runroot={self.storage / 'run'}"]
        argv = [found, *places, *arguments]
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=600,
            check=False,
            env=self._environment(),
        )
        if check and done.returncode != 0:
            raise engine.EngineCommandFailed(argv, done.returncode, done.stdout)
        return done.stdout

    def mounted(self, tag: str) -> Path:
        """The root of an image's file system, for reading."""
        found: list[Mapping[str, str]] = json.loads(
            self.call("podman", "image", "mount", "--format=json", tag)
            and self.call("podman", "image", "mount", "--format=json")
        )
        for each in found:
            if any(tag in name for name in each.get("Repositories") or ()):
                return Path(each["mountpoint"])
        raise AssertionError(found)

    def environment(self) -> dict[str, str]:
        """What leads a program that starts them itself to the same storage and mirror."""
        settings = self.storage / "storage.conf"
        places = f'runroot = "{self.storage / "run"}"\ngraphroot = "{self.storage / "root"}"\n'
        settings.write_text(f'[storage]\ndriver = "overlay"\n{places}')
        return {**self._environment(), "CONTAINERS_STORAGE_CONF": str(settings)}

    def forget(self) -> None:
        """Give the storage back: buildah 1.28 forgets a mount in each build that has a ``--mount=from``."""
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        for line in reversed(mounts):
            where = line.split()[1].encode().decode("unicode_escape")
            if where.startswith(f"{self.storage}/"):
                subprocess.run(["umount", where], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.storage, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        registries = self.storage / "registries.conf"
        registries.write_text(_REGISTRIES)
        return {**os.environ, "CONTAINERS_REGISTRIES_CONF": str(registries)}
