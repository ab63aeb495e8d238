"""The GPUs and their drivers: NVIDIA's by NVML, or else ``nvidia-smi``, or else the kernel's files; others' by files.

No driver is an answer, and a quick one. Whatever is asked is asked under a time limit: a broken driver hangs.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from envctl.adapters.nvidia import places
from envctl.adapters.nvidia.asking import Deadline
from envctl.adapters.probes.gpu import amd, intel, nvidia_files, nvidia_smi, nvml
from envctl.adapters.probes.gpu.answer import Answer, Silence
from envctl.ports import Runner

NAME = "gpu"
LIMIT_S = 15.0  # a machine of eight GPUs without persistence mode wakes them one after the other


def probe(*, run: Runner, sysroot: Path, limit: float = LIMIT_S) -> Mapping[str, Any]:
    """Return ``gpus``, what is known of NVIDIA's driver, which has ``limit`` seconds to say it, and ``rocm``."""
    nvidia = _nvidia(run, sysroot, Deadline(limit))
    others = amd.devices(sysroot) + intel.devices(sysroot)
    compat = nvidia_files.compat(sysroot) if nvidia.driver else None
    return {**nvidia.fields(others), "cuda_compat": compat, "rocm": amd.rocm(sysroot)}


def _nvidia(run: Runner, sysroot: Path, deadline: Deadline) -> Answer:
    kernel = nvidia_files.look(sysroot)
    silences: list[Silence] = []
    if (library := places.library(sysroot)) is not None:
        found = nvml.look(run, sysroot, library, deadline)
        if isinstance(found, Answer):
            return _completed(found, kernel)
        silences.append(found)
    program = places.program(sysroot)
    # nvidia-smi asks NVML itself: no second wait for a driver that blocks
    if program is not None and not any(silence.waited for silence in silences):
        found = nvidia_smi.look(run, sysroot, program, deadline)
        if isinstance(found, Answer):
            return _completed(found, kernel)
        silences.append(found)
    return _from_files(sysroot, kernel, silences)


def _completed(answer: Answer, kernel: Answer | None) -> Answer:
    """Add what only the kernel said, and make a sentence of the problem."""
    driver = answer.driver or (kernel.driver if kernel else None)
    return replace(answer, driver=driver, problem=_sentence(answer.problem))


def _from_files(sysroot: Path, kernel: Answer | None, silences: list[Silence]) -> Answer:
    problems = [silence.problem for silence in silences if silence.problem]
    if kernel is not None and not problems:
        problems.append("is loaded, but neither NVML nor nvidia-smi is here to ask it")
    problem = _sentence("; ".join(problems))
    if kernel is None:
        problem = problem or nvidia_files.without_driver(sysroot)
    level = next((silence.cuda_level for silence in silences if silence.cuda_level), None)
    return replace(kernel or Answer(source="none"), cuda_level=level, problem=problem)


def _sentence(problem: str | None) -> str | None:
    return f"the NVIDIA driver {problem}" if problem else None
