"""A file by which another tool starts the image: an editor's container, compose."""

from envctl.domain import blocks
from envctl.domain.image import Image, Names, describe
from envctl.domain.image import base as image_base
from envctl.domain.image.companion import Companion
from envctl.domain.image.reference import parse_reference
from envctl.domain.image.settings import as_chosen, default_python
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.emitters.exports import Accompanying
from envctl.ports import Project
from envctl.usecases.entrance import EntranceOutcome, check_name, delivered
from envctl.usecases.image_build import default_tag


def companion(
    project: Project,
    manifest: Manifest,
    lock: Lock,
    kind: Accompanying,
    *,
    python: str | None = None,
    reference: str | None = None,
    output: str | None = None,
) -> EntranceOutcome:
    """Write the file; into the project's file ``output``, if there is one.

    ``reference``: what the image is called there, else what ``envctl image build`` calls it. ``python`` is that of
    ``.venv``. Raises as ``usecases.entrance`` does, and ``ImageError`` where no image can be made.
    """
    check_name(output, kind)
    if reference is not None:
        parse_reference(reference, "--image")
    folder = project.root.name
    made = kind.emit(
        Companion(
            project=manifest.name or folder,
            reference=reference or default_tag(manifest.name, folder, manifest.profile),
            image=_image(project, manifest, lock, python),
        )
    )
    return delivered(project, made, kind, output)


def _image(project: Project, manifest: Manifest, lock: Lock, python: str | None) -> Image:
    """Return the image as ``dockerize`` describes it, but for the paths of its source, which none of these needs."""
    names = Names(profile=manifest.profile)
    block = blocks.find(project.read(names.dockerfile) or "", names.dockerfile)
    manifest = as_chosen(manifest, block)
    return describe(
        manifest,
        lock,
        python=default_python(manifest, lock, block.value("python") if block else None, python),
        paths=(),
        profile=manifest.profile,
        earlier=image_base.in_block(block),
    )
