"""Has the lock kernels for this card? By the list of them where it is known, else by what its CUDA can make.

NVIDIA's own libraries have kernels for every architecture that their toolkit knows, and jax and CuPy compile theirs
with it: there the toolkit's range is the answer. A build of torch has fewer, so that without its list nothing is sure.
"""

from envctl.domain.contract import Contract
from envctl.domain.gpu import cards as gpu_cards
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Gpu
from envctl.domain.verdict.words import Verdict, VerdictCode, VerdictKind

_CODES: dict[VerdictKind, VerdictCode] = {
    "pass": "ok",
    "pass-limited": "kernels-unknown",
    "pass-forward": "driver-forward",
    "fail": "no-kernel-for-gpu",
}


def judge_kernels(contract: Contract, gpu: Gpu, *, compiles: VerdictKind | None) -> Verdict:
    """Judge one GPU model; ``compiles``: the verdict on the driver for kernels that are made from PTX at run time."""
    capability = gpu.compute_capability
    if capability is None or not numbers(capability):
        reason = f"the compute capability of {gpu.name} is not known: whether there are kernels for it is not judged"
        return _said("pass-limited", gpu, reason, None)
    who = f"{gpu.name} (compute capability {capability})"
    if contract.compute_capabilities or contract.ptx:
        found = _by_list(contract, gpu, who, numbers(capability), compiles)
    else:
        found = _by_toolkit(contract, gpu, who, gpu_cards.first_toolkit(capability))
    if found.kind != "fail" and gpu_cards.outlived(capability, contract.cuda or ""):
        last = gpu_cards.last_toolkit(capability)
        reason = f"CUDA {contract.cuda} has no kernels for {who} any more: the last that has is CUDA {last}"
        return _said("fail", gpu, reason, f"CUDA {last} or older")
    return found


def _by_list(
    contract: Contract,
    gpu: Gpu,
    who: str,
    device: gpu_facts.Numbers,
    compiles: VerdictKind | None,
) -> Verdict:
    """Judge by the list: a cubin runs on its own major and an equal or higher minor; PTX must be compiled."""
    built = " ".join(contract.compute_capabilities + tuple(f"{p}+PTX" for p in contract.ptx))
    expected = f"one of {built}"
    cubins = [numbers(cubin) for cubin in contract.compute_capabilities]
    if any(cubin[:1] == device[:1] and cubin <= device for cubin in cubins):
        return _said("pass", gpu, f"there are kernels for {who}", expected)
    if any(numbers(ptx) <= device for ptx in contract.ptx):
        if compiles:
            reason = f"kernels for {who} are compiled at run time from PTX"
            return _said(compiles, gpu, reason, expected)
        reason = f"for {who} there is only PTX, which this driver cannot compile: it is too old"
        return _said("fail", gpu, reason, expected)
    return _said("fail", gpu, f"no kernels for {who}: the wheels have {built}", expected)


def _by_toolkit(contract: Contract, gpu: Gpu, who: str, first: str | None) -> Verdict:
    """Judge by the CUDA: a kernel for an architecture can only exist from the first toolkit on that knows it."""
    cuda = contract.cuda or ""
    if first is None or not numbers(cuda):
        return _said("pass-limited", gpu, f"which CUDA has kernels for {who} is not known", None)
    own, least = numbers(cuda)[:2], numbers(first)
    expected = f"CUDA {first} or newer"
    if own < least[: len(own)]:
        reason = f"CUDA {cuda} has no kernels for {who}: the first that has is CUDA {first}"
        return _said("fail", gpu, reason, expected)
    if own < least:  # only the major is known
        reason = (
            f"there are kernels for {who} from CUDA {first} on: "
            f"which CUDA {cuda} it is the lock does not say"
        )
        return _said("pass-limited", gpu, reason, expected)
    if contract.unknown_kernels:
        reason = (
            f"whether {' and '.join(contract.unknown_kernels)} has kernels for {who} is not known "
            f"(tables as of {gpu_facts.date()}): CUDA {cuda} can make them"
        )
        return _said("pass-limited", gpu, reason, expected)
    return _said("pass", gpu, f"CUDA {cuda} makes kernels for {who}", expected)


def _said(kind: VerdictKind, gpu: Gpu, reason: str, expected: str | None) -> Verdict:
    return Verdict(
        aspect="kernels",
        kind=kind,
        code=_CODES[kind],
        reason=reason,
        subject=gpu.name,
        expected=expected,
        actual=gpu.compute_capability,
    )
