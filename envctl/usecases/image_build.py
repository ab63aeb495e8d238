"""Build the image that the Dockerfile describes: only one that fits the lock, and with what this machine gives."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from envctl.domain import blocks
from envctl.domain.finding import Finding
from envctl.domain.image import Names, recorded
from envctl.domain.image.order import Built, Listener, Order, Secret
from envctl.domain.image.reference import parse_reference
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.errors import ImageError, UsageError
from envctl.ports import Builder, Project, Runner

EPOCH = "SOURCE_DATE_EPOCH"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}

Secrets = Callable[[Collection[str], Collection[str]], tuple[Secret, ...]]
"""Given the names that the Dockerfile asks for and the addresses it fetches from, returns what this machine has."""


def default_tag(name: str | None, folder: str, profile: str | None) -> str:
    """Return what an image is called: the project's name, else its folder's; the profile, else ``latest``."""
    plain = re.sub(r"[^a-z0-9]+", "-", (name or folder).lower()).strip("-")
    tag = (profile or "").strip("-")
    return f"{plain or 'image'}:{tag or 'latest'}"


def refuse(findings: Iterable[Finding]) -> None:
    """Raise ``ImageError`` for the first thing that is wrong with the Dockerfile: its image would not hold the lock."""
    for finding in findings:
        if finding.severity == "error":
            raise ImageError(
                finding.message,
                where=finding.subject,
                hint=f"run `{finding.fix}`" if finding.fix else finding.advice,
            )


def witness(project: Project, profile: str | None) -> dict[str, str | None]:
    """Return the texts that a build reads: the Dockerfile, and the files that it says were made with it."""
    names = Names(profile=profile)
    text = project.read(names.dockerfile)
    block = blocks.find(text or "", names.dockerfile)
    listed = recorded(block, "file") if block else {}
    files = {path: project.read(path) for path in (f"{names.folder}/{name}" for name in listed)}
    return {names.dockerfile: text, names.ignore: project.read(names.ignore), **files}


def unchanged(
    before: Mapping[str, str | None], project: Project, profile: str | None, tags: Collection[str]
) -> None:
    """Raise ``ImageError`` when what the build read was renewed meanwhile: the image may be made of old and new."""
    now = witness(project, profile)
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if changed:
        raise ImageError(
            f"it was changed while {', '.join(tags)} was built: the image may hold some of both",
            where=changed[0],
            hint="run `envctl image build` again",
        )


def order(
    project: Project,
    manifest: Manifest,
    lock: Lock,
    *,
    secrets: Secrets,
    environ: Mapping[str, str],
    tags: tuple[str, ...] = (),
    given: tuple[str, ...] = (),
    network: str | None = None,
    target: str | None = None,
    fresh: bool = False,
    exists: Callable[[str], bool] = lambda _: True,
) -> Order:
    """Return what to build; ``given`` are the command line's own secrets. Raises ``ImageError``, ``UsageError``."""
    names = Names(profile=manifest.profile)
    text = project.read(names.dockerfile) or ""
    flavour = manifest.image.build
    for tag in tags:
        if parse_reference(tag, "--tag").digest:
            raise UsageError(
                f"`{tag}` names a digest, and that comes of the build",
                where="--tag",
                hint="leave it out",
            )
    if target is not None:
        _made_for(target, text)
    own = {secret.name: secret for secret in map(_secret, given)}
    for secret in own.values():
        if not exists(str(secret.path)):
            raise UsageError(
                f"there is no file `{secret.path}`", where="--secret", hint="correct its path"
            )
    asked = {name for name in ("ca", "netrc") if re.search(rf"type=secret,id={name}\b", text)}
    found = secrets(asked - own.keys(), _addresses(manifest, lock)) if asked else ()
    return Order(
        context=project.root,
        dockerfile=names.dockerfile,
        flavour=flavour,
        tags=tags or (default_tag(manifest.name, project.root.name, manifest.profile),),
        secrets=(*found, *own.values()),
        proxies=_proxies(environ, network) if flavour == "buildkit" else (),
        network=network or ("none" if flavour == "hermetic" else None),
        target=target,
        epoch=_epoch(environ),
        fresh=fresh,
    )


