"""Ask a resolver until its answer serves every declared platform (see ``envctl.domain.lock.serving``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from envctl.domain.lock.entry import version_of
from envctl.domain.lock.serving import Gap, gaps, reached
from envctl.domain.platforms import Platform
from envctl.domain.resolution import Question, Resolution
from envctl.errors import ResolutionError
from envctl.ports import Engine, Runner, Sdists

_ROUNDS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A resolution, the question that led to it (with what had to be added), and what a person must know."""

    resolution: Resolution
    question: Question
    notes: tuple[str, ...] = ()


class Resolver:
    """One engine at work: each of its calls gets a fresh folder of its own. ``sdists``: where sources are read."""

    def __init__(self, engine: Engine, run: Runner, workspace: Path, sdists: Sdists) -> None:
        self.sdists = sdists
        self._engine = engine
        self._run = run
        self._folders: Iterator[Path] = (workspace / str(number) for number in count())

    def resolve(self, question: Question) -> Resolution:
        """Answer one question; raises ``ResolutionError``, ``IndexFailure``."""
        try:
            return self._engine.resolve(question, run=self._run, workspace=next(self._folders))
        except ResolutionError as error:
            # A resolver knows platforms by their markers only; people know them by what the manifest says.
            for platform in question.platforms:
                error.message = error.message.replace(platform.marker, platform.name)
                error.why = tuple(
                    each.replace(platform.marker, platform.name) for each in error.why
                )
            raise

    def serve(self, question: Question) -> Answer:
        """Answer a question for each of its platforms.

        A version that a platform cannot install from a wheel, where others can, is left for an older one on that
        platform alone: one machine without wheels must not hold back all the others. Where no version helps, a source
        distribution is taken, with a note. Raises ``ResolutionError`` for a package that nothing could install.
        """
        answer = Answer(resolution=self.resolve(question), question=question)
        settled: set[str] = set()
        for _ in range(_ROUNDS):
            open_gaps = [g for g in _gaps(answer) if g.name not in settled and _sent_back(g)]
            if not open_gaps:
                break
            gap = open_gaps[0]
            better = self._older(answer, gap)
            if better is None:
                settled.add(gap.name)
            else:
                answer = better
        return replace(answer, notes=(*answer.notes, *_remaining(_gaps(answer)), *_forks(answer)))

    def _older(self, answer: Answer, gap: Gap) -> Answer | None:
        """Return an answer in which an older version fills the gap; ``None``: there is none."""
        question, version = answer.question, gap.version
        for _ in range(_ROUNDS):
            limit = f"{gap.name}<{version} ; {gap.platform.marker}"
            pins = tuple(pin for pin in question.pins if pin.name != gap.name)
            question = replace(question, constraints=(*question.constraints, limit), pins=pins)
            try:
                found = Answer(resolution=self.resolve(question), question=question)
            except ResolutionError:
                return None
            still = _same(gap, _gaps(found))
            if still is None:
                return replace(found, notes=(*answer.notes, _said(gap, found)))
            if still.version == version:
                return None
            version = still.version
        return None


def _gaps(answer: Answer) -> tuple[Gap, ...]:
    question = answer.question
    return gaps(
        answer.resolution.packages,
        question.platforms,
        question.interpreter.version,
        extras=question.extras,
        groups=question.groups,
    )


def _sent_back(gap: Gap) -> bool:
    """Whether another version may help: a package that is only ever a source stays as it is."""
    return gap.compiled or not gap.source


def _same(gap: Gap, others: Sequence[Gap]) -> Gap | None:
    return next((g for g in others if (g.name, g.platform) == (gap.name, gap.platform)), None)


def _said(gap: Gap, found: Answer) -> str:
    taken = _versions(found, gap.name, gap.platform)
    return f"{gap.sentence}; `{gap.name}` {taken} is taken on {gap.platform.name}"


def _versions(answer: Answer, name: str, platform: Platform) -> str:
    question = answer.question
    found = {
        version_of(package)
        for package in answer.resolution.packages
        if package.name == name
        and reached(
            package,
            platform,
            question.interpreter.version,
            extras=question.extras,
            groups=question.groups,
        )
    }
    return "/".join(sorted(found))


def _remaining(found: Sequence[Gap]) -> tuple[str, ...]:
    """Return a note per package that has to be built; raises for one that cannot be installed at all."""
    impossible = [gap for gap in found if not gap.source]
    if impossible:
        gap = impossible[0]
        more = [f"{g.name} for {g.platform.name}" for g in impossible[1:]]
        raise ResolutionError(
            gap.sentence + (f" (and so with {', '.join(more)})" if more else ""),
            where="tool.envctl.platforms",
            hint=f"take {gap.platform.name} out, or ask for another version of `{gap.name}`, "
            "or leave it out there with a marker",
            details="it has: " + (", ".join(gap.wheels) or "no files"),
        )
    by_package: dict[tuple[str, str], list[Gap]] = {}
    for gap in found:
        by_package.setdefault((gap.name, gap.version), []).append(gap)
    return tuple(_built(each) for each in by_package.values())


def _built(gaps_: Sequence[Gap]) -> str:
    first = gaps_[0]
    names = ", ".join(gap.platform.name for gap in gaps_)
    how = (
        "only a compiler could install it there, from its source"
        if any(gap.compiled for gap in gaps_)
        else "it is built from its source there"
    )
    return f"`{first.name}` {first.version} has no wheel for {names}: {how}"


def _forks(answer: Answer) -> Iterator[str]:
    """Say which packages are not the same version on all platforms: that is for people to know."""
    names = [package.name for package in answer.resolution.packages]
    for name in sorted({name for name in names if names.count(name) > 1}):
        by_platform = {
            platform.name: _versions(answer, name, platform)
            for platform in answer.question.platforms
        }
        if len({versions for versions in by_platform.values() if versions}) > 1:
            each = ", ".join(f"{v} on {p}" for p, v in by_platform.items() if v)
            yield f"`{name}` is not the same everywhere: {each}"
