# Neither pathlib nor eager imports: they cost more than all of this file's own work.
# ruff: noqa: PLC0415
"""Preflight: an image checks itself. Written by envctl; Python 3.9 and the standard library are all it needs.

``--phase build``: the environment holds exactly the packages of the lock, and every file is the one that its wheel
brought (RECORD); then a fingerprint of all files is written beside this one.
``--phase start -- CMD…``: the fingerprint still holds (names, sizes and dates; all hashes only when it does not),
driver, devices and variables are as the contract needs them; then this process becomes CMD, so that signals and
the exit code are CMD's own.

ENVCTL_PREFLIGHT=off checks nothing at start, =warn only reports, =strict takes warnings for errors. A failure is
exit code 78 (EX_CONFIG) and one line per problem: what, need, have, fix.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys

TYPE_CHECKING = False  # `typing` is slow to import, and mypy takes this name's word
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
FAILED = 78
SHOWN = 5
# What lies in an environment without coming from a wheel, besides the interpreter's links and activation scripts.
SKELETON = ("pyvenv.cfg", "lib64")
REBUILD = "build the image again from its Dockerfile"


class Problem(Exception):
    """Something is not as it must be: one line that says what, the need, what is there, and the remedy."""

    def __init__(self, what: str, need: str, have: str, fix: str, severity: str = "error") -> None:
        super().__init__(f"{what}; need: {need}; have: {have}; fix: {fix}")
        self.severity = severity


def check_build(contract: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the environment, down to the hash of every file."""
    root = contract["environment"]
    have = ".".join(str(part) for part in sys.version_info[:3])
    if not f"{have}.".startswith(contract["python"] + "."):
        yield Problem("wrong Python", contract["python"], have, "correct tool.envctl.image.base")
    machine = os.uname().machine
    if machine not in contract["slices"]:
        fix = "add this platform to tool.envctl.platforms, then lock and dockerize"
        known = ", ".join(contract["slices"])
        yield Problem("the lock was not made for this machine", known, machine, fix)
        return
    folder = os.path.join(root, "lib", f"python{have.rpartition('.')[0]}", "site-packages")
    found = distributions(folder)
    yield from check_packages(contract["slices"][machine]["packages"], found)
    yield from check_files(root, folder, found)


def distributions(folder: str) -> dict[str, tuple[str, str]]:
    """Return what is installed: name → (version, name of the dist-info folder)."""
    found = {}
    for entry in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
        if entry.endswith(".dist-info"):
            name, _, version = entry[: -len(".dist-info")].partition("-")
            head = metadata(os.path.join(folder, entry, "METADATA"))
            name = canonical(head.get("Name", name))
            found[name] = (head.get("Version", version), entry)
    return found


def metadata(path: str) -> dict[str, str]:
    """Return the head of a METADATA file; of a field that stands there twice, the first."""
    found: dict[str, str] = {}
    for line in read(path).split("\n\n", 1)[0].splitlines():
        key, colon, text = line.partition(":")
        if colon:
            found.setdefault(key, text.strip())
    return found


def canonical(name: str) -> str:
    """Return a package's name as PEP 503 has it."""
    return "-".join(p for p in name.lower().replace("_", "-").replace(".", "-").split("-") if p)


def comparable(version: str) -> tuple[list[str], str]:
    """Return a version such that ``2024.01.0`` and ``2024.1`` are the same; a lock holds normal forms already."""
    public, _, local = version.strip().lower().lstrip("v").partition("+")
    parts = [str(int(part)) if part.isdigit() else part for part in public.split(".")]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return parts, local.replace("-", ".").replace("_", ".")


def check_packages(
    wanted: Mapping[str, str], found: Mapping[str, tuple[str, str]]
) -> Iterator[Problem]:
    """Yield packages that are missing, too many, or of another version."""
    for name in sorted({*wanted, *found}):
        need = wanted.get(name)
        have = found[name][0] if name in found else None
        if need is None or have is None or comparable(need) != comparable(have):
            what = f"package {name} is not what the lock says"
            yield Problem(what, need or "nothing", have or "nothing", REBUILD)


