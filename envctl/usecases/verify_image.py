"""Do the Dockerfiles follow their locks? What the layer ``image`` looks at."""

from collections.abc import Iterator, Sequence

from envctl.checks import image as image_check
from envctl.checks import image_files
from envctl.domain.finding import Finding
from envctl.domain.finding.place import at
from envctl.domain.image import Names
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.usecases import dockerize, image_libraries
from envctl.usecases.surroundings import Surroundings

Locked = tuple[Manifest, Lock | None, str | None]
_FOLDER = Names().folder


def images(around: Surroundings, every: Sequence[Locked], skipped: list[str]) -> Iterator[Finding]:
    """Compare each Dockerfile of envctl's with its lock; ``skipped`` gets why one, or all, are not looked at."""
    kinds = {name: image_files.kind(around.project.read(name), name) for name in _names(every)}
    left = list(_superfluous(around, every))
    yield from left
    if not left and "ours" not in kinds.values():
        skipped.append(image_files.nothing(kinds))
        return
    for manifest, lock, _ in every:
        name = Names(profile=manifest.profile).dockerfile
        if kinds[name] != "ours":
            if manifest.for_linux:
                foreign = kinds[name] == "foreign"
                gone = image_files.missing(name, there=foreign, severity="note")
                yield from at([gone], dockerfile=name)
        elif lock is None:
            which = manifest.lock_name if manifest.profile else "lock"
            skipped.append(f"there is no {which} to compare with")
        else:
            evidence = dockerize.evidence(around.project, manifest, lock)
            found = image_check.check(**evidence, today=around.today)
            yield from at(found, dockerfile=name)


def libraries(around: Surroundings, every: Sequence[Locked]) -> Iterator[Finding]:
    """Look for libraries that an image of ours would lack, by what is synced here."""
    for manifest, lock, _ in every:
        dockerfile = Names(profile=manifest.profile).dockerfile
        if lock is not None and around.project.read(dockerfile) and around.libraries:
            current = around.environments.current()
            look = around.libraries
            found = image_libraries.expected(around.project, manifest, lock, current, look)
            yield from at(found, dockerfile=dockerfile)


def _names(every: Sequence[Locked]) -> list[str]:
    return [Names(profile=manifest.profile).dockerfile for manifest, _, _ in every]


def _superfluous(around: Surroundings, every: Sequence[Locked]) -> Iterator[Finding]:
    """Look for Dockerfiles of profiles that are no more, by the folders that ``dockerize`` made for them."""
    known = _names(every)
    folders = around.project.entries(_FOLDER)
    for profile in (None, *(name for name in folders if "." not in name)):
        names = Names(profile=profile)
        text = around.project.read(names.dockerfile) if names.dockerfile not in known else None
        if image_files.kind(text, names.dockerfile) == "ours":
            yield image_files.superfluous(names)
