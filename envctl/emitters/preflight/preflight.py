# Neither pathlib nor eager imports: they cost more than all of this file's own work.
# ruff: noqa: PLC0415
"""Preflight: an image checks itself. Written by envctl; Python 3.9 and the standard library are all it needs.

``--phase build``: the environment holds exactly the packages of the lock, every file is the one that its wheel
brought (RECORD), and torch, where there is one, is of the contract's CUDA and has kernels for the team's cards. Then
a seal, by which the start knows the environment again, is written beside this file.
``--phase start -- CMD…``: the seal still holds; driver, devices, kernels and variables are as the contract needs
them; then this process becomes CMD, so that signals and the exit code are CMD's own. Nothing of the environment is
imported. Where nobody runs an image's entrypoint (pyxis, a pod with a ``command``), name it yourself:
``python -I -S /opt/envctl/preflight.py --phase start -- CMD…``.

At start the dates of all folders and size and date of the 1,000 files nearest to the top are looked at; where one
differs, those of all files; where one of these differs, every file's hash. ENVCTL_PREFLIGHT=strict looks at all files
in any case and takes warnings for errors, =warn only reports, =off checks nothing at start. A failure is exit code 78
(EX_CONFIG) and one line per problem: what, need, have, fix.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # `typing` is slow to import, and mypy takes this name's word
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
SEAL = "fingerprint"
FAILED = 78
SHOWN = 5
QUICK = 1000
PATIENCE = 10  # seconds for the driver's library: as long as `nvidia-smi` takes on a machine that wakes its cards up
MODES = ("", "off", "warn", "strict")
# What lies in an environment without coming from a wheel, besides the interpreter's links and activation scripts.
SKELETON = ("pyvenv.cfg", "lib64")
REBUILD = "build the image again from its Dockerfile"


class Problem(Exception):
    """Something is not as it must be: one line that says what, the need, what is there, and the remedy."""

    def __init__(self, what: str, need: str, have: str, fix: str, severity: str = "error") -> None:
        line = f"{shown(what)}; need: {shown(need)}; have: {shown(have)}; fix: {fix}"
        super().__init__(line)
        self.severity = severity


def shown(text: str) -> str:
    """Return a text that stays on its line and does not fill the screen."""
    cut = text if len(text) <= 300 else f"{text[:300]}…"
    return "".join(c if c.isprintable() else "?" for c in cut)


# --- what the image holds -------------------------------------------------------------------------


def check_contents(contract: dict[str, Any]) -> Iterator[Problem]:
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
    folder = site_packages(root)
    found = distributions(folder)
    wanted = dict(contract["slices"][machine]["packages"])
    own = contract.get("project")  # installed as a package: of whatever version it says of itself
    if own:
        wanted[own] = found[own][0] if own in found else "the project itself"
    yield from check_packages(wanted, found)
    yield from check_files(root, folder, found)


def site_packages(root: str) -> str:
    """Return where this Python's packages are."""
    major, minor = sys.version_info[:2]
    return os.path.join(root, "lib", f"python{major}.{minor}", "site-packages")


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
    import hashlib

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
    return digest(f"{path} {s.st_size} {int(s.st_mtime)}" for path, s in files(root))


def quick(root: str) -> list[str]:
    """Return what the start looks at: every folder (ending in a slash), and the files nearest to the top.

    The uppermost folder not: it has the date of the build, into which builders write what date they like.
    """
    paths = sorted((path.count("/"), path) for path, _ in files(root))
    folders = {root}
    for _, path in paths:
        folder = path.rpartition("/")[0]
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    below = sorted(folders - {root})
    return [f"{folder}/" for folder in below] + [path for _, path in paths[:QUICK]]


def glance(paths: Iterable[str]) -> str:
    """Return one digest over what ``quick`` lists; a folder's size depends on the file system."""
    lstat = os.lstat
    lines = []
    try:
        for path in paths:
            found = lstat(path)
            size = 0 if path[-1] == "/" else found.st_size
            lines.append(f"{path} {size} {int(found.st_mtime)}")
    except OSError:
        return ""
    return digest(lines)


