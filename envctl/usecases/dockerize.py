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
from envctl.domain.image import layers as image_layers
from envctl.domain.image.settings import as_chosen, default_index, default_python
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.emitters import dockerfile, dockerignore, image_contract, preflight, pylock
from envctl.errors import ImageError
from envctl.ports import Project
from envctl.usecases import dockerize_report as report

Registry = Callable[[str], str | None]
_UV = re.compile(r"uv==[0-9][0-9A-Za-z.]*(?:\s+(?:\\\n\s*)?--hash=sha256:[0-9a-f]{64})+")
_ADDRESS = re.compile(r"https?://[^\s'\"\\$`<>#]+")
_ESCAPE = re.compile(r"#\s*escape\s*=\s*`", re.IGNORECASE)
_LIST_HEADER = "# Written by envctl: what the image installs. Run `envctl dockerize` to renew it.\n"
_BEFORE = "{}.before-envctl"


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerPlan:
    """The files as they should be, those of them that differ, and what a person should know."""

    files: Mapping[str, str]
    changed: tuple[str, ...]
    diff: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    base: str


class Evidence(TypedDict):
    """The arguments of ``envctl.checks.image.check``."""

    manifest: Manifest
    lock: Lock
    read: Callable[[str], str | None]


def plan(
    project: Project,
    manifest: Manifest,
    lock: Lock,
    *,
    registry: Registry,
    uv_pin: Callable[[], str],
    paths: Collection[str],
    python: str | None = None,
    upgrade_base: bool = False,
    adopt: bool = False,
    today: date | None = None,
) -> DockerPlan:
    """Return what ``dockerize`` would write; nothing is written here.

    ``registry`` gives the digest of a tag; ``uv_pin`` a line ``uv==… --hash=sha256:…`` with all hashes of one uv
    version for Linux, asked only when there is none yet or with ``upgrade_base``; ``python`` is that of ``.venv``.
    """
    names = Names(profile=manifest.profile)
    old = project.read(names.dockerfile)
    block = _block(names, old, adopt=adopt, project=project)
    manifest = as_chosen(manifest, block)
    version = default_python(manifest, lock, block.value("python") if block else None, python)
    image = _pinned(
        describe(manifest, lock, python=version, paths=paths, profile=manifest.profile),
        block,
        registry,
        upgrade_base=upgrade_base,
    )
    companions = _companions(image, manifest, None if upgrade_base else project, uv_pin)
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
        warnings=report.warnings(image, block, today),
        notes=report.notes(image),
        base=image.base.pinned,
    )


def write(project: Project, plans: Iterable[DockerPlan]) -> tuple[str, ...]:
    """Write the plans' files, all or none; return the names that changed."""
    return project.write({name: text for plan in plans for name, text in plan.files.items()})


def evidence(project: Project, manifest: Manifest, lock: Lock) -> Evidence:
    """Return what the image layer of ``verify`` looks at."""
    return {"manifest": manifest, "lock": lock, "read": project.read}


def check(
    project: Project,
    manifest: Manifest,
    lock: Lock,
    *,
    paths: Collection[str],
) -> tuple[Finding, ...]:
    """Say whether the files are there and still fit (``dockerize --check``)."""
    return tuple(image_check.check(**evidence(project, manifest, lock), paths=paths, required=True))


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


def _pinned(image: Image, block: Block | None, registry: Registry, *, upgrade_base: bool) -> Image:
    """Pin the base image: by the manifest's word, else as it was, else as the registry says now."""
    base = image.base
    if base.digest:
        return image
    froms = [line.split() for line in (block.lines if block else ()) if line.startswith("FROM ")]
    earlier = next((words[1] for words in froms if len(words) > 1 and words[-1] == "base"), None)
    kept = image_base.kept_digest(base.reference, earlier)
    digest = kept if kept and not upgrade_base else registry(base.reference) or kept
    return replace(image, base=base.at(digest))


def _companions(
    image: Image, manifest: Manifest, kept: Project | None, uv_pin: Callable[[], str]
) -> dict[str, str]:
    lists = image_layers.parts(image.slices)
    return {
        **{f"pylock.{p}.toml": pylock.emit(table, _LIST_HEADER) for p, table in lists.items()},
        "uv.txt": _installer(image, manifest, kept, uv_pin),
        "contract.json": image_contract.emit(image),
        "preflight.py": preflight.source(),
    }


def _installer(
    image: Image, manifest: Manifest, kept: Project | None, uv_pin: Callable[[], str]
) -> str:
    """Return pip's list for the installer: uv as pinned so far, else as pinned now."""
    earlier = (kept.read(f"{image.names.folder}/uv.txt") or "") if kept else ""
    found = _UV.search(earlier) or _UV.fullmatch(uv_pin().strip())
    if found is None:
        raise ImageError("uv cannot be pinned: no hashes are known for it", hint="run it again")
    requirement = " \\\n    ".join(found[0].replace("\\\n", " ").split())
    index = default_index(manifest)
    if index is not None and not _ADDRESS.fullmatch(index):
        raise ImageError(f"{index!r} is not an address", where="tool.envctl.index")
    return (f"--index-url {index}\n" if index else "") + requirement + "\n"


def _ignore(image: Image, project: Project) -> str:
    """Put the block on top: what a user excludes below it stays excluded."""
    old = project.read(image.names.ignore)
    block = blocks.find(old or "", image.names.ignore)
    if block is None and old:
        block = Block(before="", lines=(), after=old)
    return blocks.put(dockerignore.emit(image), block, image.names.ignore)
