"""Is there room for an older torch? By the manifest's own words, and by those of the packages that are locked now."""

from collections.abc import Iterator

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from envctl.domain.fleet.view import Offer, oldest_python
from envctl.domain.gpu import torch_builds
from envctl.domain.platforms import Platform, parse_platform

_PATCHES = 6
_EVERYWHERE = ("linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64")
_PYTHON = "3.12"  # where nothing says which


def allowed(offer: Offer, minor: str) -> bool:
    """Whether the manifest's requirements leave room for that torch wherever they hold."""
    manifest = offer.manifest
    sets = (
        *(manifest.dependencies, manifest.constraints),
        *(*manifest.extras.values(), *manifest.groups.values()),
    )
    asked = (found for texts in sets for text in texts if (found := _on_torch(text)))
    return not any(_bars(each, minor) and _anywhere(each, offer) for each in asked)


def doubts(offer: Offer, minor: str) -> Iterator[str]:
    """Yield the locked packages that may want a newer torch, in all their releases: nobody can tell that here.

    Most locks say only that a package needs torch. What torch's own index has comes in a release for each torch.
    """
    for entry in offer.lock.entries:
        if entry.name in torch_builds.packages() or torch_builds.accelerators(entry.name):
            continue
        for text in entry.requires:
            asked = _on_torch(text)
            if asked is None or not _anywhere(asked, offer):
                continue
            if not asked.specifier or _bars(asked, minor):
                yield f"`{entry.name}` {entry.version} needs `torch{asked.specifier}`"


def _on_torch(text: str) -> Requirement | None:
    try:
        asked = Requirement(text)
    except InvalidRequirement:
        return None
    return asked if canonicalize_name(asked.name) == "torch" and not asked.url else None


def _bars(asked: Requirement, minor: str) -> bool:
    """Whether no release of a minor meets a requirement."""
    return not any(asked.specifier.contains(f"{minor}.{patch}") for patch in range(_PATCHES))


def _anywhere(asked: Requirement, offer: Offer) -> bool:
    """Whether a requirement holds on any platform of the project."""
    declared = offer.manifest.platforms or tuple(map(parse_platform, _EVERYWHERE))
    return any(_holds(asked, platform, oldest_python(offer)) for platform in declared)


def _holds(asked: Requirement, platform: Platform, python: str | None) -> bool:
    """Whether a requirement's marker holds there; one on the Python or an extra may, whatever it says."""
    marker = asked.marker
    if marker is None or any(word in str(marker) for word in ("python", "extra", "implementation")):
        return True
    try:
        return marker.evaluate({**platform.environment(python or _PYTHON), "extra": ""})
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
        return True