def check_files(root: str, folder: str, found: Mapping[str, tuple[str, str]]) -> Iterator[Problem]:
    """Yield files that differ from their wheel's RECORD, are missing, or belong to no package."""
    owned = set()
    for name, (_, info) in sorted(found.items()):
        for row, kind, digest in recorded(os.path.join(folder, info, "RECORD")):
            path = os.path.normpath(os.path.join(folder, row))
            owned.add(path)
            have = hash_of(path, kind) if digest else digest
            if have != digest:
                what = f"file {os.path.relpath(path, root)} of {name} was altered"
                yield Problem(what, f"{kind}={digest}", have or "no file", REBUILD)
    for path, _ in files(root):
        short = os.path.relpath(path, root)
        if path not in owned and short not in SKELETON and not made_by_venv(short):
            yield Problem(f"file {short} belongs to no package", "no file", "a file", REBUILD)


def made_by_venv(short: str) -> bool:
    """Whether venv made this file: the interpreter's links and the activation scripts."""
    return short.lower().startswith(("bin/python", "bin/activate"))


def recorded(record: str) -> list[tuple[str, str, str]]:
    """Return RECORD's rows as (path, algorithm, digest); a package without a RECORD owns no file."""
    import csv

    rows = csv.reader(read(record).splitlines())
    return [(row[0], *row[1].partition("=")[::2]) for row in rows if len(row) > 1]


def hash_of(path: str, kind: str) -> str | None:
    """Return a file's hash as RECORD writes it; ``None`` when there is no such file."""
    import base64

    try:
        seen = hashlib.new(kind)
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                seen.update(block)
    except (OSError, ValueError):
        return None
    return base64.urlsafe_b64encode(seen.digest()).rstrip(b"=").decode()