def digest(lines: Iterable[str]) -> str:
    """Return a digest of some lines. Not hashlib's: that loads OpenSSL, which takes longer than all the rest."""
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    text = "\n".join(lines).encode("utf-8", "surrogateescape")
    return str(blake2b(text, digest_size=32).hexdigest())


def same(contract: dict[str, Any], seal: dict[str, Any], *, whole: bool) -> bool:
    """Whether the environment is as it was sealed, by its names, sizes and dates."""
    if not whole and seal.get("quick") and glance(seal.get("paths", ())) == seal["quick"]:
        return True
    return bool(seal) and seal.get("all") == fingerprint(contract["environment"])


# --- what torch says of itself, at build ----------------------------------------------------------


def torch_said(contract: dict[str, Any]) -> dict[str, Any] | Problem | None:
    """Return torch's CUDA and kernels; ``None`` where there is no torch for a GPU. It is imported in a child."""
    taken = contract["slices"].get(os.uname().machine, {})
    if contract["accelerator"] != "cuda" or "torch" not in taken.get("packages", {}):
        return None
    text, why = in_child(lambda: ask_torch(site_packages(contract["environment"])), 600)
    answer = parsed(text)
    if "cuda" in answer:
        return answer
    have = answer.get("error") or why or "no answer"
    return Problem("torch cannot be imported", "import torch", have, REBUILD)


def ask_torch(folder: str) -> str:
    """Import torch, which needs no GPU, and return what it was built for, as JSON."""
    import site
    from importlib import import_module

    sys.dont_write_bytecode = True
    site.addsitedir(folder)
    try:
        torch = import_module("torch")
    except BaseException as error:  # noqa: BLE001 - whatever a module does when it is imported
        return as_json({"error": f"{type(error).__name__}: {error}"})
    cuda = getattr(getattr(torch, "version", None), "cuda", None)
    flags = getattr(getattr(torch, "_C", None), "_cuda_getArchFlags", lambda: None)()
    return as_json({"cuda": cuda and str(cuda), "flags": flags and str(flags)})


def check_torch(contract: dict[str, Any], said: dict[str, Any]) -> Iterator[Problem]:
    """Yield how torch differs from the contract, and the team's cards that it has no kernels for."""
    need, have = contract["cuda"] or "", said["cuda"] or ""
    fix = "run `envctl lock` and `envctl dockerize`; should it stay, report it to envctl"
    if need and have and numbers(need)[:1] != numbers(have)[:1]:
        yield Problem("torch is built for another CUDA than the lock says", need, have, fix)
    elif need and have and numbers(need)[:2] != numbers(have)[: len(numbers(need)[:2])]:
        what = "torch is built for another minor of CUDA than the lock says"
        yield Problem(what, need, have, fix, "warning")
    cubins, ptx = kernels(said["flags"] or "")
    if not cubins and not ptx:
        what = "torch does not say which kernels it has"
        skipped = "nothing: the cards are checked by envctl's tables"
        yield Problem(what, "torch._C._cuda_getArchFlags()", "no answer", skipped, "warning")
        return
    listed = " ".join([*cubins, *(f"{each}+PTX" for each in ptx)])
    cards = contract["slices"][os.uname().machine].get("cards", {})
    severity = "error" if contract["gpus"] else "warning"
    for card, machines in sorted(cards.items()):
        if not covered(card, cubins, ptx, compiles=True):
            what = f"torch has no kernels for compute capability {card} of {', '.join(machines)}"
            fix = "lock another build of torch, or give these machines a profile of their own"
            yield Problem(what, card, listed, fix, severity)


def kernels(flags: str) -> tuple[list[str], list[str]]:
    """Return the compute capabilities of ``sm_80 sm_90a compute_120``: compiled ones, and those of PTX."""
    cubins: list[str] = []
    ptx: list[str] = []
    for flag in flags.split():
        kind, _, number = flag.partition("_")
        digits = "".join(c for c in number if c.isdigit())
        if len(digits) > 1 and kind in ("sm", "compute"):
            (ptx if kind == "compute" else cubins).append(f"{digits[:-1]}.{digits[-1]}")
    return cubins, ptx


