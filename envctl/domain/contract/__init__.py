"""The contract: what a lock needs of a machine, derived from the lock alone and without a GPU."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

from envctl.domain.contract import wheel_tags
from envctl.domain.contract.evidence import Evidence, conflicts, evidence, library_major
from envctl.domain.contract.table import Accelerator, Contract, from_table
from envctl.domain.contract.wheel_tags import LockedPackage
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu import facts as gpu_facts

__all__ = ["Accelerator", "Contract", "LockedPackage", "build", "derive", "from_table"]


def derive(packages: Iterable[LockedPackage], *, machine: str = "x86_64") -> Contract:
    """Derive the contract of a lock.

    The first rule that answers decides: a ``+cuXYZ`` tag, the pinned CUDA runtime, ``cuda-toolkit``, other parts of
    the toolkit, the table of torch's untagged wheels, names that say a major, and last the tables of other packages.
    Kernels and the libc floor are those of the wheels for ``machine``, or of the only machine that the lock has
    wheels for.
    """
    locked = sorted(packages)
    machines = wheel_tags.machines(locked)
    if machines and machine not in machines:
        machine = machines[0]
    libc, libc_source = wheel_tags.libc_floor(locked, machine)
    sources = (libc_source,) if libc_source else ()
    found = evidence(locked)
    asked = [each for each in found if not _dormant(each, found, locked)]
    if not asked:
        cpu = tuple(_on_the_cpu(each) for each in found if each.package.startswith("tensorflow "))
        unknown = _unknown_torch(locked)
        return Contract(
            libc=libc,
            machines=machines,
            sources=(*(f"CUDA: not known for {each}" for each in unknown), *cpu, *sources),
            assumed=tuple(f"the CUDA of {each} is not known: none is assumed" for each in unknown),
        )
    base = Contract(
        accelerator="cuda",
        cuda=asked[0].cuda,
        driver_limited=gpu_facts.driver_floor(asked[0].cuda),
        driver_full=gpu_facts.driver_full(asked[0].cuda),
        libc=libc,
        machines=machines,
        conflicts=conflicts(asked),
        tables=gpu_facts.date(),
    )
    return _with_sources(
        _with_kernels(_with_libraries(base, locked), locked, machine), asked, sources
    )


@cache
def build(torch: str, tag: str, machine: str = "x86_64") -> Contract | None:
    """Return what a build of torch (``2.14``, ``cu126``) needs; ``None``: its kernels for ``machine`` are unknown."""
    cuda = gpu_builds.cuda_of(tag)
    kernels = gpu_builds.torch_kernels(torch, cuda, machine)
    if kernels is None:
        return None
    return Contract(
        accelerator="cuda",
        cuda=cuda,
        driver_limited=gpu_facts.driver_floor(cuda),
        driver_full=gpu_facts.driver_full(cuda),
        compute_capabilities=kernels[0],
        ptx=kernels[1],
        cudnn=gpu_builds.torch_cudnn(torch, cuda),
        libc=gpu_builds.torch_libc(torch, tag),
        machines=(machine,),
        sources=(f"torch {torch} with {tag}, as of {gpu_facts.date()}",),
        tables=gpu_facts.date(),
    )


def _dormant(each: Evidence, found: Sequence[Evidence], locked: Sequence[LockedPackage]) -> bool:
    """Whether a package says nothing about what a machine must have.

    Plain ``tensorflow`` is how CPU projects lock it too: nobody brings the CUDA that it would use. NCCL alone comes
    with xgboost on every Linux machine (dmlc/xgboost#10729).
    """
    if each.package.startswith("tensorflow "):
        return not any(library_major(name) == each.major for name, _, _ in locked)
    return all(other.package.startswith("nvidia-nccl-") for other in found)


def _on_the_cpu(each: Evidence) -> str:
    return (
        f"{each.package} is built for CUDA {each.cuda}, whose libraries the lock does not have: "
        "it runs on the CPU where the machine has none"
    )


def _unknown_torch(locked: Iterable[LockedPackage]) -> tuple[str, ...]:
    """Name the torch without a tag whose CUDA no table has: an old one, or one for another machine than x86_64."""
    return tuple(
        f"torch {version} on {' and '.join(own)} (tables as of {gpu_facts.date()})"
        for name, version, wheels in locked
        if name == "torch"
        and "+" not in version
        and (own := wheel_tags.machines([(name, version, wheels)]))
    )


def _with_libraries(base: Contract, locked: Iterable[LockedPackage]) -> Contract:
    """Say which cuDNN and NCCL come along, or else with which the packages are built."""
    major = (base.cuda or "").split(".")[0]
    versions = {name: version for name, version, _ in locked}
    cudnn = versions.get(gpu_builds.library("cuDNN", major) or "")
    nccl = versions.get(gpu_builds.library("NCCL", major) or "")
    if torch := versions.get("torch"):
        cudnn = cudnn or gpu_builds.torch_cudnn(torch, base.cuda or "")
        nccl = nccl or (gpu_builds.torch_nccl(torch) if "+" not in torch else None)
    for name, look_up in (
        ("tensorflow", gpu_builds.tensorflow),
        ("tensorflow-gpu", gpu_builds.tensorflow),
        ("onnxruntime-gpu", gpu_builds.onnxruntime),
    ):
        if name in versions and (built := look_up(versions[name])):
            cudnn = cudnn or built[1]
    return replace(base, cudnn=cudnn, nccl=nccl)


def _with_kernels(base: Contract, locked: Iterable[LockedPackage], machine: str) -> Contract:
    """Say which kernels torch brings; those of a newer torch than the tables know are taken from its newest row."""
    cuda = base.cuda or ""
    for name, version, wheels in locked:
        public, _, local = version.partition("+")
        if name != "torch" or local == "cpu" or not wheel_tags.for_linux(wheels, machine):
            continue
        what = f"torch {version} for CUDA {cuda} on {machine}, as of {gpu_facts.date()}"
        if known := gpu_builds.torch_kernels(public, cuda, machine):
            return _kernels(base, known, f"kernels: {what}")
        if newest := gpu_builds.assumed_kernels(public, cuda, machine):
            text = f"the kernels of torch {version}, newer than the tables ({gpu_facts.date()})"
            assumed = f"{text}, are assumed to be those of torch {newest[0]} for CUDA {cuda}"
            return _kernels(base, newest[1], f"kernels: assumed for {what}", assumed)
        return _without_kernels(base, f"torch {version}", f"kernels: not known for {what}")
    return base


def _without_kernels(base: Contract, package: str, source: str) -> Contract:
    """Say that the kernels are not known: what CUDA can make them for is all that is left to go by."""
    assumed = (
        f"the kernels of {package} for CUDA {base.cuda} are not in the tables ({gpu_facts.date()}): "
        f"that it has them for every GPU for which CUDA {base.cuda} makes any is assumed"
    )
    return replace(base, unknown_kernels=(package,), sources=(source,), assumed=(assumed,))


def _kernels(base: Contract, known: gpu_builds.Kernels, source: str, *assumed: str) -> Contract:
    return replace(
        base, compute_capabilities=known[0], ptx=known[1], sources=(source,), assumed=assumed
    )


def _with_sources(base: Contract, asked: Sequence[Evidence], rest: tuple[str, ...]) -> Contract:
    cuda, newest = base.cuda or "", gpu_facts.newest_toolkit()
    assumed = [asked[0].assumed] if asked[0].assumed else []
    if len(gpu_facts.numbers(cuda)) > 1 and gpu_facts.numbers(cuda) > gpu_facts.numbers(newest):
        floor = base.driver_limited
        assumed.append(
            f"CUDA {cuda} is newer than the tables ({gpu_facts.date()}, up to {newest}): "
            + (f"the floor of its major, driver {floor}, " if floor else "no driver floor ")
            + "is assumed, and a driver's own CUDA level decides"
        )
    return replace(
        base,
        sources=(asked[0].sentence, *base.sources, *rest),
        assumed=(*assumed, *base.assumed),
    )
