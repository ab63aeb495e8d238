"""NVIDIA's devices as NVML tells of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from envctl.adapters.nvidia.asking import Deadline, Ending, Heard, ask
from envctl.adapters.nvidia.places import environ
from envctl.adapters.probes.gpu import cleaned
from envctl.adapters.probes.gpu.answer import Answer, Silence
from envctl.domain.record import Gpu
from envctl.ports import Runner

_QUESTION = Path(__file__).with_name("nvml_parts.py")
_NAMED = 4  # problems that one sentence names


def look(run: Runner, sysroot: Path, library: Path, deadline: Deadline) -> Answer | Silence:
    """Ask NVML, whose library is in the folder ``library``."""
    heard = ask(run, _QUESTION, env=environ(sysroot, library), deadline=deadline)
    head = heard.parts[0] if heard.parts else {}
    if not head or "problem" in head:
        return _silence(heard.ended, head, library, deadline)
    devices = heard.parts[1:]
    gpus, problems = _gpus(devices)
    problems = [*_unfinished(heard, head, len(devices), deadline), *problems]
    level = cleaned.version(head.get("cuda_level"))
    problem = f"answers in part: {'; '.join(_few(problems))}" if problems else None
    if heard.ended != "done" and not gpus:
        return Silence(problem=problem, waited=heard.ended == "silent", cuda_level=level)
    driver = cleaned.version(head.get("driver"))
    return Answer(source="nvml", driver=driver, cuda_level=level, gpus=gpus, problem=problem)


def _silence(ended: Ending, head: Mapping[str, Any], library: Path, deadline: Deadline) -> Silence:
    if ended == "unasked":
        return Silence(problem="was not asked: no second Python could be started")
    if head.get("absent"):
        there = library != Path()  # the loader's cache may be older than the last removal
        return Silence(problem="has a library for NVML that does not load" if there else None)
    why = cleaned.words(head.get("problem")) or deadline.how(ended)
    return Silence(problem=f"does not answer: NVML: {why}", waited=ended == "silent")


def _gpus(devices: Sequence[Mapping[str, Any]]) -> tuple[tuple[Gpu, ...], list[str]]:
    gpus: list[Gpu] = []
    problems: list[str] = []
    hidden = 0
    for said in devices:
        if said.get("hidden"):
            hidden += 1
        elif why := cleaned.words(said.get("problem")):
            problems.append(f"GPU {said['index']}: {why}")
        else:
            gpus.append(cleaned.gpu(said))
    if hidden and not gpus:
        problems.append(f"{hidden} GPU{'s are' if hidden > 1 else ' is'} not this user's to see")
    return tuple(gpus), problems + list(_doubled(gpus))


def _few(problems: Sequence[str]) -> Sequence[str]:
    more = len(problems) - _NAMED
    return problems if more <= 0 else [*problems[:_NAMED], f"and {more} more"]


def _doubled(gpus: Sequence[Gpu]) -> Iterator[str]:
    first: dict[str, int] = {}
    for gpu in gpus:
        if gpu.uuid and first.setdefault(gpu.uuid, gpu.index) != gpu.index:
            yield f"GPU {gpu.index} has the UUID of GPU {first[gpu.uuid]}"


def _unfinished(
    heard: Heard, head: Mapping[str, Any], told: int, deadline: Deadline
) -> Iterator[str]:
    count = head.get("count")
    if count is None:
        yield "NVML does not tell how many GPUs there are"
    elif heard.ended != "done":
        yield f"GPU {told}: {deadline.how(heard.ended)}"
    elif count > told:
        yield f"NVML says that there are {count} GPUs"
