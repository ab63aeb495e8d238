"""What the tables say of packages: the CUDA that they are built with, the kernels in them, the libraries they load."""

from collections.abc import Iterator
from typing import Any

from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers

Kernels = tuple[tuple[str, ...], tuple[str, ...]]
"""Compute capabilities of the cubins, and of the PTX."""


def minor(version: str) -> str:
    """Return ``2.9`` of ``2.9.1+cu128``."""
    return ".".join(map(str, numbers(version)[:2]))


def cuda_of(tag: str) -> str:
    """Return the CUDA minor of a build's tag: ``12.6`` of ``cu126``."""
    digits = tag.removeprefix("cu")
    return f"{digits[:-1]}.{digits[-1]}"


def newest(package: str) -> str:
    """Return the newest minor of ``torch``, ``tensorflow`` or ``onnxruntime`` that the tables know."""
    if package == "onnxruntime":
        return str(gpu_facts.table(package)["newest"])
    tables = {"torch": ("torch_builds", "torch_default"), "tensorflow": ("tensorflow",)}[package]
    known = (str(row[package]) for name in tables for row in gpu_facts.rows(name))
    return max(map(minor, known), key=numbers)


def is_newer(package: str, version: str) -> bool:
    """Whether a version is of a newer minor than the tables know."""
    return numbers(version)[:2] > numbers(newest(package))


def torch_default(version: str) -> str | None:
    """Return the CUDA (``12.8``) of torch's wheel without a local tag; an unlisted patch follows its minor's row."""
    row = _default(version)
    return minor(row["cuda"]) if row else None


def torch_builds() -> Iterator[tuple[str, str]]:
    """Yield each build of torch that the tables know: minor and tag, the newest torch and CUDA first."""
    for row in reversed(gpu_facts.rows("torch_builds")):
        for tag in reversed(row["tags"]):
            yield str(row["torch"]), str(tag)


def torch_pythons(torch: str) -> tuple[str, str | None]:
    """Return the first and the last Python minor that a torch minor has wheels for; ``None``: no last is known."""
    row = next(row for row in gpu_facts.rows("torch_builds") if row["torch"] == torch)
    return row["python"][0], row["python"][1]


def torch_libc(torch: str, tag: str) -> tuple[int, int] | None:
    """Return the glibc that a build's wheels for Linux need; ``None``: it is not said."""
    for row in gpu_facts.rows("torch_libc"):
        if numbers(torch) >= numbers(row["first"]) and row["tag"] in (None, tag):
            major, minor = numbers(row["libc"])
            return major, minor
    return None


def torch_kernels(version: str, cuda: str, machine: str) -> Kernels | None:
    """Return the kernels of a torch wheel, if they are known."""
    for row in _kernels(cuda, machine):
        if minor(version) in row["torch"]:
            return tuple(row["sm"]), tuple(row["ptx"])
    return None


def assumed_kernels(version: str, cuda: str, machine: str) -> tuple[str, Kernels] | None:
    """Return the newest torch minor whose kernels for that CUDA are known, with them, for a torch newer than all."""
    known = [(torch, row) for row in _kernels(cuda, machine) for torch in row["torch"]]
    if not known or not is_newer("torch", version):
        return None
    torch, row = max(known, key=lambda each: numbers(each[0]))
    return str(torch), (tuple(row["sm"]), tuple(row["ptx"]))


def torch_cudnn(version: str, cuda: str) -> str | None:
    """Return the cuDNN that a torch build is made with, if it is known."""
    for row in gpu_facts.rows("torch_cudnn"):
        if row["torch"] == minor(version) and row["cuda"] == cuda:
            return str(row["cudnn"])
    return None


def torch_nccl(version: str) -> str | None:
    """Return the NCCL that torch's wheel without a local tag asks for, if it is known."""
    row = _default(version)
    return row.get("nccl") if row else None


def tensorflow(version: str) -> tuple[str, str] | None:
    """Return the CUDA and cuDNN that a TensorFlow is built with; a newer one than the tables know as the newest."""
    wanted = newest("tensorflow") if is_newer("tensorflow", version) else minor(version)
    for row in gpu_facts.rows("tensorflow"):
        if row["tensorflow"] == wanted:
            return str(row["cuda"]), str(row["cudnn"])
    return None


def onnxruntime(version: str) -> tuple[str, str] | None:
    """Return the CUDA and cuDNN of ``onnxruntime-gpu`` on the public index, as far as they say: ``12``, ``9``."""
    known = (r for r in gpu_facts.rows("onnxruntime") if numbers(r["first"]) <= numbers(version))
    row = max(known, key=lambda each: numbers(each["first"]), default=None)
    return (str(row["cuda"]), str(row["cudnn"])) if row else None


def library(name: str, major: str) -> str | None:
    """Return the wheel that holds a library (``cuDNN``) for a CUDA major."""
    row = next(row for row in gpu_facts.rows("libraries") if row["library"] == name)
    return row.get(major)


def loads(package: str, version: str) -> dict[str, Any] | None:
    """Return the row that says which CUDA libraries a package loads, if it is known."""
    for row in gpu_facts.rows("loads"):
        if row["package"] == package and numbers(version) >= numbers(row.get("first", "0")):
            return row
    return None


def _default(version: str) -> dict[str, Any] | None:
    known = gpu_facts.rows("torch_default")
    return next((row for row in known if minor(row["torch"]) == minor(version)), None)


def _kernels(cuda: str, machine: str) -> Iterator[dict[str, Any]]:
    for row in gpu_facts.rows("torch_kernels"):
        if row["cuda"] == cuda and row["machine"] == machine:
            yield row
