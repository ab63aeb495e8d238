"""Preflight: an image checks itself. Written by envctl; Python 3.9 and the standard library are all it needs.

``--phase build``: the environment holds exactly the packages of the lock, and every file is the one that its wheel
brought (RECORD); then a fingerprint of all files is written beside this one.
``--phase start -- CMD…``: the fingerprint still holds (sizes and dates; all hashes only when it does not), driver,
devices and variables are as the contract needs them; then this process becomes CMD, so that signals and the exit
code are CMD's own.

ENVCTL_PREFLIGHT=off checks nothing, =warn only reports, =strict takes warnings for errors. Exit code 78 (EX_CONFIG).
"""

import hashlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FAILED = 78
# What lies in an environment without coming from a wheel (venv and virtualenv differ in the rest of bin/).
_SKELETON = ("pyvenv.cfg", "lib64", ".lock", ".gitignore", "CACHEDIR.TAG")
_FIX_IMAGE = "build the image again from its Dockerfile"


class Problem(Exception):
    """Something is not as it must be: one line that says what, the need, what is there, and the remedy."""

    def __init__(self, what, need, have, fix, severity="error"):
        super().__init__("%s; need: %s; have: %s; fix: %s" % (what, need, have, fix))
        self.severity = severity


def check_build(contract):
    """Yield what is wrong with the environment, down to the hash of every file."""
    root = contract["environment"]
    have = "%d.%d.%d" % sys.version_info[:3]
    if (have + ".").find(contract["python"] + ".") != 0:
        yield Problem("wrong Python", contract["python"], have, "set tool.envctl.image.base")
    machine = os.uname().machine
    if machine not in contract["slices"]:
        known = ", ".join(contract["slices"])
        fix = "add this platform to tool.envctl.platforms, lock and dockerize"
        yield Problem("the lock was not made for this machine", known, machine, fix)
        return
    folder = site_packages(root)
    found = distributions(folder)
    for problem in check_packages(contract["slices"][machine]["packages"], found):
        yield problem
    for problem in check_files(root, folder, found):
        yield problem


