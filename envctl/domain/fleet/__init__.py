"""Which profile can each recorded machine run? Pure: locks and records, without a GPU, an engine or a network."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from envctl.domain.contract import Contract
from envctl.domain.fleet.view import (
    Obstacle,
    Offer,
    View,
    accepts,
    place,
    python_on,
    pythons,
    uncovered,
    view,
)
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Record, Vendor
from envctl.domain.verdict import BADNESS, Verdict, VerdictKind, judge

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
    """

    profile: str | None
    gpu: bool
    kind: VerdictKind
    obstacles: tuple[Obstacle, ...]
    contract: Contract | None


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
    seen: dict[tuple[int, str, str, bool], View] = {}

    def seen_from(number: int, record: Record) -> View:
        offer = offers[number]
        musl = (record.libc or "").startswith("musl")
        key = (number, place(record), python_on(offer, record), musl)
        if key not in seen:
            seen[key] = view(offer, record)
        return seen[key]

    return tuple(
        _fit(
            record,
            offers,
            [_trial(offer, record, seen_from(n, record)) for n, offer in enumerate(offers)],
        )
        for record in records
    )


def _trial(offer: Offer, record: Record, found: View) -> Trial:
    manifest = offer.manifest
    named = (manifest.torch or "cpu") != "cpu"
    if manifest.profile and not offer.serves(record):
        found = View(contract=None, obstacles=(uncovered(record),))
    gpu = named or bool(found.contract and found.contract.accelerator != "cpu")
    verdicts = _verdicts(offer, record, found.contract) if found.contract else ()
    obstacles = (
        *found.obstacles,
        *(_obstacle(each, record) for each in verdicts if each.kind != "pass"),
    )
    if manifest.profile and gpu and found.contract and not _has_gpu(offer, record):
        obstacles = (*(o for o in obstacles if o.code != _NO_GPU.code), _NO_GPU)
    return Trial(
        profile=manifest.profile,
        gpu=gpu,
        kind=max((each.kind for each in obstacles), key=BADNESS.index, default="pass"),
        obstacles=obstacles,
        contract=found.contract,
    )


def _verdicts(offer: Offer, record: Record, contract: Contract) -> tuple[Verdict, ...]:
    need = offer.manifest.gpu
    found = judge(contract, record, required=need.required, count=need.count)
    return tuple(each for each in found if not (offer.any_libc and each.aspect == "libc"))


def _obstacle(verdict: Verdict, record: Record) -> Obstacle:
    return Obstacle(
        code=verdict.code,
        kind=verdict.kind,
        reason=verdict.reason,
        brief=_brief(verdict, record),
        expected=verdict.expected,
        actual=verdict.actual,
    )


def _brief(verdict: Verdict, record: Record) -> str:
    """Return an obstacle in a few words, for a sentence with many machines."""
    if verdict.aspect == "driver":
        driver, needed = record.driver or "", numbers(verdict.expected or "")
        major = driver.partition(".")[0]
        if verdict.code == "driver-too-new":
            return f"driver {major} is too new"
        return f"driver {driver if needed[:1] == numbers(driver)[:1] else major}"
    if verdict.aspect == "kernels":
        return f"no kernels for sm_{(verdict.actual or '?').replace('.', '')}"
    if verdict.aspect == "gpu":
        has, wanted = verdict.actual or "no GPU", verdict.expected
        return "no GPU" if has.startswith("0 ") else f"{has}, {wanted} needed"
    return verdict.actual or verdict.code


def _fit(record: Record, offers: Sequence[Offer], trials: Sequence[Trial]) -> Fit:
    newest = sorted((trial for trial in trials if trial.gpu), key=_age, reverse=True)
    with_gpu = [trial for kind in _RUNS for trial in newest if trial.kind == kind]
    others = [trial for trial in trials if not trial.gpu and trial.kind in _RUNS]
    chosen = next(iter((*with_gpu, *others)), None)
    could = any(
        trial.gpu and offer.serves(record) and _has_gpu(offer, record)
        for offer, trial in zip(offers, trials, strict=True)
    )
    return Fit(
        record=record,
        trials=tuple(trials),
        chosen=chosen,
        idle=chosen is not None and not chosen.gpu and could,
        python=_python(offers, trials, record, chosen),
    )


def _age(trial: Trial) -> tuple[int, ...]:
    return numbers((trial.contract and trial.contract.cuda) or "0")


def _has_gpu(offer: Offer, record: Record) -> bool:
    """Whether a machine has what a profile for GPUs is for: ``sync`` takes none of them without."""
    build = offer.manifest.torch or ""
    vendor = next((name for prefix, name in _VENDORS.items() if build.startswith(prefix)), "nvidia")
    own = any(gpu.vendor == vendor for gpu in record.gpus)
    return own and (vendor != "nvidia" or record.driver is not None)


def _python(
    offers: Sequence[Offer], trials: Sequence[Trial], record: Record, chosen: Trial | None
) -> str | None:
    """Return the Pythons of what runs there, where the one that took the record is none of them."""
    for offer, trial in zip(offers, trials, strict=True):
        if trial is chosen and not accepts(offer, record.python.version):
            return pythons(offer)
    return None
