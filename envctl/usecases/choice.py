"""Which profile this machine uses: asked for, remembered, or found out by what the machine can run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from envctl.domain import contract as contracts
from envctl.domain.environment import Stamp
from envctl.domain.fleet import seen_here
from envctl.domain.fleet.view import Offer, torch_of
from envctl.domain.gpu.facts import numbers
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform
from envctl.domain.profile import variant, variants
from envctl.domain.record import Record
from envctl.domain.verdict import judge, worst
from envctl.errors import EnvironmentFailure, LockError, UsageError
from envctl.ports import Environments, Project
from envctl.usecases import load

VARIABLE = "ENVCTL_PROFILE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The manifest as the chosen profile sees it, and why this one; ``remember``: the choice is new here."""

    manifest: Manifest
    reason: str = ""
    remember: bool = False


def asked(manifest: Manifest, option: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the profile that the command line or ``ENVCTL_PROFILE`` names; raises ``UsageError``."""
    name = option or environ.get(VARIABLE) or None
    if name and option is None and not manifest.profiles:
        return None  # a variable for the whole machine; this project has no profiles
    return variant(manifest, name).profile if name else None


def choose(
    project: Project,
    manifest: Manifest,
    *,
    option: str | None,
    environ: Mapping[str, str],
    platform: Platform,
    record: Callable[[], Record],
) -> Choice:
    """Choose what ``sync`` installs.

    First the option, then ``ENVCTL_PROFILE``, then what ``.envctl/local.toml`` remembers; else the newest profile that
    this machine passes, else the newest that it passes with limits, else ``cpu``. Raises ``LockError`` where nothing
    is locked, ``EnvironmentFailure`` where nothing fits.
    """
    if not manifest.profiles:
        asked(manifest, option, environ)
        return Choice(manifest=manifest)
    local = load.local(project).profile
    if name := asked(manifest, option, environ):
        source = "asked for" if option else f"named by {VARIABLE}"
        return Choice(
            manifest=variant(manifest, name),
            reason=source,
            remember=bool(option) and name != local,
        )
    if local in manifest.profiles:
        return Choice(manifest=variant(manifest, local), reason=f"chosen in {load.LOCAL}")
    found, reason = _fitting(project, manifest, platform, record())
    gone = f" (the project has no profile `{local}` any more)" if local else ""
    return Choice(manifest=found, reason=reason + gone, remember=True)


def _fitting(
    project: Project, manifest: Manifest, platform: Platform, record: Record
) -> tuple[Manifest, str]:
    locked = [
        (each, contract_here(each, lock, record)[0])
        for each in variants(manifest)
        if (lock := load.lock(project, each.lock_name))
    ]
    if not locked:
        names = ", ".join(each.lock_name for each in variants(manifest))
        raise LockError(f"there is no lock ({names})", where=names, hint="run `envctl lock`")
    served = [(each, contract) for each, contract in locked if _serves(each, platform)]
    newest = sorted(served, key=lambda pair: numbers(pair[1].cuda or "0"), reverse=True)
    judged = [(each, *v) for each, contract in newest if (v := _verdict(each, contract, record))]
    for wanted in ("pass", "pass-limited", "pass-forward"):
        for each, kind, reason in judged:
            if kind == wanted:
                return each, reason
    refused = "; ".join(f"{each.profile}: {reason}" for each, _, reason in judged)
    none = record.gpu_problem or "there is no GPU here that a profile is made for"
    why = refused or none
    for each, contract in served:
        if contract.cuda is None and (each.torch or "cpu") == "cpu":
            return each, why
    raise EnvironmentFailure(
        f"no profile fits this machine: {why}",
        where="tool.envctl.profiles",
        hint='choose one with `envctl sync --profile NAME`, or add a profile with `torch = "cpu"`',
    )


def runs_here(
    project: Project, profile: str | None, platform: Platform, record: Record
) -> str | None:
    """Return another profile than this one that is locked and that ``sync`` would take here, if there is one."""
    manifest = load.manifest(project)
    if profile is None or not manifest.profiles:
        return None
    try:
        found = _fitting(project, manifest, platform, record)[0].profile
    except (EnvironmentFailure, LockError):
        return None
    return found if found != profile else None


def contract_here(
    manifest: Manifest, lock: Lock, record: Record
) -> tuple[contracts.Contract, str | None]:
    """Return what a lock asks of this machine, by the files for its own platform, and the torch that it has for it.

    Where the lock has nothing for it, the contract that it carries counts, which is for x86_64.
    """
    seen = seen_here(Offer(manifest=manifest, lock=lock), record)
    if seen.contract is None:
        return contracts.from_table(lock.contract), torch_of(lock)
    return seen.contract, seen.torch


def _serves(manifest: Manifest, platform: Platform) -> bool:
    here = (platform.os, platform.machine)
    return not manifest.platforms or here in {(p.os, p.machine) for p in manifest.platforms}


def _verdict(
    manifest: Manifest, contract: contracts.Contract, record: Record
) -> tuple[str, str] | None:
    """Return the verdict on a CUDA profile where there is a usable GPU, with the reason that decides."""
    if contract.accelerator != "cuda" or not record.usable_gpus:
        return None
    need = manifest.gpu
    found = judge(contract, record, required=need.required, count=need.count)
    kind = worst(found)
    reasons = [each.reason for each in found if each.kind == kind and each.aspect != "gpu"]
    return kind, (reasons or [found[0].reason])[0]


def present(
    project: Project,
    environments: Environments,
    manifest: Manifest,
    option: str | None,
    environ: Mapping[str, str],
) -> Manifest:
    """Return the manifest as one profile sees it, for commands that install nothing.

    The option, ``ENVCTL_PROFILE``, what this machine remembers, what is synced; the only one there is. Raises
    ``UsageError`` where nothing says which.
    """
    if name := asked(manifest, option, environ):
        return variant(manifest, name)
    if not manifest.profiles:
        return manifest
    remembered = load.local(project).profile
    if remembered in manifest.profiles:
        return variant(manifest, remembered)
    if found := in_use(manifest, environments.current().stamp):
        return found
    if len(manifest.profiles) == 1:
        return variants(manifest)[0]
    raise UsageError(
        f"which profile? There are {', '.join(manifest.profiles)}",
        where="--profile",
        hint="name one with --profile",
    )


def in_use(manifest: Manifest, stamp: Stamp | None) -> Manifest | None:
    """Return the manifest as the synced profile sees it; ``None``: the environment is of no profile there is."""
    if not manifest.profiles:
        return manifest
    if stamp is None or stamp.profile not in manifest.profiles:
        return None
    return variant(manifest, stamp.profile)


def entered(manifest: Manifest, stamp: Stamp, environ: Mapping[str, str]) -> Manifest:
    """Return the manifest as the environment's profile sees it; raises where another one is asked for."""
    found = in_use(manifest, stamp)
    if found is None:
        raise EnvironmentFailure(
            "the environment is not one of the project's profiles"
            if stamp.profile is None
            else f"the environment is of profile `{stamp.profile}`, which the manifest does not have",
            where=".venv",
            hint="run `envctl sync`",
        )
    wanted = asked(manifest, None, environ)
    if wanted and wanted != found.profile:
        raise EnvironmentFailure(
            f"the environment is of profile `{found.profile}`, {VARIABLE} asks for `{wanted}`",
            where=".venv",
            hint=f"run `envctl sync --profile {wanted}`, or unset {VARIABLE}",
        )
    return found
