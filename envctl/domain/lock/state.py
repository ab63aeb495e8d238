"""What a lock is worth today: does it answer the manifest, and is it still as envctl wrote it?"""

import re

from packaging.utils import canonicalize_name

from envctl.domain.lock import Lock, inputs_of
from envctl.domain.lock.entry import digest, version_of
from envctl.domain.lock.markers import spelled
from envctl.domain.manifest import Manifest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def edited(lock: Lock) -> tuple[str, ...]:
    """Return the packages whose entry is not as envctl wrote it, by name; none for a lock that it did not write."""
    if not lock.ours:
        return ()
    there = {
        (package.name, version_of(package), digest(package)) for package in lock.pylock.packages
    }
    known = {(entry.name, entry.version, entry.digest) for entry in lock.entries}
    return tuple(sorted({name for name, _, _ in there ^ known}))


def incomplete(lock: Lock) -> tuple[str, ...]:
    """Return packages that others need and that the lock lacks, as sentences.

    A merge of two branches can leave that, without a conflict. Edges and inputs with a marker may hold nowhere.
    """
    if not lock.ours:
        return ()
    there = {package.name for package in lock.pylock.packages}
    asked = [
        ("pyproject.toml", line.partition(" ")[2].rpartition(": ")[2])
        for line in lock.inputs
        if line.startswith("requires ") or (line.startswith(("extra ", "group ")) and ": " in line)
    ]
    asked += [(f"`{entry.name}`", text) for entry in lock.entries for text in entry.requires]
    found = []
    for who, text in asked:
        match = _NAME.match(text)
        name = canonicalize_name(match[0] if match else text)
        if ";" not in text and name not in there:
            found.append(f"{who} needs `{name}`, which the lock does not have")
    found += lock.builds.missing(lock.pylock.packages)
    return tuple(sorted(set(found)))


def reframed(lock: Lock, manifest: Manifest) -> tuple[str, ...]:
    """Return the keys around the packages that are not as envctl writes them for this manifest."""
    if lock.adopted:
        return ()
    pylock = lock.pylock
    wanted = {
        "extras": (sorted(pylock.extras or ()), sorted(manifest.extras)),
        "dependency-groups": (sorted(pylock.dependency_groups or ()), sorted(manifest.groups)),
        "default-groups": (list(pylock.default_groups or ()), []),
    }
    if manifest.python_specifier:
        python = None if pylock.requires_python is None else str(pylock.requires_python)
        wanted["requires-python"] = ([str(python)], [manifest.python_specifier])
    if manifest.resolver == "uv":
        there = {spelled(marker) for marker in pylock.environments or ()}
        asked = {spelled(platform.marker) for platform in manifest.platforms}
        wanted["environments"] = (sorted(there), sorted(asked))
    return tuple(key for key, (found, expected) in wanted.items() if found != expected)


def answers(old: Lock, manifest: Manifest) -> bool:
    """Whether a lock was made for exactly what the manifest asks, and nobody changed that in it."""
    return old.ours and old.inputs == inputs_of(manifest) and not reframed(old, manifest)


def untouched(old: Lock) -> bool:
    """Whether nobody else wrote into the packages part since envctl did, nor a merge took from it."""
    if incomplete(old):
        return False
    there = sorted((p.name, version_of(p), digest(p)) for p in old.pylock.packages)
    return there == sorted((entry.name, entry.version, entry.digest) for entry in old.entries)
