"""Lock how each source of a lock is built: its build requirements, resolved; the compilers that it needs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain.build import PROJECT, BuildSettings, BuildSystem, Need
from envctl.domain.build.backends import asked
from envctl.domain.build.locked import Builds, LockedBuild, package_key
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.markers import narrowed, spelled
from envctl.domain.lock.serving import gaps
from envctl.domain.platforms import Platform
from envctl.domain.resolution import Pin, Question, Resolution
from envctl.errors import ResolutionError
from envctl.readers.source_tree import SourceTree

Resolve = Callable[[Question], Resolution]
ReadTree = Callable[[PackageSdist], SourceTree]
"""Lists an sdist and reads its texts; nothing of it is run."""


class BuildLocker:
    """Locks the builds of one lock.

    ``question`` is what the lock's packages answer: platforms, indexes, Python and day are the same for builds.
    ``platforms``: those that count. ``pins``: the versions to keep where they can be.
    """

    def __init__(
        self,
        new: Lock,
        question: Question,
        *,
        settings: Mapping[str, BuildSettings],
        platforms: tuple[Platform, ...],
        resolve: Resolve,
        tree: ReadTree,
        pins: tuple[Pin, ...],
    ) -> None:
        self._lock = new
        self._settings = settings
        self._platforms = platforms
        self._resolve = resolve
        self._tree = tree
        self._question = replace(
            question,
            extras={},
            groups={},
            constraints=(),
            pins=pins,
        )
        self._answers: dict[tuple[frozenset[str], bool], tuple[Package, ...]] = {}
        self._builds: dict[str, LockedBuild] = {}
        self._packages: dict[str, Package] = {}

    def lock(self, project: BuildSystem | None) -> Builds:
        """Lock every build, that of the ``project`` itself too; raises ``ResolutionError``, ``IndexFailure``.

        A build requirement that is itself only a source is locked in the same way.
        """
        rest = list(self._sources(self._lock.pylock.packages))
        if project is not None:
            requires, packages = self._required(PROJECT, project, self._for(PROJECT))
            self._add(PROJECT, requires, self._for(PROJECT).needs or ())
            rest += self._sources(packages)
        while rest:
            source = rest.pop()
            key = package_key(source)
            if key in self._builds or source.sdist is None:
                continue
            tree = self._tree(source.sdist)
            system = tree.build_system(f"{source.sdist.filename}: pyproject.toml")
            requires, packages = self._required(key, system, self._for(source.name))
            self._add(key, requires, self._needs(source.name, tree, system))
            rest += self._sources(packages)
        ours = {package_key(each): each.index for each in self._lock.pylock.packages}
        return Builds(
            builds=self._builds,
            packages=tuple(
                package
                for key, package in sorted(self._packages.items())
                if key not in ours or ours[key] != package.index
            ),
        )

    def notes(self) -> Iterator[str]:
        """Yield what a person should know of the settings; to be asked after ``lock``."""
        known = {PROJECT} | {each.name for each in self._lock.pylock.packages}
        built = {key.partition("==")[0] for key in self._builds}
        for name in self._settings:
            if name not in known | built:
                yield f"[tool.envctl.build.{name}]: the lock has no package of that name"
            elif name not in built:
                yield f"[tool.envctl.build.{name}]: no declared platform has to build it"

    def _for(self, name: str) -> BuildSettings:
        return self._settings.get(name, BuildSettings())

    def _add(self, key: str, requires: tuple[str, ...], needs: tuple[Need, ...]) -> None:
        settings = self._for(key.partition("==")[0])
        self._builds[key] = LockedBuild(
            requires=requires, isolation=settings.isolation, needs=needs, env=settings.env
        )

    def _sources(self, packages: Sequence[Package]) -> Iterator[Package]:
        """Yield the packages that some platform can only build."""
        missing = gaps(
            packages,
            self._platforms,
            self._question.interpreter.version,
            extras=self._lock.pylock.extras or (),
            groups=self._lock.pylock.dependency_groups or (),
        )
        wanted = {(gap.name, gap.version) for gap in missing if gap.source}
        yield from (each for each in packages if (each.name, version_of(each)) in wanted)

    def _needs(self, name: str, tree: SourceTree, system: BuildSystem) -> tuple[Need, ...]:
        declared = self._for(name).needs
        if declared is not None:
            return declared
        cuda = self._lock.contract.get("accelerator") == "cuda"
        return tuple(need for need in tree.needs(system) if cuda or need != "nvcc")

    def _required(
        self, key: str, system: BuildSystem, settings: BuildSettings
    ) -> tuple[tuple[str, ...], tuple[Package, ...]]:
        """Return the lines that lock a build's requirements, and the packages that are not in the lock."""
        texts = {*system.requires, *settings.requires}
        texts.update(asked(system.backend, editable=key == PROJECT))
        lines: list[str] = []
        if not settings.isolation:
            there = self._there()
            for text in sorted(texts):
                if found := there.get(canonicalize_name(Requirement(text).name)):
                    lines += _from_lock(key, text, found)
                    texts.discard(text)
        packages = self._answer(frozenset(texts), isolation=settings.isolation)
        lines += (_line(key, package, package.marker) for package in packages)
        for package in packages:
            self._packages.setdefault(package_key(package), _slim(package))
        return tuple(sorted(set(lines))), packages

    def _answer(self, texts: frozenset[str], *, isolation: bool) -> tuple[Package, ...]:
        if not texts:
            return ()
        if (texts, isolation) not in self._answers:
            constraints = () if isolation else tuple(self._fixed())
            question = replace(
                self._question, requirements=tuple(sorted(texts)), constraints=constraints
            )
            self._answers[texts, isolation] = self._resolve(question).packages
        return self._answers[texts, isolation]

    def _there(self) -> dict[str, list[tuple[Package, Marker | None]]]:
        """Return the lock's packages by name, with what their markers say of the platform alone."""
        found: dict[str, list[tuple[Package, Marker | None]]] = {}
        lock = self._lock.pylock
        for package in lock.packages:
            marker = narrowed(
                package.marker, extras=lock.extras or (), groups=lock.dependency_groups or ()
            )
            if marker is not False and package.version is not None:
                only = None if isinstance(marker, bool) else marker
                found.setdefault(package.name, []).append((package, only))
        return found

    def _fixed(self) -> Iterator[str]:
        """Yield the lock's versions as constraints, for what is built against them."""
        for entries in self._there().values():
            for package, marker in entries:
                yield _with(package_key(package), marker)


