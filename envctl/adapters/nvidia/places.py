"""Where NVML and ``nvidia-smi`` are, and with what environment they are asked."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from envctl.disk.machine import FOLDERS, LIBRARY, OWN_FOLDERS

# What hides devices from CUDA, and what makes NVML itself write a log.
_HIDING = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES")
_NVML = ("NVML_", "__NVML_")
_COMPAT = ("compat", "cuda-compat")


def library(sysroot: Path) -> Path | None:
    """Return where NVML's library is, an empty path when only the loader's cache knows; ``None``: nowhere.

    ``ctypes.util.find_library`` starts gcc or ldconfig, which costs more than all the rest. An empty file is a
    place that a container runtime bound the library to once, in an image that was made from such a container.
    """
    folders = [*_named(), *(sysroot / each for each in FOLDERS + OWN_FOLDERS)]
    there = [each for each in folders if os.access(each / LIBRARY, os.R_OK)]
    for folder in there:
        if _is_filled(folder / LIBRARY):
            return folder
    try:
        cached = LIBRARY.encode() in (sysroot / "etc/ld.so.cache").read_bytes()
    except OSError:
        cached = False
    return Path() if cached and not there else None


def program(sysroot: Path) -> Path | None:
    """Return where ``nvidia-smi`` is; ``None``: nowhere. As with the library, an empty file is none."""
    folders = [f for f in os.environ.get("PATH", os.defpath).split(":") if f.startswith("/")]
    for folder in [*folders, "/usr/lib/wsl/lib"]:
        found = sysroot / folder.lstrip("/") / "nvidia-smi"
        if os.access(found, os.X_OK) and _is_filled(found):
            return found
    return None


def _is_filled(path: Path) -> bool:
    """Whether a file is more than a place: a folder is what Docker makes of a file to bind that was not there."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def environ(sysroot: Path, folder: Path | None = None) -> dict[str, str]:
    """Take the caller's environment, less what hides devices, and say where the library is if the loader cannot.

    Not for the system's own folders: LD_LIBRARY_PATH goes before what a Python was built to find.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _HIDING and not name.startswith(_NVML)
    }
    folders = [str(each) for each in _named()]
    own = folder in [sysroot / each for each in OWN_FOLDERS]
    if folder and (own or (sysroot != Path("/") and folder != Path())):
        folders.insert(0, str(folder))
    if "LD_LIBRARY_PATH" in kept or folders:
        kept["LD_LIBRARY_PATH"] = ":".join(folders)
    return kept


def compat(sysroot: Path) -> Path | None:
    """Return the folder of a compat package whose ``libcuda.so.1`` programs load here; ``None``: the driver's own.

    By LD_LIBRARY_PATH, or by what the container toolkit's ``enable-cuda-compat`` tells the loader.
    """
    folders = [*_every_named(), *(sysroot / each.lstrip("/") for each in _loaders(sysroot))]
    for folder in folders:
        if folder.name in _COMPAT and os.access(folder / "libcuda.so.1", os.R_OK):
            return folder
    return None


def _loaders(sysroot: Path) -> Iterator[str]:
    for file in sorted((sysroot / "etc/ld.so.conf.d").glob("*compat*.conf")):
        with suppress(OSError):
            yield from file.read_text(encoding="utf-8", errors="replace").split()


def _named() -> list[Path]:
    """Return the folders of LD_LIBRARY_PATH, less those whose libraries say nothing of the driver that is here."""
    return [folder for folder in _every_named() if folder.name not in ("stubs", *_COMPAT)]


def _every_named() -> list[Path]:
    return [Path(each) for each in os.environ.get("LD_LIBRARY_PATH", "").split(":") if each]
