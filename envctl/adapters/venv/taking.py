"""The name ``.venv`` changes hands: atomically, and what had it before is kept or marked for removal."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from envctl.adapters.staging import refused
from envctl.adapters.venv import place, removal, swap
from envctl.errors import EnvctlError, EnvironmentFailure


def take(root: Path, new: Path, *, slot: str | None) -> Path:
    """Give ``.venv`` to the environment ``new``; return where it is entered from now on.

    ``slot`` is the name under ``.envctl/envs`` that what was at ``.venv`` gets; ``None``: there is nothing, or a link
    of ours. Raises ``EnvctlError``; then nothing has changed.
    """
    link, home = root / place.LINK, root / place.HOME
    itself = place.name_of(new) is not None
    staged = home / (slot or f"{removal.STAGED}{os.getpid()}")
    try:
        if itself:
            new.rename(staged)
        else:
            _link(staged, new, root)
        _put(link, staged)
    except (OSError, EnvctlError) as error:
        with suppress(OSError):
            if itself:
                staged.rename(new)
            elif staged.is_symlink():
                staged.unlink()
        if isinstance(error, OSError):
            raise _explained(error, link) from error
        raise
    return link if itself else new


def put_back(root: Path, aside: Path) -> None:
    """Give ``.venv`` back to what somebody else made and ``take`` put aside; ``aside`` is what was there then."""
    link = root / place.LINK
    try:
        _put(link, aside)
    except OSError as error:
        raise _explained(error, link) from error


def _link(staged: Path, new: Path, root: Path) -> None:
    removal.remove(staged)
    # A link's text is relative to where it lies: made for the root, moved there.
    staged.symlink_to(os.path.relpath(new, root))


def _put(link: Path, staged: Path) -> None:
    """Put ``staged`` at ``link``: in the place of nothing or of a link by a plain rename, else by an exchange."""
    if os.path.lexists(link) and not (
        link.is_symlink() and staged.name.startswith(removal.STAGED) and staged.is_symlink()
    ):
        swap.exchange(link, staged)
        return
    try:
        staged.replace(link)
    except OSError as error:
        if error.errno != errno.EXDEV or not staged.is_symlink():
            raise
        beside = link.with_name(removal.BESIDE)  # `.envctl` is kept on a disk of its own
        removal.remove(beside)
        beside.symlink_to(staged.readlink())
        beside.replace(link)
        staged.unlink()


def _explained(error: OSError, link: Path) -> EnvctlError:
    if error.errno == errno.EBUSY:
        return EnvironmentFailure(
            "something is mounted at .venv: it can be neither moved nor replaced",
            where=str(link),
            hint="unmount it, or leave it to whoever made it: `managed = false` in [tool.envctl]",
        )
    if error.errno == errno.EXDEV:
        return EnvironmentFailure(
            ".venv and .envctl are on different file systems: neither can be moved to the other",
            where=str(link),
            hint="move .venv away yourself, then run `envctl sync`",
        )
    return refused(error, link, "replaced")
