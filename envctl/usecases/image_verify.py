"""Prove that a built image holds what the lock says; nothing of it is run, and nothing it says is believed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from packaging.pylock import PackageWheel

from envctl.checks.built import bytecode, leftovers, starting, whole
from envctl.checks.built.findings import differs
from envctl.domain.environment import Stamp
from envctl.domain.finding import Finding
from envctl.domain.finding.weights import Weighed
from envctl.domain.image import Image
from envctl.domain.image.bundle import FOLDER
from envctl.domain.image.contents import Contents
from envctl.domain.image.described import Described
from envctl.domain.image.layers import PARTS
from envctl.domain.image.proof import Brought, Evidence, Promise
from envctl.domain.image.wheels import file_name
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import package_table
from envctl.domain.lock.slices import Item, Slice
from envctl.domain.manifest import Manifest
from envctl.domain.resolution import Interpreter
from envctl.emitters.plural import many
from envctl.errors import (
    EnvctlError,
    ImageError,
    InterpreterError,
    NoEngineError,
    RegistryFailure,
)
from envctl.ports import Project
from envctl.usecases import image_libraries, image_promise
from envctl.usecases.surroundings import Surroundings
from envctl.usecases.verify_environment import wanted_here


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """How an image and what it is compared with are reached.

    ``contents`` and ``layers`` ask the engine (``None``: it has no such image), ``described`` a registry.
    ``of_environment`` and ``of_wheels`` know what wheels bring, ``compiled`` what the sources of the first are compiled
    to; ``hashes`` knows those of the project's own files.
    """

    contents: Callable[[str], Contents | None]
    layers: Callable[[str], tuple[str, ...] | None]
    described: Callable[[str, str | None], Described | None]
    of_environment: Callable[[str, Stamp], Mapping[str, Brought] | None]
    of_wheels: Callable[[Sequence[Mapping[str, Any]], Interpreter], Mapping[str, Brought]]
    compiled: Callable[[str, Mapping[str, Brought], Interpreter], Mapping[str, Brought]]
    interpreter: Callable[[str], Interpreter]
    hashes: Callable[[Sequence[str]], Mapping[str, str]]
    paths: Callable[[], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageReport:
    """What was found, as the team counts it (``weighed``).

    ``identity``: the engine's ID or the registry's digest; ``said``: what was compared. ``strict``: the team lets
    warnings count as errors.
    """

    reference: str
    local: bool
    identity: str
    weighed: Weighed
    said: str
    strict: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that count."""
        return self.weighed.findings

    def fails(self, *, strict: bool | None = None) -> bool:
        """Whether the answer is no; ``strict``: the caller's word on warnings, else the team's counts."""
        return self.weighed.fails(strict=self.strict if strict is None else strict)


def verify_image(
    around: Surroundings,
    doors: Doors,
    manifest: Manifest,
    lock: Lock,
    reference: str,
    *,
    remote: bool = False,
) -> ImageReport:
    """Look at an image: at all of it where the engine has it, else at what its registry says of it.

    ``remote``: ask the registry, whatever the engine has. Raises ``ImageError`` when neither has it.
    """
    image = image_promise.described(around.project, manifest, lock, doors.paths())
    contents, engine = (None, None) if remote else _asked(doors, reference)
    if contents is not None:
        return _local(around, doors, manifest, lock, image, contents, reference)
    machine = next(iter(image.slices)).machine
    try:
        found = doors.described(reference, f"linux/{_ARCHITECTURES.get(machine, machine)}")
    except RegistryFailure as error:
        if remote:
            raise
        raise engine or _nowhere(reference, error) from error
    if found is None:
        raise engine or ImageError(
            "there is no such image: "
            + ("the registry has none" if remote else "neither engine nor registry has it"),
            where=reference,
            hint="build it with `envctl image build`, or look at the name with `docker image ls`",
        )
    findings = tuple(_remote(around, doors, image, found, machine))
    return ImageReport(
        reference=reference,
        local=False,
        identity=found.digest,
        weighed=manifest.verify.weigh(findings),
        strict=manifest.verify.strict,
        said="labels, variables, user and history, as the registry has them; "
        "for the files pull it, then verify again",
    )


def _nowhere(reference: str, error: RegistryFailure) -> ImageError:
    return ImageError(
        f"the engine has no image `{reference}`, and {error.message}",
        where=error.where,
        hint="correct the name (`docker image ls`), or build it (`envctl image build`); "
        f"if its registry should have it: {error.hint}",
    )


def _asked(doors: Doors, reference: str) -> tuple[Contents | None, NoEngineError | None]:
    """Ask the engine; where none answers the registry may know enough, and else that is what is wrong."""
    try:
        return doors.contents(reference), None
    except NoEngineError as error:
        return None, error


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _remote(
    around: Surroundings, doors: Doors, image: Image, found: Described, machine: str
) -> Iterator[Finding]:
    for platform in image.slices:
        if not found.serves(platform.machine):
            made = ", ".join(found.platforms)
            said = f"the image is not made for {platform.name}"
            yield differs("platform", said, expected=platform.name, actual=made)
    if found.platform is None or not found.serves(machine):
        return
    promise = image_promise.promise(around.project, image, machine, doors.hashes)
    yield from starting.user(found.user, promise)
    yield from starting.labels(found.labels, promise)
    yield from starting.variables(found.env, promise)
    yield from leftovers.history(found.history)


