"""The environment variables that matter, and what may be written down about each.

The class decides (``docs``: product page, "Variables"). Where a source gives a variable two classes, the stronger
one is taken, with one exception: what holds a path of one machine is ``host``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

VariableClass = Literal["semantic", "host", "performance", "location", "secret"]
VARIABLE_CLASSES: tuple[VariableClass, ...] = (
    "semantic",
    "host",
    "performance",
    "location",
    "secret",
)
Phase = Literal["run", "build", "resolve"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownVariable:
    """One row of the table: its class, when it takes effect, and where that is documented."""

    name: str
    kind: VariableClass
    source: str
    phase: Phase = "run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """A variable that is set; ``value`` is ``None`` where only its presence may be known."""

    name: str
    kind: VariableClass
    value: str | None = None


_GUIDE = "CUDA C++ Programming Guide, CUDA Environment Variables"
_TOOLKIT = "NVIDIA Container Toolkit, docker-specialized"
_TORCH = "PyTorch, CUDA Environment Variables"
_NCCL = "NCCL User Guide, Environment Variables"
_ROCM = "ROCm, GPU isolation techniques"
_REPRO = "NVIDIA framework-reproducibility"
_CACHE = "the framework's cache folder"
_CREDENTIAL = "a credential: BuildKit rule SecretsUsedInArgOrEnv"
_CPYTHON = "CPython, command line and environment"
_LDSO = "Linux manual, ld.so(8)"

_ROWS: tuple[tuple[str, VariableClass, str, Phase], ...] = (
    ("CUDA_VISIBLE_DEVICES", "host", _GUIDE, "run"),
    ("CUDA_DEVICE_ORDER", "semantic", _GUIDE, "run"),
    ("NVIDIA_VISIBLE_DEVICES", "host", _TOOLKIT, "run"),
    ("NVIDIA_DRIVER_CAPABILITIES", "host", _TOOLKIT, "run"),
    ("CUDA_LAUNCH_BLOCKING", "performance", _GUIDE, "run"),
    ("CUDA_MODULE_LOADING", "performance", _GUIDE, "run"),
    ("CUDA_CACHE_PATH", "location", _GUIDE, "run"),
    ("CUDA_CACHE_DISABLE", "performance", _GUIDE, "run"),
    ("CUDA_CACHE_MAXSIZE", "performance", _GUIDE, "run"),
    ("CUDA_FORCE_PTX_JIT", "semantic", _GUIDE, "run"),
    ("CUDA_DISABLE_PTX_JIT", "semantic", _GUIDE, "run"),
    ("CUDA_DEVICE_MAX_CONNECTIONS", "performance", _GUIDE, "run"),
    ("CUBLAS_WORKSPACE_CONFIG", "semantic", "cuBLAS, Results Reproducibility", "run"),
    ("NVIDIA_TF32_OVERRIDE", "semantic", "DeepRec documentation, TF32", "run"),
    ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "semantic", _TORCH, "run"),
    ("TF_DETERMINISTIC_OPS", "semantic", _REPRO, "run"),
    ("XLA_FLAGS", "semantic", "openxla/xla#12520", "run"),
    ("PYTHONHASHSEED", "semantic", _CPYTHON, "run"),
    ("OMP_NUM_THREADS", "semantic", "OpenMP 5.2, 21.1.2 (order of CPU reductions)", "run"),
    ("MKL_NUM_THREADS", "semantic", "oneMKL, OpenMP controls (order of CPU reductions)", "run"),
    ("NCCL_ALGO", "semantic", _NCCL, "run"),
    ("NCCL_PROTO", "semantic", _NCCL, "run"),
    ("NCCL_DEBUG", "performance", _NCCL, "run"),
    ("NCCL_SOCKET_IFNAME", "host", _NCCL, "run"),
    ("NCCL_CONF_FILE", "location", _NCCL, "run"),
    ("PYTORCH_CUDA_ALLOC_CONF", "performance", _TORCH, "run"),
    ("PYTORCH_ALLOC_CONF", "performance", _TORCH, "run"),
    ("PYTORCH_NVML_BASED_CUDA_CHECK", "performance", _TORCH, "run"),
    ("TORCH_CUDA_ARCH_LIST", "semantic", "torch.utils.cpp_extension", "build"),
    ("MAX_JOBS", "performance", "torch.utils.cpp_extension", "build"),
    ("CUDA_HOME", "host", "torch.utils.cpp_extension", "build"),
    ("LD_LIBRARY_PATH", "host", _LDSO, "run"),
    ("LD_PRELOAD", "semantic", _LDSO, "run"),
    ("HF_HOME", "location", _CACHE, "run"),
    ("TORCH_HOME", "location", _CACHE, "run"),
    ("TRITON_CACHE_DIR", "location", _CACHE, "run"),
    ("HF_TOKEN", "secret", _CREDENTIAL, "run"),
    ("WANDB_API_KEY", "secret", _CREDENTIAL, "run"),
    ("ROCR_VISIBLE_DEVICES", "host", _ROCM, "run"),
    ("HIP_VISIBLE_DEVICES", "host", _ROCM, "run"),
    ("GPU_DEVICE_ORDINAL", "host", _ROCM, "run"),
    ("ONEAPI_DEVICE_SELECTOR", "host", "oneAPI DPC++ environment variables", "run"),
    ("ZE_AFFINITY_MASK", "host", "oneAPI Level Zero, Affinity Mask", "run"),
    ("CONDA_OVERRIDE_CUDA", "semantic", "conda, virtual packages", "resolve"),
    ("CONDA_OVERRIDE_CUDA_ARCH", "semantic", "conda, virtual packages", "resolve"),
    ("UV_TORCH_BACKEND", "semantic", "uv, environment variables", "resolve"),
    ("UV_CUDA_DRIVER_VERSION", "semantic", "uv, environment variables", "resolve"),
    ("SOURCE_DATE_EPOCH", "semantic", "reproducible-builds.org; BuildKit build-repro", "build"),
)
KNOWN: Mapping[str, KnownVariable] = {
    name: KnownVariable(name=name, kind=kind, source=source, phase=phase)
    for name, kind, source, phase in _ROWS
}

SCHEDULER_VARIABLES: tuple[str, ...] = (
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "ZE_AFFINITY_MASK",
)
"""The host variables with which a scheduler gives a job its devices, set *or unset* (Slurm gres.conf(5))."""

SCHEDULER_JOBS: Mapping[str, str] = {
    "SLURM_JOB_ID": "slurm",
    "KUBERNETES_SERVICE_HOST": "kubernetes",
    "PBS_JOBID": "pbs",
    "LSB_JOBID": "lsf",
}
"""The variables that are set inside a scheduler's job, with the scheduler's name."""

# A credential by its name: one of these as a whole word between underscores, or ending a word (PGPASSWORD).
_CREDENTIAL_WORD = re.compile(
    r"(?:^|_)"
    r"(?:AUTH|KEYS?|PAT|PWD|CREDS?"
    r"|[A-Z0-9]*(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|APIKEY|ACCESSKEY)S?)"
    r"(?:[0-9]*)(?:_|$)"
)
_SHELL_FOLDERS = frozenset({"PWD", "OLDPWD"})  # POSIX: the working folder, not a password
_ENDS = r"(?=[/:;,\s\"']|$)"
# Both look-behinds are six characters, as re wants them.
_HOMES = re.compile(r"(?<=/home/|Users/)[^/:;,\s\"']+")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")
_LOGIN = re.compile(r"://(?!git@)[^/\s]*@")
_WHO = ("USER", "LOGNAME", "HOSTNAME")


def classify(name: str) -> VariableClass | None:
    """Return a variable's class; ``None`` for one that envctl does not know and never records."""
    if known := KNOWN.get(name):
        return known.kind
    return "secret" if looks_secret(name) else None


