"""Which profile can each recorded machine run? Pure: locks and records, without a GPU, an engine or a network.

Where extras bring different builds (``envctl.domain.fleet.ways``), each way is tried as if it were a profile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from envctl.domain.contract import Contract
from envctl.domain.finding.codes import Code
from envctl.domain.fleet.view import (
    Obstacle,
    Offer,
    View,
    accepts,
    place,
    python_on,
    pythons,
    uncovered,
    views,
)
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Record, Vendor
from envctl.domain.verdict import BADNESS, Verdict, VerdictKind, judge
from envctl.domain.verdict.driver import level_on, own_numbers

_VENDORS: dict[str, Vendor] = {"rocm": "amd", "xpu": "intel"}
_NO_GPU = Obstacle(
    code="gpu-missing",
    kind="fail",
    reason="the profile is for GPUs, and there is none that it could use",
    brief="no GPU",
)
"""Why ``sync`` does not take a profile that nothing else stands against."""
_RUNS: tuple[VerdictKind, ...] = ("pass", "pass-limited", "pass-forward")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One lock on one machine: the verdict, and whatever is less than a pass.

    ``gpu``: it is for a GPU, and would use one. ``contract``: what it needs there, ``None`` where it has nothing.
    ``way`` and ``torch`` as for ``View``.
    """

    profile: str | None
    gpu: bool
    kind: VerdictKind
    obstacles: tuple[Obstacle, ...]
    contract: Contract | None
    way: str = ""
    torch: str | None = None

    @property
    def label(self) -> str:
        """The profile and the extra, as far as there are any."""
        return ", ".join(filter(None, (self.profile, self.way)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """What a machine gets: ``chosen`` is what ``sync`` would take there, ``None`` where nothing runs.

    ``trials``: all that were tried. ``idle``: it has GPUs that a profile is made for, and can use none of them.
    ``python``: the lock's Pythons, where the one that took the record is none of them.
    """

    record: Record
    trials: tuple[Trial, ...]
    chosen: Trial | None
    idle: bool = False
    python: str | None = None

    @property
    def name(self) -> str:
        """The machine's."""
        return self.record.name or "?"


def fits(offers: Sequence[Offer], records: Iterable[Record]) -> tuple[Fit, ...]:
    """Try each lock on each machine, and choose as ``sync`` does (see ``envctl.usecases.choice``)."""
    seen: dict[tuple[int, str, str, bool], tuple[View, ...]] = {}

    def seen_from(number: int, record: Record) -> tuple[View, ...]:
        offer = offers[number]
        musl = (record.libc or "").startswith("musl")
        key = (number, place(record), python_on(offer, record), musl)
        if key not in seen:
            seen[key] = views(offer, record)
        return seen[key]

    return tuple(
        _fit(
            record,
            offers,
            [
                _trial(offer, record, each)
                for n, offer in enumerate(offers)
                for each in seen_from(n, record)
            ],
        )
        for record in records
    )


def seen_here(offer: Offer, record: Record) -> Trial:
    """Return what one lock comes to on one machine, in the way that runs best there."""
    [fit] = fits([offer], [record])
    return fit.chosen or min(fit.trials, key=lambda each: BADNESS.index(each.kind))


def _trial(offer: Offer, record: Record, found: View) -> Trial:
    manifest = offer.manifest
    named = (manifest.torch or "cpu") != "cpu"
    if manifest.profile and not offer.serves(record):
        found = View(contract=None, obstacles=(uncovered(record),))
    gpu = named or bool(found.contract and found.contract.accelerator != "cpu")
    verdicts = _verdicts(offer, record, found.contract) if found.contract else ()
    obstacles = (
        *found.obstacles,
        *(
            _obstacle(each.code, each, record)
            for each in verdicts
            if each.kind != "pass" and each.code != "ok"
        ),
    )
    if manifest.profile and gpu and found.contract and not _has_gpu(offer, record):
        obstacles = (*(o for o in obstacles if o.code != _NO_GPU.code), _NO_GPU)
    return Trial(
        profile=manifest.profile,
        gpu=gpu,
        kind=max((each.kind for each in obstacles), key=BADNESS.index, default="pass"),
        obstacles=obstacles,
        contract=found.contract,
        way=found.way,
        torch=found.torch,
    )


def _verdicts(offer: Offer, record: Record, contract: Contract) -> tuple[Verdict, ...]:
    need = offer.manifest.gpu
    found = judge(contract, record, required=need.required, count=need.count)
    return tuple(each for each in found if not (offer.any_libc and each.aspect == "libc"))


def _obstacle(code: Code, verdict: Verdict, record: Record) -> Obstacle:
    return Obstacle(
        code=code,
        kind=verdict.kind,
        reason=verdict.reason,
        brief=_brief(verdict, record),
        expected=verdict.expected,
        actual=verdict.actual,
    )


_WORDS = {
    "driver-too-new": "driver {major} is too new",
    "kernels-unknown": "kernels not known",
    "gpu-unused": "driver does not answer",
}


def _brief(verdict: Verdict, record: Record) -> str:
    """Return an obstacle in a few words, for a sentence with many machines."""
    driver = record.driver or ""
    major = driver.partition(".")[0]
    if words := _WORDS.get(verdict.code):
        return words.format(major=major)
    if verdict.aspect == "driver":
        if own_numbers(record) and (level := level_on(record)):
            return f"CUDA {level}"
        needed = numbers(verdict.expected or "")
        return f"driver {driver if needed[:1] == numbers(driver)[:1] else major}"
    if verdict.aspect == "kernels":
        return f"no kernels for sm_{(verdict.actual or '?').replace('.', '')}"
    if verdict.aspect == "gpu":
        has, wanted = verdict.actual or "no GPU", verdict.expected
        none = "driver does not answer" if record.unanswering else "no GPU"
        return none if has.startswith("0 ") else f"{has}, {wanted} needed"
    return verdict.actual or verdict.code


def _fit(record: Record, offers: Sequence[Offer], trials: Sequence[Trial]) -> Fit:
    newest = sorted((trial for trial in trials if trial.gpu), key=_age, reverse=True)
    with_gpu = [trial for kind in _RUNS for trial in newest if trial.kind == kind]
    others = [trial for trial in trials if not trial.gpu and trial.kind in _RUNS]
    chosen = next(iter((*with_gpu, *others)), None)
    could = any(
        offer.serves(record)
        and _has_gpu(offer, record, answering=False)
        and any(trial.gpu and trial.profile == offer.manifest.profile for trial in trials)
        for offer in offers
    )
    return Fit(
        record=record,
        trials=tuple(trials),
        chosen=chosen,
        idle=chosen is not None and not chosen.gpu and could,
        python=_python(offers, record, chosen),
    )


def _age(trial: Trial) -> tuple[int, ...]:
    return numbers((trial.contract and trial.contract.cuda) or "0")


def _has_gpu(offer: Offer, record: Record, *, answering: bool = True) -> bool:
    """Whether a machine has what a profile for GPUs is for: ``sync`` takes none of them without.

    ``answering``: NVIDIA's driver, too, must answer.
    """
    build = offer.manifest.torch or ""
    vendor = next((name for prefix, name in _VENDORS.items() if build.startswith(prefix)), "nvidia")
    if vendor == "nvidia":
        return bool(record.usable_gpus if answering else record.driver and record.nvidia_gpus)
    return any(gpu.vendor == vendor for gpu in record.gpus)


def _python(offers: Sequence[Offer], record: Record, chosen: Trial | None) -> str | None:
    """Return the Pythons of what runs there, where the one that took the record is none of them."""
    for offer in offers:
        same = chosen is not None and chosen.profile == offer.manifest.profile
        if same and not accepts(offer, record.python.version):
            return pythons(offer)
    return None
