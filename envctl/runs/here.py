"""This machine and this commit, by files alone: what the record's probes say, as far as it costs nothing.

``sysroot`` is empty, or the folder that ``ENVCTL_SYSROOT`` names.
"""

import os
import sys

_GLIBC = "CS_GNU_LIBC_VERSION"
_NVIDIA = "/proc/driver/nvidia/gpus"
# A GPU that the files of NVIDIA's kernel module do not tell of: AMD's, WSL's, a Jetson's, NVIDIA's in gVisor.
_OTHER_GPUS = (
    "/dev/kfd",
    "/dev/dxg",
    "/dev/nvhost-gpu",
    "/sys/devices/gpu.0",
    "/dev/nvidiactl",
    "/dev/nvidia0",
)
_OTHER_DRIVERS = ("amdgpu", "i915", "xe")
_SMALL, _LARGE = 1 << 16, 1 << 24
_GPU = ("name", "uuid", "pci_bus_id", "compute_capability", "memory_bytes", "mig", "vendor")


def machine(sysroot: str, machines: str) -> "dict[str, object]":
    """Return the machine; ``machines`` has ``ID=NAME`` of those that are recorded."""
    own = _identity(sysroot)
    names = dict(pair.partition("=")[::2] for pair in machines.split(" "))
    about = os.uname()
    return {
        "id": own,
        "name": names.get(own) if own else None,
        "os": _system(sysroot),
        "kernel": first(f"{sysroot}/proc/sys/kernel/osrelease") or about.release,
        "libc": os.confstr(_GLIBC) if _GLIBC in os.confstr_names else None,
        "architecture": first(f"{sysroot}/proc/sys/kernel/arch") or about.machine,
        "cpu": None,
    }


def _identity(sysroot: str) -> "str | None":
    """Return the machine's id, hashed as ``envctl.domain.record.machine_id`` does."""
    own = first(f"{sysroot}/etc/machine-id") or first(f"{sysroot}/var/lib/dbus/machine-id")
    if not own or own == "uninitialized":
        return None
    return _sha256(f"envctl:{own}".encode())[:16]


def _sha256(content: bytes) -> str:
    try:  # hashlib would load OpenSSL: 3 ms
        if sys.version_info >= (3, 12):
            import _sha2 as own  # noqa: PLC0415
        else:
            import _sha256 as own  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        import hashlib as own  # noqa: PLC0415
    return str(own.sha256(content).hexdigest())


def _system(sysroot: str) -> "str | None":
    """Return the system's name as os-release(5) gives it; ``None``: there is no such file."""
    text = first(f"{sysroot}/etc/os-release") or first(f"{sysroot}/usr/lib/os-release")
    if text is None:
        return None
    fields = dict(line.strip().split("=", 1) for line in text.splitlines() if "=" in line)
    named = (_unquoted(fields.get(key, "")) for key in ("PRETTY_NAME", "NAME"))
    return next(filter(None, named), "Linux")


def _unquoted(value: str) -> str:
    inner = value[1:-1] if value[:1] == value[-1:] == '"' and len(value) > 1 else None
    if not any(each in (value if inner is None else inner) for each in "\\\"'"):
        return " ".join(value.split()) if inner is None else inner
    import shlex  # noqa: PLC0415  # 4 ms, where it is written in an odd way

    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def gpus(sysroot: str) -> "list[dict[str, object]] | None":
    """Return NVIDIA's GPUs, in the driver's order; ``None`` where there is none and may be others."""
    folders = sorted(_listed(f"{sysroot}{_NVIDIA}"))
    if not folders and _others(sysroot):
        return None
    return [_gpu(f"{sysroot}{_NVIDIA}/{folder}", folder) for folder in folders]


def _others(sysroot: str) -> bool:
    """Whether there is a device that the record may tell of."""
    bus = f"{sysroot}/sys/bus/pci/drivers"
    return any(os.path.exists(sysroot + path) for path in _OTHER_GPUS) or any(  # noqa: PTH110
        ":" in name for driver in _OTHER_DRIVERS for name in _listed(f"{bus}/{driver}")
    )


def _listed(folder: str) -> "list[str]":
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


def _gpu(path: str, folder: str) -> "dict[str, object]":
    fields = {}
    for line in _read(f"{path}/information").splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    uuid = fields.get("GPU UUID") or None
    return dict.fromkeys(_GPU) | {
        "name": fields.get("Model") or "NVIDIA GPU",
        "uuid": None
        if uuid is None or "?" in uuid
        else uuid,  # question marks: not initialised yet
        "vendor": "nvidia",
        "pci_bus_id": (fields.get("Bus Location") or folder).lower(),
    }


def commit(folder: str) -> "str | None":
    """Return git's commit of the folder's repository; ``None``: there is none, or it is not kept in plain files.

    A repository of somebody else's above the folder says nothing of it, as with git's own ``safe.directory``.
    """
    ours = {os.geteuid(), 0, _owner(folder)}
    while folder:
        owner = _owner(f"{folder}/.git")
        if owner is not None and owner not in ours:
            return None
        found = _git(folder) if owner is not None else ""
        if found:
            return _resolved(found)
        folder = folder.rpartition("/")[0]
    return None


def _owner(path: str) -> "int | None":
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def _git(folder: str) -> str:
    """Return the folder that has HEAD, empty where there is none; of a worktree it is named by a file."""
    path = f"{folder}/.git"
    if first(f"{path}/HEAD"):
        return path
    named = (first(path) or "").partition("gitdir: ")[2]
    return named if named.startswith("/") or not named else f"{folder}/{named}"


def _resolved(git: str) -> "str | None":
    head = first(f"{git}/HEAD") or ""
    name = head.partition("ref: ")[2]
    if not name:
        return _hash(head)
    common = first(f"{git}/commondir") or ""
    shared = common if common.startswith("/") else f"{git}/{common}" if common else git
    if not name.startswith("refs/") or ".." in name:
        return None
    for place in dict.fromkeys((git, shared)):
        if found := _hash(first(f"{place}/{name}") or ""):
            return found
    packed = _read(f"{shared}/packed-refs", _LARGE) + "\n"
    at = packed.find(f" {name}\n")  # there may be tens of thousands of lines
    return _hash(packed[packed.rfind("\n", 0, at) + 1 : at]) if at >= 0 else None


def _hash(text: str) -> "str | None":
    known = len(text) in (40, 64) and all(each in "0123456789abcdef" for each in text)
    return text if known else None


def first(path: str) -> "str | None":
    """Return a small file's text without the blanks around it; ``None``: it is not there, or empty."""
    return _read(path).strip("\0\n ") or None


def _read(path: str, most: int = _SMALL) -> str:
    """Return a plain file's text; empty for anything else, and for one that has more bytes than ``most``."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would be waited for
    except OSError:
        return ""
    text = b""
    try:
        if os.fstat(opened).st_mode & 0o170000 == 0o100000:
            while len(text) <= most and (part := os.read(opened, 1 << 16)):
                text += part
    except OSError:
        return ""
    finally:
        os.close(opened)
    return "" if len(text) > most else text.decode(errors="replace")
