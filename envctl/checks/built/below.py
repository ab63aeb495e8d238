"""What lies on an image's base image, beside the environment: is the base what the Dockerfile names, and unchanged?"""

import re
import sys
from collections.abc import Iterator, Mapping

from envctl.checks.built.findings import differs, listed, shadowed
from envctl.domain.finding import Finding
from envctl.domain.image.contents import SETGID, SETUID, Contents, Entry, merge
from envctl.domain.image.proof import ENVIRONMENT, OWN, SOURCE, Evidence, Promise

# What Python and every program run or read before the command's own code.
_CODE = re.compile(
    r"(?:usr/)?(?:local/)?lib(?:64)?/(?:[a-z0-9_]+-linux-gnu/)?(?:ld-linux.*|lib(?:c|m|dl|pthread|python3[^/]*)\.so[^/]*)"
    # Where getpath.py looks for the library, from the interpreter's folder up, and the zip file that comes first.
    r"|(?:.*/)?(?:bin|lib)/(?:lib/)?python3(?:\.?[0-9]+)?(?:\.zip|/.*)"
    r"|(?:.*/)?bin/pybuilddir\.txt"
    r"|usr/(?:local/)?bin/(?:python[^/]*|env|sh|dash|bash)"
    r"|bin/(?:sh|dash|bash|env)"
    r"|etc/python3[^/]*/.*"
)
_LOADER = re.compile(r"etc/ld\.so\.(?:preload|conf|cache|conf\.d/.*)")
# What a build changes by itself: the user of the image, what apt notes, what the system generates.
_USUAL = re.compile(
    r"etc/(?:passwd-?|group-?|shadow-?|gshadow-?|apt/.*)|var/.*|run/.*|tmp/.*"
    # What engines lay there while a step runs, and may leave empty.
    r"|etc/(?:hosts|hostname|resolv\.conf|mtab)|dev/.*|proc/.*|sys/.*"
)
_SETUID = re.compile(  # Debian's own, in the base: passwd, login, util-linux, pam
    r"(?:usr/)?s?bin/(?:su|mount|umount|passwd|chfn|chsh|newgrp|gpasswd|chage|expiry|unix_chkpwd)"
)


def check(contents: Contents, promise: Promise, evidence: Evidence) -> Iterator[Finding]:
    """Yield what the layers above the base change that they may not."""
    yield from _own_files(contents, promise)
    yield from _source(contents, promise)
    preload = contents.text("etc/ld.so.preload")
    if "etc/ld.so.preload" in contents.files and (preload is None or preload.strip()):
        said = "/etc/ld.so.preload makes every program load another library first"
        yield shadowed("/etc/ld.so.preload", said, actual=(preload or "unreadable").strip())
    height = base_height(contents, evidence)
    if evidence.base is None:
        yield differs(
            "base",
            f"the base image {promise.base} is neither here nor did a registry say what its layers are: "
            "Python itself and the system's libraries were not compared",
            advice=f"run `docker pull {promise.base}`, then verify again",
            severity="warning",
            code="image-unproved",
        )
    elif height is None:
        yield differs(
            "base",
            "the image does not stand on the base image that the Dockerfile names",
            expected=promise.base,
            actual=contents.layers[0].digest if contents.layers else "no layer",
        )
    else:
        yield from _changed(contents, promise, height)
    yield from _powerful(contents, height)


def base_height(contents: Contents, evidence: Evidence) -> int | None:
    """Return how many layers are the base image's; ``None``: it is not known, or it is another image."""
    own = tuple(layer.digest for layer in contents.layers)
    base = evidence.base
    return len(base) if base and own[: len(base)] == base else None


def _own_files(contents: Contents, promise: Promise) -> Iterator[Finding]:
    """Compare the image's own check with the project's: what it says about itself proves nothing."""
    found = dict(contents.below(OWN))
    for name, digest in promise.files.items():
        entry = found.get(name)
        if entry is None or entry.kind != "file" or entry.digest != digest:
            said = f"/{OWN}/{name} is not the one that `envctl dockerize` wrote"
            yield differs(f"/{OWN}/{name}", said, expected=f"sha256:{digest}", actual=_said(entry))
    for name, entry in sorted(found.items()):
        if entry.kind != "folder" and name not in promise.files and name != "fingerprint":
            yield differs(f"/{OWN}/{name}", f"/{OWN}/{name} is no file of envctl's")


