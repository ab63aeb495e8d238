"""One sentence for the whole fleet: what the lock needs, which machines do not have it, and what would do."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from packaging.version import Version

from envctl.domain.fleet import Fit, Trial
from envctl.domain.fleet.view import Offer, oldest_python, torch_of
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers
from envctl.domain.manifest import GpuNeed
from envctl.domain.record import Record
from envctl.domain.verdict.driver import own_numbers
from envctl.domain.verdict.newest import newest_for
from envctl.domain.verdict.remedies import remedy

_SHOWN = 6
_KINDS = 12  # machines of different kinds to be compared in pairs
AT_THE_GPU = {"driver-too-old", "driver-too-new", "no-kernel-for-gpu"}
"""The codes that another build of torch may mend."""


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
    codes = {o.code for _, trial, _ in asked for o in trial.obstacles}
    if not asked or not (AT_THE_GPU & codes or fit.record.unanswering):
        return None
    offer, trial, contract = min(asked, key=lambda each: numbers(each[2].cuda or "0"))
    need = offer.manifest.gpu
    found = remedy(
        contract,
        fit.record,
        torch=trial.torch,
        required=need.required,
        count=need.count,
        python=oldest_python(offer),
    )
    return found.text or None


def _newest(offers: Sequence[Offer], fits: Sequence[Fit], failing: Sequence[Fit]) -> str:
    """Say which torch would run everywhere, where it is torch that fails somewhere.

    Machines that fail by something else, too, run no torch: where there are any, it is said of the others.
    """
    hopeless = {fit.name for fit in failing if not _failures(fit) <= AT_THE_GPU}
    helped = [fit for fit in failing if fit.name not in hopeless]
    if not helped or not any(torch_of(offer.lock) for offer in offers):
        return ""
    records = [fit.record for fit in fits if fit.name not in hopeless]
    machines = {record.architecture for record in records}
    machine = "x86_64" if "x86_64" in machines else min(machines)
    need = next((o.manifest.gpu for o in offers if o.manifest.torch != "cpu"), GpuNeed())
    python = oldest_python(offers[0])

    def newest(these: Sequence[Record], for_machine: str) -> str | None:
        found = newest_for(
            these, machine=for_machine, python=python, required=need.required, count=need.count
        )
        return f"torch {found.torch} with {found.build}" if found else None

    if build := newest(records, machine):
        return f"; newest that runs on {'the others' if hopeless else 'all'}: {build}"
    of = f" for Python {python}" if python else ""
    opposed = _opposed(records, newest)
    return f"; no build of torch{of} runs on {opposed} (tables as of {gpu_facts.date()})"


def _failures(fit: Fit) -> set[str]:
    return {o.code for trial in fit.trials for o in trial.obstacles if o.kind == "fail"}


def _opposed(
    records: Sequence[Record], newest: Callable[[Sequence[Record], str], str | None]
) -> str:
    """Name the machines that no build serves, or else two that no build serves together."""
    alone = [r.name or "?" for r in records if newest([r], r.architecture) is None]
    if alone:
        return joined(few(alone))
    kinds = {(r.driver, r.architecture, _cards(r)): r for r in reversed(records)}
    pairs = combinations(list(kinds.values())[::-1][:_KINDS], 2)
    for pair in pairs:
        if newest(pair, pair[0].architecture) is None:
            return f"both {joined([r.name or '?' for r in pair])}"
    return "all of them"


def _cards(record: Record) -> tuple[str | None, ...]:
    return tuple(sorted({gpu.compute_capability or "" for gpu in record.gpus}))


def named(fits: Sequence[Fit]) -> str:
    """Return the machines, each with what stands against it in a few words: "a (driver 535) and b (driver 470)"."""
    return joined(few([f"{fit.name} ({_briefly(fit)})" for fit in fits[: _SHOWN + 1]], len(fits)))


def few(texts: Sequence[str], number: int | None = None) -> list[str]:
    """Return the first texts, and how many more there are; ``number``: of all, where they are not all here."""
    more = (len(texts) if number is None else number) - _SHOWN
    return [*texts[:_SHOWN], f"{more} more"] if more > 0 else list(texts)


def _briefly(fit: Fit) -> str:
    """Say it once where one lock fails, and by profile where several do."""
    tried = [trial for trial in fit.trials if trial.kind == "fail"]
    if not tried:
        return "driver does not answer"
    by_words: dict[str, list[str]] = {}
    for trial in tried:
        words = ", ".join(_unique(o.brief for o in trial.obstacles if o.kind == "fail"))
        by_words.setdefault(words, []).append(trial.label)
    if len(by_words) == 1:
        return next(iter(by_words))
    return "; ".join(f"{'/'.join(profiles)}: {words}" for words, profiles in by_words.items())


def _head(offer: Offer, failing: Sequence[Fit]) -> str:
    trials = [trial for fit in failing for trial in fit.trials if trial.kind == "fail"]
    subject = _subject(offer, trials)
    codes = {o.code: o.expected for trial in trials for o in trial.obstacles if o.kind == "fail"}
    if "driver-too-old" in codes and (needed := _driver_for(failing)):
        return f"{subject} needs {needed}"
    if codes.keys() == {"no-kernel-for-gpu"}:
        return f"{subject} does not have kernels for every GPU"
    if codes.keys() == {"gpu-missing"}:
        return f"{subject} needs {codes['gpu-missing'] or 'a GPU'}"
    if codes.keys() == {"libc-too-old"}:
        return f"{subject} needs {codes['libc-too-old']}"
    return f"{subject} does not run everywhere"


def _driver_for(failing: Sequence[Fit]) -> str | None:
    """Return "driver ≥ 580"; where the driver's numbers are not Linux's (WSL, Jetson), the CUDA that it must speak."""
    old = [
        (fit, trial.contract)
        for fit in failing
        for trial in fit.trials
        if trial.contract and any(o.code == "driver-too-old" for o in trial.obstacles)
    ]
    floors = [c.driver_limited for f, c in old if c.driver_limited and not own_numbers(f.record)]
    floor = f"driver ≥ {max(floors, key=numbers)}" if floors else None
    spoken = [contract.cuda for fit, contract in old if contract.cuda and own_numbers(fit.record)]
    if not spoken:
        return floor
    cuda = f"a driver for CUDA {max(spoken, key=numbers)}"
    return f"{cuda} ({floor})" if floor else cuda


def _subject(offer: Offer, trials: Sequence[Trial]) -> str:
    cuda = next((t.contract.cuda for t in trials if t.contract and t.contract.cuda), None)
    failed = [t.torch for t in trials if t.torch and t.contract and t.contract.cuda]
    if failed and torch_of(offer.lock) is not None:
        return f"torch {short(max(failed, key=Version))}"
    return f"CUDA {cuda}" if cuda else "the lock"


def short(version: str) -> str:
    """Return torch's version by its minor, which the tables go by: ``2.11``, ``2.11+cu130``."""
    found = Version(version)
    return f"{found.major}.{found.minor}" + (f"+{found.local}" if found.local else "")


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def joined(texts: Sequence[str]) -> str:
    """Return "a, b and c"."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
