"""What the workflows of a project say: found in its manifest and locks, and in the files that remember a choice."""

import posixpath
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from envctl.domain import blocks, seal
from envctl.domain.image import Names
from envctl.domain.image.settings import default_python
from envctl.domain.indexes.login import login_variable
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.profile import variant, variants
from envctl.domain.variables import holds_login
from envctl.domain.workflow import (
    Choice,
    Variant,
    Workflow,
    build_secrets,
    chosen,
    plain,
    runner_of,
    suffix,
)
from envctl.emitters.exports import ci
from envctl.errors import ExportError, UsageError
from envctl.ports import Project
from envctl.usecases import load

_SOURCE = re.compile(r"git\+https://\S+@\S+|https://\S+\.(whl|zip|tar\.gz)(#\S*)?|\.{1,2}/.+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The repository that a project lies in: its top, the project's folder in it, and the default branch.

    ``source``: where this envctl was installed from, if another machine can take it from there as well.
    """

    top: Project
    folder: str
    branch: Callable[[], str]
    source: Callable[[], str | None]


def workflow(project: Project, place: Place, asked: Choice, folder: str) -> Workflow:
    """Return what the workflows say; ``folder`` of the repository holds those that remember a choice.

    Raises as ``usecases.ci.export_ci`` does.
    """
    _checked(asked)
    _there(place, asked.source or "")
    whole = load.manifest(project)
    where = place.folder and plain(place.folder, "the project's folder")
    earlier = _remembered(place.top, folder, where)
    choice = asked.over(earlier or Choice())
    several = _manifests(whole, choice.profiles, asked=bool(asked.profiles))
    lock = load.required_lock(project, several[0].lock_name)
    manifest = restricted(several[0], lock.only)
    python = default_python(manifest, lock, choice.python, None)
    branch = choice.branch or plain(place.branch(), "the default branch")
    return Workflow(
        folder=where,
        branch=branch,
        python=python,
        variants=tuple(_variant(project, each, choice) for each in several),
        logins=_logins(several),
        choice=replace(
            choice,
            branch=branch,
            # `--check` in CI runs another installation than the one that wrote the files.
            source=choice.source or (None if earlier else place.source()),
            python=None if manifest.python else python,
        ),
        managed=whole.managed,
    )


def _remembered(top: Project, folder: str, where: str) -> Choice | None:
    """Return what was chosen earlier; ``None``: there is no file that would remember it."""
    choice = None
    for kind in ci.KINDS:
        text = top.read(f"{folder}/{ci.name(suffix(where), kind)}")
        if text and seal.intact(text):
            choice = (choice or Choice()).over(chosen(text))
    return choice


def _checked(asked: Choice) -> None:
    """Refuse what the command line asks for and no workflow can hold."""
    for option, text in (("--branch", asked.branch), ("--from", asked.source)):
        if text is not None:
            plain(text, option)
    for label in asked.runner:
        plain(label, "--runner")
    source = asked.source
    if source is None:
        return
    if holds_login(source):
        raise UsageError(
            "that address holds a login, and this file is committed",
            where="--from",
            hint="leave it out of the address; `docs/how-to/ci.md` says how a private repository is reached",
        )
    if not _SOURCE.fullmatch(source):
        raise UsageError(
            f"`{source}` does not say where envctl comes from",
            where="--from",
            hint="name its repository at a tag or commit (git+https://git.example/team/envctl@v0.1.0), "
            "a wheel's address, or a path that begins with ./",
        )


def _there(place: Place, source: str) -> None:
    """Refuse a path that is not in the repository; it is seen from the project's folder."""
    if not source.startswith("."):
        return
    path = posixpath.normpath(posixpath.join(place.folder, source))
    above, name = posixpath.split(path)
    if path != "." and (path.startswith("..") or name not in place.top.entries(above or ".")):
        raise UsageError(
            f"there is no `{source}` in the repository",
            where="--from",
            hint="name a wheel or a folder that is committed, as seen from the project's folder",
        )


def _manifests(whole: Manifest, profiles: Collection[str], *, asked: bool) -> tuple[Manifest, ...]:
    if asked:
        return tuple(variant(whole, name) for name in profiles)
    # A profile that was remembered may be gone since.
    kept = [name for name in profiles if name in whole.profiles]
    return tuple(variant(whole, name) for name in kept) or variants(whole)


def _variant(project: Project, manifest: Manifest, choice: Choice) -> Variant:
    names = Names(profile=manifest.profile)
    runner = choice.runner or runner_of((p.os, p.machine) for p in manifest.platforms)
    if not runner:
        raise ExportError(
            f"GitHub has no machine that {manifest.lock_name} is for",
            where="tool.envctl.platforms",
            hint="name a runner of your own with `--runner LABEL`, or add `linux-x86_64` to the platforms",
        )
    linux = not manifest.platforms or any(p.os == "linux" for p in manifest.platforms)
    text = project.read(names.dockerfile) or ""
    described = linux and blocks.find(text, names.dockerfile)
    return Variant(
        profile=manifest.profile,
        lock=manifest.lock_name,
        dockerfile=names.dockerfile if described else None,
        folder=names.folder,
        runner=runner,
        blind=manifest.gpu.required and not choice.runner,
        hermetic=manifest.image.build == "hermetic",
        secrets=build_secrets(text) if described else (),
    )


def _logins(several: tuple[Manifest, ...]) -> tuple[str, ...]:
    """Return the variables for logins of the indexes that the project names itself; torch's own wants none."""
    named = (
        index
        for each in several
        for index in each.indexes
        if index.name != f"pytorch-{each.torch}" and index.url.startswith("http")
    )
    return tuple(dict.fromkeys(login_variable(index.name) for index in named))
