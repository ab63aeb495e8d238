"""What each package of a lock says about the CUDA that it is made for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from envctl.domain.contract import wheel_tags
from envctl.domain.contract.wheel_tags import LockedPackage
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers

# `cu92`, `cu130`, FlashInfer's `cu124torch2.6`: CUDA 8 and 9 are the majors of one digit that wheels were tagged with.
_CU_TAG = re.compile(r"(?:^|[a-z0-9.])cu([89]|\d{2})(\d)(?!\d)")
_CU_MAJOR_TAG = re.compile(
    r"(?:^|[a-z0-9.])cu(\d{2})(?!\d)"
)  # flash-attn's `cu12torch2.8cxx11abitrue`
_CUDA_TAG = re.compile(r"cuda(\d{2})(?:\.|$)")
_RUNTIME = re.compile(r"nvidia-cuda-runtime(?:-cu\d+)?|cuda-toolkit")
# These have the toolkit's own version; cuFFT, cuSPARSE and others count for themselves.
_TOOLKIT_PART = re.compile(r"nvidia-(?:cuda-(?:cupti|nvcc|nvrtc|crt)|nvtx|nvjitlink)(?:-cu\d+)?")
_JAX = re.compile(r"jax-cuda(\d{2})-(?:plugin|pjrt)")
_CUPY = re.compile(r"cupy-cuda(\d{2})x")
_SUFFIX = re.compile(r".+-cu(\d{2})")
_UNSUFFIXED = re.compile(r"nvidia-(?:cublas|cufft|cufile|curand|cusolver|cusparse|npp|nvjpeg)")
_FIRST_UNSUFFIXED = 13
WEAK = 7
"""From this rank on the package only looks for that CUDA, or may: it runs on the CPU where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One package's word about CUDA; the lowest ``rank`` is believed, all below ``WEAK`` are compared."""

    rank: int
    cuda: str
    package: str
    by: str
    assumed: str | None = None

    @property
    def major(self) -> str:
        """The CUDA major."""
        return self.cuda.split(".")[0]

    @property
    def sentence(self) -> str:
        """The evidence as ``sources`` of a contract have it."""
        return f"CUDA {self.cuda}: {self.package} ({self.by})"


def evidence(locked: Iterable[LockedPackage]) -> list[Evidence]:
    """Return each package's word, the strongest first."""
    found = [each for package in locked if (each := _of(package))]
    return sorted(found, key=lambda each: (each.rank, each.package))


def conflicts(found: Iterable[Evidence]) -> tuple[str, ...]:
    """Two CUDA majors cannot share one process: say which packages bring which."""
    by_major: dict[str, str] = {}
    for each in found:
        if each.rank < WEAK:
            by_major.setdefault(each.major, each.package)
    if len(by_major) < 2:
        return ()
    pairs = [f"CUDA {major} ({by_major[major]})" for major in sorted(by_major, key=int)]
    return (f"{' and '.join(pairs)} in one lock",)


def library_major(name: str) -> str | None:
    """Return the CUDA major of one of CUDA's own libraries by its name; ``None``: it is none of them."""
    if not name.startswith("nvidia-"):
        return None
    if suffix := _SUFFIX.fullmatch(name):
        return suffix[1]
    known = _UNSUFFIXED.fullmatch(name) or _RUNTIME.fullmatch(name) or _TOOLKIT_PART.fullmatch(name)
    return str(_FIRST_UNSUFFIXED) if known else None


def _of(locked: LockedPackage) -> Evidence | None:
    name, version, _ = locked
    for rule in (_by_tag, _by_toolkit, _by_name, _by_table):
        if (word := rule(locked)) is not None:
            rank, cuda, by = word
            assumed = _assumed(name, version, cuda) if rule is _by_table else None
            return Evidence(
                rank=rank, cuda=cuda, package=f"{name} {version}", by=by, assumed=assumed
            )
    return None


_Word = tuple[int, str, str]


def _by_tag(locked: LockedPackage) -> _Word | None:
    local = locked[1].partition("+")[2]
    if tag := _CU_TAG.search(local):
        return 1, f"{tag[1]}.{tag[2]}", "its local tag"
    if tag := _CUDA_TAG.search(local) or _CU_MAJOR_TAG.search(local):
        return 6, tag[1], "its local tag"
    return None


def _by_toolkit(locked: LockedPackage) -> _Word | None:
    name, version, _ = locked
    suffixed = _SUFFIX.fullmatch(name) is not None
    # Names without a suffix were placeholders before CUDA 13 (`nvidia-cuda-runtime 0.0.1`).
    if len(numbers(version)) < 2 or (
        not suffixed and name.startswith("nvidia-") and numbers(version)[0] < _FIRST_UNSUFFIXED
    ):
        return None
    if _RUNTIME.fullmatch(name):
        return 2 if suffixed else 3, gpu_builds.minor(version), "its version"
    if _TOOLKIT_PART.fullmatch(name):
        return 4, gpu_builds.minor(version), "its version"
    return None


def _by_name(locked: LockedPackage) -> _Word | None:
    name, version, _ = locked
    for pattern in (_JAX, _CUPY, _SUFFIX):
        if match := pattern.fullmatch(name):
            return 6, match[1], "its name"
    if _UNSUFFIXED.fullmatch(name) and numbers(version) >= (1,):
        return 6, str(_FIRST_UNSUFFIXED), f"its name, as of {gpu_facts.date()}"
    return None


def _by_table(locked: LockedPackage) -> _Word | None:
    name, version, wheels = locked
    public, _, local = version.partition("+")
    if local or not wheel_tags.for_linux(wheels, "x86_64"):
        return None
    by = f"its untagged wheel, as of {gpu_facts.date()}"
    if name == "torch":
        if gpu_builds.is_newer("torch", public):
            newest = gpu_builds.newest("torch")
            return WEAK + 1, gpu_builds.torch_default(newest) or "", f"as torch {newest}"
        default = gpu_builds.torch_default(public)
        return (5, default, by) if default else None
    if name in ("tensorflow", "tensorflow-gpu") and (built := gpu_builds.tensorflow(public)):
        return WEAK, built[0], by
    if name == "onnxruntime-gpu" and (built := gpu_builds.onnxruntime(public)):
        return WEAK, built[0], by
    return None


def _assumed(name: str, version: str, cuda: str) -> str | None:
    table = {"tensorflow-gpu": "tensorflow", "onnxruntime-gpu": "onnxruntime"}.get(name, name)
    if not gpu_builds.is_newer(table, version):
        return None
    return (
        f"{name} {version} is newer than the tables ({gpu_facts.date()}, up to "
        f"{gpu_builds.newest(table)}): CUDA {cuda} is assumed, as in {gpu_builds.newest(table)}"
    )
