"""What an index has of an installed package: that version, one that stands for it, or nothing that may be taken.

A name alone proves nothing: an index may have a stranger's package of the name of a private one. So a version that is
not there is replaced only by what must be the same project: the public version of a local one (PEP 440, "Local version
identifiers"), and for packages that conda built under their known names, the release that conda built from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.version import Version

from envctl.domain.captured.packages import Captured
from envctl.domain.gpu import torch_builds

Offer = Mapping[str, str]
"""The versions that may be had of one package, each with the address of its index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """``version``: the one to lock (``None``: none may be taken), ``index``: where it is; ``exact``: as installed.

    ``known``: the index has the name, whoever's it is there. ``sure``: a table says that it is the same project;
    ``stranger``: by its content, what the index has under this name and version is another one.
    """

    name: str
    version: str | None = None
    index: str | None = None
    exact: bool = False
    known: bool = False
    sure: bool = False
    stranger: bool = False

    @property
    def trouble(self) -> str:
        """Why no version may be taken, as a clause."""
        if self.stranger:
            return "not on the index (it has another project of that name)"
        return "not on the index" + (" (it has other versions of that name)" if self.known else "")

    @property
    def constraint(self) -> str | None:
        """The constraint that keeps a resolver to it."""
        return None if self.version is None else f"{self.name}=={self.version}"


def standing(package: Captured, offer: Offer, *, sure: bool = False) -> Standing:
    """Find what stands for a package; ``sure``: conda built it from the project that has this name on an index."""
    there = {Version(text): (text, index) for text, index in offer.items()}
    installed = Version(package.version)
    for wanted in (installed, *_others(installed, there if sure else None)):
        if wanted in there:
            text, index = there[wanted]
            return Standing(
                name=package.name,
                version=text,
                index=index,
                exact=wanted == installed,
                known=True,
                sure=sure,
            )
    return Standing(name=package.name, known=bool(offer), sure=sure)


def _others(installed: Version, there: Iterable[Version] | None) -> list[Version]:
    found = [Version(installed.public)] if installed.local else []
    if there is not None:
        found.append(Version(installed.base_version))
        release = installed.release
        found += sorted(
            (v for v in there if v.release[: len(release)] == release and not v.is_prerelease),
            reverse=True,
        )
    return found


def of_torch(packages: Iterable[Captured]) -> dict[str, tuple[str, ...]]:
    """Return the builds (``cu126``) that packages of torch's own index are of, with their names."""
    known = frozenset(torch_builds.packages())
    found: dict[str, list[str]] = {}
    for package in packages:
        build = Version(package.version).local
        if build and package.name in known and torch_builds.platforms(build):
            found.setdefault(build, []).append(package.name)
    return {build: tuple(sorted(each)) for build, each in sorted(found.items())}
