"""What pyproject.toml says about the image: its Python, its source, and a digest by which a change is noticed."""

import json
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from envctl.domain.blocks import Block, digest
from envctl.domain.image import base as image_base
from envctl.domain.image.variables import bake
from envctl.domain.lock import Lock
from envctl.domain.manifest import ImageSettings, Manifest
from envctl.errors import ImageError

_NOT_SOURCE = ("tests", "test", "docs")
# What build backends read beside the source: metadata, the texts that it names, and how to compile.
_METADATA = re.compile(
    r"(setup\.(py|cfg)|MANIFEST\.in|(README|LICEN[CS]E|COPYING|NOTICE|AUTHORS|CHANGES|CHANGELOG)(\.[a-z]+)?"
    r"|CMakeLists\.txt|meson\.build|meson(_options\.txt|\.options)|Cargo\.(toml|lock)|build\.rs)",
    re.IGNORECASE,
)
# Patterns of .dockerignore, wildcards of COPY, and what either would expand.
_ODD_PATH = re.compile(r"[\x00-\x1f\x7f*?\[\]\\$\"'<>]|^[!#\s]|\s$")


def sources(declared: tuple[str, ...], paths: Collection[str]) -> tuple[str, ...]:
    """Return which paths of the project go into the image.

    What ``image.source`` lists; else ``src``, if there is one; else every ``*.py`` file at the top and every folder
    at the top with an ``__init__.py``, but for tests and docs.
    """
    if declared:
        return tuple(dict.fromkeys(_path(text, n) for n, text in enumerate(declared)))
    if any(path.startswith("src/") for path in paths):
        return ("src",)
    split = [path.split("/") for path in paths]
    files = {p[0] for p in split if len(p) == 1 and p[0].endswith(".py")}
    folders = {p[0] for p in split if len(p) == 2 and p[1] == "__init__.py"}
    return tuple(
        path
        for path in sorted(files | folders.difference(_NOT_SOURCE))
        if not _ODD_PATH.search(path)
    )


def package_files(declared: tuple[str, ...], paths: Collection[str]) -> tuple[str, ...]:
    """Return which paths of the project its wheel is built from: its source, and what build backends read beside it."""
    beside = (path for path in sorted(paths) if _METADATA.fullmatch(path))
    return tuple(dict.fromkeys(("pyproject.toml", *beside, *sources(declared, paths))))


def context(settings: ImageSettings, paths: Collection[str]) -> tuple[str, ...]:
    """Return which paths of the project the build of its image sees; raises ``ImageError``."""
    found = package_files if settings.project == "package" else sources
    return found(settings.source, paths)


def default_python(manifest: Manifest, lock: Lock, earlier: str | None, local: str | None) -> str:
    """Return the image's Python: the manifest's; else that of the Dockerfile so far, of ``.venv``, of the table."""
    if manifest.python is not None:
        return manifest.python
    wanted = lock.pylock.requires_python
    for candidate in (earlier, local, *image_base.newest_known()):
        if candidate and (wanted is None or wanted.contains(_full(candidate))):
            return ".".join(candidate.split(".")[:2])
    raise ImageError(
        f"no base image is known for Python {wanted}",
        where="pyproject.toml",
        hint="name a Python in tool.envctl.python, and a base image in tool.envctl.image.base",
    )


def settings_digest(manifest: Manifest, python: str) -> str:
    """Return the digest of what the Dockerfile depends on besides the slice.

    Only what is set goes in, so that a setting which a newer envctl knows makes no older Dockerfile stale.
    """
    settings = manifest.image
    baked = bake(manifest.env, settings.target)
    inputs: dict[str, Any] = {
        "name": manifest.name,
        "python": python,
        "base": settings.base,
        "registry": settings.registry,
        "for": settings.target,
        "build": settings.build if settings.build != "buildkit" else None,
        "system-packages": sorted(set(settings.system_packages)),
        "command": list(settings.command),
        "project": settings.project if settings.project != "source" else None,
        "builder": settings.builder,
        "build-packages": sorted(set(settings.build_packages)),
        "ports": sorted(settings.ports),
        "healthcheck": list(settings.healthcheck),
        "stop-signal": settings.stop_signal,
        "env": dict(baked.env),
        "required": [*baked.required],
        "missed": [*baked.missed],
        "gpu": manifest.gpu.required,
        "gpus": manifest.gpu.count,
        "index": default_index(manifest),
    }
    filled = {key: value for key, value in inputs.items() if value}
    return digest(json.dumps(filled, sort_keys=True))


def default_index(manifest: Manifest) -> str | None:
    """Return the address of the index that everything without an index of its own comes from."""
    return next((index.url for index in manifest.indexes if not index.packages), None)


def _path(text: str, position: int) -> str:
    path = text.removeprefix("./").rstrip("/")
    steps = path.split("/")
    if not path or path.startswith("/") or _ODD_PATH.search(path) or {"..", ".", ""} & set(steps):
        raise ImageError(
            f"{text!r} cannot be copied into the image",
            where=f"tool.envctl.image.source[{position}]",
            hint='name files and folders of the project, for example "src" or "train.py"',
        )
    return path


def _full(python: str) -> str:
    return python if python.count(".") > 1 else f"{python}.0"


def choose(manifest: Manifest, groups: tuple[str, ...], extras: tuple[str, ...]) -> Manifest:
    """Return the manifest with these groups and extras for the image, whatever it says itself."""
    image = replace(manifest.image, groups=groups, extras=extras, chosen=True)
    return replace(manifest, image=image)


def choice_line(manifest: Manifest) -> str | None:
    """Return what the Dockerfile remembers of the command line's choice."""
    image = manifest.image
    if not image.chosen:
        return None
    return json.dumps({"groups": sorted(image.groups), "extras": sorted(image.extras)})


def as_chosen(manifest: Manifest, block: Block | None) -> Manifest:
    """Return the manifest with the choice that a Dockerfile remembers, as far as there are such groups still."""
    line = block.value("choice") if block else None
    if line is None or manifest.image.chosen:
        return manifest
    try:
        found = json.loads(line)
        groups, extras = tuple(map(str, found["groups"])), tuple(map(str, found["extras"]))
    except (ValueError, KeyError, TypeError):
        return manifest  # edited: said elsewhere
    return choose(
        manifest,
        tuple(name for name in groups if name in manifest.groups),
        tuple(name for name in extras if name in manifest.extras),
    )
