"""The stages in which sources become wheels. Only ``/wheels`` of them is looked at later: no compiler gets further.

``builder`` has the compilers; each source has a stage of its own after it, with an environment that holds its locked
build requirements and the variables that it is told. The source tree lies at one path, because compilers write it into
what they make: the same bytes whoever builds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from envctl.domain.image import Image
from envctl.domain.image.builder import Builder
from envctl.domain.image.sources import Section, Source
from envctl.emitters.dockerfile.steps import run
from envctl.emitters.quoting import value, words

WHEELS = "/wheels"
CARRIED = "/opt/wheels"
_SOURCE = "/opt/source"
_ENVIRONMENT = "/opt/build"
_PYTHON = f"{_ENVIRONMENT}/bin/python"
_QUIET = "UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv"
_SYNC = f"{_QUIET} pip sync --no-config --no-build --preview-features pylock --python {_PYTHON}"
# Without the cache, which other builds share and knows a wheel from a disk by path and time alone.
_ADD = "pip install --no-config --no-cache --no-build --no-deps --no-index"
_BYTECODE = "UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH"
_BUILD = (
    f"{_QUIET} build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation"
    f" --no-create-gitignore --python {_PYTHON} --out-dir {WHEELS}"
)
# As envctl.adapters.build_backend tells it: 1980, where the dates of a zip file begin.
_TOLD: Mapping[str, str] = {
    "PYTHONNOUSERSITE": "1",
    "SOURCE_DATE_EPOCH": "315532800",
    "VIRTUAL_ENV": _ENVIRONMENT,
}


def stages(
    image: Image, packages: Iterable[str], build: Callable[[Image, Source], Iterable[str]]
) -> Iterator[str]:
    """Write the builder and a stage for each source; nothing where nothing is built.

    ``packages`` are the lines that install Debian's in the builder, ``build`` gives those that make one wheel.
    """
    builder = image.built.builder
    if builder is None:
        return
    if builder.toolkit is not None:
        yield from ("", f"FROM {builder.toolkit.base.pinned} AS toolkit")
    yield from ("", "# Compilers: nothing of this stage is copied, only the wheels made in it.")
    yield f"FROM {builder.base.pinned if builder.base else 'base'} AS builder"
    yield from _ready(image, builder)
    yield from packages
    for source in image.built.sources:
        yield from ("", f"FROM builder AS {source.stage}", *_told(source))
        yield from build(image, source)


def of(image: Image, section: Section) -> tuple[Source, ...]:
    """Return what is built for a part of the environment, or for the project's own layer."""
    return tuple(each for each in image.built.sources if each.section == section)


def before(image: Image, source: Source) -> tuple[Source, ...]:
    """Return the sources whose wheels belong into a source's build environment."""
    return tuple(each for each in image.built.sources if each.stage in source.after)


def fetch(
    source: Source, folder: str, *, packed: str | None = None, options: str = ""
) -> list[str]:
    """Return the commands that see the network: the source by its hash, and the wheels of its build environment.

    The lists and ``fetch.py`` lie in ``folder``; ``packed`` is the source's file where it is there already, ``options``
    are more of uv's. Nothing that was fetched is run here, where a login can be read. The
    source comes first: after that, `python3` is the build environment's.
    """
    found = f"./{packed}" if packed else f"{folder}/{source.fetched}"
    fetched = f"python3 {folder}/fetch.py {found} {_SOURCE}"
    sync = " ".join(filter(None, (_SYNC, options, f"{folder}/{source.pylock}")))
    return [
        *([fetched] if source.file is not None else []),
        f"python3 -m venv --without-pip {_ENVIRONMENT}",
        *([sync] if any(source.within.values()) else []),
    ]


def make(image: Image, source: Source) -> list[str]:
    """Return the commands that make the wheel, with the wheels of other sources in the environment."""
    added = (
        _guarded(_added(each, _PYTHON), source.after[each.stage], image)
        for each in before(image, source)
    )
    return [*added, f"{_BUILD} {_SOURCE}"]


def guard(image: Image, source: Source) -> list[str]:
    """Return the command that ends the step where another machine than the source's is built for."""
    if set(source.machines) >= _machines(image):
        return []
    return [
        f"case $(uname -m) in {'|'.join(source.machines)}) ;; *) mkdir -p {WHEELS}; exit 0;; esac"
    ]


def right(image: Image) -> list[str]:
    """Return the command that refuses a builder with another Python: its wheels would fit nowhere else."""
    if not (image.built.builder and image.built.builder.named):
        return []
    major, minor = image.python.split(".")[:2]
    told = f"envctl: the builder image must have Python {major}.{minor}: correct tool.envctl.image.builder"
    asked = f"sys.version_info[:2] == ({int(major)}, {int(minor)})"
    return [f"python3 -c 'import sys; {asked} or sys.exit(\"{told}\")'"]


def project(image: Image, source: Source) -> tuple[str, ...]:
    """Return what copies the project's own source to where it is built."""
    if source.file is not None:
        return ()
    return tuple(
        "COPY " + words([path, f"{_SOURCE}/{path}"], "tool.envctl.image.source")
        for path in image.package
    )


def add(image: Image, sources: Iterable[Source]) -> list[str]:
    """Return the commands that install carried wheels (``CARRIED/STAGE``) into ``/opt/venv``.

    By name and from a folder: so they are installed as wheels of an index are, without ``direct_url.json``.
    """
    return [
        _guarded(f"{_BYTECODE} {_added(each, '/opt/venv/bin/python')}", each.machines, image)
        for each in sources
    ]


def _added(source: Source, python: str) -> str:
    where = f"--find-links {CARRIED}/{source.stage}"
    return f"{_QUIET} {_ADD} {where} --python {python} '{source.requirement}'"


def _guarded(command: str, machines: Iterable[str], image: Image) -> str:
    wanted = tuple(machines)
    if set(wanted) >= _machines(image):
        return command
    return f"case $(uname -m) in {'|'.join(wanted)}) {command};; esac"


def _machines(image: Image) -> set[str]:
    return {platform.machine for platform in image.slices}


def _ready(image: Image, builder: Builder) -> Iterator[str]:
    """Say in the stage ``builder`` where CUDA is."""
    if (toolkit := builder.toolkit) is not None:
        yield f"COPY --from=toolkit {toolkit.folder} {toolkit.folder}"
        yield f"ENV CUDA_HOME={toolkit.folder} \\\n    PATH={toolkit.folder}/bin:$PATH"
    yield from (line for command in right(image) for line in run([], [command]))


def _told(source: Source) -> Iterator[str]:
    """Write the build's variables: what every build is told, then what the manifest says, which counts more."""
    told = (f"{name}={value(text, name)}" for name, text in _TOLD.items())
    yield "ENV " + " \\\n    ".join([f"PATH={_ENVIRONMENT}/bin:$PATH", *told])
    for name, text in source.env.items():
        yield f"ENV {name}={value(text, f'tool.envctl.build.{source.name}.env.{name}')}"
