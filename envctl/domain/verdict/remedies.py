"""What would make a lock run on a machine: another driver, another build of torch, or both; each is judged first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from envctl.domain.contract import Contract, build
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import System, numbers
from envctl.domain.record import Record
from envctl.domain.verdict import BADNESS, Verdict, judge, sentences, worst
from envctl.domain.verdict.driver import forward_possible, own_numbers, package
from envctl.domain.verdict.newest import GOOD, Build, for_python, newest_for

__all__ = ["Build", "Remedy", "drivers", "newest_for", "remedy", "with_driver"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """What to do, as a sentence, and the same as data; nothing but a sentence where there is no remedy.

    ``driver``: install this one or, on its branch, a newer. ``torch`` (a minor) and ``build`` (``cu126``): lock this
    instead; ``build`` alone: packages for that CUDA (``cu12``). Each is enough; ``both``: only together.
    """

    text: str
    driver: str | None = None
    torch: str | None = None
    build: str | None = None
    both: bool = False

    @property
    def exists(self) -> bool:
        """Whether there is anything to be done."""
        return self.driver is not None or self.build is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """A contract on a machine, with the manifest's word about GPUs and Python."""

    contract: Contract
    record: Record
    required: bool
    count: int | None
    python: str | None = None

    def badness(self, *, driver: str | None = None, contract: Contract | None = None) -> int:
        record = self.record if driver is None else with_driver(self.record, driver)
        return BADNESS.index(worst(self._judged(contract or self.contract, record)))

    def codes(self, contract: Contract | None = None) -> set[str]:
        """Return what is less than a pass."""
        found = self._judged(contract or self.contract, self.record)
        return {verdict.code for verdict in found if verdict.kind != "pass"}

    def _judged(self, contract: Contract, record: Record) -> tuple[Verdict, ...]:
        return judge(contract, record, required=self.required, count=self.count)


def remedy(
    contract: Contract,
    record: Record,
    *,
    torch: str | None = None,
    required: bool = False,
    count: int | None = None,
    python: str | None = None,
) -> Remedy:
    """Return what makes a failing lock run here, or a limited one run in full; ``torch`` is the lock's version of it.

    ``python``: the oldest minor that the lock is for; builds without wheels for it are none. What is returned passes
    ``judge``, if only with limits. With no failure and nothing to gain the sentence is empty.
    """
    case = _Case(contract=contract, record=record, required=required, count=count, python=python)
    badness = case.badness()
    if record.unanswering and case.codes() & {"gpu-missing", "gpu-unused"}:
        return Remedy(text=sentences.ANSWER)
    driver = _driver(case)
    if badness < BADNESS.index("fail"):
        if badness == 0 or driver is None or case.badness(driver=driver) >= badness:
            return Remedy(text="")
        text = f"{sentences.install(record, driver)} for the full feature set"
        return Remedy(text=text, driver=driver)
    other = _other_build(case, torch)
    if driver or other:
        found = [_install(case, driver)] if driver else []
        found += [sentences.lock(other.torch, other.build)] if other else []
        return _remedy(f"{', or '.join(found)}{_or_compat(case, driver)}", driver, other)
    if together := _together(case, torch):
        newer, build_ = together
        first, then = sentences.install(record, newer), sentences.lock(build_.torch, build_.build)
        text = f"{first}, and {then}: neither is enough alone"
        return replace(_remedy(text, newer, build_), both=True)
    return Remedy(text=sentences.none(case.codes(), torch, python))


def _install(case: _Case, driver: str) -> str:
    """Name the oldest driver that will do as well, where that is not the one with which all works."""
    own = numbers(case.record.driver or "")
    newer = (each for each in drivers(case.record) if numbers(each) > own)
    least = next((each for each in newer if case.badness(driver=each) <= GOOD), driver)
    if gpu_facts.branch(least) >= gpu_facts.branch(driver):
        return sentences.install(case.record, driver)
    return sentences.install(case.record, least, driver)


