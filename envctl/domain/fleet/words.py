"""One sentence for the whole fleet: what the lock needs, which machines do not have it, and what would do."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from packaging.version import Version

from envctl.domain.fleet import Fit, Trial
from envctl.domain.fleet.view import Offer, torch_of
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Record
from envctl.domain.verdict.remedies import newest_for, remedy

_SHOWN = 6
_KINDS = 12  # machines of different kinds to be compared in pairs
_AT_THE_GPU = {"driver-too-old", "driver-too-new", "no-kernel-for-gpu"}


def refusal(offers: Sequence[Offer], fits: Sequence[Fit]) -> str | None:
    """Return "torch 2.11 needs driver ≥ 580: fails on lab-v100 (driver 535) and …"; ``None``: it runs everywhere."""
    failing = [fit for fit in fits if fit.chosen is None]
    if not failing:
        return None
    machines = named(failing)
    newest = _newest(offers, fits, failing)
    if any(offer.manifest.profile for offer in offers):
        return f"no profile runs on {machines}{newest}"
    return f"{_head(offers[0], failing)}: fails on {machines}{newest}"


def advice(offers: Sequence[Offer], fit: Fit) -> str | None:
    """Return what would do for one machine that has a GPU: a driver, a build, or why nothing does."""
    tried = [(o, t) for o in offers for t in fit.trials if t.profile == o.manifest.profile]
    asked = [(o, t, t.contract) for o, t in tried if t.kind == "fail" and t.contract and t.gpu]
    if not asked or not _AT_THE_GPU & {o.code for _, trial, _ in asked for o in trial.obstacles}:
        return None
    offer, _, contract = min(asked, key=lambda each: numbers(each[2].cuda or "0"))
    need = offer.manifest.gpu
    found = remedy(
        contract,
        fit.record,
        torch=torch_of(offer.lock),
        required=need.required,
        count=need.count,
    )
    return found.text or None


def _newest(offers: Sequence[Offer], fits: Sequence[Fit], failing: Sequence[Fit]) -> str:
    """Say which torch would run everywhere, where it is torch that fails somewhere."""
    codes = {o.code for fit in failing for trial in fit.trials for o in trial.obstacles}
    if not _AT_THE_GPU & codes or not any(torch_of(offer.lock) for offer in offers):
        return ""
    records = [fit.record for fit in fits]
    machines = {record.architecture for record in records}
    machine = "x86_64" if "x86_64" in machines else min(machines)
    build = newest_for(records, machine=machine, python=offers[0].manifest.python)
    if build is not None:
        return f"; newest that runs on all: torch {build.torch} with {build.build}"
    return f"; no build of torch runs on {_opposed(records)} (tables as of {gpu_facts.date()})"


def _opposed(records: Sequence[Record]) -> str:
    """Name the machines that no build serves, or else two that no build serves together."""
    alone = [r.name or "?" for r in records if newest_for([r], machine=r.architecture) is None]
    if alone:
        return joined(alone)
    kinds = {(r.driver, r.architecture, _cards(r)): r for r in reversed(records)}
    pairs = combinations(list(kinds.values())[::-1][:_KINDS], 2)
    for pair in pairs:
        if newest_for(pair, machine=pair[0].architecture) is None:
            return f"both {joined([r.name or '?' for r in pair])}"
    return "all of them"


def _cards(record: Record) -> tuple[str | None, ...]:
    return tuple(sorted({gpu.compute_capability or "" for gpu in record.gpus}))


def named(fits: Sequence[Fit]) -> str:
    """Return the machines, each with what stands against it in a few words: "a (driver 535) and b (driver 470)"."""
    each = [f"{fit.name} ({_briefly(fit)})" for fit in fits[:_SHOWN]]
    if len(fits) > _SHOWN:
        each.append(f"{len(fits) - _SHOWN} more")
    return joined(each)


def _briefly(fit: Fit) -> str:
    """Say it once where one lock fails, and by profile where several do."""
    tried = [trial for trial in fit.trials if trial.kind == "fail"]
    by_words: dict[str, list[str]] = {}
    for trial in tried:
        words = ", ".join(_unique(o.brief for o in trial.obstacles if o.kind == "fail"))
        by_words.setdefault(words, []).append(trial.profile or "")
    if len(by_words) == 1:
        return next(iter(by_words))
    return "; ".join(f"{'/'.join(profiles)}: {words}" for words, profiles in by_words.items())


def _head(offer: Offer, failing: Sequence[Fit]) -> str:
    trials = [trial for fit in failing for trial in fit.trials if trial.kind == "fail"]
    subject = _subject(offer, trials)
    codes = {o.code: o.expected for trial in trials for o in trial.obstacles if o.kind == "fail"}
    if "driver-too-old" in codes and (floor := _floor(trials)):
        return f"{subject} needs driver ≥ {floor}"
    if codes.keys() == {"no-kernel-for-gpu"}:
        return f"{subject} does not have kernels for every GPU"
    if codes.keys() == {"gpu-missing"}:
        return f"{subject} needs {codes['gpu-missing'] or 'a GPU'}"
    if codes.keys() == {"libc-too-old"}:
        return f"{subject} needs {codes['libc-too-old']}"
    return f"{subject} does not run everywhere"


def _subject(offer: Offer, trials: Iterable[Trial]) -> str:
    cuda = next((t.contract.cuda for t in trials if t.contract and t.contract.cuda), None)
    version = torch_of(offer.lock)
    if version is not None and cuda is not None:
        return f"torch {short(version)}"
    return f"CUDA {cuda}" if cuda else "the lock"


def short(version: str) -> str:
    """Return torch's version by its minor, which the tables go by: ``2.11``, ``2.11+cu130``."""
    found = Version(version)
    return f"{found.major}.{found.minor}" + (f"+{found.local}" if found.local else "")


def _floor(trials: Iterable[Trial]) -> str | None:
    floors = [t.contract.driver_limited for t in trials if t.contract and t.contract.driver_limited]
    return max(floors, key=numbers) if floors else None


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def joined(texts: Sequence[str]) -> str:
    """Return "a, b and c"."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
