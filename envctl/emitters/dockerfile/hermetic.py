"""The flavour without a network and without ``--mount``: the wheels are in the context, checked there and here again.

For what knows neither of the two: the engine's own API (the docker SDK), older Podman and buildah, networks without a
way out. What ``--chmod`` and mounts do in the other flavour is done here in stages that the image does not keep.
"""

from collections.abc import Iterable

from envctl.domain.image import Image
from envctl.domain.image.bundle import FOLDER, SUMS, sdist_name
from envctl.domain.image.sources import Section, Source
from envctl.emitters.dockerfile import builder as workshop
from envctl.emitters.dockerfile.steps import FINISH, SYNC, TIDY, Added, run
from envctl.emitters.quoting import words

NAME = "hermetic"
_BUNDLE = "/opt/bundle"
_UV = "COPY --from=uv /opt/uv /opt/uv"
_PIP = "--no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: --no-index"


def how_to_build(image: Image) -> tuple[str, ...]:
    """Return the comment that says how a person builds it."""
    name = image.names.dockerfile
    return (
        "#",
        f"# Build:        docker build --network none --tag NAME --file {name} .",
        f"# or:           podman build --network none --tag NAME --file {name} .",
        f"# It reads the wheels in {image.names.folder}/{FOLDER}, which are not committed:",
        f"# `{_fetch(image)}` fetches them.",
    )


def installer(image: Image) -> tuple[str, ...]:
    """Return the stage ``uv``: from its wheel in the context."""
    if not image.items and not image.built.sources:
        return ()
    return (
        "",
        "FROM base AS uv",
        f"WORKDIR {_BUNDLE}/{FOLDER}/uv",
        f"COPY {image.names.folder}/uv.txt {image.names.folder}/{FOLDER}/uv/ ./",
        *run(
            [],
            [
                _checked(image),
                "python3 -m venv /opt/uv",
                f"/opt/uv/bin/python -m pip install {_PIP} --find-links . -r uv.txt",
            ],
        ),
    )


def sources(image: Image) -> tuple[str, ...]:
    """Return the stages in which sources become wheels, and the one that installs the project's own."""
    stages = workshop.stages(image, (), _build)
    own = ("", "FROM empty AS project", *install(image, "project")) if image.built.project else ()
    return (*stages, *own)


def install(image: Image, part: Section) -> tuple[str, ...]:
    """Install exactly one list from the wheels beside it, and what was built; the same as in the other flavour."""
    listed = image.installs(part)
    made = workshop.of(image, part)
    if not listed and not made:
        return run([], FINISH)
    name = f"pylock.{part}.toml"
    sync = [_checked(image), f"{SYNC} --offline --no-cache {_BUNDLE}/{name}"] if listed else []
    return (
        _UV,
        *(_shelf(image, part, name) if listed else ()),
        *map(_carried, made),
        *run([], [*sync, *workshop.add(image, made), *TIDY, *FINISH]),
    )


def _build(image: Image, source: Source) -> tuple[str, ...]:
    """Make a wheel of what lies in the context; there is nothing to be kept from what others wrote."""
    filled = any(source.within.values())
    helpers = [*([source.pylock] if filled else []), *(["fetch.py"] if source.file else [])]
    packed = sdist_name(source.file) if source.file else None
    guard = workshop.guard(image, source)
    fetch = workshop.fetch(source, _BUNDLE, packed=packed, options="--offline --no-cache")
    return (
        _UV,
        *(_shelf(image, source.stage, *helpers) if helpers else ()),
        *run([], [*guard, *([_checked(image)] if helpers else []), *fetch]),
        *workshop.project(image, source),
        *map(_carried, workshop.before(image, source)),
        *run([], [*guard, *workshop.make(image, source)]),
    )


def _shelf(image: Image, shelf: str, *helpers: str) -> tuple[str, ...]:
    """Copy a shelf of the bundle, and the lists that lead to it, such that their paths hold."""
    folder = image.names.folder
    named = " ".join(f"{folder}/{name}" for name in helpers)
    return (
        f"WORKDIR {_BUNDLE}/{FOLDER}/{shelf}",
        f"COPY {named} {_BUNDLE}/",
        f"COPY {folder}/{FOLDER}/{shelf}/ ./",
    )


def _carried(source: Source) -> str:
    """Show the wheels of another stage, where ``builder.add`` looks for them."""
    return f"COPY --from={source.stage} {workshop.WHEELS} {workshop.CARRIED}/{source.stage}"


def system_packages(_image: Image) -> tuple[str, ...]:
    """Return nothing: ``envctl.domain.image.bundle.refuse`` has refused them."""
    return ()


def prepare(added: Iterable[Added]) -> tuple[str, ...]:
    """Copy the project's files in stages of their own, where their modes can be set without storing them twice."""
    lines: list[str] = []
    for each in added:
        lines += ["", f"FROM base AS {each.stage}"]
        lines += [f"COPY {words(paths, each.where)}" for paths in each.copies]
        lines += [f"RUN {words(['chmod', '-R', each.mode, *each.made], each.where)}"]
    return tuple(lines)


def add(added: Added) -> tuple[str, ...]:
    """Take them over from their stage."""
    return (f"COPY --from={added.stage} {added.folder} {added.folder}",)


def _checked(image: Image) -> str:
    """Say what is missing in words: `COPY` could only say that a file is not there."""
    told = f"these files are missing or altered: run {_fetch(image)}, then build again"
    return f"sha256sum --check --strict --quiet {SUMS} || {{ echo 'envctl: {told}' >&2; exit 1; }}"


def _fetch(image: Image) -> str:
    profile = image.names.profile
    return f"envctl dockerize --profile {profile}" if profile else "envctl dockerize"
