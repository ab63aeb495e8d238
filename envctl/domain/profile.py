"""Profiles: the manifest as each of them sees it, and where their locks disagree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.pylock import Package
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain.gpu import torch_builds
from envctl.domain.lock.serving import reached
from envctl.domain.manifest import GpuNeed, Index, Manifest, Profile
from envctl.domain.nearest import listed, meant
from envctl.domain.platforms import Platform, parse_platform
from envctl.errors import ManifestError, UsageError

_WHERE = "tool.envctl.profiles"


def variants(manifest: Manifest) -> tuple[Manifest, ...]:
    """Return the manifest as each profile sees it; itself alone where it has none. Raises ``ManifestError``."""
    if not manifest.profiles:
        return (manifest,)
    return tuple(_variant(manifest, profile) for profile in manifest.profiles.values())


def variant(manifest: Manifest, name: str | None) -> Manifest:
    """Return the manifest as profile ``name`` sees it; raises ``UsageError`` for one that there is not."""
    if name is None and not manifest.profiles:
        return manifest
    if not manifest.profiles:
        raise UsageError(
            "this project has no profiles", where="--profile", hint="run it without `--profile`"
        )
    if name is None or name not in manifest.profiles:
        known = f"the profiles are: {listed(manifest.profiles)}"
        hint = meant(name or "", manifest.profiles, otherwise=known)
        raise UsageError(f"there is no profile `{name}`", where=_WHERE, hint=hint)
    return _variant(manifest, manifest.profiles[name])


def _variant(manifest: Manifest, profile: Profile) -> Manifest:
    named = {index.name for index in profile.indexes}
    indexes = (*(i for i in manifest.indexes if i.name not in named), *profile.indexes)
    return replace(
        manifest,
        profile=profile.name,
        torch=profile.torch,
        dependencies=_joined(manifest.dependencies, profile.dependencies),
        constraints=_joined(manifest.constraints, profile.constraints),
        default_groups=_joined(manifest.default_groups, profile.groups),
        default_extras=profile.extras,
        platforms=_platforms(manifest, profile),
        indexes=_with_torch(indexes, profile.torch),
        env={**manifest.env, **profile.env},
        gpu=_gpu(manifest, profile),
        image=replace(manifest.image, extras=_joined(manifest.image.extras, profile.extras)),
    )


def _joined(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _gpu(manifest: Manifest, profile: Profile) -> GpuNeed:
    if profile.gpu is not None:
        return profile.gpu
    return GpuNeed() if profile.torch == "cpu" else manifest.gpu


def _platforms(manifest: Manifest, profile: Profile) -> tuple[Platform, ...]:
    """Cut the platforms that have no such build of torch, unless the profile names its own."""
    if profile.platforms is not None:
        return profile.platforms
    if profile.torch is None:
        return manifest.platforms
    built = torch_builds.platforms(profile.torch)
    if not manifest.platforms:  # "every platform": cpu has them all
        return () if profile.torch == "cpu" else tuple(parse_platform(name) for name in built)
    kept = tuple(p for p in manifest.platforms if f"{p.os}-{p.machine}" in built)
    if kept:
        return kept
    raise ManifestError(
        f"torch has no build `{profile.torch}` for any of tool.envctl.platforms "
        f"(it has one for: {', '.join(built) or 'none'}; as of {torch_builds.date()})",
        where=f"{_WHERE}.{profile.name}.torch",
        hint="add one of these platforms, or set the profile's own `platforms`",
    )


def _with_torch(indexes: tuple[Index, ...], build: str | None) -> tuple[Index, ...]:
    """Add torch's index for that build; one that is declared by its name (a mirror, a test) is taken instead."""
    if build is None:
        return indexes
    name = f"pytorch-{build}"
    claimed = torch_builds.packages()
    declared = next((index for index in indexes if index.name == name), None)
    if declared is None:
        own = Index(name=name, url=torch_builds.index_url(build), packages=claimed)
        return (*indexes, own)
    whole = declared if declared.packages else replace(declared, packages=claimed)
    return tuple(whole if index is declared else index for index in indexes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Skew:
    """A package that is not the same in all profiles: its public versions by profile, each list sorted."""

    name: str
    versions: Mapping[str, tuple[str, ...]]


def skews(locked: Mapping[str, Sequence[Package]], manifest: Manifest) -> tuple[Skew, ...]:
    """Return what differs between profiles' packages (by profile), on the platforms that they share.

    Local versions (``+cu126``) are not compared, nor are the accelerator's own packages and those that a profile
    itself names in its dependencies or constraints: those are meant to differ.
    """
    own = _named_by_profiles(manifest)
    by_name: dict[str, dict[str, list[Package]]] = {}
    for profile, packages in locked.items():
        for package in packages:
            if package.version is not None and package.name not in own:
                by_name.setdefault(package.name, {}).setdefault(profile, []).append(package)
    found = []
    for name, profiles in sorted(by_name.items()):
        if len(profiles) > 1 and not torch_builds.accelerators(name):
            versions = {profile: _versions(entries) for profile, entries in profiles.items()}
            if len(set(versions.values())) > 1 and _differ(profiles, manifest):
                found.append(Skew(name=name, versions=versions))
    return tuple(found)


def _named_by_profiles(manifest: Manifest) -> set[str]:
    texts = [
        text
        for profile in manifest.profiles.values()
        for text in (*profile.dependencies, *profile.constraints)
    ]
    return {canonicalize_name(Requirement(text).name) for text in texts}


def _versions(packages: Iterable[Package]) -> tuple[str, ...]:
    return tuple(sorted({package.version.public for package in packages if package.version}))


def _differ(profiles: Mapping[str, list[Package]], manifest: Manifest) -> bool:
    """Whether the versions differ on some platform that two profiles share: forks give each platform its own."""
    served = {profile: variant(manifest, profile).platforms for profile in profiles}
    every = {platform for platforms in served.values() for platform in platforms}
    seen: dict[tuple[str, str], set[str]] = {}
    for profile, packages in profiles.items():
        for platform in served[profile] or every or (None,):
            place = (platform.os, platform.machine) if platform else ("", "")
            for each in packages:
                if each.version and (platform is None or _reached(each, platform, manifest)):
                    seen.setdefault(place, set()).add(each.version.public)
    return any(len(versions) > 1 for versions in seen.values())


def _reached(package: Package, platform: Platform, manifest: Manifest) -> bool:
    python = manifest.python or "3.12"
    return reached(package, platform, python, extras=manifest.extras, groups=manifest.groups)
