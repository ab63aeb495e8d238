"""The GPUs and their driver: NVML, or else ``nvidia-smi``, or else what the kernel's files say.

No driver is an answer, and a quick one. Whatever is asked is asked under a time limit: a broken driver hangs.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envctl.domain.record import Gpu
from envctl.errors import EnvctlError
from envctl.ports import Completed, Runner

NAME = "gpu"
LIMIT_S = 5.0
_LIBRARY = "libnvidia-ml.so.1"
_FOLDERS = (
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
)
_OWN_FOLDERS = (
    "usr/local/nvidia/lib64",  # Kubernetes on Google's nodes
    "usr/lib/wsl/lib",  # Windows' driver, in WSL
    "run/opengl-driver/lib",  # NixOS
)
_QUERY = ("index", "name", "uuid", "memory.total", "driver_version", "pci.bus_id", "compute_cap")
_DRIVER = re.compile(r"Kernel Module\b.*?\s(\d+\.\d+(?:\.\d+)?)\s")
_CUDA = re.compile(r"CUDA (?:UMD )?Version\s*:\s*(\d+\.\d+)")


def probe(*, run: Runner, sysroot: Path, limit: float = LIMIT_S) -> Mapping[str, Any]:
    """Return ``gpus``, ``driver``, ``cuda_level``, ``gpu_source`` and ``gpu_problem``."""
    kernel = _proc(sysroot)
    library, program = _library(sysroot), _program(sysroot)
    problems: list[str] = []
    silent = False
    if library is not None:
        found, problem, silent = _nvml(run, sysroot, library, limit)
        if found is not None:
            return found
        problems += [problem] if problem else []
    if program is not None and not silent:  # nvidia-smi asks NVML itself: no second wait
        found, problem = _nvidia_smi(run, program, limit)
        if found is not None:
            return found
        problems += [problem] if problem else []
    if kernel is not None and not problems:
        problems.append("is loaded, but neither NVML nor nvidia-smi is here to ask it")
    problem = f"the NVIDIA driver {'; '.join(problems)}" if problems else None
    return (kernel or _answer("none")) | {"gpu_problem": problem}


def _answer(source: str, **known: Any) -> dict[str, Any]:
    nothing = {"gpus": (), "driver": None, "cuda_level": None, "gpu_problem": None}
    return nothing | {"gpu_source": source} | known


def _library(sysroot: Path) -> Path | None:
    """Return where NVML's library is, an empty path when only the loader's cache knows; ``None``: nowhere.

    ``ctypes.util.find_library`` starts gcc or ldconfig, which costs more than all the rest.
    """
    named = [Path(each) for each in os.environ.get("LD_LIBRARY_PATH", "").split(":") if each]
    for folder in [*named, *(sysroot / each for each in _FOLDERS + _OWN_FOLDERS)]:
        if os.access(folder / _LIBRARY, os.R_OK):
            return folder
    try:
        cached = _LIBRARY.encode() in (sysroot / "etc/ld.so.cache").read_bytes()
    except OSError:
        cached = False
    return Path() if cached else None


def _program(sysroot: Path) -> Path | None:
    for folder in os.environ.get("PATH", os.defpath).split(":"):
        program = sysroot / folder.lstrip("/") / "nvidia-smi"
        if folder.startswith("/") and os.access(program, os.X_OK) and program.is_file():
            return program
    wsl = sysroot / "usr/lib/wsl/lib/nvidia-smi"
    return wsl if os.access(wsl, os.X_OK) else None


def _nvml(
    run: Runner, sysroot: Path, library: Path, limit: float
) -> tuple[dict[str, Any] | None, str | None, bool]:
    """Return the answer, or what is wrong with NVML, and whether it kept silent."""
    script = Path(__file__).with_name("nvml_child.py")
    # -P: the folder of the script has modules whose names others could want.
    argv = [sys.executable, "-P", str(script), str(limit)]
    try:
        # The script keeps the limit; the second one is for a machine too loaded to start it.
        ended = run(argv, env=_child_environ(sysroot, library), timeout=limit + 10)
    except EnvctlError as error:
        return None, f"was not asked: {error.message}", False
    try:
        said = json.loads(ended.stdout)
    except ValueError:
        return None, f"was not asked: {_why(ended)}", False
    if "gpus" not in said:
        problem = None if said.get("absent") else f"does not answer: NVML: {said.get('problem')}"
        return None, problem, bool(said.get("silent"))
    gpus = tuple(Gpu(**(g | {"pci_bus_id": _pci(g["pci_bus_id"])})) for g in said["gpus"])
    problem = f"answers in part: {said['problem']}" if said["problem"] else None
    answer = _answer(
        "nvml",
        gpus=gpus,
        driver=said["driver"],
        cuda_level=said["cuda_level"],
        gpu_problem=f"the NVIDIA driver {problem}" if problem else None,
    )
    return answer, None, False


def _child_environ(sysroot: Path, library: Path) -> dict[str, str]:
    """Take the caller's environment, less what hides devices, and say where the library is if the loader cannot.

    Not for the system's own folders: LD_LIBRARY_PATH goes before what a Python was built to find.
    """
    environ = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    own = library in [sysroot / folder for folder in _OWN_FOLDERS]
    if own or (sysroot != Path("/") and library != Path()):
        old = environ.get("LD_LIBRARY_PATH")
        environ["LD_LIBRARY_PATH"] = f"{library}:{old}" if old else str(library)
    return environ


def _nvidia_smi(
    run: Runner, program: Path, limit: float
) -> tuple[dict[str, Any] | None, str | None]:
    ended = _asked(run, program, _QUERY, limit)
    if ended.code != 0 and "not a valid field" in ended.stdout + ended.stderr:
        ended = _asked(run, program, _QUERY[:-1], limit)  # compute_cap is younger than driver 510
    rows = list(_rows(ended.stdout)) if ended.code == 0 else []
    if not rows and "No devices were found" not in ended.stdout:
        return None, f"does not answer: nvidia-smi: {_why(ended)}"
    gpus = tuple(_smi_gpu(row) for row in rows)
    driver = next((row["driver_version"] for row in rows if row["driver_version"]), None)
    level = _CUDA.search(_run(run, [str(program), "--version"], limit).stdout)
    return _answer(
        "nvidia-smi", gpus=gpus, driver=driver, cuda_level=level[1] if level else None
    ), None


def _asked(run: Runner, program: Path, fields: tuple[str, ...], limit: float) -> Completed:
    query = f"--query-gpu={','.join(fields)}"
    return _run(run, [str(program), query, "--format=csv,noheader,nounits"], limit)


def _run(run: Runner, argv: list[str], limit: float) -> Completed:
    try:
        return run(argv, timeout=limit)
    except EnvctlError as error:
        return Completed(argv=tuple(argv), code=127, stdout="", stderr=error.message)


def _rows(text: str) -> Iterator[dict[str, str | None]]:
    """Read the CSV; ``[N/A]``, ``[Not Supported]`` and the like are ``None``, odd lines are passed over."""
    for line in text.splitlines():
        values = [value.strip() for value in line.split(",")]
        if len(values) >= len(_QUERY) - 1 and values[0].isdigit():
            known = [None if re.fullmatch(r"\[.*\]|N/A|", value) else value for value in values]
            yield dict.fromkeys(_QUERY) | dict(zip(_QUERY, known, strict=False))


def _smi_gpu(row: dict[str, str | None]) -> Gpu:
    memory, capability = row["memory.total"] or "", row["compute_cap"] or ""
    return Gpu(
        index=int(row["index"] or 0),
        name=row["name"] or "NVIDIA GPU",
        uuid=row["uuid"],
        memory_bytes=int(memory) * 1024**2 if memory.isdigit() else None,
        compute_capability=capability if re.fullmatch(r"\d+\.\d+", capability) else None,
        pci_bus_id=_pci(row["pci.bus_id"]),
    )


def _proc(sysroot: Path) -> dict[str, Any] | None:
    """Return what the kernel module's own files say; ``None`` when it is not loaded."""
    version = _text(sysroot / "proc/driver/nvidia/version")
    loaded = _text(sysroot / "sys/module/nvidia/version").strip()
    driver = _DRIVER.search(version)
    if not version and not loaded:
        return None
    folders = sorted((sysroot / "proc/driver/nvidia/gpus").glob("*"))
    gpus = tuple(_proc_gpu(index, folder) for index, folder in enumerate(folders))
    return _answer("proc", gpus=gpus, driver=driver[1] if driver else loaded or None)


def _proc_gpu(index: int, folder: Path) -> Gpu:
    fields = dict(
        re.findall(r"^([^:\n]+?):[ \t]*(.*?)\s*$", _text(folder / "information"), re.MULTILINE)
    )
    uuid = fields.get("GPU UUID") or None
    return Gpu(
        index=index,
        name=fields.get("Model") or "NVIDIA GPU",
        uuid=None if uuid is None or "?" in uuid else uuid,  # question marks: not initialised yet
        pci_bus_id=_pci(fields.get("Bus Location") or folder.name),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _pci(bus_id: str | None) -> str | None:
    """One spelling: NVML writes ``00000000:3B:00.0``, the kernel ``0000:3b:00.0``."""
    domain, colon, rest = (bus_id or "").lower().partition(":")
    try:
        return f"{int(domain, 16):04x}:{rest}" if colon else bus_id
    except ValueError:
        return bus_id


def _why(ended: Completed) -> str:
    if ended.code == 124:
        return "no answer in time"
    lines = (ended.stdout.strip() or ended.stderr.strip()).splitlines()
    return lines[0] if lines else f"exit code {ended.code}"
