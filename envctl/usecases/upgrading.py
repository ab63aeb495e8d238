"""What ``lock --upgrade`` names: the packages that it frees, and the versions that it wants."""

from collections.abc import Collection, Iterable, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.domain.manifest import Manifest
from envctl.domain.nearest import meant
from envctl.errors import UsageError
from envctl.usecases import load
from envctl.usecases.earlier import Earlier


def freed(
    upgrade: Collection[str] | None, before: Iterable[Earlier], manifest: Manifest
) -> tuple[Collection[str] | None, tuple[str, ...]]:
    """Return the names that an upgrade frees and the constraints it brings; raises ``UsageError``.

    ``None`` stays ``None``: nothing is upgraded; an empty collection stays empty: everything is.
    """
    if not upgrade:
        return upgrade, ()
    wanted = [_asked(text) for text in upgrade]
    earlier = tuple(before)
    known = {pin.name for found in earlier for pin in found.pins} | _named(manifest)
    known |= {each.name for found in earlier if found.lock for each in found.lock.builds.packages}
    for each in wanted:
        name = canonicalize_name(each.name)
        if name not in known:
            raise UsageError(
                f"there is no package `{each.name}` to upgrade",
                where=load.LOCK,
                hint=meant(
                    name, sorted(known), otherwise="`envctl tree` shows the packages that there are"
                ),
            )
    names = [canonicalize_name(each.name) for each in wanted]
    return names, tuple(f"{each.name}{each.specifier}" for each in wanted if each.specifier)


def _asked(text: str) -> Requirement:
    try:
        found = Requirement(text)
    except InvalidRequirement:
        found = None
    if found is None or found.url or found.marker or found.extras:
        raise UsageError(
            f"`{text}` does not say what to upgrade",
            where="--upgrade",
            hint="write NAME or NAME==VERSION, for example `envctl lock --upgrade numpy==2.2.0`",
        )
    return found


def _named(manifest: Manifest) -> set[str]:
    profiles = manifest.profiles.values()
    sets: Sequence[Iterable[str]] = (
        manifest.dependencies,
        *manifest.extras.values(),
        *manifest.groups.values(),
        *(profile.dependencies for profile in profiles),
    )
    return {canonicalize_name(Requirement(text).name) for texts in sets for text in texts}