def _local(
    around: Surroundings,
    doors: Doors,
    manifest: Manifest,
    lock: Lock,
    image: Image,
    contents: Contents,
    reference: str,
) -> ImageReport:
    taken = next((t for p, t in image.slices.items() if p.machine == contents.machine), None)
    if taken is None:
        made = ", ".join(platform.name for platform in image.slices)
        said = f"the image is made for {contents.machine}, and the lock is not"
        finding = differs("platform", said, expected=made, actual=contents.machine)
        return ImageReport(
            reference=reference,
            local=True,
            identity=contents.identity,
            weighed=manifest.verify.weigh([finding]),
            strict=manifest.verify.strict,
            said="nothing was compared",
        )
    promise = image_promise.promise(around.project, image, contents.machine, doors.hashes)
    bundle = _bundle(around.project, image)
    release = bytecode.version(contents, promise)
    brought = _brought(around, doors, manifest, lock, taken, promise, bundle, release)
    evidence = Evidence(brought=brought, base=_base(doors, image, contents.machine))
    findings = (
        *whole.check(contents, promise, evidence),
        *image_libraries.proved(contents, promise, evidence, lock),
    )
    files = sum(len(each.rows) for each in brought.values())
    return ImageReport(
        reference=reference,
        local=True,
        identity=contents.identity,
        weighed=manifest.verify.weigh(findings),
        strict=manifest.verify.strict,
        said=f"{many(len(promise.packages))}, {files} files of {len(brought)} compared with their wheels, "
        f"{len(contents.layers)} layers searched; nothing of it was run",
    )


def _brought(
    around: Surroundings,
    doors: Doors,
    manifest: Manifest,
    lock: Lock,
    taken: Slice,
    promise: Promise,
    bundle: Mapping[str, str],
    release: str,
) -> dict[str, Brought]:
    """Return what is known of the packages' bytes: by ``.venv`` where that has the very wheel, else by wheels.

    Those are the bundle's (file names and where they lie), or else of uv's cache. ``release``: the exact version of the
    image's Python, which alone compiles the same byte code; any of its minor knows the rest.
    """
    # What is built has other bytes in .venv, where another compiler made it.
    known = _of_environment(around, doors, manifest, lock, taken)
    found = {name: each for name, each in known.items() if name not in promise.built}
    if found and (current := around.environments.current()).path is not None:
        with suppress(EnvctlError):
            python = _interpreter(doors, promise, release)
            found = dict(doors.compiled(current.path, found, python))
    rest = [
        _entry(item, bundle)
        for item in taken.items
        if item.name not in found and item.name not in promise.built
    ]
    if rest:
        with suppress(
            EnvctlError
        ):  # no such interpreter here: then these are not compared, as is said
            found |= doors.of_wheels(rest, _interpreter(doors, promise, release))
    return {name: each.at(promise.minor) for name, each in found.items()}


def _interpreter(doors: Doors, promise: Promise, release: str) -> Interpreter:
    """Return this machine's Python of that very release, else one of its minor; raises ``InterpreterError``."""
    try:
        return doors.interpreter(release or promise.python)
    except InterpreterError:
        return doors.interpreter(promise.python)


def _bundle(project: Project, image: Image) -> dict[str, str]:
    """Return where the wheels lie that were fetched for a hermetic build, by file name."""
    shelves = [f"{image.names.folder}/{FOLDER}/{part}" for part in PARTS]
    return {name: f"{shelf}/{name}" for shelf in shelves for name in project.listing(shelf)}


def _entry(item: Item, bundle: Mapping[str, str]) -> Mapping[str, Any]:
    table = package_table(item.alone())
    wheel = item.artefact
    if not isinstance(wheel, PackageWheel) or file_name(wheel) not in bundle:
        return table
    return {**table, "wheels": [{"path": bundle[file_name(wheel)], "hashes": dict(wheel.hashes)}]}


def _of_environment(
    around: Surroundings, doors: Doors, manifest: Manifest, lock: Lock, taken: Slice
) -> dict[str, Brought]:
    current = around.environments.current()
    if current.kind != "ours" or current.path is None or current.stamp is None:
        return {}
    try:
        here = wanted_here(around, manifest, lock).items
    except EnvctlError:
        return {}
    if current.stamp.slice_digest != here.digest:
        return {}
    same = {item.name for item in here.items if _file(item)} & {
        item.name
        for item in taken.items
        if _file(item) in {_file(other) for other in here.items if other.name == item.name}
    }
    found = doors.of_environment(current.path, current.stamp) or {}
    return {name: each for name, each in found.items() if name in same}


def _file(item: Item) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(item.hashes.items()))


def _base(doors: Doors, image: Image, machine: str) -> tuple[str, ...] | None:
    if image.base.digest is None:
        return None
    name = f"{image.base.reference.rpartition(':')[0]}@{image.base.digest}"
    if layers := doors.layers(name):
        return layers
    try:
        found = doors.described(image.base.pinned, f"linux/{_ARCHITECTURES.get(machine, machine)}")
    except (RegistryFailure, ImageError):
        return None
    return (found.layers or None) if found else None
