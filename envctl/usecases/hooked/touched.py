"""Which projects of a repository a hook is about: those that envctl keeps, of whose files one has changed."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from envctl.domain.hooks import folder_of

if TYPE_CHECKING:  # they bring every noun, and most commits touch no project
    from envctl.ports import Project
    from envctl.usecases.hooked.doors import Repository

_MADE_BY = re.compile(r"^created-by *= *[\"']envctl", re.MULTILINE)


def folders(names: Iterable[str]) -> tuple[str, ...]:
    """Return the folders whose projects these files belong to, if there are such projects."""
    found = {folder for name in names if (folder := folder_of(name)) is not None}
    return tuple(sorted(found))


def is_ours(project: "Project", folder: "Project | None" = None) -> bool:
    """Whether envctl keeps the project: its manifest, a folder or its lock says so. Others are left alone.

    ``folder``: the same project as it is on disk, which may say so where its lock is what a commit removes.
    """
    from envctl.usecases.load import LOCK, MANIFEST  # noqa: PLC0415  # see above

    text = project.read(MANIFEST)
    if text is None:
        return False
    try:
        said = "envctl" in tomllib.loads(text).get("tool", {})
    except (tomllib.TOMLDecodeError, TypeError):
        said = "envctl" in text
    if said or project.listing(".envctl") or project.listing(".envctl/machines"):
        return True
    if folder is not None and folder.listing(".envctl"):
        return True
    return _MADE_BY.search(project.read(LOCK) or "") is not None


def with_environment(
    repository: "Repository",
    at: "Callable[[str], Project]",
    there: Callable[[str], bool],
    *,
    old: str | None,
    new: str | None,
) -> tuple[str, ...]:
    """Return the folders of the projects that have an environment, of those that a checkout touched.

    ``old`` and ``new`` are its commits. The same one twice is a checkout of files, which may have touched any.
    """
    every = [each for each in folders(repository.manifests()) if there(each) and is_ours(at(each))]
    changed = repository.changed(old, new) if old and new and old != new else None
    if changed is None:
        return tuple(every)
    touched = folders(changed)
    return tuple(each for each in every if each in touched)


def checkout(environ: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    """Return what pre-commit and prek say of a checkout: the commits before and after, and the git hook."""
    old, new = environ.get("PRE_COMMIT_FROM_REF"), environ.get("PRE_COMMIT_TO_REF")
    stage = "post-checkout" if environ.get("PRE_COMMIT_CHECKOUT_TYPE") else None
    return old, new, stage


def pushed(environ: Mapping[str, str]) -> tuple[str | None, str] | None:
    """Return what pre-commit and prek say of a push: the commit that the remote has, and the one that it gets.

    ``None``: this is no push. Of a first push pre-commit names the branch alone (``pre_commit/commands/hook_impl.py``).
    """
    if not (environ.get("PRE_COMMIT") and environ.get("PRE_COMMIT_REMOTE_NAME")):
        return None
    new = environ.get("PRE_COMMIT_TO_REF") or environ.get("PRE_COMMIT_LOCAL_BRANCH")
    return (environ.get("PRE_COMMIT_FROM_REF"), new) if new else None