def site_packages(root):
    """Return the one folder of the environment that packages lie in."""
    return os.path.join(root, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")


def distributions(folder):
    """Return {name: (version, dist-info folder)} of what is installed."""
    found = {}
    for entry in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
        if entry.endswith(".dist-info"):
            name, version = entry[: -len(".dist-info")].split("-", 1)
            try:
                with open(os.path.join(folder, entry, "METADATA"), encoding="utf-8") as lines:
                    for line in lines:
                        key, _, text = line.partition(":")
                        if key == "Name":
                            name = text.strip()
                        elif key == "Version":
                            version = text.strip()
                        elif not line.strip():
                            break
            except OSError:
                version = "no METADATA"
            found[canonical(name)] = (version, entry)
    return found


def canonical(name):
    """Return a package's name as PEP 503 has it."""
    return "-".join(p for p in name.lower().replace("_", "-").replace(".", "-").split("-") if p)


def comparable(version):
    """Return a version such that ``2024.01.0`` and ``2024.1`` are the same; locks hold normal forms already."""
    public, _, local = version.strip().lower().lstrip("v").partition("+")
    parts = [str(int(p)) if p.isdigit() else p for p in public.split(".")]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return parts, local.replace("-", ".").replace("_", ".")


def check_packages(wanted, found):
    """Yield packages that are missing, too many, or of another version."""
    for name in sorted(set(wanted) | set(found)):
        need = wanted.get(name, "nothing")
        have = found[name][0] if name in found else "nothing"
        if name not in wanted or name not in found or comparable(need) != comparable(have):
            yield Problem("package %s is not what the lock says" % name, need, have, _FIX_IMAGE)


def check_files(root, folder, found):
    """Yield files that differ from their wheel's RECORD, are missing, or belong to no package."""
    owned = set()
    for name, (_, info) in sorted(found.items()):
        record = os.path.join(folder, info, "RECORD")
        owned.add(record)
        for path, algorithm, digest in recorded(record):
            path = os.path.normpath(os.path.join(folder, path))
            owned.add(path)
            have = hash_of(path, algorithm) if digest else None
            if digest and have != digest:
                what = "file %s of %s was altered" % (os.path.relpath(path, root), name)
                yield Problem(what, "%s=%s" % (algorithm, digest), have or "no file", _FIX_IMAGE)
    for path, _ in files(root):
        short = os.path.relpath(path, root)
        if path not in owned and not short.startswith(_SKELETON) and not in_skeleton(short):
            yield Problem("file %s belongs to no package" % short, "no file", "a file", _FIX_IMAGE)


def in_skeleton(short):
    """Whether venv made this file: the interpreter's links and the activation scripts."""
    return short.lower().startswith(("bin/python", "bin/activate"))


def recorded(record):
    """Return RECORD's rows; a package without a readable one owns no file."""
    import csv

    try:
        with open(record, encoding="utf-8", newline="") as lines:
            return [(r[0], *r[1].partition("=")[::2]) for r in csv.reader(lines) if len(r) > 1]
    except OSError:
        return []


def hash_of(path, algorithm):
    """Return a file's hash as RECORD writes it; ``None`` when there is no such file."""
    import base64

    try:
        seen = hashlib.new(algorithm)
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                seen.update(block)
    except (OSError, ValueError):
        return None
    return base64.urlsafe_b64encode(seen.digest()).rstrip(b"=").decode()


def files(root):
    """Yield (path, stat) of every file of the environment but byte-compiled caches, in a fixed order."""
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    folders.append(entry.path)
            else:
                yield entry.path, entry.stat(follow_symlinks=False)


def fingerprint(root):
    """Return one digest over names, sizes and dates: a change of content without any of them is no accident."""
    text = "\n".join("%s %d %d" % (path, s.st_size, s.st_mtime) for path, s in files(root))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def check_start(contract, environ, sysroot):
    """Yield what is wrong at start; all files are read again only when the fingerprint differs."""
    try:
        with open(os.path.join(HERE, "fingerprint")) as file:
            intact = file.read().strip() == fingerprint(contract["environment"])
    except OSError:
        intact = False
    if not intact:
        for problem in check_build(contract):
            yield problem
    for name in contract["required"]:
        if not environ.get(name):
            fix = "docker run --env %s …" % name
            yield Problem("variable %s is not set" % name, "a value", "none", fix)
    for name in contract["missed"]:
        if name not in environ:
            fix = "docker run --env %s …" % name
            yield Problem("variable %s is declared" % name, "a value", "none", fix, "warning")
    if contract["accelerator"] == "cuda":
        for problem in check_gpu(contract, environ, sysroot):
            yield problem


def check_gpu(contract, environ, sysroot):
    """Yield what is wrong with driver and devices, as far as /proc and /dev tell."""
    needed = contract["gpus"]
    devices = device_uuids(sysroot)
    if os.path.exists(os.path.join(sysroot, "dev/dxg")):  # WSL: neither device files nor /proc tell anything
        return
    fix = "start it with `--gpus all` on a machine with an NVIDIA driver and its container toolkit"
    if len(devices) < max(needed, 1):
        severity = "error" if needed else "warning"
        count = "%d" % len(devices)
        yield Problem("too few GPUs are visible", "%d" % max(needed, 1), count, fix, severity)
    if not devices:
        return
    have, need = driver(sysroot), contract["driver"]
    if have and need and numbers(have) < numbers(need):
        remedy = "update the driver, or take packages for an older CUDA"
        what = "the NVIDIA driver is too old for CUDA %s" % contract["cuda"]
        yield Problem(what, ">= " + need, have, remedy)
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return
    count = len(usable(chosen, devices))
    if chosen.strip() and count == 0:
        what = "CUDA_VISIBLE_DEVICES=%s points at no device of this container" % chosen
        have = "%d device(s), counted from 0" % len(devices)
        yield Problem(what, "a device that is there", have, other_devices(len(devices)))
    elif count < needed:
        what = "CUDA_VISIBLE_DEVICES=%s leaves too few GPUs" % chosen
        yield Problem(what, "%d" % needed, "%d" % count, "name more devices, or leave it unset")


def other_devices(count):
    """Say how to point at devices that are there."""
    listed = ",".join(str(n) for n in range(count))
    return "docker run --env CUDA_VISIBLE_DEVICES=%s …, or `--gpus all`" % listed


def device_uuids(sysroot):
    """Return the devices of this container, by number of the device file: [UUID or an empty string]."""
    try:
        names = os.listdir(os.path.join(sysroot, "dev"))
    except OSError:
        return []
    minors = sorted(int(n[6:]) for n in names if n.startswith("nvidia") and n[6:].isdigit())
    known = {}
    folder = os.path.join(sysroot, "proc/driver/nvidia/gpus")
    for gpu in os.listdir(folder) if os.path.isdir(folder) else ():
        text = read(os.path.join(folder, gpu, "information"))
        rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        known[rows.get("Device Minor", "").strip()] = rows.get("GPU UUID", "").strip()
    return [known.get(str(minor), "") for minor in minors]


def usable(chosen, devices):
    """Return the entries that CUDA takes: it stops at the first that names no device."""
    found = []
    for entry in chosen.split(","):
        entry = entry.strip()
        if entry.isdigit():
            good = int(entry) < len(devices)
        else:  # without UUIDs to compare (and for MIG parts) an identifier gets the benefit of the doubt
            named = [uuid for uuid in devices if uuid]
            good = entry.startswith("MIG-") or (
                entry.startswith("GPU-")
                and (len(named) < len(devices) or any(uuid.startswith(entry) for uuid in named))
            )
        if not good:
            break
        found.append(entry)
    return found


def driver(sysroot):
    """Return the driver's version, for example ``550.54.15``; ``None`` when no file tells it."""
    text = read(os.path.join(sysroot, "proc/driver/nvidia/version"))
    for word in text.partition("Kernel Module")[2].split():
        if word[0].isdigit() and "." in word:
            return word
    return read(os.path.join(sysroot, "sys/module/nvidia/version")).strip() or None


def numbers(version):
    """Return a version for comparison."""
    return [int(part) for part in version.split(".") if part.isdigit()]


def read(path):
    """Return a file's text, empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def report(problems, mode):
    """Print one line per problem, five at most; return whether to go on."""
    fatal = [p for p in problems if mode == "strict" or (mode != "warn" and p.severity == "error")]
    for problem in (fatal or problems)[:5]:
        word = "error" if problem in fatal else "warning"
        sys.stderr.write("envctl preflight: %s: %s\n" % (word, problem))
    more = len(fatal or problems) - 5
    if more > 0:
        sys.stderr.write("envctl preflight: and %d more\n" % more)
    return not fatal


def become(command, environ):
    """Turn this process into the command; what Python ignores (SIGPIPE) would be ignored there too."""
    import signal

    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, environ)
    except OSError as error:
        sys.stderr.write("envctl preflight: %s: %s\n" % (command[0], error.strerror))
        return 126 if isinstance(error, PermissionError) else 127


def main(arguments):
    """Run one phase; see the top of this file."""
    phase, command = arguments[1], arguments[3:]
    mode = os.environ.get("ENVCTL_PREFLIGHT", "")
    if mode != "off" or phase == "build":
        contract = json.loads(read(os.path.join(HERE, "contract.json")))
        if phase == "build":
            problems = list(check_build(contract))
        else:
            sysroot = os.environ.get("ENVCTL_SYSROOT", "/")
            problems = list(check_start(contract, os.environ, sysroot))
        if not report(problems, "" if phase == "build" else mode):
            return FAILED
        if phase == "build":
            with open(os.path.join(HERE, "fingerprint"), "w") as file:
                file.write(fingerprint(contract["environment"]))
            return 0
    if not command:
        return 0
    return become(command, os.environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
