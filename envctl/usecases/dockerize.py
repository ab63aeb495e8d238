"""Write the Dockerfile and its companions, or say whether they still fit."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypedDict

from envctl.checks import image as image_check
from envctl.domain import blocks
from envctl.domain.blocks import Block
from envctl.domain.finding import Finding
from envctl.domain.image import Image, Names, describe
from envctl.domain.image import base as image_base
from envctl.domain.image.bundle import Bundled
from envctl.domain.image.settings import as_chosen, default_python
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.emitters import dockerfile, dockerignore
from envctl.errors import ImageError
from envctl.ports import Project, Shelves
from envctl.usecases import dockerize_files
from envctl.usecases import dockerize_report as report
from envctl.usecases.dockerize_cards import of_team
from envctl.usecases.dockerize_files import Installer
from envctl.usecases.dockerize_pins import Registry, pinned

_ESCAPE = re.compile(r"#\s*escape\s*=\s*`", re.IGNORECASE)
_BEFORE = "{}.before-envctl"


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerPlan:
    """The files as they should be, those of them that differ, and what a person should know.

    ``diff``: of all files; ``renewed``: of a Dockerfile that there was already.
    ``bundle``: the files that a hermetic build reads below ``folder`` (``envctl.usecases.bundle`` fetches them);
    ``gone``: files of an earlier time that no build reads any more.
    """

    files: Mapping[str, str]
    changed: tuple[str, ...]
    diff: str
    renewed: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    base: str
    folder: str
    bundle: tuple[Bundled, ...] = ()
    gone: tuple[str, ...] = ()


class Evidence(TypedDict):
    """The arguments of ``envctl.checks.image.check``."""

    manifest: Manifest
    lock: Lock
    read: Callable[[str], str | None]
    listing: Callable[[str], tuple[str, ...]]


def plan(
    project: Project,
    manifest: Manifest,
    lock: Lock,
    *,
    registry: Registry,
    uv_pin: Callable[[], str],
    paths: Collection[str],
    uv_files: Callable[[], Mapping[str, str]] = dict,
    python: str | None = None,
    upgrade_base: bool = False,
    adopt: bool = False,
    today: date | None = None,
) -> DockerPlan:
    """Return what ``dockerize`` would write; nothing is written here.

    ``registry`` gives the digest of a tag; ``uv_pin`` a line ``uv==… --hash=sha256:…`` with all hashes of one uv
    version for Linux, ``uv_files`` the names of that version's files with their sha256 (for a hermetic image); they are
    asked only when there is none yet or with ``upgrade_base``. ``python`` is that of ``.venv``.
    """
    names = Names(profile=manifest.profile)
    old = project.read(names.dockerfile)
    block = _block(names, old, adopt=adopt, project=project)
    manifest = as_chosen(manifest, block)
    version = default_python(manifest, lock, block.value("python") if block else None, python)
    image = pinned(
        describe(
            manifest,
            lock,
            python=version,
            paths=paths,
            profile=manifest.profile,
            earlier=None if upgrade_base else image_base.in_block(block),
        ),
        block,
        registry,
        upgrade_base=upgrade_base,
    )
    image = replace(image, cards=of_team(project, manifest))
    installer = Installer(pin=uv_pin, files=uv_files)
    companions, bundled = dockerize_files.companions(
        image, manifest, None if upgrade_base else project, installer
    )
    files = {f"{names.folder}/{name}": text for name, text in companions.items()}
    files[names.ignore] = _ignore(image, project)
    files[names.dockerfile] = blocks.put(
        dockerfile.emit(image, companions), block, names.dockerfile
    )
    if old is not None and block is None:
        files[_BEFORE.format(names.dockerfile)] = old
    earlier = {name: project.read(name) for name in files}
    changed = tuple(name for name in sorted(files) if earlier[name] != files[name])
    return DockerPlan(
        files=files,
        changed=changed,
        diff="".join(report.diff(name, earlier[name], files[name]) for name in changed),
        renewed=report.diff(names.dockerfile, old, files[names.dockerfile]) if block else "",
        warnings=report.warnings(image, block, today),
        notes=report.notes(image),
        base=image.base.pinned,
        folder=names.folder,
        bundle=bundled,
        gone=dockerize_files.gone(names.folder, project.listing(names.folder), companions),
    )


def write(project: Project, plans: Iterable[DockerPlan]) -> tuple[str, ...]:
    """Write the plans' files, all or none; return the names that changed."""
    asked = tuple(plans)
    changed = project.write({name: text for plan in asked for name, text in plan.files.items()})
    project.remove([name for plan in asked for name in plan.gone])
    return changed


def evidence(project: Project, manifest: Manifest, lock: Lock) -> Evidence:
    """Return what the image layer of ``verify`` looks at."""
    return {
        "manifest": manifest,
        "lock": lock,
        "read": project.read,
        "listing": project.listing,
    }


def check(
    project: Project,
    manifest: Manifest,
    lock: Lock,
    *,
    paths: Collection[str],
    shelves: Shelves | None = None,
    today: date | None = None,
) -> tuple[Finding, ...]:
    """Say whether the files are there and still fit (``dockerize --check``); ``shelves``: the wheels are hashed."""
    return tuple(
        image_check.check(
            **evidence(project, manifest, lock),
            amiss=shelves.amiss if shelves else None,
            paths=paths,
            required=True,
            today=today,
        )
    )


def _block(names: Names, old: str | None, *, adopt: bool, project: Project) -> Block | None:
    """Return the block so far; raises ``ImageError`` for a Dockerfile that is not ours to change."""
    block = blocks.find(old or "", names.dockerfile)
    kept = _BEFORE.format(names.dockerfile)
    if old is not None and block is None and not adopt:
        raise ImageError(
            f"{names.dockerfile} exists and was not written by envctl",
            where=names.dockerfile,
            hint=f"move it away, or pass --adopt: it is then kept as {kept}",
        )
    if old is not None and block is None and project.read(kept) is not None:
        raise ImageError(f"{kept} is in the way", where=kept, hint="move it away")
    if block and any(_ESCAPE.match(line) for line in block.before.splitlines()):
        raise ImageError(
            "the block cannot be written under `# escape=`",
            where=names.dockerfile,
            hint="remove that line: the backslash is then the escape character",
        )
    return block


def _ignore(image: Image, project: Project) -> str:
    """Put the block on top: what a user excludes below it stays excluded."""
    old = project.read(image.names.ignore)
    block = blocks.find(old or "", image.names.ignore)
    if block is None and old:
        block = Block(before="", lines=(), after=old)
    return blocks.put(dockerignore.emit(image), block, image.names.ignore)