def covered(card: str, cubins: Iterable[str], ptx: Iterable[str], *, compiles: bool) -> bool:
    """Whether a card has kernels: a cubin runs on its major and an equal or higher minor, PTX on all that is newer."""
    device = numbers(card)
    if any(numbers(c)[:1] == device[:1] and numbers(c) <= device for c in cubins):
        return True
    return compiles and any(numbers(p) <= device for p in ptx)


# --- what the machine offers, at start ------------------------------------------------------------


def check_start(
    contract: dict[str, Any],
    seal: dict[str, Any],
    *,
    strict: bool,
) -> Iterator[Problem]:
    """Yield what is wrong at start. The driver's library is asked while the files are looked at."""
    environ = os.environ
    sysroot = environ.get("ENVCTL_SYSROOT") or "/"
    gpu = contract["accelerator"] == "cuda"
    asked = ask(lambda: nvml(sysroot)) if gpu else None
    if not same(contract, seal, whole=strict):
        yield from check_contents(contract)
    for name in contract["required"]:
        if not environ.get(name):
            yield Problem(f"variable {name} is not set", "a value", "none", give(name, contract))
    for name in contract["missed"]:
        if name not in environ:
            fix = give(name, contract)
            yield Problem(f"variable {name} is not set", "a value", "none", fix, "warning")
    if asked:
        text, why = answer(*asked, PATIENCE)
        yield from check_gpus(contract, seal, Machine(sysroot, parsed(text), why))


def give(name: str, contract: dict[str, Any]) -> str:
    """Return how a variable is given to a container, where this one runs."""
    return {
        "slurm": f"export {name} before srun",
        "kubernetes": f"set {name} in the pod's `env`",
        "docker": f"docker run --env {name} …",
    }[place(contract)]


def place(contract: dict[str, Any]) -> str:
    """Return who runs this container: what its environment tells, else whom the image was made for."""
    if "SLURM_JOB_ID" in os.environ:
        return "slurm"
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "kubernetes"
    return str(contract["for"])


class Device:
    """A card of this container: ``""`` and ``None`` are what nobody told; ``parts``: the UUIDs of its MIG devices."""

    def __init__(
        self, uuid: str, card: str = "", name: str = "", parts: list[str] | None = None
    ) -> None:
        self.uuid = uuid
        self.card = card
        self.name = name or "this GPU"
        self.parts = parts


class Machine:
    """Devices and driver: by NVIDIA's library, else by the files in /dev, /proc and /sys.

    The library counts what this container may use, also where a cgroup denies a device file that is there.
    """

    def __init__(self, sysroot: str, said: dict[str, Any], why: str) -> None:
        self.files = device_uuids(sysroot)
        own = str(said.get("driver") or "")
        self.driver = own if numbers(own) else driver(sysroot)
        self.level = str(said.get("cuda") or "")
        self.problem = str(said.get("problem") or why)
        told = said.get("gpus")
        self.told = told is not None
        self.devices = [Device(*row) for row in told or ()]
        if not self.told:
            self.devices = [Device(uuid) for uuid in self.files]
        # Under WSL the driver's number is Windows', on a Jetson JetPack's: only the CUDA that it speaks compares.
        kernel = os.uname().release.lower()
        dxg = os.path.exists(os.path.join(sysroot, "dev/dxg"))
        self.foreign = dxg or "microsoft" in kernel or "tegra" in kernel

    @property
    def silent(self) -> bool:
        """Whether nothing tells anything about devices here: WSL and Jetson without NVIDIA's library."""
        return self.foreign and not self.told


