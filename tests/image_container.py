"""What an image would hold, in folders of this machine: the preflight is run on it as an image runs it."""

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from envctl.emitters import preflight
from tests.index.wheels import Wheel, build

VERSION = ".".join(str(part) for part in sys.version_info[:2])
MACHINE = os.uname().machine
MODERN = "550.54.15"
DATE = 315532800  # 1980, as the build stages date everything


@dataclass
class Container:
    """What an image would hold: the preflight beside its contract, an environment, and a file system to look at."""

    root: Path

    python: str = sys.executable

    @property
    def packages(self) -> Path:
        return self.root / "venv/lib" / f"python{VERSION}" / "site-packages"

    @property
    def command(self) -> list[str]:
        return [self.python, "-I", "-S", str(self.root / "opt/preflight.py")]

    def install(self, *wheels: Wheel) -> None:
        for wheel in wheels:
            _, content = build(wheel)
            zipfile.ZipFile(io.BytesIO(content)).extractall(self.packages)

    def contract(self, **changes: object) -> None:
        table = {
            "schema": 1,
            "environment": str(self.root / "venv"),
            "python": VERSION,
            "for": "docker",
            "slices": {
                MACHINE: {"digest": "", "packages": {"alpha": "1.0", "torch": "2.10.0+cu126"}}
            },
            "accelerator": "cpu",
            "cuda": None,
            "driver": None,
            "gpus": 0,
            "required": [],
            "missed": [],
        }
        text = json.dumps({**table, **changes})
        (self.root / "opt/contract.json").write_text(text, encoding="utf-8")

    def gpus(self, *minors: int, driver: str | None = MODERN, uuids: bool = True) -> None:
        """Lay out /dev and /proc as the NVIDIA runtimes do in a container."""
        (self.root / "sys/dev").mkdir(parents=True, exist_ok=True)
        (self.root / "sys/dev/nvidiactl").touch()
        for minor in minors:
            (self.root / f"sys/dev/nvidia{minor}").touch()
            if uuids:
                folder = self.root / f"sys/proc/driver/nvidia/gpus/0000:0{minor}:00.0"
                folder.mkdir(parents=True)
                text = f"Model: \t\t NVIDIA A100\nGPU UUID: \t GPU-{minor}abc\nDevice Minor: \t {minor}\n"
                (folder / "information").write_text(text)
        if driver:
            version = self.root / "sys/proc/driver/nvidia/version"
            version.parent.mkdir(parents=True, exist_ok=True)
            version.write_text(
                f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {driver}  Release Build\n"
            )

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.defpath, "ENVCTL_SYSROOT": str(self.root / "sys"), **env},
        )

    def build(self) -> subprocess.CompletedProcess[str]:
        """Check as an image's build does, after everything was given one date."""
        for path in (self.root / "venv", *(self.root / "venv").rglob("*")):
            if not path.is_symlink():
                os.utime(path, (DATE, DATE))
        return self.run("--phase", "build")

    def start(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return self.run("--phase", "start", "--", *(command or ("true",)), **env)


def made(root: Path) -> Container:
    """Return a container with two packages, of which one is called torch."""
    container = Container(root)
    container.packages.mkdir(parents=True)
    (root / "opt").mkdir()
    (root / "opt/preflight.py").write_text(preflight.source(), encoding="utf-8")
    (root / "venv/bin").mkdir()
    for name in ("python", "activate", "activate.fish"):
        (root / "venv/bin" / name).touch()
    (root / "venv/pyvenv.cfg").touch()
    (root / "venv/lib64").symlink_to("lib")
    container.install(Wheel("alpha", "1.0"), Wheel("torch", "2.10.0+cu126"))
    container.contract()
    return container