def provable(builder: Builder) -> None:
    """Raise ``UsageError`` for a builder whose images no engine has: an engine's of the same name would be proved."""
    if not builder.NAME.startswith("docker"):
        raise UsageError(
            f"an engine's images are proved, and {builder.NAME} keeps its own",
            where="--verify",
            hint=f"build without it, give the image to an engine (`{builder.NAME} push NAME docker-daemon:NAME`), "
            "then run `envctl image verify NAME`",
        )


def build(
    builder: Builder, wanted: Order, *, run: Runner, workspace: Path, heard: Listener
) -> Built:
    """Build; raises ``ContainerError``, ``ToolMissingError``."""
    made = builder.build(wanted, run=run, heard=heard, workspace=workspace)
    return Built(
        identity=made.identity,
        order=wanted,
        layers=builder.layers(made.identity, run=run),
        builder=builder.NAME,
        dated=made.dated,
    )


def notes(built: Built) -> tuple[str, ...]:
    """Return what a person should know beside the sizes."""
    if built.order.epoch is None or built.dated == "all":
        return ()
    if built.dated == "image":
        return (f"{EPOCH}: the image has that date; its files keep those of the build's steps",)
    return (f"{EPOCH}: this builder ({built.builder}) cannot fix dates",)


def report(built: Built, seconds: float) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "image": built.identity,
        "tags": list(built.order.tags),
        "dockerfile": built.order.dockerfile,
        "builder": built.builder,
        "size": built.size,
        "layers": [{"size": layer.size, "made_by": layer.made_by} for layer in built.layers],
        "dates": built.dated,
        "seconds": round(seconds, 1),
    }


def _made_for(target: str, dockerfile: str) -> None:
    """Raise ``UsageError`` for a platform for which the Dockerfile installs nothing: the build would take another's."""
    block = blocks.find(dockerfile, "Dockerfile")
    ours = tuple(recorded(block, "slice")) if block else ()
    for each in target.split(","):
        parts = each.removeprefix("linux/").split("/")
        machine = _MACHINES.get(parts[0])
        if machine is None:
            raise UsageError(
                f"{each!r} is no platform of an image",
                where="--platform",
                hint="there are: linux/amd64, linux/arm64",
            )
        name = f"linux-{machine}"
        if ours and not any(own == name or own.startswith(f"{name}-") for own in ours):
            raise UsageError(
                f"the image is not for {each}: its Dockerfile installs what the lock has for {', '.join(ours)}",
                where="--platform",
                hint=f'add "{name}" to platforms in [tool.envctl], then run `envctl lock` and `envctl dockerize`',
            )


def _secret(text: str) -> Secret:
    """Read ``--secret NAME=PATH``, or as docker writes it: ``id=NAME,src=PATH``."""
    match = re.fullmatch(
        r"(?:id=)?(?P<name>[A-Za-z0-9_.-]+)(?:=|,(?:src|source)=)(?P<path>.+)", text
    )
    if match is None:
        raise UsageError(
            f"{text!r} names no secret", where="--secret", hint="write it as NAME=PATH"
        )
    return Secret(name=match["name"], path=Path(match["path"]))


def _addresses(manifest: Manifest, lock: Lock) -> tuple[str, ...]:
    """Return one address per place that the build fetches from."""
    urls = [index.url for index in manifest.indexes]
    for package in lock.pylock.packages:
        urls += [wheel.url or "" for wheel in package.wheels or ()]
    found: dict[str, str] = {}
    for url in urls:
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in ("http", "https"):
            found.setdefault(f"{parts.scheme}://{parts.netloc}", url)
    return tuple(found.values())


def _proxies(environ: Mapping[str, str], network: str | None) -> tuple[str, ...]:
    """Return the proxies' variables; one on this machine is reached from its network only."""
    names = (*_PROXIES, *(name.lower() for name in _PROXIES))
    return tuple(
        name
        for name in names
        if (value := environ.get(name))
        and (network == "host" or name.upper() == "NO_PROXY" or not _is_loopback(value))
    )


def _is_loopback(address: str) -> bool:
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname in _LOOPBACK
    except ValueError:
        return False


def _epoch(environ: Mapping[str, str]) -> int | None:
    text = environ.get(EPOCH, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(
            f"{text!r} is no number of seconds", where=EPOCH, hint="correct or unset it"
        )
    return int(text)