def _from_lock(
    key: str, text: str, entries: Iterable[tuple[Package, Marker | None]]
) -> Iterator[str]:
    """Yield the lines for a requirement that the lock itself meets; raises ``ResolutionError`` if it does not."""
    wanted = Requirement(text)
    for package, marker in entries:
        if not wanted.specifier.contains(version_of(package), prereleases=True):
            raise ResolutionError(
                f"`{key}` needs `{text}` to be built, and the lock has {package_key(package)}",
                where=f"tool.envctl.build.{key.partition('==')[0]}",
                hint="take another version of one of them, or build it with isolation",
            )
        both = [str(each) for each in (marker, wanted.marker) if each]
        joined = Marker(" and ".join(f"({each})" for each in both)) if both else None
        yield _line(key, package, joined)


def _slim(package: Package) -> Package:
    """Drop the marker, which the lines have, and the source where a wheel serves every platform."""
    everywhere = any(wheel.filename.endswith("-none-any.whl") for wheel in package.wheels or ())
    return replace(package, marker=None, sdist=None if everywhere else package.sdist)


def _line(key: str, package: Package, marker: Marker | None) -> str:
    if package.version is None or not (package.wheels or package.sdist):
        raise ResolutionError(
            f"`{key}` is built with `{package.name}` from an address, which cannot be locked",
            where=f"tool.envctl.build.{key.partition('==')[0]}",
            hint="put a version of it on an index, and ask for that in `requires`",
        )
    return _with(package_key(package), marker)


def _with(text: str, marker: Marker | None) -> str:
    return text if marker is None else f"{text} ; {spelled(marker)}"
