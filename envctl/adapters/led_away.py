"""Generated files that a link of the repository would have written elsewhere."""

import os
from pathlib import Path

from envctl.errors import ProjectError

_OWN = ".envctl"
_GENERATED = (
    f"{_OWN}/image/",
    f"{_OWN}/machines/",
    ".dockerignore",
    "Dockerfile",
    ".github/",
    ".forgejo/",
    ".gitea/",
)


def refuse_led_away(root: Path, name: str) -> None:
    """Raise ``ProjectError`` where a link leads a file that envctl makes out of the project at ``root``.

    A repository brings such links, and what they lead to is not ours to write. ``.envctl`` itself may lie on another
    disk, and the files that a user writes may be links to wherever they like.
    """
    if not name.startswith(_GENERATED):
        return
    tops = [root, *([root / _OWN] if name.startswith(f"{_OWN}/") else [])]
    real = Path(os.path.realpath(root / name))
    if not any(real.is_relative_to(os.path.realpath(top)) for top in tops):
        raise ProjectError(
            f"this leads out of the project, to {real}, and envctl would write there",
            where=str(root / name),
            hint="put a file or folder of its own in that link's place, then run it again",
        )