def check_gpus(contract: dict[str, Any], seal: dict[str, Any], found: Machine) -> Iterator[Problem]:
    """Yield what is wrong with driver, devices and kernels."""
    needed = contract["gpus"]
    severity = "error" if needed else "warning"
    if found.silent:
        return
    if found.problem and found.files:
        fix = "look at `nvidia-smi` on the machine, then start the container again"
        what = "NVIDIA's driver does not answer"
        yield Problem(what, "an answer of libnvidia-ml", found.problem, fix, severity)
    if len(found.devices) < max(needed, 1):
        need = str(max(needed, 1))
        yield Problem("too few GPUs are visible", need, how_many(found), more(contract), severity)
    if found.devices:
        yield from check_driver(contract, found)
        used = found.devices
        if (chosen := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
            yield from check_visible(contract, chosen, found.devices)
            used = usable(chosen, found.devices)
        yield from check_kernels(contract, seal, used, compiles=speaks(contract, found))


def how_many(found: Machine) -> str:
    """Return the number of devices, and why there are none, where that is known."""
    asked = os.environ.get("NVIDIA_VISIBLE_DEVICES", "all").strip()
    why = f"NVIDIA_VISIBLE_DEVICES={asked}" if asked in ("", "none", "void") else found.problem
    count = len(found.devices)
    return f"{count} ({why})" if why and not count else str(count)


def more(contract: dict[str, Any]) -> str:
    """Return how a container is given devices, where this one runs."""
    count = max(contract["gpus"], 1)
    return {
        "slurm": f"ask for them: `srun --gpus={count} …`",
        "kubernetes": f"ask for them in the pod: `resources.limits: nvidia.com/gpu: {count}`",
        "docker": "start it with `--gpus all`, on a machine with NVIDIA's driver and container toolkit",
    }[place(contract)]


def check_driver(contract: dict[str, Any], found: Machine) -> Iterator[Problem]:
    """Yield that the driver is older than the floor of the contract's CUDA."""
    what = f"the NVIDIA driver is too old for CUDA {contract['cuda']}"
    fix = "update the driver, or lock packages for an older CUDA"
    have, need = found.driver, contract["driver"]
    if found.foreign:
        major = (contract["cuda"] or "").partition(".")[0]
        if found.level and major and numbers(found.level)[0] < int(major):
            yield Problem(what, f"CUDA {major}.0", f"CUDA {found.level}", fix)
    elif have and need and numbers(have) < numbers(need):
        yield Problem(what, f">= {need}", have, fix)


def speaks(contract: dict[str, Any], found: Machine) -> bool:
    """Whether the driver can compile PTX of the contract's CUDA; when nobody knows, it is not said to be too old."""
    full, cuda = contract.get("driver-full"), contract["cuda"]
    if full and found.driver and not found.foreign:
        return numbers(found.driver) >= numbers(full)
    return not (cuda and found.level) or numbers(found.level) >= numbers(cuda)


def check_kernels(
    contract: dict[str, Any], seal: dict[str, Any], devices: list[Device], *, compiles: bool
) -> Iterator[Problem]:
    """Yield the cards that no kernel is for; those of torch itself, where it told them at build."""
    taken = contract["slices"].get(os.uname().machine, {})
    source = seal if seal.get("kernels") or seal.get("ptx") else taken
    cubins, ptx = source.get("kernels", ()), source.get("ptx", ())
    if not cubins and not ptx:
        return
    without = [
        each
        for each in devices
        if each.card and not covered(each.card, cubins, ptx, compiles=compiles)
    ]
    enough = len(devices) - len(without) >= max(contract["gpus"], 1)
    need = " ".join([*cubins, *(f"{each}+PTX" for each in ptx)])
    fix = "take another card, or an image with another build of torch (tool.envctl.profiles)"
    for card, name in sorted({(each.card, each.name) for each in without}):
        severity = "warning" if enough else "error"
        yield Problem(f"there are no kernels for {name}", f"one of {need}", card, fix, severity)


def check_visible(
    contract: dict[str, Any], chosen: str, devices: list[Device]
) -> Iterator[Problem]:
    """Yield what is wrong with CUDA_VISIBLE_DEVICES here: containers count their devices from 0."""
    needed, count = contract["gpus"], len(usable(chosen, devices))
    listed = ",".join(str(number) for number in range(len(devices)))
    fix = {
        "slurm": "leave CUDA_VISIBLE_DEVICES to Slurm",
        "kubernetes": "leave it out of the pod's `env`: the device plug-in gives the devices",
        "docker": f"docker run --env CUDA_VISIBLE_DEVICES={listed} …, or give it all with `--gpus all`",
    }[place(contract)]
    if chosen.strip() and count == 0:
        what = f"CUDA_VISIBLE_DEVICES={chosen} points at no device of this container"
        yield Problem(what, "a device that is there", listed, fix)
    elif count < needed:
        what = f"CUDA_VISIBLE_DEVICES={chosen} leaves too few GPUs"
        yield Problem(what, str(needed), str(count), fix)


def usable(chosen: str, devices: list[Device]) -> list[Device]:
    """Return the devices that CUDA takes, as the driver reads the list: `envctl gpus explain` says the same.

    It ends at the first word that names none, or is of another kind than the first; a device named twice hides all;
    one MIG device hides all others. A UUID that nobody told is taken for one that is there.
    """
    found: list[tuple[Device, str]] = []
    for number, part in enumerate(chosen.split(",")):
        word = part.strip(" \t\n\v\f\r")
        named = by_uuid(word, devices) if word[:4] in ("GPU-", "MIG-") else by_number(word, devices)
        if number and (word[:4] in ("GPU-", "MIG-")) != (chosen.lstrip()[:4] in ("GPU-", "MIG-")):
            named = None
        if named is None:
            break
        if named in found:
            return []
        found.append(named)
    parts = [device for device, part in found if part] or [d for d, _ in found if d.parts]
    return parts[:1] or [device for device, _ in found]


def by_number(word: str, devices: list[Device]) -> tuple[Device, str] | None:
    """Return the device of a number, which is read as strtoul(3) does: a sign, digits, and the rest is ignored."""
    sign, rest = (word[:1], word[1:]) if word[:1] in ("+", "-") else ("", word)
    digits = ""
    for c in rest:
        if c not in "0123456789":
            break
        digits += c
    number = int(sign + digits[:9]) if digits else -1
    return (devices[number], "") if 0 <= number < len(devices) and sign != "-" else None


def by_uuid(word: str, devices: list[Device]) -> tuple[Device, str] | None:
    """Return the one device whose UUID begins so, and the part of it that is meant."""
    if word.startswith("MIG-"):
        every = [(device, part) for device in devices for part in device.parts or ()]
        # The second: by its place, as drivers before 470 named them.
        unknown = any(device.parts is None for device in devices) or "/" in word
    else:
        every = [(device, "") for device in devices]
        unknown = any(not device.uuid for device in devices)
    uuids = [part or device.uuid for device, part in every]
    exact = [each for each, uuid in zip(every, uuids) if uuid == word]  # noqa: B905 - not in 3.9
    begun = exact or [each for each, uuid in zip(every, uuids) if uuid.startswith(word)]  # noqa: B905
    if len(begun) == 1:
        return begun[0]
    # Nobody told its UUID: each such word is a device of its own.
    return (Device(word), word if word.startswith("MIG-") else "") if unknown and devices else None


def device_uuids(sysroot: str) -> list[str]:
    """Return the UUIDs of this container's devices, by number of the device file; empty where unknown.

    The files in /dev decide: under CDI, /proc/driver/nvidia shows all cards of the machine.
    """
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


def driver(sysroot: str) -> str | None:
    """Return the driver's version, for example ``550.54.15``; ``None`` when no file tells it."""
    text = read(os.path.join(sysroot, "proc/driver/nvidia/version"))
    for word in text.partition("Kernel Module")[2].split():
        if word[0].isdigit() and "." in word:
            return word
    return read(os.path.join(sysroot, "sys/module/nvidia/version")).strip() or None


def nvml(sysroot: str) -> str:
    """Ask NVIDIA's management library for driver, CUDA and devices; returns JSON, an empty table without it."""
    from ctypes import CDLL, byref, c_char_p, c_int, c_uint

    name = "libnvidia-ml.so.1"
    try:
        own = CDLL(name if sysroot == "/" else os.path.join(sysroot, "usr/lib", name))
    except OSError:
        return "{}"
    own.nvmlErrorString.restype = c_char_p
    level, count = c_int(), c_uint()
    failed = own.nvmlInitWithFlags(0) or own.nvmlDeviceGetCount_v2(byref(count))
    if failed:
        return as_json({"problem": (own.nvmlErrorString(failed) or b"").decode("utf-8", "replace")})
    own.nvmlSystemGetCudaDriverVersion(byref(level))
    gpus = [nvml_device(own, number) for number in range(min(count.value, 64))]
    return as_json(
        {
            "driver": nvml_text(own.nvmlSystemGetDriverVersion),
            "cuda": f"{level.value // 1000}.{level.value % 1000 // 10}" if level.value > 0 else "",
            "gpus": [gpu for gpu in gpus if gpu],
        }
    )


def nvml_device(own: Any, number: int) -> tuple[str, str, str, list[str]] | None:
    """Return a device's UUID, compute capability and name, and the UUIDs of its MIG devices."""
    from ctypes import byref, c_int, c_uint, c_void_p

    gpu, major, minor, most = c_void_p(), c_int(), c_int(), c_uint()
    if own.nvmlDeviceGetHandleByIndex_v2(number, byref(gpu)):
        return None
    own.nvmlDeviceGetCudaComputeCapability(gpu, byref(major), byref(minor))
    own.nvmlDeviceGetMaxMigDeviceCount(gpu, byref(most))
    parts = []
    for slot in range(min(most.value, 64)):
        part = c_void_p()
        if not own.nvmlDeviceGetMigDeviceHandleByIndex(gpu, slot, byref(part)):
            parts.append(nvml_text(own.nvmlDeviceGetUUID, part))
    card = f"{major.value}.{minor.value}" if major.value > 0 else ""
    return nvml_text(own.nvmlDeviceGetUUID, gpu), card, nvml_text(own.nvmlDeviceGetName, gpu), parts


def nvml_text(function: Callable[..., int], *before: Any) -> str:
    """Return what a function writes, empty when it fails."""
    from ctypes import create_string_buffer

    text = create_string_buffer(96)
    return "" if function(*before, text, 96) else text.value.decode("utf-8", "replace")


# --- small things ---------------------------------------------------------------------------------


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


def as_json(table: dict[str, Any]) -> str:
    """Return a table as JSON; only a child and the build need it."""
    import json

    return json.dumps(table)


def parsed(text: str) -> dict[str, Any]:
    """Return what a JSON text says, an empty table where it is none.

    The part of ``json`` that is written in C, where it is as expected: the other part loads ``re``, 10 ms.
    """
    try:
        from _json import make_scanner

        class Settings:
            strict = False
            object_hook = object_pairs_hook = None
            parse_float, parse_int, parse_constant = float, int, float
            memo: dict[str, str] = {}  # noqa: RUF012 - what C wants

        scan: Any = make_scanner
        table = scan(Settings)(text.strip(), 0)[0]
    except Exception:  # noqa: BLE001 - a private part of Python may be anything one day
        import json

        try:
            table = json.loads(text)
        except ValueError:
            table = None
    return table if isinstance(table, dict) else {}


def ask(work: Callable[[], str]) -> tuple[int, int]:
    """Start some work in a child, because it may hang or crash and this process is to become the command."""
    out, into = os.pipe()
    pid = os.fork()
    if pid:
        os.close(into)
        return pid, out
    try:
        os.close(out)
        text = work().encode("utf-8", "replace")
        while text:
            text = text[os.write(into, text) :]
    finally:
        os._exit(0)


def answer(pid: int, out: int, seconds: float) -> tuple[str, str]:
    """Return what a child said and why it said nothing. It is reaped: the command inherits no zombie of ours."""
    import select
    import time

    text, why, end = b"", "", time.monotonic() + seconds
    poll = select.poll()
    poll.register(out, select.POLLIN)
    while True:
        if not poll.poll(max(0, int((end - time.monotonic()) * 1000))):
            why = f"nothing within {seconds} s"
            os.kill(pid, 9)
            break
        block = os.read(out, 1 << 16)
        if not block:
            break
        text += block
    os.close(out)
    end = (
        time.monotonic() + 1
    )  # one that waits inside the kernel for its card does not die when it is told to
    while (ended := os.waitpid(pid, os.WNOHANG if why else 0))[0] == 0:
        if time.monotonic() > end:
            return "", why
        time.sleep(0.01)
    if not why and os.WIFSIGNALED(ended[1]):
        why = f"it died of signal {os.WTERMSIG(ended[1])}"
    return ("", why) if why else (text.decode("utf-8", "replace"), "")


def in_child(work: Callable[[], str], seconds: float) -> tuple[str, str]:
    """Do some work in a child and wait for it."""
    return answer(*ask(work), seconds)


def report(problems: list[Problem], mode: str) -> bool:
    """Print one line per problem, a few at most; return whether to go on."""
    fatal = [p for p in problems if mode == "strict" or (mode != "warn" and p.severity == "error")]
    told = fatal or problems
    word = "error" if fatal else "warning"
    lines = [f"envctl preflight: {word}: {problem}\n" for problem in told[:SHOWN]]
    if len(told) > SHOWN:
        lines.append(f"envctl preflight: {word}: and {len(told) - SHOWN} more\n")
    os.write(2, "".join(lines).encode("utf-8", "backslashreplace"))
    return not fatal


def become(command: list[str]) -> int:
    """Turn this process into the command, with what it was given: no ignored signal and no variable of Python's."""
    import _signal  # type: ignore[import-not-found]  # `signal` itself loads `enum`, 10 ms

    for name in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(name, _signal.SIG_DFL)
    given = f"\0{read('/proc/self/environ')}"
    if len(given) > 1 and "\0LC_CTYPE=" not in given:
        os.environ.pop("LC_CTYPE", None)  # Python sets it where no locale is set (PEP 538)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        sys.stderr.write(f"envctl preflight: {shown(command[0])}: {why}\n")
        return 126 if isinstance(error, PermissionError) else 127


def build() -> int:
    """Check the environment and write its seal."""
    contract = parsed(read(os.path.join(HERE, "contract.json")))
    if not report(list(check_contents(contract)), ""):
        return FAILED
    said = torch_said(contract)
    if isinstance(said, Problem):
        report([said], "")
        return FAILED
    if said and not report(list(check_torch(contract, said)), ""):
        return FAILED
    root = contract["environment"]
    paths = quick(root)
    seal = {"all": fingerprint(root), "quick": glance(paths), "paths": paths}
    if said:
        seal["kernels"], seal["ptx"] = kernels(said["flags"] or "")
    with open(os.path.join(HERE, SEAL), "w", encoding="ascii") as file:
        file.write(as_json(seal))
    return 0


def start(command: list[str]) -> int:
    """Check what a start needs, then become the command."""
    asked = os.environ.get("ENVCTL_PREFLIGHT", "")
    mode = asked.strip().lower()
    if mode != "off":
        problems: list[Problem] = []
        if mode not in MODES:
            fix, mode = "correct it", ""
            problems.append(
                Problem("ENVCTL_PREFLIGHT is unknown", "off, warn, strict", asked, fix, "warning")
            )
        try:
            contract = parsed(read(os.path.join(HERE, "contract.json")))
            seal = parsed(read(os.path.join(HERE, SEAL)))
            problems += check_start(contract, seal, strict=mode == "strict")
        except Exception as error:  # noqa: BLE001 - whatever it is, one line says it
            have = f"{type(error).__name__}: {error}"
            fix = f"{REBUILD}; ENVCTL_PREFLIGHT=off starts without it"
            problems.append(Problem("the image cannot be checked", f"{HERE} whole", have, fix))
        if problems and not report(problems, mode):
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
