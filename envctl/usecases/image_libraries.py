"""The system's libraries that an image's environment needs: looked for in the image itself, or by the tables."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.checks import libraries as libraries_check
from envctl.domain.environment import Current, Stamp
from envctl.domain.finding import Finding
from envctl.domain.image import libraries
from envctl.domain.image.contents import Contents, resolve
from envctl.domain.image.libraries import Bundle, Linked
from envctl.domain.image.proof import ENVIRONMENT, Evidence, Promise
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.errors import EnvctlError
from envctl.ports import Project
from envctl.usecases import image_promise

Look = Callable[[str, Stamp], Linked]
"""Given an environment's path and its stamp, returns what its ELF files need."""

_CODENAME = re.compile(r'^VERSION_CODENAME="?([a-z]+)"?$', re.MULTILINE)


def proved(
    contents: Contents, promise: Promise, evidence: Evidence, lock: Lock
) -> Iterator[Finding]:
    """Yield what an image lacks."""
    files = dict(contents.below(ENVIRONMENT))
    objects = {
        path: needs
        for path, entry in files.items()
        if (needs := contents.objects.get(entry.digest)) is not None
    }
    owners = {path: package for path, (package, _) in evidence.accepted().items()}
    bundle = Bundle(objects=objects, paths=files.keys(), owners=owners, closure=closure(lock))
    system = _system(contents)
    release = _CODENAME.search(contents.text("etc/os-release") or "")
    yield from libraries_check.proved(
        bundle,
        promise.machine,
        suite=release[1] if release else None,
        there=lambda library: library in system,
    )


def expected(
    project: Project,
    manifest: Manifest,
    lock: Lock,
    current: Current,
    look: Look,
) -> Iterator[Finding]:
    """Yield what an image would lack, by the tables and the environment in use: of the packages that both have.

    Nothing is said of an image on another base than Python's own, nor where another profile is synced.
    """
    if current.kind != "ours" or current.path is None or current.stamp is None:
        return
    if current.stamp.profile != manifest.profile:
        return
    try:
        image = image_promise.described(project, manifest, lock, ())
    except EnvctlError:  # said by the other checks of the image
        return
    suite = _suite(image.base.reference)
    linked = look(current.path, current.stamp)
    machines = Counter(each.machine for each in linked.objects.values())
    here = next((name for name, _ in machines.most_common(1)), None)
    taken = next((t for p, t in image.slices.items() if p.machine == here), None)
    if taken is None or suite is None or here is None:
        return
    versions = current.stamp.versions
    names = {name for name, version in taken.versions().items() if versions.get(name) == version}
    owners = {path: name for path, name in linked.owners.items() if name in names}
    yield from libraries_check.expected(
        Bundle(
            objects={path: each for path, each in linked.objects.items() if path in owners},
            paths=owners.keys(),
            owners=owners,
            closure=closure(lock),
        ),
        here,
        suite=suite,
        system_packages=image.system_packages,
    )


def _suite(reference: str) -> str | None:
    """Return the Debian release of one of Python's own slim images; of any other base nothing is known."""
    name, _, tag = reference.rpartition(":")
    words = tag.split("-")
    if name.rpartition("/")[2] != "python" or "slim" not in words:
        return None
    return next((suite for suite in libraries.suites() if suite in words), None)


def closure(lock: Lock) -> dict[str, frozenset[str]]:
    """Return each package's needs by the lock's edges, theirs included."""
    direct: dict[str, set[str]] = {}
    for entry in lock.entries:
        direct.setdefault(entry.name, set()).update(filter(None, map(_name, entry.requires)))
    found = {}
    for name in direct:
        reached: set[str] = set()
        waiting = [name]
        while waiting:
            for need in direct.get(waiting.pop(), ()):
                if need not in reached:
                    reached.add(need)
                    waiting.append(need)
        found[name] = frozenset(reached)
    return found


def _name(requirement: str) -> str:
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        return ""


def _system(contents: Contents) -> frozenset[str]:
    """Return the names of the libraries that the loader finds in an image without being told by a file."""
    more = _told(contents)
    found = set()
    for path, entry in contents.files.items():
        folder, _, name = path.rpartition("/")
        if ".so" in name and entry.kind in ("file", "link"):
            known = libraries.SYSTEM.fullmatch(folder) or folder in more
            if known and (entry.kind == "file" or resolve(contents.files, path)):
                found.add(name)
    return frozenset(found)


def _told(contents: Contents) -> frozenset[str]:
    """Return the folders that ld.so.conf and LD_LIBRARY_PATH name."""
    configuration = [
        path
        for path in contents.files
        if path.startswith("etc/ld.so.conf.d/") and path.endswith(".conf")
    ]
    lines = [
        line.partition("#")[0].strip()
        for path in ("etc/ld.so.conf", *configuration)
        for line in (contents.text(path) or "").splitlines()
    ]
    lines += contents.start.env.get("LD_LIBRARY_PATH", "").split(":")
    return frozenset(line.strip("/") for line in lines if line.startswith("/"))
