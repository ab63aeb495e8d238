"""Can the images that a Dockerfile starts from be had, and do they fit? By the tables, or by the registry's word."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date

from envctl.domain.blocks import Block
from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.image import base as image_base
from envctl.domain.image import fitting
from envctl.domain.image.base import Base, Lack, UnfitBase
from envctl.domain.image.described import Described
from envctl.domain.lock.slices import Item
from envctl.domain.platforms import Platform

Ask = Callable[[str], Described | None]
Items = Mapping[Platform, Collection[Item]]
_UPGRADE = "envctl dockerize --upgrade-base"
_CODES: Mapping[Lack, Code] = {
    "interpreter": "base-without-python",
    "python": "base-other-python",
    "glibc": "base-without-glibc",
    "libc": "base-libc-too-old",
}


def check(block: Block, base: Base, today: date | None) -> Iterator[Finding]:
    """Yield what the tables and the Dockerfile tell: images that are not pinned, and support that has ended."""
    for reference in image_base.froms(block).values():
        if "@" not in reference:
            yield _finding(
                "base-unpinned",
                "warning",
                reference,
                "it is not pinned: what a build starts from may change any day",
                fix="envctl dockerize",
            )
    for what, end in base.ends:
        if today is not None and end < today:
            yield _finding(
                "base-end-of-life",
                "warning",
                base.reference,
                f"{what} has been out of support since {end} (table of {image_base.table_date()})",
                advice="set a newer Python in tool.envctl.python, or name another image in "
                "tool.envctl.image.base, and run `envctl lock` and `envctl dockerize`",
            )


def unfit(error: UnfitBase) -> Finding:
    """Return the finding for a base image that cannot be the one of this project."""
    advice = f"{error.where}: {error.hint}"
    return _finding(_CODES[error.lack], "error", error.subject, error.message, advice=advice)


def unchecked(subject: str, message: str, advice: str) -> Finding:
    """Return the note that a registry did not answer."""
    said = f"the images behind FROM were not looked at: {message}"
    return _finding("base-unchecked", "note", subject, said, advice=advice)


def asked(
    block: Block, base: Base, ask: Ask, *, items: Items, python: str, declared: bool
) -> Iterator[Finding]:
    """Yield what registries say of the images behind ``FROM``; raises what ``ask`` raises.

    ``items`` are what the image installs by platform, ``declared``: the manifest names these platforms.
    """
    for stage, reference in image_base.froms(block).items():
        name, _, digest = reference.partition("@")
        now = ask(name)
        pinned = now if not digest or (now and now.digest == digest) else ask(f"{name}@{digest}")
        mine = stage == "base" and base.digest is not None
        yield from _there(reference, digest, now, pinned, mine=mine)
        if pinned is None:
            continue
        yield from _platforms(pinned, reference, items, declared=declared)
        if stage == "base":
            yield from _inside(pinned, name, base, items, python)


def _there(
    reference: str, digest: str, now: Described | None, pinned: Described | None, *, mine: bool
) -> Iterator[Finding]:
    """Say whether tag and digest are still there; ``mine``: the manifest names the digest itself."""
    if pinned is None:
        what = "this digest" if digest else "this tag"
        known = now is not None and not mine
        yield _finding(
            "base-gone",
            "error",
            reference,
            f"the registry has {what} no longer, or never had it: a build cannot start from it",
            fix=_UPGRADE if known else None,
            advice=None if known else "name an image that is there in tool.envctl.image.base",
        )
    elif now is None:
        yield _finding(
            "base-gone",
            "warning",
            reference,
            "the registry has its tag no longer; the digest is still there, and gets no updates",
            advice="set a newer Python in tool.envctl.python, or name another image in "
            "tool.envctl.image.base, and run `envctl dockerize`",
        )
    elif digest and now.digest != digest:
        yield _finding(
            "base-moved",
            "note",
            reference,
            "its tag has another digest now: there are updates",
            expected=digest,
            actual=now.digest,
            fix=None if mine else _UPGRADE,
            advice="change the digest in tool.envctl.image.base" if mine else None,
        )


def _platforms(
    found: Described, reference: str, items: Items, *, declared: bool
) -> Iterator[Finding]:
    missing = [each.machine for each in items if not found.serves(each.machine)]
    if not missing:
        return
    # What nobody asked for is missed by nobody, as long as there is one machine that it is for.
    missed = declared or len(missing) == len(items)
    yield _finding(
        "base-architecture",
        "error" if missed else "note",
        reference,
        f"it is not made for {', '.join(missing)}",
        expected=", ".join(each.machine for each in items),
        actual=", ".join(found.platforms),
        advice="name an image for these machines in tool.envctl.image.base, or take "
        "the others out of tool.envctl.platforms",
    )


def _inside(
    found: Described, name: str, base: Base, items: Items, python: str
) -> Iterator[Finding]:
    """Say what the image tells of its Python (as the official ones do) and of its system."""
    try:
        if version := found.env.get("PYTHON_VERSION"):
            image_base.refuse_python(name, version, python)
        said = " ".join((*found.history, *found.labels.values()))
        system = None if base.libc else next(image_base.systems(said), None)
        if system is None:
            return
        for platform, own in items.items():
            need, source = fitting.needed(own, platform, chosen=True)
            if need is not None and need > system[1]:
                raise fitting.unfit(name, system[1], need, source or "")
    except UnfitBase as error:
        yield unfit(error)


def _finding(
    code: Code,
    severity: Severity,
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
        severity=severity,
        subject=subject,
        message=message if subject in message else f"{subject}: {message}",
        expected=expected,
        actual=actual,
        fix=fix,
        advice=advice,
    )
