"""Is the Dockerfile made from this lock's slice, and is it still as envctl wrote it?"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import date

from envctl.checks import image_base as base_check
from envctl.checks import image_bundle, image_conflict, image_files
from envctl.checks.image_bundle import Amiss, Listing
from envctl.domain import blocks, image
from envctl.domain.blocks import Block
from envctl.domain.finding import Finding
from envctl.domain.finding.codes import Code
from envctl.domain.image import Names
from envctl.domain.image import base as image_base
from envctl.domain.image import layers as image_layers
from envctl.domain.image import settings as image_settings
from envctl.domain.image.base import UnfitBase
from envctl.domain.image.fitting import fit
from envctl.domain.image.sources import sources_digest
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.errors import EnvctlError, ImageError

Read = Callable[[str], str | None]


def check(
    *,
    manifest: Manifest,
    lock: Lock,
    read: Read,
    listing: Listing = lambda _folder: (),
    amiss: Amiss | None = None,
    paths: Collection[str] | None = None,
    required: bool = False,
    today: date | None = None,
) -> Iterator[Finding]:
    """Yield what is wrong; a project without a Dockerfile of ours is fine unless one is ``required``.

    ``read`` gives a file's text or ``None``, ``listing`` the files of a folder; ``amiss`` looks into a bundle's wheels.
    Without ``paths`` (the project's files) nothing is said about source.
    """
    names = Names(profile=manifest.profile)
    text = read(names.dockerfile)
    try:
        block = blocks.find(text or "", names.dockerfile)
    except ImageError as error:
        yield _edited(names.dockerfile, error.message, advice=error.hint)
        return
    if block is None:
        if required:
            yield image_files.missing(names.dockerfile, there=text is not None)
        return
    if conflicts := list(image_conflict.check(names, block, read)):
        yield from conflicts  # what the files say of themselves is then the word of two branches
        if block.edited and not block.conflict:
            yield _by_hand(names.dockerfile)
        return
    manifest = image_settings.as_chosen(manifest, block)
    yield from _as_written(names, block, read)
    yield from _up_to_date(names, block, manifest, lock, read, today)
    yield from _source(names, block, manifest, paths)
    yield from image_bundle.check(names, block, read, listing, amiss=amiss, required=required)


def _as_written(names: Names, block: Block, read: Read) -> Iterator[Finding]:
    if block.edited:
        yield _by_hand(names.dockerfile)
    for name, digest in image.recorded(block, "file").items():
        path = f"{names.folder}/{name}"
        text = read(path)
        if text is None:
            yield _edited(path, f"the build needs `{path}`, and it is gone")
        elif blocks.digest(text) != digest:
            yield _edited(path, f"`{path}` is not as envctl wrote it")
    yield from _ignore(names, read)


def _ignore(names: Names, read: Read) -> Iterator[Finding]:
    try:
        ignore = blocks.find(read(names.ignore) or "", names.ignore)
    except ImageError as error:
        yield _edited(names.ignore, error.message, advice=error.hint)
        return
    if ignore is None:
        said = (
            f"`{names.ignore}` has no block of envctl's: the build sends everything to the engine"
        )
        yield _edited(names.ignore, said)
    elif ignore.edited:
        yield _by_hand(names.ignore)


def _up_to_date(
    names: Names,
    block: Block,
    manifest: Manifest,
    lock: Lock,
    read: Read,
    today: date | None,
) -> Iterator[Finding]:
    try:
        python = image_settings.default_python(manifest, lock, block.value("python"), None)
        earlier = image_base.in_block(block)
        base, found = fit(manifest, lock, python=python, where=names.lock, earlier=earlier)
        built = image.building(manifest, lock, found, base, python=python)
    except UnfitBase as error:
        yield base_check.unfit(error)
        return
    except EnvctlError as error:
        yield _stale(
            names,
            f"no image can be made by `{names.dockerfile}` any more: {error.message}",
            advice=error.hint or "see above",
        )
        return
    yield from base_check.check(block, base, today)
    now = {platform.name: taken.digest for platform, taken in found.items()}
    then = image.recorded(block, "slice")
    if now != then:
        text = read(f"{names.folder}/contract.json") or ""
        yield _stale(
            names,
            f"`{names.dockerfile}` was made from another slice of the lock: "
            f"{image_layers.changes(text, found)}",
            expected=" ".join(now.values()),
            actual=" ".join(then.values()),
        )
    builds = sources_digest(built.sources)
    if builds != block.value("builds") and now == then:
        yield _stale(
            names,
            "how the packages that have no wheel, or the project itself, are built has changed "
            f"since `{names.dockerfile}` was written",
            expected=builds,
            actual=block.value("builds"),
        )
    settings = image_settings.settings_digest(manifest, python)
    if settings != block.value("settings"):
        yield _stale(
            names,
            "what pyproject.toml says of Python, image, index or variables has changed "
            f"since `{names.dockerfile}` was written",
            expected=settings,
            actual=block.value("settings"),
        )


def _source(
    names: Names, block: Block, manifest: Manifest, paths: Collection[str] | None
) -> Iterator[Finding]:
    if paths is None and (manifest.image.project == "package" or not manifest.image.source):
        return
    try:
        now = json.dumps(image_settings.context(manifest.image, paths or ()))
    except ImageError as error:
        yield _stale(names, error.message, advice=error.hint)
        return
    if now != block.value("source"):
        yield _stale(
            names,
            f"`{names.dockerfile}` copies other source than the project has",
            expected=now,
            actual=block.value("source"),
        )


def _by_hand(path: str) -> Finding:
    return _edited(path, f"the generated block of `{path}` was changed by hand")


def _edited(subject: str, message: str, *, advice: str | None = None) -> Finding:
    fix = None if advice else "envctl dockerize"
    found = _finding("dockerfile-edited", subject, message, fix=fix, advice=advice)
    return replace(found, file=subject)


def _stale(
    names: Names,
    message: str,
    *,
    expected: str | None = None,
    actual: str | None = None,
    advice: str | None = None,
) -> Finding:
    fix = None if advice else "envctl dockerize"
    return _finding(
        "dockerfile-stale",
        names.dockerfile,
        message,
        expected=expected,
        actual=actual,
        fix=fix,
        advice=advice,
    )


def _finding(
    code: Code,
    subject: str,
    message: str,
    *,
    expected: str | None = None,
    actual: str | None = None,
    fix: str | None = None,
    advice: str | None = None,
) -> Finding:
    return Finding(
        code=code,
        layer="image",
        severity="error",
        subject=subject,
        message=message,
        expected=expected,
        actual=actual,
        fix=fix,
        advice=advice,
    )