def looks_secret(name: str) -> bool:
    """Whether a name reads like a credential's (``GITHUB_TOKEN``, ``PGPASSWORD``)."""
    return name not in _SHELL_FOLDERS and _CREDENTIAL_WORD.search(name.upper()) is not None


def holds_login(value: str) -> bool:
    """Whether an address in a value names a user or a password; git's own user is nobody's secret."""
    return _LOGIN.search(value) is not None


def scheduler(environ: Mapping[str, str]) -> str | None:
    """Return the name of the scheduler whose job this is."""
    return next((name for mark, name in SCHEDULER_JOBS.items() if mark in environ), None)


def observed(environ: Mapping[str, str], user: str = "") -> tuple[Variable, ...]:
    """Return the known variables that are set, sorted by name, as far as they may be written down.

    ``user``: who we are, where the variables do not say it.

    Only names in the table: the name of an unknown credential can already tell too much. A value is freed of
    home folders, user and host names, so that two records compare, and none names a person.
    """
    persons = {name: environ.get(name) or "" for name in ("HOME", *_WHO)}
    persons["USER"] = persons["USER"] or user
    return tuple(
        Variable(
            name=name,
            kind=KNOWN[name].kind,
            value=None
            if KNOWN[name].kind in ("location", "secret")
            else _impersonal(environ[name], persons),
        )
        for name in sorted(KNOWN)
        if name in environ
    )


def _impersonal(value: str, environ: Mapping[str, str]) -> str:
    home = environ.get("HOME", "").rstrip("/")
    if home:
        value = re.sub(rf"(?<![\w.-]){re.escape(home)}{_ENDS}", "~", value)
    value = _HOMES.sub("$USER", _USER_INFO.sub("", value))
    for who in _WHO:
        if name := environ.get(who, ""):
            value = re.sub(rf"(?<=/){re.escape(name)}{_ENDS}", f"${who}", value)
    return value
