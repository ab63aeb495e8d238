"""Resolve the profiles such that each package has the same version in all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from packaging.pylock import Package
from packaging.version import Version

from envctl.domain.manifest import Manifest
from envctl.domain.profile import Skew, skews
from envctl.domain.resolution import Pin, Question
from envctl.errors import ResolutionError
from envctl.usecases.resolving import Answer, Resolver

_ROUNDS = 30


def agree(
    resolver: Resolver,
    manifest: Manifest,
    questions: Mapping[str, Question],
    fixed: Mapping[str, Sequence[Package]],
) -> dict[str, Answer]:
    """Answer each profile's question; where two differ, the newer is limited to the older's version, and again.

    ``fixed``: the packages of profiles that are not to be resolved now; who differs from them follows. Raises
    ``ResolutionError`` where no common version exists: two profiles' requirements then contradict each other.
    """
    questions = {name: _with(question, fixed) for name, question in questions.items()}
    answers: dict[str, Answer] = {}
    for name, question in questions.items():
        known = {other: answer.resolution.packages for other, answer in answers.items()}
        answers[name] = _served(resolver, name, _with(question, known))
    for _ in range(_ROUNDS):
        everyone: dict[str, Sequence[Package]] = {**fixed}
        everyone |= {name: answer.resolution.packages for name, answer in answers.items()}
        limits = _limits(skews(everyone, manifest), answers, fixed)
        if not limits:
            return answers
        for name, texts in limits.items():
            answers[name] = _limited(resolver, name, answers[name], texts)
    return answers  # `verify` reports what is left as `profile-skew`


def _served(resolver: Resolver, name: str, question: Question) -> Answer:
    try:
        return resolver.serve(question)
    except ResolutionError as error:
        error.message = f"profile `{name}`: {error.message}"
        raise


def _with(question: Question, others: Mapping[str, Sequence[Package]]) -> Question:
    """Add other profiles' versions as preferences: most then agree at once. Torch's own come from its index."""
    pins = list(question.pins)  # a fork has several of one name
    for packages in others.values():
        pinned = {pin.name for pin in pins}
        pins += [
            Pin(name=package.name, version=str(package.version), index=package.index)
            for package in packages
            if package.name not in pinned
            and package.version
            and not package.version.local
            and not question.claimant(package.name)
        ]
    return replace(question, pins=tuple(pins))


def _limits(
    found: Sequence[Skew],
    answers: Mapping[str, Answer],
    fixed: Mapping[str, Sequence[Package]],
) -> dict[str, tuple[str, ...]]:
    """Return the constraints to add, by profile; none for what a constraint did not change before."""
    limits: dict[str, tuple[str, ...]] = {}
    for skew in found:
        tops = {name: max(map(Version, versions)) for name, versions in skew.versions.items()}
        settled = [top for name, top in tops.items() if name in fixed]
        wanted = min(settled or tops.values())
        sign = "==" if settled else "<="
        for name, top in tops.items():
            text = f"{skew.name}{sign}{wanted}"
            if name in answers and top != wanted and text not in answers[name].question.constraints:
                limits[name] = (*limits.get(name, ()), text)
    return limits


def _limited(resolver: Resolver, name: str, answer: Answer, texts: tuple[str, ...]) -> Answer:
    freed = {text.partition("=")[0].rstrip("<=") for text in texts}
    pins = tuple(
        Pin(name=package.name, version=str(package.version), index=package.index)
        for package in answer.resolution.packages
        if package.version and package.name not in freed
    )
    question = replace(
        answer.question, constraints=(*answer.question.constraints, *texts), pins=pins
    )
    try:
        return resolver.serve(question)
    except ResolutionError as error:
        raise ResolutionError(
            f"the profiles cannot agree: with {' and '.join(f'`{text}`' for text in texts)}, as another profile "
            f"needs it, there is no solution for `{name}`: {error.message}",
            where=error.where or f"tool.envctl.profiles.{name}",
            why=error.why,
            hint="make their requirements agree, or name that package in the profile's own `dependencies`: "
            "then it may differ",
            details=error.details,
        ) from error
