"""The lock of a captured environment: the installed versions held, and package by package what is proved of it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from envctl.domain.captured.proof import Judged, candidates, judged
from envctl.domain.environment.here import Here
from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Item
from envctl.domain.platforms import Platform
from envctl.domain.resolution import Pin, Question
from envctl.errors import LockError, ResolutionError
from envctl.ports import Catalogue, Engine, Runner, Sdists
from envctl.usecases.capture.plan import Sorted
from envctl.usecases.resolving import Answer, Resolver


class Exactly(Resolver):
    """A resolver that holds to the captured versions; where they cannot be had together, it only prefers them.

    ``refused`` is then why. On other platforms than the one where they were found they are preferences in any case.
    """

    def __init__(
        self,
        engine: Engine,
        run: Runner,
        workspace: Path,
        sdists: Sdists,
        *,
        plan: Sorted,
        platform: Platform,
    ) -> None:
        super().__init__(engine, run, workspace, sdists)
        self.refused: ResolutionError | None = None
        self._plan = plan
        self._platform = platform

    def serve(self, question: Question) -> Answer:
        """Answer a question (see ``Resolver.serve``)."""
        pins = {pin.name: pin for pin in (*question.pins, *self._pins())}
        preferring = replace(question, pins=tuple(pins.values()))
        alone = [platform.name for platform in question.platforms] == [self._platform.name]
        condition = "" if alone else f" ; {self._platform.marker}"
        held = (f"{text}{condition}" for text in self._plan.constraints().values())
        try:
            holding = replace(preferring, constraints=(*question.constraints, *held))
            return super().serve(holding)
        except ResolutionError as error:
            answer = super().serve(preferring)
            self.refused = error
            return answer

    def _pins(self) -> Iterable[Pin]:
        for name in self._plan.constraints():
            each = self._plan.standings[name]
            if each.version is not None:
                yield Pin(name=name, version=each.version, index=each.index)


def proofs(plan: Sorted, lock: Lock | None, here: Here, catalogue: Catalogue) -> tuple[Judged, ...]:
    """Judge every captured package but the project itself and what came with the environment."""
    items = _items(lock, here) if lock else {}
    shown = [
        each
        for name, each in plan.needs.packages.items()
        if name not in plan.roots.seeds and each != plan.own
    ]
    urls = [
        wheel.url or ""
        for each in shown
        if (item := items.get(each.name)) and each.record is not None
        if each.origin.kind == "index" and item.version == each.version
        for wheel in candidates(each, item)
    ]
    wheels = catalogue.records(urls)
    return tuple(
        judged(
            each,
            items.get(each.name),
            standing=plan.standings.get(each.name),
            root=each.name in plan.roots.names,
            wheels=wheels,
        )
        for each in shown
    )


def added(plan: Sorted, lock: Lock, here: Here) -> dict[str, str]:
    """Return what the lock installs here and the environment does not have: name → version."""
    return {
        name: item.version
        for name, item in sorted(_items(lock, here).items())
        if name not in plan.needs.packages
    }


def _items(lock: Lock, here: Here) -> Mapping[str, Item]:
    """Return what this machine installs of the lock, with every group and extra."""
    groups, extras = lock.pylock.dependency_groups or (), lock.pylock.extras or ()
    try:
        found = here.slice_of(lock, groups=tuple(groups), extras=tuple(extras))
    except LockError:
        return {}  # an existing manifest that leaves this machine's platform out
    return {item.name: item for item in found.items}
