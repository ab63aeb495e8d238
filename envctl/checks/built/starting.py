"""Is an image started as its Dockerfile says: user, entry point, variables, labels?

Labels and variables that a user's own lines add are theirs; what changes which code runs, names a secret, or means
something on one machine only, is not.
"""

import re
from collections.abc import Iterator, Mapping

from envctl.checks.built.findings import differs, shadowed
from envctl.domain.finding import Finding
from envctl.domain.image.contents import Start
from envctl.domain.image.proof import ENVIRONMENT, OWN, SOURCE, Promise
from envctl.domain.variables import classify, holds_login

_FIRST = f"/{ENVIRONMENT}/bin"
# ld.so(8), python(1) and bash(1): each of these makes another file run, or be read, before the command's own.
_SHADOWING = (
    "LD_PRELOAD",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "GCONV_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONPLATLIBDIR",
    "PYTHONPYCACHEPREFIX",
    "PYTHONEXECUTABLE",
    "PYTHONBREAKPOINT",
    "PYTHONWARNINGS",
    "PYTHONINSPECT",
    "BASH_ENV",
    "ENV",
    "GLIBC_TUNABLES",
    "OPENSSL_CONF",
)
# Whom programs ask, and whom they believe (requests, curl, OpenSSL, pip, uv).
_REACH = re.compile(
    r"(?:HTTPS?|ALL|FTP)_PROXY|SSL_CERT_(?:FILE|DIR)|(?:REQUESTS|CURL)_CA_BUNDLE|(?:PIP|UV)_[A-Z0-9_]+",
    re.IGNORECASE,
)
_ROOT = ("", "0", "root")
_TITLE = "org.opencontainers.image.title"
# Variables of the official Python images: docker-library/python. The key is the fingerprint of a public one.
_BASE = ("GPG_KEY",)


def check(start: Start, promise: Promise) -> Iterator[Finding]:
    """Yield how it differs."""
    yield from user(start.user, promise)
    if start.entrypoint != promise.entrypoint:
        yield differs(
            "ENTRYPOINT",
            "the image starts something else than its preflight",
            expected=" ".join(promise.entrypoint),
            actual=" ".join(start.entrypoint) or "nothing",
        )
    if start.command != promise.command:
        yield differs(
            "CMD",
            "the image runs another command",
            expected=" ".join(promise.command),
            actual=" ".join(start.command) or "nothing",
            severity="warning",
        )
    yield from _around(start, promise)
    yield from labels(start.labels, promise)
    yield from variables(start.env, promise)
    yield from _covered(start)


def _around(start: Start, promise: Promise) -> Iterator[Finding]:
    """Yield what else makes other code run: the folder of ``python -m``, the health check, what comes of it."""
    if promise.folder is not None and (start.folder.rstrip("/") or "/") != promise.folder:
        said = "it starts in another folder, and `python -m` imports from there first"
        yield shadowed("WORKDIR", said, expected=promise.folder, actual=start.folder or "/")
    if start.health != promise.health and not (
        {*start.health[:1], *promise.health[:1]} <= {"NONE"}
    ):
        yield differs(
            "HEALTHCHECK",
            "its health is asked in another way" if start.health else "it has no health check",
            expected=" ".join(promise.health) or "none",
            actual=" ".join(start.health) or "none",
            severity="error" if start.health else "warning",  # OCI's form of an image knows none
        )
    if start.later and not promise.later:
        said = "images that are made from it get more than their Dockerfile says (ONBUILD)"
        yield differs("ONBUILD", said, actual="; ".join(start.later))


def user(found: str, promise: Promise) -> Iterator[Finding]:
    """Yield whether it runs as somebody else."""
    if found == promise.user:
        return
    root = found.partition(":")[0] in _ROOT
    yield differs(
        "USER",
        "the image runs as root" if root else "the image runs as another user",
        expected=promise.user,
        actual=found or "root",
        severity="error" if root else "warning",
    )


def labels(found: Mapping[str, str], promise: Promise) -> Iterator[Finding]:
    """Yield the labels that differ; of a slice for another machine nothing is said."""
    for name, wanted in promise.labels.items():
        have = found.get(name) or "none"
        if have == wanted:
            continue
        if name == _TITLE:
            said = "it is the image of another project, or of this one under another name"
            advice = "name this project's own image, or build it: `envctl image build`"
            yield differs(name, said, expected=wanted, actual=have, advice=advice)
        elif name == promise.slice_label[0]:
            said = "the image was made from another slice of the lock: an older one's, or another profile's"
            advice = "run `envctl dockerize`, then `envctl image build`; or name the profile: `--profile`"
            yield differs(name, said, expected=wanted, actual=have, advice=advice)
        else:
            yield differs(name, f"the label {name} differs", expected=wanted, actual=have)


def variables(found: Mapping[str, str], promise: Promise) -> Iterator[Finding]:
    """Yield the variables that differ, and those that may not be there."""
    path = found.get("PATH", "").split(":")
    if path[0] != _FIRST:
        before = path[: path.index(_FIRST)] if _FIRST in path else path
        yield shadowed(
            "PATH",
            f"the environment is not first on PATH: {':'.join(before)} comes before",
            expected=_FIRST,
        )
    for name, wanted in promise.env.items():
        if name != "PATH" and found.get(name) != wanted:
            make = shadowed if name in _SHADOWING else differs
            yield make(
                name, f"{name} has another value", expected=wanted, actual=_shown(found, name)
            )
    for name in sorted(found.keys() - promise.env.keys() - promise.free - {"PATH", *_BASE}):
        yield from _undeclared(name, found)


def _undeclared(name: str, found: Mapping[str, str]) -> Iterator[Finding]:
    kind = classify(name)
    if name in _SHADOWING:
        said = f"{name} is set and not declared: other code runs before that of the environment, or instead"
        yield shadowed(name, said, actual=found[name])
    elif name.startswith("ENVCTL_"):
        yield differs(name, f"{name} changes what the preflight checks", actual=found[name])
    elif _REACH.fullmatch(name) and kind != "secret" and not holds_login(found[name]):
        said = f"{name} is set and not declared: it says whom programs ask on the network, or believe there"
        yield differs(name, said, actual=found[name], severity="warning")
    elif kind == "secret" or holds_login(found[name]):
        yield differs(
            name,
            f"{name} is baked into the image: everybody who has it can read the value",
            code="image-secret",
            advice=f"revoke it, and give it at start (`docker run --env {name}`)",
        )
    elif kind in ("host", "semantic"):
        said = (
            f"{name} is baked into the image and means something on one machine only"
            if kind == "host"
            else f"{name} changes results and is not declared"
        )
        yield differs(
            name,
            said,
            actual=found[name],
            severity="warning",
            advice="declare it in [tool.envctl.env], or remove it",
        )


def _shown(found: Mapping[str, str], name: str) -> str:
    return "none" if name not in found else "hidden" if classify(name) == "secret" else found[name]


def _covered(start: Start) -> Iterator[Finding]:
    for volume in start.volumes:
        plain = volume.strip("/")
        if any(
            f"{place}/".startswith(f"{plain}/") or plain.startswith(f"{place}/")
            for place in (ENVIRONMENT, OWN, SOURCE)
        ):
            said = f"a volume lies over {volume}: what a container has there need not be what the image has"
            yield shadowed("VOLUME", said, actual=volume)
