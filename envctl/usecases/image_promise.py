"""What a project's lock and Dockerfile promise of its image."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from packaging.utils import canonicalize_name

from envctl.domain import blocks
from envctl.domain.blocks import Block
from envctl.domain.image import Image, Names, describe
from envctl.domain.image import base as image_base
from envctl.domain.image.proof import Promise
from envctl.domain.image.settings import as_chosen, default_python
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.emitters import image_contract, image_metadata, preflight
from envctl.emitters.dockerfile.final import PREFLIGHT
from envctl.ports import Project
from envctl.readers.dockerfile_end import adds_files, read_end
from envctl.usecases.dockerize_pins import pinned

_USER = "10001:0"


def described(project: Project, manifest: Manifest, lock: Lock, paths: Sequence[str]) -> Image:
    """Return the image as today's lock asks for it, with the choices that its Dockerfile remembers.

    Raises ``ImageError``, ``LockError``.
    """
    block = _block(project, manifest.profile)
    manifest = as_chosen(manifest, block)
    python = default_python(manifest, lock, block.value("python") if block else None, None)
    image = describe(
        manifest,
        lock,
        python=python,
        paths=paths,
        profile=manifest.profile,
        earlier=image_base.in_block(block),
    )
    return pinned(image, block, lambda _: None, upgrade_base=False)


def promise(
    project: Project,
    image: Image,
    machine: str,
    hashes: Callable[[Sequence[str]], Mapping[str, str]],
) -> Promise:
    """Return what an image for a machine must hold; ``machine`` has a slice.

    How it is started is the Dockerfile's word, the user's own lines included: those are the project's too.
    """
    text = project.read(image.names.dockerfile) or ""
    block = _block(project, image.names.profile)
    end = read_end(text) if block else read_end("")
    mine = read_end(block.after).variables if block else frozenset()
    platform, taken = next((p, t) for p, t in image.slices.items() if p.machine == machine)
    env = {**image_metadata.variables(image), **image.variables.env}
    own = image.built.project
    folder = end.folder or "/app"
    return Promise(
        machine=machine,
        python=image.python,
        slice_label=(f"io.envctl.slice.{platform.name}", taken.digest),
        packages=taken.versions(),
        labels=image_metadata.labels(image),
        env={name: value for name, value in env.items() if name not in mine},
        free=mine,
        entrypoint=end.entrypoint or (*PREFLIGHT, "start", "--"),
        command=end.command or image.command,
        user=end.user or _USER,
        own=canonicalize_name(own.name) if own else None,
        built=frozenset(each.name for each in image.built.sources if each is not own),
        files=_companions(project, image),
        sources=hashes(image.source),
        system_packages=image.system_packages,
        base=image.base.pinned,
        folder=None if "$" in folder else folder,
        health=end.health or (),
        later=end.later,
        steps=adds_files(block.after) if block else False,
        packed=frozenset(hashes(image.package).values()),
    )


def _companions(project: Project, image: Image) -> dict[str, str]:
    """Return the files by which the image checks itself, as they lie in the project; else as they would be written."""
    folder = image.names.folder
    texts = {
        "contract.json": project.read(f"{folder}/contract.json") or image_contract.emit(image),
        "preflight.py": project.read(f"{folder}/preflight.py") or preflight.source(),
    }
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def _block(project: Project, profile: str | None) -> Block | None:
    name = Names(profile=profile).dockerfile
    return blocks.find(project.read(name) or "", name)
