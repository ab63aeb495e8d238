"""The interpreter behind the environment in use, which stays as long as it answers the manifest."""

import os
from pathlib import Path

from envctl.adapters.project import nearest_root
from envctl.adapters.venv import place


def kept(folder: Path) -> str | None:
    """Return its path; ``None``: there is no project or no environment, or it is gone.

    One that lies inside the project is not asked: a cloned repository could bring it, stamp and all.
    """
    root = nearest_root(folder)
    stamp = place.look(root).stamp if root else None
    if root is None or stamp is None or not stamp.base or not os.access(stamp.base, os.X_OK):
        return None
    inside = Path(os.path.realpath(stamp.base)).is_relative_to(os.path.realpath(root))
    return None if inside or not Path(stamp.base).is_absolute() else stamp.base