def with_driver(record: Record, driver: str) -> Record:
    """Return the machine as it would be with another driver."""
    return replace(record, driver=driver, cuda_level=gpu_facts.level_of(driver, _system(record)))


def drivers(record: Record) -> tuple[str, ...]:
    """Return the drivers of the tables that could be installed on a machine, oldest first; a Jetson's are JetPack's."""
    if "tegra" in record.kernel.lower():
        return ()
    system = _system(record)
    known = {driver for driver, _ in gpu_facts.drivers(system)}
    known |= {row[system] for row in gpu_facts.rows("minor_version_floor")}
    return tuple(sorted(known, key=numbers))


def _driver(case: _Case) -> str | None:
    """Return the closest driver with the best verdict: a newer one, or the newest of an older branch."""
    if case.record.driver is None:
        return None
    judged = [(each, case.badness(driver=each)) for each in drivers(case.record)]
    best = min((badness for _, badness in judged), default=BADNESS.index("fail"))
    if best > GOOD:
        return None
    own = numbers(case.record.driver)
    good = [each for each, badness in judged if badness == best]
    newer = [each for each in good if numbers(each) > own]
    return newer[0] if newer else good[-1]


def _other_build(case: _Case, torch: str | None, driver: str | None = None) -> Build | None:
    """Return the build to lock instead: of the same torch, else of the newest; without torch, of an older CUDA."""
    found = None
    refused = set()  # many releases have the same kernels for the same CUDA
    for each in _builds(case, torch):
        own = each.contract
        needs = (own.cuda, own.compute_capabilities, own.ptx, own.libc)
        if needs in refused:
            continue
        if case.badness(driver=driver, contract=each.contract) > GOOD:
            refused.add(needs)
            continue
        if torch is None or each.torch == gpu_builds.minor(torch):
            return each
        found = found or each
    return found


def _builds(case: _Case, torch: str | None) -> Iterator[Build]:
    """Yield what could be locked instead, the newest first; the libc floor does not sink below the lock's."""
    own, machine = case.contract, case.record.architecture
    if torch is None:
        yield from _majors(case)
        return
    for minor, tag in gpu_builds.torch_builds():
        if for_python(minor, case.python) and (contract := build(minor, tag, machine)):
            libc = max(filter(None, (own.libc, contract.libc)), default=None)
            yield Build(torch=minor, build=tag, contract=replace(contract, libc=libc))


def _majors(case: _Case) -> Iterator[Build]:
    """Yield older CUDA majors, of which it is as well known as now that they have kernels for the cards."""
    own = case.contract
    if own.cuda is None or own.compute_capabilities or own.ptx:
        return
    unsure = {"kernels-unknown"} - case.codes()
    for row in gpu_facts.rows("minor_version_floor"):
        if row["major"] < numbers(own.cuda)[0]:
            major = str(row["major"])
            contract = replace(
                own, cuda=major, driver_limited=gpu_facts.driver_floor(major), driver_full=None
            )
            if not unsure & case.codes(contract):
                yield Build(torch="", build=f"cu{major}", contract=contract)


def _together(case: _Case, torch: str | None) -> tuple[str, Build] | None:
    """Return a driver and a build that help only together, the newest driver and the newest build first."""
    if case.record.driver is None:
        return None
    for driver in reversed(drivers(case.record)):
        if found := _other_build(case, torch, driver):
            return driver, found
    return None


def _system(record: Record) -> System:
    return "windows" if own_numbers(record) else "linux"


def _remedy(text: str, driver: str | None, other: Build | None) -> Remedy:
    return Remedy(
        text=text,
        driver=driver,
        torch=(other.torch or None) if other else None,
        build=other.build if other else None,
    )


def _or_compat(case: _Case, driver: str | None) -> str:
    """Name forward compatibility as another way, where a newer driver is one and the package would do."""
    if driver is None:
        return ""
    possible = forward_possible(case.contract, case.record, case.record.usable_gpus)
    for each in possible[:1]:
        record = replace(case.record, cuda_compat=each)
        if replace(case, record=record).badness() < BADNESS.index("fail"):
            return f", or install {package(each)} for forward compatibility"
    return ""