def _source(contents: Contents, promise: Promise) -> Iterator[Finding]:
    found = {path: entry for path, entry in contents.below(SOURCE) if entry.kind != "folder"}
    other = sorted(
        path
        for path, entry in found.items()
        if promise.sources.get(path) not in (None, entry.digest)
    )
    more = sorted(path for path in found if path not in promise.sources)
    if other:
        said = f"{len(other)} files of the source are not those of this folder: {listed(other)}"
        yield differs(
            f"/{SOURCE}",
            said,
            severity="warning",
            advice="build the image again, or take the edit back",
        )
    if more:
        said = f"{len(more)} files below /{SOURCE} are not in this folder: {listed(more)}"
        yield differs(
            f"/{SOURCE}",
            said,
            severity="warning",
            advice="look at them: what starts there is imported first",
        )
    installed = {_module(path.split("/")[0]) for path, _ in contents.below(_site(promise))}
    known = {*installed, *sys.stdlib_module_names} - {""}
    for path in more:
        if path.rpartition("/")[2] in ("sitecustomize.py", "usercustomize.py"):
            yield shadowed(f"/{SOURCE}/{path}", "Python runs it at every start, before the command")
        elif (name := _module(path.removeprefix("src/").split("/")[0])) in known:
            said = f"it is imported instead of `{name}` of the environment or of Python"
            yield shadowed(f"/{SOURCE}/{path}", said)


def _site(promise: Promise) -> str:
    return f"{ENVIRONMENT}/{promise.site}"


def _module(name: str) -> str:
    """Return the module that a file or folder is imported as; empty for what is none."""
    stem, dot, ending = name.partition(".")
    plain = not dot or ending in ("py", "pyc") or ending.endswith("so")
    return stem if plain and stem.isidentifier() and stem != "__pycache__" else ""


def _changed(contents: Contents, promise: Promise, height: int) -> Iterator[Finding]:
    """Compare what a container sees with what the base alone would show."""
    base = merge(contents.layers[:height])
    files = contents.files
    differing = [
        path
        for path in sorted({*base, *files})
        if not path.startswith((f"{ENVIRONMENT}/", f"{OWN}/", f"{SOURCE}/"))
        and not _same(base.get(path), files.get(path))
    ]
    code = [path for path in differing if _CODE.fullmatch(path)]
    for path in code[:20]:
        verb = "gone" if path not in files else "new" if path not in base else "changed"
        said = f"/{path} is {verb} above the base image: it runs before the environment's own code, or instead"
        yield shadowed(f"/{path}", said)
    if len(code) > 20:
        yield shadowed(
            "base",
            f"{len(code) - 20} more files of Python or the loader are changed above the base",
        )
    loader = [path for path in differing if _LOADER.fullmatch(path) and path != "etc/ld.so.preload"]
    if loader:
        said = f"the loader is told to look elsewhere: {listed(loader)}"
        if loader == ["etc/ld.so.cache"] and (promise.system_packages or promise.steps):
            pass  # what installs libraries renews it
        elif promise.system_packages:
            yield differs(f"/{loader[0]}", said, severity="warning", code="image-shadowed")
        else:
            yield shadowed(f"/{loader[0]}", said)
    yield from _others(
        [
            path
            for path in differing
            if not (_CODE.fullmatch(path) or _LOADER.fullmatch(path) or _USUAL.fullmatch(path))
        ],
        base,
        promise,
    )


def _others(paths: list[str], base: Mapping[str, Entry], promise: Promise) -> Iterator[Finding]:
    """Yield what else is changed or new: nothing is, but for Debian's packages and what the user's own lines bring."""
    changed = [path for path in paths if path in base]
    if changed and not promise.system_packages:
        said = f"{len(changed)} files of the base image are changed above it: {listed(changed)}"
        yield differs("base", said, severity="warning" if promise.steps else "error")
    new = [path for path in paths if path not in base]
    if new and not promise.system_packages and not promise.steps:
        said = f"{len(new)} files lie in the image that nothing in its Dockerfile brings: {listed(new)}"
        yield differs("/", said)


def _same(before: Entry | None, now: Entry | None) -> bool:
    if before is None or now is None:
        return (before or now or Entry(kind="folder")).kind == "folder"
    if before.kind == "folder" and now.kind == "folder":
        return True
    return (before.kind, before.digest, before.target, before.mode & 0o7777) == (
        now.kind,
        now.digest,
        now.target,
        now.mode & 0o7777,
    )


def _powerful(contents: Contents, height: int | None) -> Iterator[Finding]:
    for path, entry in sorted(contents.files.items()):
        mighty = entry.kind == "file" and (entry.mode & (SETUID | SETGID) or entry.capable)
        if not mighty or (height is not None and entry.layer < height):
            continue
        if height is None and _SETUID.fullmatch(path):
            continue
        bits = "capabilities" if entry.capable else f"mode {entry.mode & 0o7777:o}"
        yield differs(
            f"/{path}",
            f"/{path} runs with other rights than those of whoever starts it ({bits})",
            code="image-setuid",
            severity="error" if path.startswith((ENVIRONMENT, OWN, SOURCE)) else "warning",
            advice="take the right away where it is made (`chmod u-s,g-s`), or leave the package out",
        )


def _said(entry: Entry | None) -> str:
    if entry is None:
        return "no file"
    return f"a link to {entry.target}" if entry.kind == "link" else f"sha256:{entry.digest}"