def files(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield each file of the environment but byte-compiled caches, in a fixed order."""
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            opened = os.open(folder, os.O_RDONLY)  # stat relative to it: a third less than by path
        except OSError:
            continue
        try:
            for entry in sorted(os.scandir(opened), key=lambda entry: entry.name):
                path = f"{folder}/{entry.name}"
                if not entry.is_dir(follow_symlinks=False):
                    yield path, entry.stat(follow_symlinks=False)
                elif entry.name != "__pycache__":
                    folders.append(path)
        finally:
            os.close(opened)


def fingerprint(root: str) -> str:
    """Return one digest over names, sizes and dates (the build stages give all files one date)."""
    text = "\n".join(f"{path} {s.st_size} {int(s.st_mtime)}" for path, s in files(root))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def check_start(
    contract: dict[str, Any], environ: Mapping[str, str], sysroot: str
) -> Iterator[Problem]:
    """Yield what is wrong at start; all files are read again only when the fingerprint differs."""
    if read(os.path.join(HERE, "fingerprint")).strip() != fingerprint(contract["environment"]):
        yield from check_build(contract)
    for name in contract["required"]:
        if not environ.get(name):
            fix = f"docker run --env {name} …"
            yield Problem(f"variable {name} is not set", "a value", "none", fix)
    for name in contract["missed"]:
        if name not in environ:
            fix = f"docker run --env {name} …"
            yield Problem(f"variable {name} is not set", "a value", "none", fix, "warning")
    # WSL has neither device files nor /proc/driver/nvidia: nothing can be said there this cheaply.
    if contract["accelerator"] == "cuda" and not os.path.exists(os.path.join(sysroot, "dev/dxg")):
        devices = device_uuids(sysroot)
        yield from check_gpu(contract, devices, driver(sysroot))
        if devices and "CUDA_VISIBLE_DEVICES" in environ:
            yield from check_visible(environ["CUDA_VISIBLE_DEVICES"], devices, contract["gpus"])


def check_gpu(contract: dict[str, Any], devices: list[str], have: str | None) -> Iterator[Problem]:
    """Yield what is wrong with devices and driver, as far as /dev and /proc tell."""
    needed = contract["gpus"]
    if len(devices) < max(needed, 1):
        fix = "start it with `--gpus all`, on a machine with NVIDIA's driver and container toolkit"
        severity = "error" if needed else "warning"
        count = str(len(devices))
        yield Problem("too few GPUs are visible", str(max(needed, 1)), count, fix, severity)
    need = contract["driver"]
    if devices and have and need and numbers(have) < numbers(need):
        what = f"the NVIDIA driver is too old for CUDA {contract['cuda']}"
        fix = "update the driver, or lock packages for an older CUDA"
        yield Problem(what, f">= {need}", have, fix)


def check_visible(chosen: str, devices: list[str], needed: int) -> Iterator[Problem]:
    """Yield what is wrong with CUDA_VISIBLE_DEVICES here: containers count their devices from 0."""
    count = len(usable(chosen, devices))
    listed = ",".join(str(number) for number in range(len(devices)))
    fix = f"docker run --env CUDA_VISIBLE_DEVICES={listed} …, or give it all with `--gpus all`"
    if chosen.strip() and count == 0:
        what = f"CUDA_VISIBLE_DEVICES={chosen} points at no device of this container"
        yield Problem(what, "a device that is there", listed, fix)
    elif count < needed:
        what = f"CUDA_VISIBLE_DEVICES={chosen} leaves too few GPUs"
        yield Problem(what, str(needed), str(count), fix)


def device_uuids(sysroot: str) -> list[str]:
    """Return the UUIDs of this container's devices, by number of the device file; empty where unknown."""
    try:
        names = os.listdir(os.path.join(sysroot, "dev"))
    except OSError:
        return []
    known = {}
    folder = os.path.join(sysroot, "proc/driver/nvidia/gpus")
    for gpu in os.listdir(folder) if os.path.isdir(folder) else ():
        lines = read(os.path.join(folder, gpu, "information")).splitlines()
        rows = {
            key.strip(): text.strip() for key, _, text in (line.partition(":") for line in lines)
        }
        known[rows.get("Device Minor", "")] = rows.get("GPU UUID", "")
    minors = sorted(int(n[6:]) for n in names if n.startswith("nvidia") and n[6:].isdigit())
    return [known.get(str(minor), "") for minor in minors]


def usable(chosen: str, devices: list[str]) -> list[str]:
    """Return the entries that CUDA takes: it stops at the first that names no device."""
    found: list[str] = []
    unknown = "" in devices
    for part in chosen.split(","):
        entry = part.strip()
        if entry.isdigit():
            good = int(entry) < len(devices)
        elif entry.startswith("GPU-"):
            good = unknown or any(uuid.startswith(entry) for uuid in devices)
        else:  # a part of a card; only the driver's library knows those
            good = entry.startswith("MIG-")
        if not good:
            break
        found.append(entry)
    return found


def driver(sysroot: str) -> str | None:
    """Return the driver's version, for example ``550.54.15``; ``None`` when no file tells it."""
    text = read(os.path.join(sysroot, "proc/driver/nvidia/version"))
    for word in text.partition("Kernel Module")[2].split():
        if word[0].isdigit() and "." in word:
            return word
    return read(os.path.join(sysroot, "sys/module/nvidia/version")).strip() or None


def numbers(version: str) -> list[int]:
    """Return a version for comparison."""
    return [int(part) for part in version.split(".") if part.isdigit()]


def read(path: str) -> str:
    """Return a file's text, empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def report(problems: list[Problem], mode: str) -> bool:
    """Print one line per problem, a few at most; return whether to go on."""
    fatal = [p for p in problems if mode == "strict" or (mode != "warn" and p.severity == "error")]
    shown = fatal or problems
    word = "error" if fatal else "warning"
    for problem in shown[:SHOWN]:
        sys.stderr.write(f"envctl preflight: {word}: {problem}\n")
    if len(shown) > SHOWN:
        sys.stderr.write(f"envctl preflight: {word}: and {len(shown) - SHOWN} more\n")
    return not fatal


def become(command: list[str]) -> int:
    """Turn this process into the command; what Python ignores (SIGPIPE) would be ignored there too."""
    import signal

    for name in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"envctl preflight: {command[0]}: {error.strerror}\n")
        return 126 if isinstance(error, PermissionError) else 127


def build() -> int:
    """Check the environment and write its fingerprint."""
    contract = json.loads(read(os.path.join(HERE, "contract.json")))
    if not report(list(check_build(contract)), ""):
        return FAILED
    with open(os.path.join(HERE, "fingerprint"), "w", encoding="ascii") as file:
        file.write(fingerprint(contract["environment"]))
    return 0


def start(command: list[str]) -> int:
    """Check what a start needs, then become the command."""
    mode = os.environ.get("ENVCTL_PREFLIGHT", "")
    if mode != "off":
        contract = json.loads(read(os.path.join(HERE, "contract.json")))
        sysroot = os.environ.get("ENVCTL_SYSROOT", "/")
        if not report(list(check_start(contract, os.environ, sysroot)), mode):
            return FAILED
    return become(command) if command else 0


def main(arguments: list[str]) -> int:
    """Run one phase; see the top of this file."""
    if arguments[:2] == ["--phase", "build"]:
        return build()
    if arguments[:3] == ["--phase", "start", "--"]:
        return start(arguments[3:])
    sys.stderr.write("usage: preflight.py --phase build | --phase start -- COMMAND…\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
