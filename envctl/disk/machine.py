"""What of a machine a record tells, as far as files say it: whether it is as it was. Standard library only.

Not of a machine with NVIDIA's driver, which may stop answering from one moment to the next, nor within a scheduler's
job: those are asked each time.
"""

import os

LIBRARY = "libnvidia-ml.so.1"
FOLDERS = (
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
)
OWN_FOLDERS = (
    "usr/local/nvidia/lib64",  # Kubernetes on Google's nodes
    "usr/lib/wsl/lib",  # Windows' driver, in WSL
    "run/opengl-driver/lib",  # NixOS
    "usr/lib/aarch64-linux-gnu/nvidia",  # Jetson, JetPack 6
)
"""Where NVML's library may lie."""
JOBS = ("slurm", "pbs", "lsf", "kubepods")
"""Parts of the names of the control groups in which schedulers start their jobs."""
_DRIVER = (
    "proc/driver/nvidia/version",
    "sys/module/nvidia/version",
    "dev/nvidiactl",
    "dev/nvidia0",
    "dev/dxg",
    "dev/nvhost-gpu",
    "sys/devices/gpu.0",
)
_BUS, _DEVICES = "proc/bus/pci/devices", "sys/bus/pci/devices"
_FILES = (
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "etc/os-release",
    "usr/lib/os-release",
    _BUS,
    "proc/sys/kernel/arch",
    "proc/sys/kernel/osrelease",
    "sys/module/amdgpu/version",
    "opt/rocm/.info/version",
    "opt/rocm/.info/version-rocm",
)
_AMD = "sys/class/kfd/kfd/topology/nodes"
_NAMES = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids")
_CONTAINER = (
    ".singularity.d",
    "var/run/secrets/kubernetes.io",
    "run/.containerenv",
    ".dockerenv",
)
_MOUNTED = (b" /etc/hosts ", b" /etc/hostname ", b" /etc/resolv.conf ")
_POD = 64  # bytes of /etc/hosts in which a pod's says what it is
_MOST = 1 << 24


def seen() -> bytes:
    """Return all that was looked at, as one text; raises ``ValueError`` where files alone do not tell."""
    given = os.environ.get("ENVCTL_SYSROOT") or ""
    root = given.rstrip("/") + "/"
    contents = {name: _read(root + name) for name in _FILES}
    jobs, first = _read(f"{root}proc/self/cgroup") or b"", _read(f"{root}proc/1/cgroup") or b""
    refused = (
        any(os.path.lexists(root + name) for name in _DRIVER)
        or any(os.path.lexists(path) for path in _nvidia(root))
        or LIBRARY.encode() in (_read(f"{root}etc/ld.so.cache") or b"")
        or any(each.encode() in jobs for each in JOBS)
        or (contents[_BUS] is None and bool(_listed(root + _DEVICES)))
        or not _libc()
    )
    if refused:
        raise ValueError(root)
    facts = [
        given,
        *contents.items(),
        *(_stat(root + name) for name in _NAMES),
        *(os.path.lexists(root + name) for name in _CONTAINER),
        _listed(root + _AMD),
        (_read(f"{root}etc/hosts") or b"")[:_POD],
        [mark in first for mark in (b"kubepods", b"/docker")],
        _mounts(_read(f"{root}proc/self/mountinfo") or b""),
    ]
    return repr(facts).encode()


def _nvidia(root: str) -> "list[str]":
    """Return the paths at which NVML's library or ``nvidia-smi`` would be found."""
    named = [each for each in os.environ.get("LD_LIBRARY_PATH", "").split(":") if each]
    folders = [*named, *(root + each for each in FOLDERS + OWN_FOLDERS)]
    programs = [*os.environ.get("PATH", os.defpath).split(":"), "/usr/lib/wsl/lib"]
    return [
        *(f"{folder}/{LIBRARY}" for folder in folders),
        *(f"{root}{folder.lstrip('/')}/nvidia-smi" for folder in programs if folder[:1] == "/"),
    ]


def _libc() -> bool:
    """Whether the C library says what it is: musl must be asked by starting a program."""
    return os.uname().sysname != "Linux" or bool(
        "CS_GNU_LIBC_VERSION" in os.confstr_names and os.confstr("CS_GNU_LIBC_VERSION")
    )


def _mounts(text: bytes) -> "list[bytes]":
    """Return what is mounted at the files that container engines bring, without the numbers of the mounts."""
    lines = (line for line in text.split(b"\n") if any(mark in line for mark in _MOUNTED))
    return [b" ".join(line.split(b" ")[3:5]) for line in lines]


def _read(path: str) -> "bytes | None":
    try:
        if os.stat(path).st_mode & 0o170000 != 0o100000:  # noqa: PTH116  # a pipe would be waited for
            raise ValueError(path)
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(_MOST)
    except OSError:
        return None


def _stat(path: str) -> "tuple[int, int] | None":
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _listed(folder: str) -> "list[str]":
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []
