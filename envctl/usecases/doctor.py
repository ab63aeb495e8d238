"""What is wrong with this machine or project, and what mends each; changes nothing and needs no network."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from envctl.domain.diagnosis import Diagnosis, State
from envctl.domain.fleet.view import Offer, oldest_python
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.lock import Lock
from envctl.domain.lock.contract import derived_contract
from envctl.domain.manifest import Manifest
from envctl.domain.profile import variants
from envctl.domain.record import Record
from envctl.domain.verdict import BADNESS, Verdict, judge, worst
from envctl.domain.verdict.remedies import remedy
from envctl.domain.verdict.sentences import ANSWER
from envctl.errors import EnvctlError, ProjectError
from envctl.ports import Project
from envctl.usecases import load
from envctl.usecases.choice import contract_here


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """What is looked at, each asked only when a check needs it; ``project`` raises ``ProjectError`` outside of one."""

    project: Callable[[], Project]
    record: Callable[[], Record]


def doctor(patient: Patient) -> tuple[Diagnosis, ...]:
    """Make every check; one that cannot be made is a failure that says why."""
    found: list[Diagnosis] = []
    for name, check in CHECKS.items():
        try:
            found += check(patient)
        except EnvctlError as error:
            where = f" ({error.where})" if error.where else ""
            found.append(
                Diagnosis(
                    check=name, state="fail", message=f"{error.message}{where}", mend=error.hint
                )
            )
    return tuple(found)


_Locked = tuple[Manifest, Lock]


def _locks(patient: Patient) -> tuple[_Locked, ...] | None:
    """Return the project's locks, of each profile; ``None``: this is no project."""
    try:
        project = patient.project()
    except ProjectError:
        return None
    every = variants(load.manifest(project))
    found = ((each, load.lock(project, each.lock_name)) for each in every)
    return tuple((each, lock) for each, lock in found if lock is not None)


def _tables(patient: Patient) -> Iterator[Diagnosis]:
    """Compare the tables' age with the releases that the locks hold."""
    name, known = "gpu-tables", f"the GPU tables are as of {gpu_facts.date()}"
    locks = _locks(patient)
    assumed = dict.fromkeys(
        sentence for _, lock in locks or () for sentence in derived_contract(lock).assumed
    )
    for sentence in assumed:
        mend = "update envctl; until then that is assumed"
        yield Diagnosis(check=name, state="warn", message=sentence, mend=mend)
    if not assumed:
        more = " and know every release that the locks hold" if locks else ""
        yield Diagnosis(check=name, state="ok", message=known + more)


def _gpu(patient: Patient) -> Iterator[Diagnosis]:
    """Look at the GPU stack of this machine, and whether the project's locks run on it."""
    record = patient.record()
    yield _stack(record)
    locks = _locks(patient)
    judged = [_judged(manifest, lock, record) for manifest, lock in locks or ()]
    if not judged:
        return
    if used := _in_use(patient, judged):
        judged = [used]
    best = min(judged, key=lambda each: BADNESS.index(each.kind))
    if best.kind == "fail":
        yield from (_refused(each) for each in judged)
    else:
        reason = best.reason or "nothing in the lock asks for a GPU"
        state: State = "ok" if best.kind == "pass" else "warn"
        yield Diagnosis(
            check="gpu",
            state=state,
            message=f"{best.name} runs here ({best.kind}): {reason}",
            mend=best.mend,
        )


def _in_use(patient: Patient, judged: list["_Judged"]) -> "_Judged | None":
    """Return the profile that this machine uses (``sync`` keeps it): that another one runs here helps nobody."""
    chosen = load.local(patient.project()).profile
    return next((each for each in judged if chosen and each.profile == chosen), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judged:
    name: str
    profile: str | None
    kind: str
    reason: str
    mend: str | None


def _judged(manifest: Manifest, lock: Lock, record: Record) -> _Judged:
    (contract, torch), need = contract_here(manifest, lock, record), manifest.gpu
    found = judge(contract, record, required=need.required, count=need.count)
    way = remedy(
        contract,
        record,
        torch=torch,
        required=need.required,
        count=need.count,
        python=oldest_python(Offer(manifest=manifest, lock=lock)),
    )
    kind = worst(found)
    return _Judged(
        name=manifest.lock_name,
        profile=manifest.profile,
        kind=kind,
        reason=_reason(found, kind),
        mend=way.text or None,
    )


def _reason(found: tuple[Verdict, ...], kind: str) -> str:
    """Return the reasons that decide; of a pass the driver's, which says most."""
    reasons = [each.reason for each in found if each.kind == kind]
    if kind == "pass":
        reasons = [each.reason for each in found if each.aspect in ("gpu", "driver")][-1:]
    return "; ".join(dict.fromkeys(reasons))


def _refused(each: _Judged) -> Diagnosis:
    return Diagnosis(
        check="gpu",
        state="fail",
        message=f"{each.name} does not run here: {each.reason}",
        mend=each.mend,
    )


def _stack(record: Record) -> Diagnosis:
    if record.gpu_problem:
        return Diagnosis(check="gpu", state="fail", message=record.gpu_problem, mend=ANSWER)
    names = Counter(gpu.name for gpu in record.gpus)
    if not names:
        return Diagnosis(check="gpu", state="ok", message="there is no GPU here")
    level = f", which speaks CUDA {record.cuda_level}" if record.cuda_level else ""
    driver = f" with driver {record.driver}{level}" if record.driver else ""
    message = ", ".join(f"{number} of {name}" for name, number in names.items()) + driver
    return Diagnosis(check="gpu", state="ok", message=message)


CHECKS: Mapping[str, Callable[[Patient], Iterator[Diagnosis]]] = {
    "gpu-tables": _tables,
    "gpu": _gpu,
}
"""Every check by its name, in the order in which they are shown."""
